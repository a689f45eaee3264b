package engine

import (
	"fmt"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// Storm makes one event of a run again, to the last bit: nothing of it need be kept but its id. found is false where the
// run has none of that id; an event that did the portfolio no harm is one too.
func Storm(m *modelpack.Model, s Spec, id int32) (e hazard.Event, found bool) {
	if s.Scenario != nil {
		return *s.Scenario, s.Scenario.ID == id
	}
	year := hazard.YearOf(id)
	if year < 1 || year > s.Years {
		return e, false
	}
	for _, e := range events(m, s).Year(year) {
		if e.ID == id {
			return e, true
		}
	}
	return e, false
}

// Book is a portfolio as the model sees it, kept to compute single events of runs of it. It is immutable and safe for use by
// many goroutines.
type Book struct {
	portfolio *exposure.Portfolio
	sites     *loss.Sites
}

// NewBook places a portfolio's sites in the model. Errors: as Run's, of buildings and terms.
func NewBook(m *modelpack.Model, p *exposure.Portfolio) (*Book, error) {
	sites, err := loss.NewSites(p, m.Ground, m.Curves, windfield.Standard())
	if err != nil {
		return nil, err
	}
	return &Book{p, sites}, nil
}

// SiteLoss is what one event does to one insured site. Losses are means over the draws.
type SiteLoss struct {
	Location        *exposure.Location
	TIV             float64 // of the row: 0 of one that repeats a location has no line
	Gust            float64 // peak 3-s gust in open terrain at 10 m, m/s
	GroundUp, Gross float64
}

// Storm computes what an event of a run with that spec does to every site with damaging wind, with the draws that the run took.
// The order is that of the portfolio's accounts in the model, the same for the same portfolio.
func (b *Book) Storm(s Spec, e *hazard.Event) ([]SiteLoss, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	k := loss.NewKernel(b.sites, nil, loss.Draw{Samples: s.Samples, Seed: s.Seed, Correlation: s.Correlation})
	var all []SiteLoss
	k.Storm(e, func(at loss.StormSite) {
		first := b.portfolio.Accounts[at.Account].First
		all = append(all, SiteLoss{&b.portfolio.Locations[first+at.Location], at.TIV, at.Gust, at.GroundUp, at.Gross})
	})
	return all, nil
}
