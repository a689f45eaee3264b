package benchlab

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// K is the number of replicates of every plan.
const K = 30

// Profile is how much a plan asks for.
type Profile string

// The profiles. Only Record can lead to a sign-off.
const (
	Record Profile = "record" // K × 50,000 years
	Quick  Profile = "quick"  // K × 2,000 years
	Trial  Profile = "trial"  // K × a number of years of the user's
)

// Years of the profiles, each replicate.
const (
	recordYears = 50_000
	quickYears  = 2_000
)

// defaultSamples is also the default of `qrsd run`, so that what is examined is what users run. More draws buy little
// here: the spread between years outweighs that of damage within a year, and going from 5 draws to very many would
// shorten the intervals of the average annual loss by less than 1 % (measured: 1 draw 8.9m, 4 draws 8.65m standard
// deviation of the year; the mean alone, which has no draws, 8.7m). Years are the better use of time.
const defaultSamples = 5

const samplesReason = "the default of qrsd run; the spread between years outweighs that of the draws within one, so time is better spent on years"

// PlanFormat is the version of the plan's form and of the protocol behind it.
const PlanFormat = 1

// Plan is what is laid down before anything is run: with it a run and its verdicts are determined. It is a function of
// PlanOptions, the model and the engine; nothing in it can be chosen after the results are known.
type Plan struct {
	Format        int                `json:"format"`
	Profile       Profile            `json:"profile"`
	ForSignoff    bool               `json:"for_signoff"`
	Engine        string             `json:"engine"`   // engine.Version
	Model         string             `json:"model"`    // digest of the model pack
	Exposure      map[Variant]string `json:"exposure"` // digests of the reference portfolio
	Archetypes    []Archetype        `json:"archetypes"`
	MasterSeed    uint64             `json:"master_seed"` // below 2^53
	Seeds         []uint64           `json:"seeds"`       // of the replicates, in order; below 2^53, so that JSON holds them
	Years         int                `json:"years"`       // of each replicate
	Samples       int                `json:"samples"`     // draws of damage per event
	SamplesReason string             `json:"samples_reason"`
	Correlation   loss.Correlation   `json:"correlation"`
	ReturnPeriods []float64          `json:"return_periods"` // years
	GustPeriods   []float64          `json:"gust_periods"`   // years
	BatchYears    []int              `json:"batch_years"`    // lengths at which convergence is measured
	IdentityYears int                `json:"identity_years"` // of the runs that are compared bit for bit
	Metrics       []string           `json:"metrics"`
	Alpha         float64            `json:"alpha"` // of all two-sided intervals over replicates
	Limits        Limits             `json:"limits"`
}

// Limits are the bounds of the checks. Shares are fractions: 0.01 is 1 %.
type Limits struct {
	DispersionP        float64   `json:"dispersion_p"`          // least two-sided p of the chi-square of landfall totals
	Slope              float64   `json:"slope"`                 // of log standard error on log years
	SlopeMargin        float64   `json:"slope_margin"`          // on either side
	CoverageLevel      float64   `json:"coverage_level"`        // nominal, of each replicate's own interval
	CoverageLeast      int       `json:"coverage_least"`        // intervals of K that must hold the grand mean
	StateAAL           float64   `json:"state_aal_se"`          // standard errors of the pooled K replicates over the mean
	CountyAALTarget    float64   `json:"county_aal_se_target"`  // missed targets are listed and decide nothing
	CountyAAL          float64   `json:"county_aal_se"`         // exceeded limits fail
	LowImpact          float64   `json:"low_impact_loss_cost"`  // loss cost over the state's below which a county is listed apart
	OEP100             float64   `json:"oep_100_se"`            //
	OEP250             float64   `json:"oep_250_se"`            //
	GoodnessP          float64   `json:"goodness_p"`            // of the family, by Holm's procedure
	SeedMoves          float64   `json:"seed_moves"`            // standard deviations of a difference
	OrderStatistic     float64   `json:"order_statistic"`       // band's standard error over that between replicates, off 1
	OrderStatisticAEPs []float64 `json:"order_statistic_years"` // return periods of the AEP at which it is looked at
}

// protocolLimits are those of the protocol. The least coverage is the 2.5 % point of the binomial (30, 0.95).
func protocolLimits() Limits {
	return Limits{
		DispersionP: 0.01, Slope: -0.5, SlopeMargin: 0.1, CoverageLevel: 0.95, CoverageLeast: 26,
		StateAAL: 0.01, CountyAALTarget: 0.025, CountyAAL: 0.05, LowImpact: 0.25,
		OEP100: 0.02, OEP250: 0.04, GoodnessP: 0.05, SeedMoves: 2,
		OrderStatistic: 0.25, OrderStatisticAEPs: []float64{250, 500},
	}
}

// PlanOptions are the choices that a plan leaves open.
type PlanOptions struct {
	Profile    Profile
	Years      int    // of a Trial; 0 otherwise
	MasterSeed uint64 // any number below 2^53
	Samples    *int   // nil: the default; another number is no longer for sign-off
}

func (o PlanOptions) years() (int, error) {
	switch {
	case o.Profile == Trial && o.Years >= minTrialYears:
		return o.Years, nil
	case o.Profile == Trial:
		return 0, fmt.Errorf("years %d: a trial needs at least %d, to measure convergence over", o.Years, minTrialYears)
	case o.Years != 0:
		return 0, fmt.Errorf("years %d: the profile %s has its own; only a trial may have others", o.Years, o.Profile)
	case o.Profile == Record:
		return recordYears, nil
	case o.Profile == Quick:
		return quickYears, nil
	}
	return 0, fmt.Errorf("profile %q: must be %s, %s or %s", o.Profile, Record, Quick, Trial)
}

// minTrialYears leaves five different lengths of batches.
const minTrialYears = 50

// NewPlan makes the plan. Errors name the option, its value and its bounds, or are those of the reference portfolio.
func NewPlan(m *modelpack.Model, o PlanOptions) (*Plan, error) {
	years, err := o.years()
	if err != nil {
		return nil, err
	}
	const limit = 1 << 53
	if o.MasterSeed >= limit {
		return nil, fmt.Errorf("master seed %d: must be below 2^53 (%d)", o.MasterSeed, uint64(limit))
	}
	samples := defaultSamples
	if o.Samples != nil {
		samples = *o.Samples
	}
	p := &Plan{
		Format: PlanFormat, Profile: o.Profile, ForSignoff: o.Profile == Record && samples == defaultSamples,
		Engine: engine.Version, Model: m.Digest.String(), Exposure: map[Variant]string{}, Archetypes: Archetypes(),
		MasterSeed: o.MasterSeed, Seeds: seeds(o.MasterSeed, years), Years: years, Samples: samples,
		Correlation:   loss.DefaultCorrelation(),
		ReturnPeriods: []float64{5, 10, 20, 50, 100, 200, 250, 500, 1000}, GustPeriods: []float64{10, 20, 50, 100, 700, 1700},
		BatchYears: batchYears(years), IdentityYears: min(years, 500), Metrics: metricNames(), Alpha: 0.05, Limits: protocolLimits(),
	}
	if samples == defaultSamples {
		p.SamplesReason = samplesReason
	} else {
		p.SamplesReason = "chosen by the user"
	}
	for _, v := range Variants() {
		portfolio, err := ReferencePortfolio(m.Ground, v)
		if err != nil {
			return nil, err
		}
		p.Exposure[v] = hexDigest(portfolio.Digest())
	}
	spec := p.Spec(0)
	return p, spec.Check()
}

// metricNames is what is kept of each replicate.
func metricNames() []string {
	return []string{
		"landfalls by region and category, annual counts", "landfall central pressure, translation speed, heading",
		"gusts by return period at 16 cities", "AAL of state, county and class", "OEP and AEP by return period, TVaR 99 %",
		"100-year OEP over AAL", "wall time, memory, site-events", "digests of all result tables",
	}
}

// batchYears are the lengths 1,000, 3,000, 10,000, 30,000 and 50,000 of the protocol, in proportion for other years.
func batchYears(years int) []int {
	list := make([]int, 0, 5)
	for _, n := range []int{1_000, 3_000, 10_000, 30_000, 50_000} {
		list = append(list, n*years/recordYears)
	}
	return list
}

// streamReplicates sets the seeds of replicates apart from any other use of the master seed.
const streamReplicates = 0xB3AC

// seeds are K seeds that a master seed gives: draws of a counter-based generator, cut to 53 bits. They differ by the
// length of the replicates, so that a short plan does not show the first years of a long one before it is run.
func seeds(master uint64, years int) []uint64 {
	key := rng.New(master).Derive(streamReplicates).Derive(uint64(years))
	list := make([]uint64, K)
	for i := range list {
		list[i] = key.Uint64(uint64(i)) >> 11
	}
	return list
}

// Spec is the run of replicate i, from 0.
func (p *Plan) Spec(i int) engine.Spec {
	return engine.Spec{Years: p.Years, Samples: p.Samples, Seed: p.Seeds[i], Correlation: p.Correlation, ReturnPeriods: p.ReturnPeriods}
}

// options are the choices that led to the plan.
func (p *Plan) options() PlanOptions {
	o := PlanOptions{Profile: p.Profile, MasterSeed: p.MasterSeed, Samples: &p.Samples}
	if p.Profile == Trial {
		o.Years = p.Years
	}
	return o
}

// ErrOtherModel is wrapped by errors that say that a plan was made for another model or engine.
var ErrOtherModel = errors.New("the plan was made for another model or engine")

// Check makes the plan again from its own choices and the model at hand, and wants the same to the byte: a limit, seed or
// exposure that was changed afterwards is found even where its digest was made anew.
func (p *Plan) Check(m *modelpack.Model) error {
	if p.Format != PlanFormat {
		return fmt.Errorf("the plan has format %d, this program makes and reads %d; use the program that made it", p.Format, PlanFormat)
	}
	if p.Engine != engine.Version || p.Model != m.Digest.String() {
		return fmt.Errorf("%w: engine %s, model %s; here are engine %s, model %s: make a new plan, or use the program that made this one",
			ErrOtherModel, p.Engine, p.Model, engine.Version, m.Digest)
	}
	again, err := NewPlan(m, p.options())
	if err != nil {
		return fmt.Errorf("the plan: %w", err)
	}
	mine, err := encode(again)
	if err != nil {
		return err
	}
	theirs, err := encode(p)
	if err != nil {
		return err
	}
	if !bytes.Equal(mine, theirs) {
		return fmt.Errorf("%w: the plan is not as it was made: %s; make a new plan", ErrAltered, firstDifference(mine, theirs))
	}
	return nil
}

// firstDifference shows where two canonical texts part.
func firstDifference(want, got []byte) string {
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	from := bytes.LastIndexByte(want[:at], ',') + 1
	cut := func(b []byte) []byte { return b[min(from, len(b)):min(at+20, len(b))] }
	return fmt.Sprintf("%s, where the protocol has %s", cut(got), cut(want))
}

// Signoff says in words what the plan can lead to.
func (p *Plan) Signoff() string {
	if p.ForSignoff {
		return "for sign-off"
	}
	return "not for sign-off"
}

// distinct reports whether all values differ.
func distinct[T comparable](list []T) bool {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return false
		}
	}
	return true
}
