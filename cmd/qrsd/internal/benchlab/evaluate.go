package benchlab

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// Evaluation is the finished report: every check with its verdict, and the figures behind them.
type Evaluation struct {
	Plan        string        `json:"plan"` // digest
	Profile     Profile       `json:"profile"`
	ForSignoff  bool          `json:"for_signoff"`
	Engine      string        `json:"engine"`
	Model       string        `json:"model"`
	Program     Program       `json:"program"`
	Years       int           `json:"years"` // of each replicate
	Samples     int           `json:"samples"`
	RecordYears int           `json:"record_years"` // of hurricanes
	Passed      bool          `json:"passed"`       // no check failed
	Checks      []Check       `json:"checks"`
	Figures     []Figure      `json:"figures"`
	Convergence []Convergence `json:"convergence"`
	Rates       []CoastRate   `json:"landfall_rates"`
	Annual      []AnnualCount `json:"annual_landfalls"`
	Goodness    []Goodness    `json:"goodness_of_fit"`
	Counties    []County      `json:"counties"`
	Rows        []Row         `json:"replicates"`
	Seconds     float64       `json:"seconds"` // of all replicates
	Memory      uint64        `json:"memory_bytes"`
	SiteEvents  int64         `json:"site_events"`
	Undecided   []string      `json:"not_decided_here"`
}

// Figure is one metric over the replicates.
type Figure struct {
	Of   string   `json:"of"` // a variant, or "hazard"
	Name string   `json:"name"`
	Unit string   `json:"unit"`
	Over Interval `json:"over_replicates"`
}

// AnnualCount is the share of years with a number of landfalling hurricanes.
type AnnualCount struct {
	Landfalls int     `json:"landfalls"` // the last: or more
	Record    float64 `json:"record"`
	Model     float64 `json:"model"`
}

// Row is one replicate in the table of all.
type Row struct {
	Number    int     `json:"number"`
	Seed      uint64  `json:"seed"`
	File      string  `json:"file"`    // digest of the replicate's file
	Results   string  `json:"results"` // digest over the digests of its result tables
	AAL       float64 `json:"aal"`     // of the Equal variant, as the next
	AALError  float64 `json:"aal_standard_error"`
	OEP100    float64 `json:"oep_100"` // 0 where the years do not reach
	OEP250    float64 `json:"oep_250"`
	AEP250    float64 `json:"aep_250"`
	TVaR99    float64 `json:"tvar_99"` // of the annual loss
	AALPeople float64 `json:"aal_population_weighted"`
	Landfalls int     `json:"landfalls"`
	Majors    int     `json:"majors"`
	Seconds   float64 `json:"seconds"`
	Memory    uint64  `json:"memory_bytes"`
}

// undecided is what the protocol asks for and this report cannot say.
func undecided() []string {
	return []string{
		"Two implementations of wind field and financial module: the test suite holds both to second ones in another language (TestSecondImplementation of engine/hazard/windfield and engine/terms, 1e-9); this report does not repeat it.",
		"The same bits on amd64 and arm64 and without CPU features: held by the reference digests of the test suite; a laboratory with another machine shows it by running this plan there and comparing the digests of results.",
		"Comparison of two model versions (paired equivalence tests), external targets of losses, spread between model choices, and global sensitivity are separate exercises.",
	}
}

// ErrUnfinished is wrapped by the error that says that replicates are missing.
var ErrUnfinished = errors.New("the plan is not finished")

// Evaluate reads a finished folder and judges it. Nothing is judged before all replicates are there: looking earlier
// would let results decide when to stop.
//
// Errors: those of Run about plan, model and files, or ErrUnfinished.
func Evaluate(folder string, m *modelpack.Model) (*Plan, *Evaluation, error) {
	p, digest, err := ReadPlan(filepath.Join(folder, PlanFile))
	if err != nil {
		return nil, nil, err
	}
	if err := p.Check(m); err != nil {
		return nil, nil, err
	}
	replicates, err := loadAll(folder, p, digest)
	if err != nil {
		return nil, nil, err
	}
	id, err := loadIdentity(folder, digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: the comparison of bits is missing; go on with qrsd benchlab run", ErrUnfinished)
	}
	if err != nil {
		return nil, nil, err
	}
	e, err := judge(p, digest, m.Record, replicates, id)
	return p, e, err
}

func loadAll(folder string, p *Plan, digest string) ([]*Replicate, error) {
	var list []*Replicate
	missing := 0
	for i := range K {
		r, err := loadReplicate(folder, p, digest, i)
		if errors.Is(err, fs.ErrNotExist) {
			missing++
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	if missing > 0 {
		return nil, fmt.Errorf("%w: %d of %d replicates are missing; go on with qrsd benchlab run", ErrUnfinished, missing, K)
	}
	return list, alike(list)
}

// judge makes the evaluation of complete replicates.
func judge(p *Plan, digest string, record *hazard.Record, replicates []*Replicate, id *Identity) (*Evaluation, error) {
	e := &Evaluation{
		Plan: digest, Profile: p.Profile, ForSignoff: p.ForSignoff, Engine: p.Engine, Model: p.Model, Program: replicates[0].Program,
		Years: p.Years, Samples: p.Samples, RecordYears: record.Years(), Undecided: undecided(),
		Rates: coastRates(record, replicates), Goodness: goodnessOf(record, replicates), Annual: annualCounts(record, replicates),
		Counties:    counties(replicates, p),
		Convergence: convergence(func(r *Replicate) []Batches { return r.Figures[Equal].Batches }, replicates),
		Figures:     append(lossFigures(replicates, p), hazardFigures(replicates, p)...),
	}
	for _, r := range replicates {
		row, err := newRow(r)
		if err != nil {
			return nil, err
		}
		e.Rows = append(e.Rows, row)
		e.Seconds += r.Cost.Seconds
		e.Memory = max(e.Memory, r.Cost.MemoryBytes)
		e.SiteEvents += r.Cost.SiteEvents
	}
	e.Checks = e.checks(p, replicates, id)
	e.Passed = true
	for _, c := range e.Checks {
		e.Passed = e.Passed && c.Verdict != Fail
	}
	return e, nil
}

// checks are all checks of the protocol, in its order.
func (e *Evaluation) checks(p *Plan, replicates []*Replicate, id *Identity) []Check {
	l := &p.Limits
	var totals []int
	var results []string
	programs := []Program{}
	for i, r := range replicates {
		totals = append(totals, r.Landfalls.Storms)
		results = append(results, e.Rows[i].Results)
		programs = append(programs, r.Program)
	}
	list := []Check{
		checkDistinct(p.Seeds, results),
		checkProgram(append(programs, id.Program), p.ForSignoff),
		checkDispersion(totals, l.DispersionP),
		checkSlope(e.Convergence, l.Slope, l.SlopeMargin),
	}
	for _, v := range Variants() {
		list = append(list, checkCoverage(v, each(replicates, v, aal), each(replicates, v, aalError), l.CoverageLevel, l.CoverageLeast))
	}
	for _, v := range Variants() {
		list = append(list,
			checkShare("state-aal-"+string(v), fmt.Sprintf("Standard error of the state's AAL, %s", v), each(replicates, v, aal), l.StateAAL),
			checkShare("oep-100-"+string(v), fmt.Sprintf("Standard error of the 100-year OEP, %s", v), each(replicates, v, oepOf(100)), l.OEP100),
			checkShare("oep-250-"+string(v), fmt.Sprintf("Standard error of the 250-year OEP, %s", v), each(replicates, v, oepOf(250)), l.OEP250))
	}
	list = append(list, checkCounties(e.Counties, l.CountyAALTarget, l.CountyAAL)...)
	for _, r := range e.Rates {
		if r.Region != hazard.StateRegion {
			list = append(list, checkRate(r))
		}
	}
	for _, g := range e.Goodness {
		list = append(list, checkGoodness(g, l.GoodnessP))
	}
	list = append(list, checkSeed(each(replicates, Equal, oepOf(100)), l.SeedMoves))
	for _, years := range l.OrderStatisticAEPs {
		var points []*Point
		for _, r := range replicates {
			points = append(points, at(r.Figures[Equal].AEP, years))
		}
		list = append(list, checkOrderStatistic(years, points, l.OrderStatistic))
	}
	return append(list,
		checkBits(id, otherCores, "same-bits-cores", "The same bits with one and two processors"),
		checkBits(id, otherOrder, "same-bits-order", "The same bits whatever the order of the exposure's rows"))
}

// each is a figure of every replicate that has it.
func each(replicates []*Replicate, v Variant, of func(*LossFigures) (float64, bool)) []float64 {
	var list []float64
	for _, r := range replicates {
		if x, ok := of(r.Figures[v]); ok {
			list = append(list, x)
		}
	}
	return list
}

func aal(f *LossFigures) (float64, bool)      { return f.AAL, true }
func aalError(f *LossFigures) (float64, bool) { return f.AALError, true }

func oepOf(years float64) func(*LossFigures) (float64, bool) {
	return func(f *LossFigures) (float64, bool) { return lossAt(f.OEP, years) }
}

func aepOf(years float64) func(*LossFigures) (float64, bool) {
	return func(f *LossFigures) (float64, bool) { return lossAt(f.AEP, years) }
}

func lossAt(points []Point, years float64) (float64, bool) {
	if p := at(points, years); p != nil {
		return p.Loss, true
	}
	return 0, false
}

// tvar99 is the mean of the worst percent of annual losses.
func tvar99(f *LossFigures) (float64, bool) {
	if p := at(f.AEP, 100); p != nil {
		return p.TVaR, true
	}
	return 0, false
}

// shape is the 100-year occurrence loss over the average annual loss.
func shape(f *LossFigures) (float64, bool) {
	x, ok := lossAt(f.OEP, 100)
	return x / f.AAL, ok && f.AAL > 0
}

func lossFigures(replicates []*Replicate, p *Plan) []Figure {
	var list []Figure
	add := func(v Variant, name, unit string, of func(*LossFigures) (float64, bool)) {
		if values := each(replicates, v, of); len(values) == len(replicates) {
			list = append(list, Figure{string(v), name, unit, newInterval(values, p.Alpha)})
		}
	}
	for _, v := range Variants() {
		add(v, "AAL", "USD", aal)
		add(v, "standard deviation of the annual loss", "USD", func(f *LossFigures) (float64, bool) { return f.SD, true })
		for _, years := range p.ReturnPeriods {
			add(v, fmt.Sprintf("OEP %g years", years), "USD", oepOf(years))
		}
		for _, years := range p.ReturnPeriods {
			add(v, fmt.Sprintf("AEP %g years", years), "USD", aepOf(years))
		}
		add(v, "TVaR 99 % of the annual loss", "USD", tvar99)
		add(v, "100-year OEP over AAL", "ratio", shape)
		for i, class := range replicates[0].Figures[v].Classes {
			add(v, "AAL, "+class.Name, "USD", func(f *LossFigures) (float64, bool) { return f.Classes[i].AAL, true })
		}
	}
	return list
}

func hazardFigures(replicates []*Replicate, p *Plan) []Figure {
	var list []Figure
	add := func(name, unit string, of func(*Replicate) float64) {
		var values []float64
		for _, r := range replicates {
			values = append(values, of(r))
		}
		list = append(list, Figure{"hazard", name, unit, newInterval(values, p.Alpha)})
	}
	for i, c := range replicates[0].Landfalls.Coasts {
		add("hurricanes a year, "+c.Region, "1/year", func(r *Replicate) float64 { return float64(r.Landfalls.Coasts[i].All) / float64(p.Years) })
		add("major hurricanes a year, "+c.Region, "1/year", func(r *Replicate) float64 { return float64(r.Landfalls.Coasts[i].Major) / float64(p.Years) })
	}
	for c, city := range geography.Cities() {
		for k, years := range p.GustPeriods {
			if float64(p.Years) >= years {
				add(fmt.Sprintf("%g-year gust, %s", years, city.Name), "m/s", func(r *Replicate) float64 { return r.Gusts[c].Gust[k] })
			}
		}
	}
	return list
}

// counties pools the counties. A county is of low impact by the plan's rule: where its loss cost is below a share of
// the state's.
func counties(replicates []*Replicate, p *Plan) []County {
	var list []County
	state, value := 0.0, 0.0
	for i, c := range replicates[0].Figures[Equal].Counties {
		values := each(replicates, Equal, func(f *LossFigures) (float64, bool) { return f.Counties[i].AAL, true })
		next := County{FIPS: c.Key, Name: c.Name, TIV: c.TIV, AAL: newInterval(values, p.Alpha)}
		next.LossCost = next.AAL.Mean / next.TIV
		state, value = state+next.AAL.Mean, value+c.TIV
		list = append(list, next)
	}
	for i := range list {
		list[i].LowImpact = list[i].LossCost < p.Limits.LowImpact*state/value
	}
	return list
}

func annualCounts(record *hazard.Record, replicates []*Replicate) []AnnualCount {
	inYear := map[int]int{}
	for _, s := range record.Strikes {
		if s.First {
			inYear[s.Year]++
		}
	}
	list := make([]AnnualCount, maxAnnual+1)
	for y := record.FirstYear; y <= record.LastYear; y++ {
		list[min(inYear[y], maxAnnual)].Record += 1 / float64(record.Years())
	}
	years := float64(len(replicates) * replicates[0].Landfalls.Years)
	for i := range list {
		n := 0
		for _, r := range replicates {
			n += r.Landfalls.Annual[i]
		}
		list[i].Landfalls, list[i].Model = i, float64(n)/years
	}
	return list
}

func newRow(r *Replicate) (Row, error) {
	file, err := Digest(r)
	if err != nil {
		return Row{}, err
	}
	results, err := Digest(r.Tables)
	if err != nil {
		return Row{}, err
	}
	f := r.Figures[Equal]
	row := Row{
		Number: r.Number, Seed: r.Spec.Seed, File: file, Results: results, AAL: f.AAL, AALError: f.AALError,
		AALPeople: r.Figures[Population].AAL, Landfalls: r.Landfalls.Storms, Seconds: r.Cost.Seconds, Memory: r.Cost.MemoryBytes,
	}
	row.Majors = r.Landfalls.Coasts[len(r.Landfalls.Coasts)-1].Major
	row.OEP100, _ = lossAt(f.OEP, 100)
	row.OEP250, _ = lossAt(f.OEP, 250)
	row.AEP250, _ = lossAt(f.AEP, 250)
	row.TVaR99, _ = tvar99(f)
	return row, nil
}
