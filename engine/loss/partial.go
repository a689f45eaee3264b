package loss

import (
	"cmp"
	"slices"

	"github.com/qrsrisk/qrsd/engine/hazard"
)

// Partial is the loss table of a block of years: what Kernel.Year fills and Builder.Add takes, in order
// of blocks. It can be kept as bytes between, so that a run that was stopped need not repeat the block.
type Partial struct {
	width  int
	events []Event

	rowEvent   []uint32 // index into events
	rowSummary []uint16
	footprint  []float64
	impacted   []float64
	loss       [NumPerspectives][]float64

	zips, accounts moments
}

func newPartial(s *Sites, width int) *Partial {
	return &Partial{width: width, zips: newMoments(len(s.ZIPs)), accounts: newMoments(len(s.accounts))}
}

// moments are sums of annual losses and of their squares: [place][perspective].
type moments struct{ sum, squares []float64 }

func newMoments(n int) moments {
	return moments{make([]float64, n*int(NumPerspectives)), make([]float64, n*int(NumPerspectives))}
}

// add takes one place's annual losses of one year: annual is [perspective][sample].
func (m *moments) add(place int, annual []float64, width int) {
	for p := range int(NumPerspectives) {
		sum, squares := 0.0, 0.0
		for _, v := range annual[p*width : (p+1)*width] {
			sum += v
			squares += float64(v * v)
		}
		m.sum[place*int(NumPerspectives)+p] += sum
		m.squares[place*int(NumPerspectives)+p] += squares
	}
}

func (m *moments) merge(o *moments) {
	addTo(m.sum, o.sum)
	addTo(m.squares, o.squares)
}

func (p *Partial) addAccount(number int, annual []float64, width int) {
	p.accounts.add(number, annual, width)
}

// Summary positions: the portfolio, then lines of business, then counties.
func lobSummary(lob int) int                 { return 1 + lob }
func countySummary(s *Sites, county int) int { return 1 + len(s.LOBs) + county }

// flush adds the event's rows to the partial table and clears the storm for the next year.
func (st *storm) flush(s *Sites, width int, out *Partial) {
	summaries := 1 + len(s.LOBs) + len(s.Counties)
	size := numSums * width
	sums := make([]float64, summaries*size)
	footprint := make([]float64, summaries)
	hit := false
	for county := range s.Counties {
		for lob := range s.LOBs {
			at := county*len(s.LOBs) + lob
			if !st.touched[at] {
				continue
			}
			hit = true
			part := st.sums[at*size : (at+1)*size]
			for _, to := range [...]int{0, lobSummary(lob), countySummary(s, county)} {
				addTo(sums[to*size:(to+1)*size], part)
				footprint[to] += st.footprint[at]
			}
			clear(part)
			st.footprint[at], st.touched[at] = 0, false
		}
	}
	if hit {
		out.addEvent(newEvent(st.event), sums, footprint)
	}
}

func (p *Partial) addEvent(e Event, sums, footprint []float64) {
	w := p.width
	for i, tiv := range footprint {
		if tiv == 0 {
			continue
		}
		row := sums[i*numSums*w : (i+1)*numSums*w]
		p.rowEvent = append(p.rowEvent, uint32(len(p.events)))
		p.rowSummary = append(p.rowSummary, uint16(i))
		p.footprint = append(p.footprint, tiv)
		p.loss[GroundUp] = append(p.loss[GroundUp], row[:w]...)
		p.loss[Gross] = append(p.loss[Gross], row[w:2*w]...)
		p.impacted = append(p.impacted, row[2*w:]...)
	}
	p.events = append(p.events, e)
}

// newEvent takes the time of an event's first landfall or, without one, of its strongest point.
func newEvent(e *hazard.Event) Event {
	hour := 0.0
	if len(e.Landfalls) > 0 {
		hour = e.Landfalls[0].Hour
	} else {
		strongest := 0.0
		for _, p := range e.Points {
			if p.Wind > strongest {
				strongest, hour = p.Wind, p.Hour
			}
		}
	}
	day := e.Day + int(hour)/24
	month, dayOfMonth := hazard.MonthDay(float64(day))
	minutes := int(hour*60) % (24 * 60)
	return Event{ID: e.ID, Year: e.Year, Month: uint8(month), Day: uint8(dayOfMonth), Hour: uint8(minutes / 60), Minute: uint8(minutes % 60)}
}

// Builder merges the partial tables of consecutive blocks.
type Builder struct {
	sites *Sites
	total *Partial
	years int
	draw  Draw
}

// NewBuilder begins the table of a run of a number of years.
func NewBuilder(s *Sites, years int, d Draw) *Builder {
	return &Builder{sites: s, years: years, draw: d, total: newPartial(s, max(d.Samples, 1))}
}

// Add appends the next block.
func (b *Builder) Add(p *Partial) {
	t := b.total
	base := uint32(len(t.events))
	for _, e := range p.rowEvent {
		t.rowEvent = append(t.rowEvent, base+e)
	}
	t.events = append(t.events, p.events...)
	t.rowSummary = append(t.rowSummary, p.rowSummary...)
	t.footprint = append(t.footprint, p.footprint...)
	t.impacted = append(t.impacted, p.impacted...)
	for v := range t.loss {
		t.loss[v] = append(t.loss[v], p.loss[v]...)
	}
	t.zips.merge(&p.zips)
	t.accounts.merge(&p.accounts)
}

// Table is the finished table.
func (b *Builder) Table() *Table {
	s, p := b.sites, b.total
	t := &Table{
		Years: b.years, Samples: b.draw.Samples, Events: p.events,
		RowEvent: p.rowEvent, RowSummary: p.rowSummary, Footprint: p.footprint, Impacted: p.impacted, Loss: p.loss,
		ZIPs: p.zips.of(s.ZIPs), Accounts: p.accounts.of(s.AccountSummaries),
	}
	t.Summaries = append(t.Summaries, s.Portfolio)
	t.Summaries = append(t.Summaries, s.LOBs...)
	t.Summaries = append(t.Summaries, s.Counties...)
	return t
}

func (m *moments) of(summaries []Summary) []Moments {
	out := make([]Moments, len(summaries))
	for i, s := range summaries {
		out[i].Summary = s
		for p := range int(NumPerspectives) {
			out[i].Sum[p] = m.sum[i*int(NumPerspectives)+p]
			out[i].SumSquares[p] = m.squares[i*int(NumPerspectives)+p]
		}
	}
	slices.SortFunc(out, func(x, y Moments) int { return cmp.Compare(x.Summary.Key, y.Summary.Key) })
	return out
}
