package loss

import (
	"fmt"
	"math"
)

// Correlation says how damage at different sites moves together in one event, given the gusts: the
// standard normal behind a site's damage is
//
//	z = √Event·Z(event) + √Local·Z(event, cell) + √(1 − Event − Local)·Z(event, site)
//
// (a Gaussian copula with two factors), so that correlation changes no site's own distribution and no mean.
type Correlation struct {
	Event float64 `json:"event"` // between any two sites, [0,1]
	Local float64 `json:"local"` // in addition, between sites of one wind cell; Event + Local <= 1
}

// DefaultCorrelation is the model's. Judgement: an event-wide factor of sd 0.2 (workmanship of wind
// estimates and of building stock) against a spread of damage near 0.9 within an event explains about 5 % of
// the variance; local gusts and building practice are given as much again.
func DefaultCorrelation() Correlation { return Correlation{Event: 0.05, Local: 0.10} }

// Check returns an error that names the bad value.
func (c Correlation) Check() error {
	if !(c.Event >= 0 && c.Local >= 0 && c.Event+c.Local <= 1) {
		return fmt.Errorf("correlation: event %g and local %g must not be negative and must add up to at most 1", c.Event, c.Local)
	}
	return nil
}

// loadings are the weights of the three normals.
func (c Correlation) loadings() (event, local, own float64) {
	return math.Sqrt(c.Event), math.Sqrt(c.Local), math.Sqrt(math.Max(0, 1-c.Event-c.Local))
}
