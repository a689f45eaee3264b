package results

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/loss"
)

// byPeriod are the columns that name an event and its date in the period tables.
var byPeriod = []Column{{"Period", Int32}, {"PeriodWeight", Float32}, {"EventId", Int32}, {"Year", Int32}, {"Month", Int32},
	{"Day", Int32}, {"Hour", Int32}, {"Minute", Int32}, {"SummaryId", Int32}}

// addPeriod appends them for one row of a period table.
func addPeriod(c []Values, years int, e loss.Event, summary int32) {
	c[1].Float = append(c[1].Float, 1/float64(years))
	for i, v := range [...]int32{0: e.Year, 2: e.ID, 3: e.Year, 4: int32(e.Month), 5: int32(e.Day), 6: int32(e.Hour), 7: int32(e.Minute), 8: summary} {
		if i != 1 {
			c[i].Int = append(c[i].Int, v)
		}
	}
}

// stream makes the groups of a table from the rows of a loss table.
func stream(t *loss.Table, add func(g *Group, row int)) func(func(*Group) bool, *Group) {
	return func(yield func(*Group) bool, g *Group) {
		for row := range t.RowEvent {
			add(g, row)
			if g.Rows >= groupRows {
				if !yield(g) {
					return
				}
				g.reset()
			}
		}
		if g.Rows > 0 {
			yield(g)
		}
	}
}

// sampleTable is SELT or, by period, SPLT: a row for each event, summary and sample with a loss.
func sampleTable(t *loss.Table, p loss.Perspective, period bool) Table {
	out := Table{Name: p.String() + "_selt", Columns: []Column{{"EventId", Int32}, {"SummaryId", Int32}}}
	if period {
		out = Table{Name: p.String() + "_splt", Columns: byPeriod}
	}
	n := len(out.Columns)
	out.Columns = append(out.Columns[:n:n], Column{"SampleId", Int32}, Column{"Loss", Float32}, Column{"ImpactedExposure", Float32})
	width := t.Width()
	out.fill = stream(t, func(g *Group, row int) {
		e, summary := t.Events[t.RowEvent[row]], int32(t.RowSummary[row])+1
		for s, x := range t.Loss[p][row*width : (row+1)*width] {
			if x == 0 {
				continue
			}
			if period {
				addPeriod(g.Columns, t.Years, e, summary)
			} else {
				g.Columns[0].Int = append(g.Columns[0].Int, e.ID)
				g.Columns[1].Int = append(g.Columns[1].Int, summary)
			}
			id := int32(s) + 1
			if t.Samples == 0 {
				id = sampleIDMean
			}
			c := g.Columns[n:]
			c[0].Int = append(c[0].Int, id)
			c[1].Float = append(c[1].Float, x)
			c[2].Float = append(c[2].Float, t.Impacted[row*width+s])
			g.Rows++
		}
	})
	return out
}

// momentTable is MELT or, by period, MPLT: a row for each event and summary with a loss.
func momentTable(t *loss.Table, p loss.Perspective, period bool) Table {
	moments := []Column{{"ChanceOfLoss", Float32}, {"MeanLoss", Float32}, {"SDLoss", Float32}, {"MaxLoss", Float32},
		{"FootprintExposure", Float32}, {"MeanImpactedExposure", Float32}, {"MaxImpactedExposure", Float32}}
	out := Table{Name: p.String() + "_melt", Columns: []Column{{"EventId", Int32}, {"SummaryId", Int32}, {"SampleType", Int32}, {"EventRate", Float32}}}
	if period {
		n := len(byPeriod)
		out = Table{Name: p.String() + "_mplt", Columns: append(byPeriod[:n:n], Column{"SampleType", Int32})}
	}
	n := len(out.Columns)
	out.Columns = append(out.Columns, moments...)
	kind, width := int32(sampleTypeSample), t.Width()
	if t.Samples == 0 {
		kind = sampleTypeMean
	}
	out.fill = stream(t, func(g *Group, row int) {
		m := momentsOf(t, p, row)
		if m.mean == 0 {
			return
		}
		e, summary := t.Events[t.RowEvent[row]], int32(t.RowSummary[row])+1
		if period {
			addPeriod(g.Columns, t.Years, e, summary)
			g.Columns[n-1].Int = append(g.Columns[n-1].Int, kind)
		} else {
			for i, v := range [...]int32{e.ID, summary, kind} {
				g.Columns[i].Int = append(g.Columns[i].Int, v)
			}
			g.Columns[3].Float = append(g.Columns[3].Float, 1/float64(t.Years))
		}
		impacted := t.Impacted[row*width : (row+1)*width]
		mean, largest := 0.0, 0.0
		for _, x := range impacted {
			mean += x
			largest = max(largest, x)
		}
		for i, v := range [...]float64{m.chance, m.mean, m.sd, m.largest, t.Footprint[row], mean / float64(width), largest} {
			g.Columns[n+i].Float = append(g.Columns[n+i].Float, v)
		}
		g.Rows++
	})
	return out
}

type eventMoments struct{ chance, mean, sd, largest float64 }

// momentsOf are the moments of a row over its samples; SD with divisor n-1, two passes.
func momentsOf(t *loss.Table, p loss.Perspective, row int) (m eventMoments) {
	width := t.Width()
	x := t.Loss[p][row*width : (row+1)*width]
	if t.Samples == 0 {
		return eventMoments{mean: x[0]}
	}
	for _, v := range x {
		m.mean += v
		m.largest = max(m.largest, v)
		if v > 0 {
			m.chance++
		}
	}
	m.mean /= float64(width)
	m.chance /= float64(width)
	if width > 1 {
		squares := 0.0
		for _, v := range x {
			squares += float64((v - m.mean) * (v - m.mean))
		}
		m.sd = math.Sqrt(squares / float64(width-1))
	}
	return m
}
