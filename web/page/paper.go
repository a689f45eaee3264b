package page

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-pdf/fpdf"
)

// Paper is the report as PDF, in A4. The same report gives the same bytes: its dates are those of the run.
func (r Report) Paper() ([]byte, error) {
	p := newPaper(r)
	p.pdf.AddPage()
	p.head()
	p.facts(r.Facts)
	p.figures()
	p.heading("Exceedance curves")
	if r.Chart.Empty() {
		p.text("There is no loss at any return period: nothing to draw.")
	} else {
		p.chart(r.Chart.Draw(), r.Chart.Unit)
	}
	p.tables(r.Curves)
	p.heading("By part")
	p.tables(r.Parts)
	p.heading("Quantum estimate")
	if q := r.Quantum; q != nil {
		p.text(q.Notice)
		p.facts(q.Facts)
		p.tables(q.Tables)
	} else {
		p.text(r.Missing)
	}
	p.heading("Settings")
	p.facts(r.Setting)
	p.heading("Seal")
	p.facts(r.Seal)
	if r.Checks != nil {
		p.tables([]Table{*r.Checks})
	}
	p.heading("Lineage")
	p.facts(r.Lineage)
	p.heading("Verify it yourself")
	p.text("On another machine, without this appliance and without a network. Get the keys on another way than the seal.")
	p.commands(r.Verify)
	p.heading("What these figures are not")
	for _, limit := range r.Limits {
		p.text("-  " + limit)
	}
	var out bytes.Buffer
	if err := p.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("draw the report on paper: %w", err)
	}
	return out.Bytes(), nil
}

// paper is a report on its way to PDF. Lengths are millimetres, sizes of type points.
type paper struct {
	pdf    *fpdf.Fpdf
	report Report
	latin  func(string) string // the characters that the fonts of every PDF reader have; ticks stand beside words that say the same
}

// Room on the page: A4 less its margins.
const (
	paperLeft  = 16.0
	paperWidth = 210.0 - 2*paperLeft
	lineHeight = 4.4
)

// Colours on paper: those of the light scheme.
type ink struct{ r, g, b int }

var (
	black     = ink{23, 33, 31}
	grey      = ink{85, 99, 106}
	rule      = ink{211, 218, 221}
	classical = ink{10, 106, 161}
	quantum   = ink{184, 72, 12}
	alarm     = ink{163, 35, 31}
)

func newPaper(r Report) *paper {
	pdf := fpdf.New("P", "mm", "A4", "")
	latin := pdf.UnicodeTranslatorFromDescriptor("")
	marks := strings.NewReplacer("✓ ", "", "✗ ", "")
	p := &paper{pdf: pdf, report: r, latin: func(text string) string { return latin(marks.Replace(text)) }}
	pdf.SetCatalogSort(true)
	when := r.Ended.UTC().Truncate(time.Second)
	pdf.SetCreationDate(when)
	pdf.SetModificationDate(when)
	pdf.SetTitle(r.Title+" - "+r.State, true)
	pdf.SetCreator("qrsd", true)
	pdf.SetLang("en")
	pdf.SetMargins(paperLeft, 18, paperLeft)
	pdf.SetAutoPageBreak(true, 20)
	pdf.AliasNbPages("")
	pdf.SetHeaderFunc(p.watermark)
	pdf.SetFooterFunc(p.foot)
	return p
}

// watermark says on every page what the report is worth, and where the seal is broken that it is worth nothing.
func (p *paper) watermark() {
	p.font("B", 90)
	p.ink(black)
	p.pdf.SetAlpha(0.06, "Normal")
	p.pdf.TransformBegin()
	p.pdf.TransformRotate(32, 105, 160)
	text := p.report.State
	if p.report.Broken != "" {
		text = "Seal broken"
		p.font("B", 72)
	}
	p.pdf.Text(105-p.pdf.GetStringWidth(text)/2, 165, text)
	p.pdf.TransformEnd()
	p.pdf.SetAlpha(1, "Normal")
	p.pdf.SetXY(paperLeft, 18)
}

func (p *paper) foot() {
	p.pdf.SetY(-14)
	p.font("", 7.5)
	p.ink(grey)
	p.pdf.CellFormat(paperWidth*0.8, 4, p.latin(p.report.Title+" · "+p.report.State+" · "+p.report.Made), "", 0, "L", false, 0, "")
	p.pdf.CellFormat(paperWidth*0.2, 4, fmt.Sprintf("%d / {nb}", p.pdf.PageNo()), "", 0, "R", false, 0, "")
}

func (p *paper) head() {
	p.font("B", 16)
	p.ink(black)
	p.pdf.MultiCell(paperWidth, 7, p.latin(p.report.Title), "", "L", false)
	p.font("", 9)
	p.ink(grey)
	p.pdf.MultiCell(paperWidth, lineHeight, p.latin(p.report.Lead), "", "L", false)
	p.pdf.Ln(1.5)
	p.font("B", 10)
	p.ink(black)
	p.pdf.MultiCell(paperWidth, 5, p.latin(p.report.State+": "+p.report.Says), "", "L", false)
	if p.report.Broken != "" {
		p.ink(alarm)
		p.pdf.MultiCell(paperWidth, 5, p.latin("The seal is broken. "+p.report.Broken+" Do not rely on these figures."), "1", "L", false)
	}
	p.pdf.Ln(2)
}

func (p *paper) heading(text string) {
	p.room(22)
	p.pdf.Ln(4)
	p.font("B", 11.5)
	p.ink(black)
	p.pdf.Bookmark(text, 0, -1)
	p.pdf.CellFormat(paperWidth, 6, p.latin(text), "", 1, "L", false, 0, "")
	p.pdf.Ln(0.5)
}

func (p *paper) text(text string) {
	p.font("", 9)
	p.ink(black)
	p.pdf.MultiCell(paperWidth, lineHeight, p.latin(text), "", "L", false)
	p.pdf.Ln(1)
}

func (p *paper) commands(lines []string) {
	p.pdf.SetFont("Courier", "", 7.5)
	p.ink(black)
	for _, line := range lines {
		p.pdf.MultiCell(paperWidth, 3.8, p.latin(line), "", "L", false)
	}
	p.pdf.Ln(1)
}

// facts are names on the left and values on the right, with a rule below each.
func (p *paper) facts(all []Fact) {
	const name = 48.0
	for _, f := range all {
		value := f.Text
		if f.Detail != "" {
			value += " (" + f.Detail + ")"
		}
		p.valueFont(f.Mono)
		lines := p.lines(value, paperWidth-name-2)
		p.room(float64(len(lines))*lineHeight + 1)
		top := p.pdf.GetY()
		p.font("", 8.5)
		p.ink(grey)
		p.pdf.CellFormat(name, lineHeight, p.latin(f.Name), "", 0, "L", false, 0, "")
		p.valueFont(f.Mono)
		p.ink(black)
		for _, line := range lines {
			p.pdf.SetX(paperLeft + name)
			p.pdf.CellFormat(paperWidth-name, lineHeight, line, "", 1, "L", false, 0, "")
		}
		p.pdf.SetY(max(p.pdf.GetY(), top+lineHeight))
		p.rule(p.pdf.GetY() + 0.3)
		p.pdf.Ln(0.8)
	}
	p.pdf.Ln(1)
}

func (p *paper) valueFont(mono bool) {
	if mono {
		p.pdf.SetFont("Courier", "", 7.5)
		return
	}
	p.font("", 8.5)
}

// figures are the numbers of the headline, in rows of at most three: more in a row have no room for their names.
func (p *paper) figures() {
	for row := range slices.Chunk(p.report.Figures, 3) {
		p.figureRow(row, min(3, len(p.report.Figures)))
	}
}

// figureRow is a row of figures, each as wide as a share of so many.
func (p *paper) figureRow(all []Figure, share int) {
	p.room(20)
	wide, top := paperWidth/float64(share), p.pdf.GetY()+1
	p.draw(rule, 0.2)
	p.pdf.Rect(paperLeft, top, paperWidth, 17, "D")
	for i, f := range all {
		x := paperLeft + float64(i)*wide
		if i > 0 {
			p.pdf.Line(x, top, x, top+17)
		}
		for _, line := range []struct {
			text string
			size float64
			of   ink
			y    float64
		}{{f.Name, 7.5, grey, 2}, {f.Value, 12.5, black, 6.5}, {f.Detail, 7, grey, 12}} {
			p.font("", line.size)
			p.ink(line.of)
			p.pdf.SetXY(x+1, top+line.y)
			p.pdf.CellFormat(wide-2, 4, p.latin(line.text), "", 0, "L", false, 0, "")
		}
	}
	p.pdf.SetXY(paperLeft, top+16)
}

// chart draws the same lines as the screen.
func (p *paper) chart(d Drawing, unit string) {
	scale := paperWidth / d.Width
	p.room(d.Height*scale + 10)
	top := p.pdf.GetY()
	x := func(v float64) float64 { return paperLeft + v*scale }
	y := func(v float64) float64 { return top + v*scale }
	p.draw(rule, 0.15)
	p.font("", 7)
	p.ink(grey)
	for _, t := range d.Down {
		p.pdf.Line(x(t.At), y(d.Top), x(t.At), y(d.Bottom))
		p.pdf.Text(x(t.At)-p.pdf.GetStringWidth(t.Text)/2, y(d.Bottom)+3.4, t.Text)
	}
	for _, t := range d.Across {
		p.pdf.Line(x(d.Left), y(t.At), x(d.Right), y(t.At))
		p.pdf.Text(x(d.Left)-1.5-p.pdf.GetStringWidth(t.Text), y(t.At)+0.9, t.Text)
	}
	p.pdf.Text(x(d.Left), y(d.Bottom)+7.4, p.latin("Loss, "+unit))
	const across = "Return period, years"
	p.pdf.Text(x(d.Right)-p.pdf.GetStringWidth(across), y(d.Bottom)+7.4, across)
	p.pdf.SetAlpha(0.16, "Normal")
	for _, band := range d.Bands {
		c := p.colour(band.Class)
		p.pdf.SetFillColor(c.r, c.g, c.b)
		points := make([]fpdf.PointType, len(band.Points))
		for i, at := range band.Points {
			points[i] = fpdf.PointType{X: x(at[0]), Y: y(at[1])}
		}
		p.pdf.Polygon(points, "F")
	}
	p.pdf.SetAlpha(1, "Normal")
	for _, curve := range d.Curves {
		p.stroke(curve, x, y)
	}
	for _, m := range d.Marks {
		p.draw(quantum, 0.35)
		p.pdf.Line(x(m.X), y(m.Low), x(m.X), y(m.High))
		p.diamond(x(m.X), y(m.Y))
	}
	p.pdf.SetXY(paperLeft, y(d.Height)+1)
	p.legend(d.Legend)
}

// diamond is a mark of the estimate.
func (p *paper) diamond(x, y float64) {
	const r = 1.2
	p.draw(quantum, 0.35)
	p.pdf.SetFillColor(255, 255, 255)
	p.pdf.Polygon([]fpdf.PointType{{X: x - r, Y: y}, {X: x, Y: y - r}, {X: x + r, Y: y}, {X: x, Y: y + r}}, "DF")
}

func (p *paper) colour(class string) ink {
	switch class {
	case "oep":
		return classical
	case "quantum":
		return quantum
	}
	return grey
}

func (p *paper) stroke(s Stroke, x, y func(float64) float64) {
	p.draw(p.colour(s.Class), 0.5)
	if s.Class == "aep" {
		p.pdf.SetDashPattern([]float64{1.6, 1.1}, 0)
	}
	for i := 1; i < len(s.Points); i++ {
		a, b := s.Points[i-1], s.Points[i]
		p.pdf.Line(x(a[0]), y(a[1]), x(b[0]), y(b[1]))
	}
	p.pdf.SetDashPattern([]float64{}, 0)
}

func (p *paper) legend(keys []Key) {
	p.font("", 7.5)
	for _, k := range keys {
		at, y := p.pdf.GetX(), p.pdf.GetY()+2
		if at+14+p.pdf.GetStringWidth(k.Text) > paperLeft+paperWidth {
			p.pdf.Ln(4)
			at, y = p.pdf.GetX(), p.pdf.GetY()+2
		}
		p.draw(p.colour(k.Class), 0.5)
		if k.Class == "aep" {
			p.pdf.SetDashPattern([]float64{1.6, 1.1}, 0)
		}
		if k.Class == "quantum" {
			p.diamond(at+3, y)
		} else {
			p.pdf.Line(at, y, at+6, y)
		}
		p.pdf.SetDashPattern([]float64{}, 0)
		p.ink(grey)
		p.pdf.SetX(at + 7.5)
		p.pdf.CellFormat(p.pdf.GetStringWidth(k.Text)+6, 4, p.latin(k.Text), "", 0, "L", false, 0, "")
	}
	p.pdf.Ln(6)
}

// tables are drawn with columns as wide as their content asks for, their heads again on every page.
func (p *paper) tables(all []Table) {
	for _, t := range all {
		p.room(24 + 5*float64(min(len(t.Rows), 12))) // a short table stands on one page
		p.font("B", 9)
		p.ink(black)
		p.pdf.CellFormat(paperWidth, 6, p.latin(t.Caption), "", 1, "L", false, 0, "")
		wide := p.columns(t)
		p.columnHeads(t, wide)
		for _, row := range t.Rows {
			p.row(t, wide, row)
		}
		if t.Note != "" {
			p.pdf.Ln(0.8)
			p.font("", 7.5)
			p.ink(grey)
			p.pdf.MultiCell(paperWidth, 3.6, p.latin(t.Note), "", "L", false)
		}
		p.pdf.Ln(3)
	}
}

// columns shares the width among the columns by their longest text.
func (p *paper) columns(t Table) []float64 {
	wide, sum := make([]float64, len(t.Columns)), 0.0
	p.font("", 8)
	for i, c := range t.Columns {
		wide[i] = p.pdf.GetStringWidth(p.latin(c.Text))
		for _, row := range t.Rows {
			wide[i] = max(wide[i], min(p.pdf.GetStringWidth(p.latin(row[i])), 70))
		}
		wide[i] += 3
		sum += wide[i]
	}
	for i := range wide {
		wide[i] *= paperWidth / sum
	}
	return wide
}

func (p *paper) columnHeads(t Table, wide []float64) {
	p.font("", 8)
	p.ink(grey)
	for i, c := range t.Columns {
		p.pdf.CellFormat(wide[i], 4.6, p.latin(c.Text), "", 0, side(c), false, 0, "")
	}
	p.pdf.Ln(4.6)
	p.draw(grey, 0.25)
	p.pdf.Line(paperLeft, p.pdf.GetY(), paperLeft+paperWidth, p.pdf.GetY())
}

func side(c Column) string {
	if c.Number {
		return "R"
	}
	return "L"
}

// row is as high as its highest cell.
func (p *paper) row(t Table, wide []float64, row []string) {
	p.font("", 8)
	cells, high := make([][]string, len(row)), 1
	for i, text := range row {
		cells[i] = p.lines(text, wide[i]-2)
		high = max(high, len(cells[i]))
	}
	if p.room(float64(high)*4 + 2) {
		p.columnHeads(t, wide)
		p.font("", 8)
	}
	p.ink(black)
	top, x := p.pdf.GetY()+0.5, paperLeft
	for i, lines := range cells {
		for n, line := range lines {
			p.pdf.SetXY(x, top+float64(n)*4)
			p.pdf.CellFormat(wide[i], 4, line, "", 0, side(t.Columns[i]), false, 0, "")
		}
		x += wide[i]
	}
	p.pdf.SetXY(paperLeft, top+float64(high)*4+0.3)
	p.rule(p.pdf.GetY())
}

// lines breaks a text to a width, in the font that is set. Words longer than that, such as digests, are broken within.
func (p *paper) lines(text string, wide float64) (all []string) {
	for _, line := range p.pdf.SplitLines([]byte(p.latin(text)), wide) {
		all = append(all, string(line))
	}
	return all
}

// room begins a page where less than so much is left on this one, and reports it.
func (p *paper) room(high float64) bool {
	if p.pdf.GetY()+high < 297-20 {
		return false
	}
	p.pdf.AddPage()
	return true
}

func (p *paper) rule(y float64) {
	p.draw(rule, 0.15)
	p.pdf.Line(paperLeft, y, paperLeft+paperWidth, y)
}

func (p *paper) font(style string, size float64) { p.pdf.SetFont("Helvetica", style, size) }
func (p *paper) ink(c ink)                       { p.pdf.SetTextColor(c.r, c.g, c.b) }
func (p *paper) draw(c ink, width float64) {
	p.pdf.SetDrawColor(c.r, c.g, c.b)
	p.pdf.SetLineWidth(width)
}
