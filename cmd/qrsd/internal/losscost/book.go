package losscost

import (
	"context"
	"fmt"
	"strconv"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// Book is a portfolio regrouped so that every site is an account of its own: the engine keeps the moments of the
// annual loss by account, and an account may hold sites of several groups. Sites keep their identity, and with it
// their random numbers; terms are left out.
type Book struct {
	NotWind int // sites that do not cover wind; they are left out

	portfolio *exposure.Portfolio
	groups    []Group // by account of portfolio
}

// NewBook regroups a portfolio; the portfolio is not changed. Rows that list a site again under another condition tag
// count once.
func NewBook(p *exposure.Portfolio, ground *geography.Florida) *Book {
	b := &Book{portfolio: &exposure.Portfolio{Currency: p.Currency, Columns: p.Columns}}
	for i := range p.Locations {
		l := p.Locations[i]
		if i > 0 && l.SameSite(&p.Locations[i-1]) {
			continue
		}
		if !l.CoversWind {
			b.NotWind++
			continue
		}
		l.Terms, l.CondTag, l.Participation = nil, "", 1
		l.PortNumber, l.AccNumber = "", strconv.Itoa(len(b.groups))
		b.portfolio.Accounts = append(b.portfolio.Accounts, exposure.Account{AccNumber: l.AccNumber, First: len(b.groups), Count: 1})
		b.portfolio.Locations = append(b.portfolio.Locations, l)
		b.groups = append(b.groups, groupOf(&l, ground))
	}
	return b
}

// Sites is the number of sites.
func (b *Book) Sites() int { return len(b.groups) }

// Run computes the loss costs. Errors are those of engine.Run.
func (b *Book) Run(ctx context.Context, m *modelpack.Model, s engine.Spec, opt engine.Options) (*Costs, error) {
	s.ReturnPeriods = []float64{ProbablePeriod}
	r, err := engine.Run(ctx, m, b.portfolio, s, opt)
	if err != nil {
		return nil, err
	}
	c := &Costs{Years: s.Years, Samples: s.Samples}
	if err := c.addSites(r.Table, b); err != nil {
		return nil, err
	}
	c.addPortfolio(r)
	return c, nil
}

// ProbablePeriod is the return period of the probable maximum loss in the checks, years.
const ProbablePeriod = 100

// Costs are the loss costs of a book under one model.
type Costs struct {
	Years, Samples int
	Largest        float64 // ground-up occurrence loss at ProbablePeriod, 0 where the years are too few
	SD             float64 // of the annual ground-up loss

	cells  [numGroups]Cell
	annual []float64 // mean ground-up loss by simulated year
}

// Cell is the value and the loss of some sites.
type Cell struct {
	Sites int
	TIV   float64 // of the four coverages
	AAL   float64 // ground-up
}

// PerThousand is the average annual loss per 1,000 of value, 0 without value.
func (c Cell) PerThousand() float64 {
	if c.TIV == 0 {
		return 0
	}
	return 1000 * c.AAL / c.TIV
}

func (c *Costs) addSites(t *loss.Table, b *Book) error {
	if len(t.Accounts) != len(b.groups) {
		return fmt.Errorf("the result has %d accounts for %d sites", len(t.Accounts), len(b.groups))
	}
	draws := float64(t.Years) * float64(t.Width())
	bySite := make([]float64, len(b.groups))
	for _, a := range t.Accounts {
		at, err := strconv.Atoi(a.Summary.Name)
		if err != nil || at < 0 || at >= len(bySite) {
			return fmt.Errorf("the result has an account %q that no site stands for", a.Summary.Key)
		}
		bySite[at] = a.Sum[loss.GroundUp] / draws
	}
	for at, aal := range bySite { // in the order of sites, so that sums are the same in every run
		cell := &c.cells[b.groups[at].index()]
		tiv := b.portfolio.Locations[at].TIV
		cell.Sites++
		cell.TIV += tiv[0] + tiv[1] + tiv[2] + tiv[3]
		cell.AAL += aal
	}
	return nil
}

// addPortfolio takes the figures of the whole book.
func (c *Costs) addPortfolio(r *engine.Result) {
	c.annual = make([]float64, r.Table.Years)
	width := r.Table.Width()
	for row, e := range r.Table.RowEvent {
		if r.Table.RowSummary[row] != 0 {
			continue
		}
		for _, v := range r.Table.Loss[loss.GroundUp][row*width : (row+1)*width] {
			c.annual[r.Table.Events[e].Year-1] += v / float64(width)
		}
	}
	whole := &r.Report.Summaries[0].Perspectives[loss.GroundUp]
	c.SD = whole.Annual.SD
	if curve := whole.Curve(metrics.OEP, r.Report.Headline()); curve != nil {
		for _, p := range curve.Points {
			if p.ReturnPeriod == ProbablePeriod && p.Available {
				c.Largest = p.Loss
			}
		}
	}
}

// Of adds up the groups that fit.
func (c *Costs) Of(fits func(Group) bool) Cell {
	var sum Cell
	for i, cell := range c.cells {
		if fits(groupAt(i)) {
			sum.Sites += cell.Sites
			sum.TIV += cell.TIV
			sum.AAL += cell.AAL
		}
	}
	return sum
}

// All is the whole book.
func (c *Costs) All() Cell { return c.Of(func(Group) bool { return true }) }
