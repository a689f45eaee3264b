package benchlab

import (
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Replicate is what is kept of one replicate. Money is in USD, ground-up.
type Replicate struct {
	Plan      string                   `json:"plan"` // digest
	Number    int                      `json:"number"`
	Engine    string                   `json:"engine"`
	Model     string                   `json:"model"`
	Portfolio string                   `json:"portfolio"` // digest of the Equal variant, the one that is run
	Spec      engine.Spec              `json:"spec"`
	Program   Program                  `json:"program"`
	Tables    map[string]string        `json:"tables"` // digests of all result tables, as `qrsd run` gives them
	Figures   map[Variant]*LossFigures `json:"figures"`
	Landfalls *Landfalls               `json:"landfalls"`
	Gusts     []CityGusts              `json:"gusts"`
	Cost      Cost                     `json:"cost"`
}

// Program is what computed a replicate.
type Program struct {
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Commit   string `json:"commit"`   // "" where the build has none
	Modified bool   `json:"modified"` // built from a changed work tree
	SHA256   string `json:"sha256"`   // of the program's file
}

// Cost is what a replicate took. Nothing in it enters a result.
type Cost struct {
	Seconds     float64 `json:"seconds"`
	MemoryBytes uint64  `json:"memory_bytes"` // the most that the program had obtained from the system until then
	Workers     int     `json:"workers"`
	SiteEvents  int64   `json:"site_events"`
	Events      int     `json:"events"` // that reached a site
}

// LossFigures are the figures of one variant of the portfolio.
type LossFigures struct {
	AAL      float64   `json:"aal"`
	AALError float64   `json:"aal_standard_error"` // over the replicate's own years
	SD       float64   `json:"sd"`                 // of the annual loss
	OEP      []Point   `json:"oep"`
	AEP      []Point   `json:"aep"`
	Counties []Part    `json:"counties"`
	Classes  []Part    `json:"classes"`
	Batches  []Batches `json:"batches"`
}

// Point is a curve at a return period.
type Point struct {
	Years     float64 `json:"years"`
	Loss      float64 `json:"loss"`
	TVaR      float64 `json:"tvar"`                         // mean loss at and above
	BandError float64 `json:"band_standard_error"`          // that the band of order statistics stands for
	Open      bool    `json:"band_without_upper,omitempty"` // too few years for a band
}

// at is the point of a return period, nil where the replicate is too short for it.
func at(points []Point, years float64) *Point {
	for i := range points {
		if points[i].Years == years {
			return &points[i]
		}
	}
	return nil
}

// Part is one county or class.
type Part struct {
	Key  string  `json:"key"` // FIPS code; name of the archetype
	Name string  `json:"name"`
	TIV  float64 `json:"tiv"`
	AAL  float64 `json:"aal"`
}

// Batches are mean annual losses of consecutive batches of years that do not overlap; years left over are in none.
type Batches struct {
	Years int       `json:"years"`
	Means []float64 `json:"means"`
}

// TableDigests are the digests of all result tables of a run, by name: those of the manifest of `qrsd run`.
func TableDigests(r *engine.Result) map[string]string {
	d := map[string]string{}
	for _, t := range results.Tables(r.Table, r.Report) {
		d[t.Name] = hexDigest(results.Digest(t))
	}
	return d
}

// figuresOf are the figures of both variants. Ground-up losses are linear in the values: the losses of the
// population-weighted variant are those of the counties times their weights, event by event and draw by draw, and
// need no run of their own.
func figuresOf(r *engine.Result, p *exposure.Portfolio, weights map[string]float64, plan *Plan) (map[Variant]*LossFigures, error) {
	weighted := weigh(r.Table, weights)
	report, err := metrics.Summarise(weighted, metrics.Options{ReturnPeriods: plan.ReturnPeriods})
	if err != nil {
		return nil, fmt.Errorf("weighting by population: %w", err)
	}
	one := func(string) float64 { return 1 }
	byCounty := func(fips string) float64 { return weights[fips] }
	return map[Variant]*LossFigures{
		Equal:      newFigures(r, r.Table, r.Report, p, one, plan),
		Population: newFigures(r, weighted, report, p, byCounty, plan),
	}, nil
}

// newFigures takes the state from the first summary of table and report, and counties and classes from the run's own,
// times the weight of the county.
func newFigures(r *engine.Result, table *loss.Table, report *metrics.Report, p *exposure.Portfolio, weight func(fips string) float64, plan *Plan) *LossFigures {
	state := &report.Summaries[0].Perspectives[loss.GroundUp]
	f := &LossFigures{AAL: state.Annual.AAL, AALError: state.Annual.AALStdErr, SD: state.Annual.SD}
	f.OEP = points(state.Curve(metrics.OEP, report.Headline()), report.Confidence)
	f.AEP = points(state.Curve(metrics.AEP, report.Headline()), report.Confidence)
	for i := range r.Report.Summaries {
		s := &r.Report.Summaries[i]
		if s.Summary.Level == loss.ByCounty {
			w := weight(s.Summary.Key)
			f.Counties = append(f.Counties, Part{s.Summary.Key, s.Summary.Name, w * s.Summary.TIV, w * s.Perspectives[loss.GroundUp].Annual.AAL})
		}
	}
	f.Classes = classes(r.Table, p, weight)
	annual := annualLosses(table)
	for _, years := range plan.BatchYears {
		f.Batches = append(f.Batches, Batches{years, batchMeans(annual, years)})
	}
	return f
}

func points(c *metrics.Curve, confidence float64) []Point {
	list := []Point{}
	z := fmath.NormQuantile(0.5 + 0.5*confidence)
	for _, p := range c.Points {
		if !p.Available {
			continue
		}
		next := Point{Years: p.ReturnPeriod, Loss: p.Loss, TVaR: p.TVaR, Open: p.LossBand.Unbounded}
		if !next.Open {
			next.BandError = (p.LossBand.High - p.LossBand.Low) / (2 * z)
		}
		list = append(list, next)
	}
	return list
}

// classes adds up the accounts, each of which is one house, by archetype.
func classes(t *loss.Table, p *exposure.Portfolio, weight func(fips string) float64) []Part {
	houses := map[string]*exposure.Location{}
	for i := range p.Locations {
		l := &p.Locations[i]
		houses[l.PortNumber+"/"+l.AccNumber] = l
	}
	var list []Part
	for _, a := range Archetypes() {
		list = append(list, Part{Key: a.Name, Name: a.Name})
	}
	draws := float64(t.Years) * float64(t.Width())
	for _, a := range t.Accounts { // sorted by key: the sums are the same in every run
		l := houses[a.Summary.Key]
		if l == nil {
			panic("benchlab: account " + a.Summary.Key + " is none of the reference portfolio")
		}
		w := weight(l.CountyFIPS)
		for i, kind := range Archetypes() {
			if kind.Construction == l.ConstructionCode && kind.YearBuilt == l.YearBuilt {
				list[i].TIV += float64(w * a.Summary.TIV)
				list[i].AAL += float64(w * a.Sum[loss.GroundUp] / draws)
			}
		}
	}
	return list
}

// weigh is the table of one summary, the state, whose ground-up loss in every event and draw is that of the counties times
// their weights.
func weigh(t *loss.Table, weights map[string]float64) *loss.Table {
	width := t.Width()
	out := &loss.Table{Years: t.Years, Samples: t.Samples, Events: t.Events, Summaries: []loss.Summary{{Level: loss.ByPortfolio}}}
	for _, s := range t.Summaries {
		if s.Level == loss.ByCounty {
			out.Summaries[0].TIV += float64(weights[s.Key] * s.TIV)
		}
	}
	for row, event := range t.RowEvent {
		s := &t.Summaries[t.RowSummary[row]]
		if s.Level != loss.ByCounty {
			continue
		}
		if n := len(out.RowEvent); n == 0 || out.RowEvent[n-1] != event {
			out.RowEvent, out.RowSummary = append(out.RowEvent, event), append(out.RowSummary, 0)
			out.Loss[loss.GroundUp] = append(out.Loss[loss.GroundUp], make([]float64, width)...)
		}
		sum := out.Loss[loss.GroundUp][len(out.Loss[loss.GroundUp])-width:]
		for j, x := range t.Loss[loss.GroundUp][row*width : (row+1)*width] {
			sum[j] += float64(weights[s.Key] * x)
		}
	}
	out.Footprint = make([]float64, len(out.RowEvent)) // what only the result tables want
	out.Impacted = make([]float64, len(out.RowEvent)*width)
	out.Loss[loss.Gross] = out.Loss[loss.GroundUp] // no terms
	return out
}

// annualLosses are the losses of the first summary by year, the mean over draws.
func annualLosses(t *loss.Table) []float64 {
	annual := make([]float64, t.Years)
	width := t.Width()
	for row, event := range t.RowEvent {
		if t.RowSummary[row] != 0 {
			continue
		}
		sum := 0.0
		for _, x := range t.Loss[loss.GroundUp][row*width : (row+1)*width] {
			sum += x
		}
		annual[t.Events[event].Year-1] += sum / float64(width)
	}
	return annual
}

func batchMeans(annual []float64, years int) []float64 {
	means := []float64{}
	for first := 0; first+years <= len(annual); first += years {
		means = append(means, mean(annual[first:first+years]))
	}
	return means
}

func mean(list []float64) float64 {
	sum := 0.0
	for _, x := range list {
		sum += x
	}
	return sum / float64(len(list))
}

// deviation is the sample standard deviation, of n − 1.
func deviation(list []float64) float64 {
	m, squares := mean(list), 0.0
	for _, x := range list {
		squares += float64((x - m) * (x - m))
	}
	return math.Sqrt(squares / float64(len(list)-1))
}
