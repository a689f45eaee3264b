package page

import (
	"fmt"
	"math"
	"strings"
)

// Chart is exceedance curves over return periods, both axes logarithmic. It is drawn once, as numbers, for the screen and for paper
// alike.
type Chart struct {
	Title string // for those who hear it
	Unit  string // of losses
	Lines []Line
	Marks []Mark
}

// Line is one curve, with its band where it has one.
type Line struct {
	Name   string
	Class  string // "oep" or "aep"
	Points []Point
}

// Point is a curve at one return period.
type Point struct {
	Period float64 // years
	Loss   float64
	Low    float64 // of the band; 0: there is none
	High   float64
}

// Mark is an estimate with its interval.
type Mark struct {
	Period, Value, Low, High float64
}

// The room of a chart in its own units, which the screen scales and paper takes for tenths of a millimetre.
const (
	chartWidth  = 1600.0
	chartHeight = 700.0
	chartLeft   = 150.0
	chartRight  = 60.0
	chartTop    = 25.0
	chartBottom = 90.0
)

// frame is the range of a chart.
type chartFrame struct{ x0, x1, y0, y1 float64 } // logarithms

// Empty reports whether there is nothing to draw: no loss at any return period.
func (c *Chart) Empty() bool { return c == nil || len(c.drawable()) == 0 }

// drawable are the lines with points of a loss, which a logarithm wants.
func (c *Chart) drawable() (lines []Line) {
	for _, l := range c.Lines {
		var points []Point
		for _, p := range l.Points {
			if p.Loss > 0 && p.Period > 1 {
				points = append(points, p)
			}
		}
		if len(points) > 1 {
			l.Points = points
			lines = append(lines, l)
		}
	}
	return lines
}

func (c *Chart) frame(lines []Line) chartFrame {
	f := chartFrame{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for _, l := range lines {
		for _, p := range l.Points {
			f.x0, f.x1 = min(f.x0, math.Log10(p.Period)), max(f.x1, math.Log10(p.Period))
			f.y0, f.y1 = min(f.y0, math.Log10(p.Loss)), max(f.y1, math.Log10(max(p.Loss, p.High)))
		}
	}
	for _, m := range c.Marks {
		if m.Value > 0 {
			f.y0, f.y1 = min(f.y0, math.Log10(m.Value)), max(f.y1, math.Log10(max(m.Value, m.High)))
		}
	}
	f.y0, f.y1 = f.y0-0.05, f.y1+0.05
	return f
}

func (f chartFrame) x(period float64) float64 {
	return chartLeft + (chartWidth-chartLeft-chartRight)*(math.Log10(period)-f.x0)/(f.x1-f.x0)
}

// y is where a loss stands; one below the range stands at its edge.
func (f chartFrame) y(loss float64) float64 {
	at := f.y0
	if loss > 0 {
		at = min(max(math.Log10(loss), f.y0), f.y1)
	}
	return chartTop + (chartHeight-chartTop-chartBottom)*(f.y1-at)/(f.y1-f.y0)
}

// Drawing is a chart in its own units.
type Drawing struct {
	Width, Height float64
	Down, Across  []Tick // of the return periods, of the losses
	Bands, Curves []Stroke
	Marks         []Diamond
	Legend        []Key
	Left, Right   float64 // of the plot
	Top, Bottom   float64
}

// Tick is a line of the grid with its label.
type Tick struct {
	At   float64
	Text string
}

// Stroke is a line or an outline.
type Stroke struct {
	Class  string
	Points [][2]float64
}

// Path is the stroke as SVG has it.
func (s Stroke) Path() string {
	var out strings.Builder
	for i, p := range s.Points {
		fmt.Fprintf(&out, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], p[0], p[1])
	}
	return out.String()
}

// Diamond is a mark with its interval.
type Diamond struct{ X, Y, Low, High float64 }

// Path is the mark's shape as SVG has it.
func (d Diamond) Path() string {
	const r = 11
	return fmt.Sprintf("M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f %.1fZ", d.X-r, d.Y, d.X, d.Y-r, d.X+r, d.Y, d.X, d.Y+r)
}

// Key is an entry of the legend.
type Key struct{ Class, Text string }

// Draw lays the chart out.
func (c *Chart) Draw() Drawing {
	lines := c.drawable()
	f := c.frame(lines)
	d := Drawing{Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartWidth - chartRight, Top: chartTop, Bottom: chartHeight - chartBottom}
	for _, period := range []float64{2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000} {
		if x := math.Log10(period); x >= f.x0-1e-9 && x <= f.x1+1e-9 {
			d.Down = append(d.Down, Tick{f.x(period), grouped(period)})
		}
	}
	d.Across = f.lossTicks()
	for _, l := range lines {
		curve, band := Stroke{Class: l.Class}, Stroke{Class: l.Class}
		var back [][2]float64
		for _, p := range l.Points {
			curve.Points = append(curve.Points, [2]float64{f.x(p.Period), f.y(p.Loss)})
			if p.High > 0 {
				band.Points = append(band.Points, [2]float64{f.x(p.Period), f.y(p.High)})
				back = append(back, [2]float64{f.x(p.Period), f.y(p.Low)})
			}
		}
		for i := len(back) - 1; i >= 0; i-- {
			band.Points = append(band.Points, back[i])
		}
		d.Curves = append(d.Curves, curve)
		if len(back) > 1 {
			d.Bands = append(d.Bands, band)
		}
		d.Legend = append(d.Legend, Key{l.Class, l.Name})
	}
	for _, m := range c.Marks {
		if x := math.Log10(m.Period); m.Value > 0 && x >= f.x0 && x <= f.x1 {
			d.Marks = append(d.Marks, Diamond{f.x(m.Period), f.y(m.Value), f.y(m.Low), f.y(m.High)})
		}
	}
	if len(d.Marks) > 0 {
		d.Legend = append(d.Legend, Key{"quantum", "quantum estimate with its interval, simulated where the table says so"})
	}
	return d
}

// lossTicks are at 1, 2 and 5 of each power of ten where few powers are in the range, else at 1.
func (f chartFrame) lossTicks() (all []Tick) {
	steps := []float64{1, 2, 5}
	if f.y1-f.y0 > 2.5 {
		steps = steps[:1]
	}
	for power := math.Floor(f.y0); power <= f.y1; power++ {
		for _, step := range steps {
			if at := power + math.Log10(step); at >= f.y0 && at <= f.y1 {
				all = append(all, Tick{f.y(step * math.Pow(10, power)), Short(step * math.Pow(10, power))})
			}
		}
	}
	return all
}

// Short is an amount for charts and headlines: 1.16bn, 69.0m, 12.3k, 950.
func Short(x float64) string {
	for _, unit := range []struct {
		of   float64
		name string
	}{{1e12, "tn"}, {1e9, "bn"}, {1e6, "m"}, {1e3, "k"}} {
		if math.Abs(x) >= unit.of {
			digits := 1
			if math.Abs(x) < 10*unit.of {
				digits = 2
			}
			return fmt.Sprintf("%.*f%s", digits, x/unit.of, unit.name)
		}
	}
	return fmt.Sprintf("%.0f", x)
}

// Amount is a whole amount with its thousands apart.
func Amount(x float64) string { return grouped(math.Round(x)) }

// grouped is a whole number with its thousands apart.
func grouped(x float64) string {
	text := fmt.Sprintf("%.0f", math.Abs(x))
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	if x < 0 {
		return "-" + text
	}
	return text
}
