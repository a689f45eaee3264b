package quantum

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// Format is the version of Report as JSON.
const Format = 1

// Report is the panels of a run, one for each loss distribution, as they are kept in a file. The names of
// its JSON fields do not change within a Format.
type Report struct {
	Format int    `json:"format"`
	Notice string `json:"notice"`
	Seed   uint64 `json:"seed"` // of the run; those of the panels' shots and draws follow from it
	// Currency of all amounts.
	Currency string   `json:"currency"`
	Panels   []*Panel `json:"panels"`
	// Without are the distributions that have no panel, and why.
	Without []Missing `json:"without,omitempty"`
}

// Missing is a distribution without a panel.
type Missing struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// ReadReport reads a report as JSON and checks its problems. Fields that this version does not know, and other
// formats, are refused.
func ReadReport(r io.Reader) (*Report, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var report Report
	if err := d.Decode(&report); err != nil {
		return nil, fmt.Errorf("reading the quantum estimate: %w", err)
	}
	if report.Format != Format {
		return nil, fmt.Errorf("quantum estimate of format %d: this version reads format %d", report.Format, Format)
	}
	for i, p := range report.Panels {
		if p == nil || p.Problem == nil {
			return nil, fmt.Errorf("quantum estimate: panel %d has no problem", i)
		}
		if err := p.Problem.Check(); err != nil {
			return nil, fmt.Errorf("quantum estimate: %w", err)
		}
		p.Problem.Omitted = p.Omitted
	}
	return &report, nil
}

// Panel is the named one, or nil.
func (r *Report) Panel(name string) *Panel {
	for _, p := range r.Panels {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Panel is a problem and the answers to its questions, four for each return period.
type Panel struct {
	Name       string     `json:"name"`   // the problem's
	Qubits     int        `json:"qubits"` // n, of 2^n bins; circuits have one more
	Seed       uint64     `json:"seed"`   // of the classical draws and, on the simulator, of the shots
	Backend    Provenance `json:"backend"`
	Confidence float64    `json:"confidence"`
	Precision  float64    `json:"precision"`
	Answers    []Answer   `json:"answers"`
	// Omitted are the return periods of the run that were not asked about, and why.
	Omitted []Omitted `json:"omitted,omitempty"`
	// Problem is what was asked, whole, so that a device can be asked again; null in listings.
	Problem *Problem `json:"problem,omitempty"`
}

// Answer is the answer of one kind for one return period, or nil.
func (p *Panel) Answer(k Kind, returnPeriod float64) *Answer {
	for i := range p.Answers {
		if a := &p.Answers[i]; a.Kind == k && a.ReturnPeriod == returnPeriod {
			return a
		}
	}
	return nil
}

// Kind is what is asked.
type Kind string

// The questions. Only the first is a probability; the others are in the portfolio's currency.
const (
	ExceedanceProbability Kind = "exceedance_probability"
	ValueAtRisk           Kind = "value_at_risk"
	TailValueAtRisk       Kind = "tail_value_at_risk"
	ExpectedLayerLoss     Kind = "expected_layer_loss"
)

// Answer is one question answered in every way. All values are probabilities or all in the portfolio's currency, by Kind.
type Answer struct {
	Kind         Kind     `json:"kind"`
	ReturnPeriod float64  `json:"return_period"`
	Attachment   *float64 `json:"attachment,omitempty"` // of a layer
	Limit        *float64 `json:"limit,omitempty"`
	// Exact is the sum over the bins; Empirical comes of the losses without bins; DiscretisationError is the first less
	// the second. No estimate below can be nearer to Empirical than this, but by chance.
	Exact               float64 `json:"exact"`
	Empirical           float64 `json:"empirical"`
	DiscretisationError float64 `json:"discretisation_error"`

	Estimate Estimated `json:"amplitude_estimate"`
	// Sampling of the same bins: as many independent draws as the estimate took queries, or shots; and one draw from
	// each of as many strata as it took queries.
	Queries    Sampled `json:"monte_carlo_equal_queries"`
	Shots      Sampled `json:"monte_carlo_equal_shots"`
	Stratified Sampled `json:"stratified_equal_queries"`
}

// Estimated is an answer by amplitude estimation.
type Estimated struct {
	Value      float64 `json:"value"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
	// Reached is false where the backend was stopped before the precision asked for.
	Reached      bool `json:"reached"`
	HoldsExact   bool `json:"holds_exact"` // Exact lies in the interval
	Amplitudes   int  `json:"amplitudes"`  // estimated for this answer
	Queries      int  `json:"queries"`     // applications of A or its inverse
	Shots        int  `json:"shots"`
	LargestPower int  `json:"largest_power"` // most Grover iterations in one circuit

	Backend   string  `json:"backend"`
	Simulated bool    `json:"simulated"`
	Cost      float64 `json:"cost_usd"`
}

func (e *Estimated) set(value, low, high float64) { e.Value, e.Low, e.High = value, low, high }

// Method says how an interval of a sample was made.
type Method string

// The intervals of samples.
const (
	ClopperPearson  Method = "Clopper-Pearson"
	Normal          Method = "normal"
	OrderStatistics Method = "order statistics"
	Bounds          Method = "bounds" // hold for certain: a monotone function between neighbouring strata
)

// Sampled is an answer by sampling. Value, Low and High are null where the draws say nothing, as of a tail that none
// of them reached.
type Sampled struct {
	Value  *float64 `json:"value"`
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
	Draws  int      `json:"draws"`
	Method Method   `json:"interval"`
}

// answer begins an answer: with what needs no estimate.
func (r *respondent) answer(k Kind, t Period, exact, empirical float64) Answer {
	o := r.options
	miss := exact - empirical
	if math.Abs(miss) < float64(1e-12*math.Abs(exact)) {
		miss = 0 // the rounding of sums, not an error of bins
	}
	return Answer{
		Kind: k, ReturnPeriod: t.ReturnPeriod, Exact: exact, Empirical: empirical, DiscretisationError: miss,
		Estimate: Estimated{Confidence: o.Confidence, Reached: true, Backend: o.Backend.Name, Simulated: o.Backend.Simulated},
	}
}

// certain is an answer that has one value whatever the probabilities are: nothing is measured or drawn.
func (a Answer) certain(value float64) Answer {
	a.Estimate.set(value, value, value)
	a.Estimate.HoldsExact = true
	none := sampled(value, value, value, 0, Bounds)
	a.Queries, a.Shots, a.Stratified = none, none, none
	return a
}

// compare completes an answer with samples of equal effort.
func (r *respondent) compare(a *Answer, read func(draws) Sampled) {
	e := &a.Estimate
	e.HoldsExact = e.Low <= a.Exact && a.Exact <= e.High
	kind := map[Kind]uint64{ExceedanceProbability: 1, ValueAtRisk: 2, TailValueAtRisk: 3, ExpectedLayerLoss: 4}[a.Kind]
	key := r.key.Derive(kind)
	a.Queries = read(r.alias.draw(key.Derive(1), e.Queries))
	a.Shots = read(r.alias.draw(key.Derive(2), e.Shots))
	a.Stratified = read(stratify(r.problem.Probabilities, key.Derive(3), e.Queries))
}
