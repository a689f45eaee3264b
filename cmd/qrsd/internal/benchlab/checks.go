package benchlab

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/evaluation"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Verdict is what became of a check.
type Verdict string

// The verdicts. A missed target is listed and does not fail the protocol; everything else that is no pass does.
const (
	Pass   Verdict = "pass"
	Fail   Verdict = "fail"
	Missed Verdict = "target missed"
)

// Check is one check of the protocol.
type Check struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Limit   string  `json:"limit"`
	Found   string  `json:"found"`
	Verdict Verdict `json:"verdict"`
	Cause   string  `json:"cause,omitempty"` // of what is no pass, in words
}

// judged sets the verdict, and the cause where it is no pass.
func (c Check) judged(ok bool, cause string, args ...any) Check {
	c.Verdict = Pass
	if !ok {
		c.Verdict, c.Cause = Fail, fmt.Sprintf(cause, args...)
	}
	return c
}

// checkDistinct wants K seeds and K results that all differ.
func checkDistinct(seeds []uint64, results []string) Check {
	c := Check{ID: "independent-seeds", Name: "Seeds and results of all replicates differ", Limit: fmt.Sprintf("%d of %d", K, K)}
	c.Found = fmt.Sprintf("%d seeds, %d results", different(seeds), different(results))
	return c.judged(len(seeds) == K && len(results) == K && distinct(seeds) && distinct(results),
		"replicates repeat one another: fewer than %d independent experiments were made, and every interval below is too narrow", K)
}

func different[T comparable](list []T) int {
	seen := map[T]bool{}
	for _, v := range list {
		seen[v] = true
	}
	return len(seen)
}

// checkProgram wants one program and, for a sign-off, one that can be made again from a commit.
func checkProgram(programs []Program, forSignoff bool) Check {
	c := Check{ID: "one-program", Name: "All replicates and comparisons come from one program", Limit: "one program"}
	if forSignoff {
		c.Limit = "one program, built from a commit without changes"
	}
	c.Found = fmt.Sprintf("%d, the first of them %s", different(programs), programs[0].brief())
	if different(programs) != 1 {
		return c.judged(false, "results of different programs were put together; run the plan again in a new folder")
	}
	p := programs[0]
	return c.judged(!forSignoff || p.Commit != "" && !p.Modified,
		"nobody can build this program again: build it from a clean work tree with -buildvcs=true, and run the plan again in a new folder")
}

// checkDispersion holds the landfall totals of the replicates to a Poisson law of one mean.
func checkDispersion(totals []int, leastP float64) Check {
	chi2, p := dispersion(totals)
	c := Check{ID: "landfall-dispersion", Name: "Landfall totals of the replicates are Poisson counts of one mean (chi-square)",
		Limit: fmt.Sprintf("two-sided p > %g", leastP),
		Found: fmt.Sprintf("chi-square %.1f on %d degrees of freedom, p = %.3f", chi2, len(totals)-1, p)}
	why := "the totals spread more than independent Poisson counts do: the rate is not the same in all replicates, or storms come in clusters that the frequency model does not have"
	if chi2 < float64(len(totals)-1) {
		why = "the totals agree better than independent Poisson counts can: replicates share random numbers"
	}
	return c.judged(p > leastP, "%s", why)
}

// Convergence is the spread of mean annual losses over batches of a length.
type Convergence struct {
	Years   int     `json:"years"`
	Batches int     `json:"batches"` // of all replicates
	Error   float64 `json:"standard_error"`
}

// convergence measures the standard deviation of batch means at each length, over all batches of all replicates.
func convergence(of func(r *Replicate) []Batches, replicates []*Replicate) []Convergence {
	var list []Convergence
	for i, b := range of(replicates[0]) {
		var means []float64
		for _, r := range replicates {
			means = append(means, of(r)[i].Means...)
		}
		list = append(list, Convergence{b.Years, len(means), deviation(means)})
	}
	return list
}

// checkSlope wants the standard error to fall with the root of the years.
func checkSlope(list []Convergence, want, margin float64) Check {
	var x, y []float64
	for _, c := range list {
		x, y = append(x, fmath.Log(float64(c.Years))), append(y, fmath.Log(c.Error))
	}
	s := slope(x, y)
	c := Check{ID: "convergence", Name: "Slope of log standard error of the state's AAL on log years",
		Limit: fmt.Sprintf("%g ± %g", want, margin), Found: fmt.Sprintf("%.3f, from %d to %d years", s, list[0].Years, list[len(list)-1].Years)}
	why := "the error falls more slowly than with the root of the years: years of one catalogue depend on one another"
	if s < want {
		why = "the error falls faster than with the root of the years: batches are too few or too short for their mean to be near normal"
	}
	return c.judged(math.Abs(s-want) <= margin, "%s", why)
}

// checkCoverage counts the replicates whose own interval of the average annual loss holds the grand mean.
func checkCoverage(v Variant, values, errs []float64, level float64, least int) Check {
	z, grand, held := fmath.NormQuantile(0.5+level/2), mean(values), 0
	for i, x := range values {
		if math.Abs(x-grand) <= z*errs[i] {
			held++
		}
	}
	c := Check{ID: "coverage-" + string(v), Name: fmt.Sprintf("The replicates' own %g %% intervals of the state's AAL hold the grand mean, %s", 100*level, v),
		Limit: fmt.Sprintf("at least %d of %d", least, len(values)), Found: fmt.Sprintf("%d of %d", held, len(values))}
	return c.judged(held >= least, "the standard error that a single run reports is too small: results of one run are less certain than it says")
}

// checkShare holds the standard error of the pooled replicates, as a share of the mean.
func checkShare(id, name string, values []float64, limit float64) Check {
	c := Check{ID: id, Name: name, Limit: fmt.Sprintf("at most %g %%", 100*limit)}
	if len(values) < 2 {
		c.Found = "none"
		return c.judged(false, "the replicates are too short to have this figure: make a plan of more years")
	}
	i := newInterval(values, 0.05)
	c.Found = fmt.Sprintf("%.2f %% of %s USD", 100*i.Share, money(i.Mean))
	return c.judged(i.Mean > 0 && i.Share <= limit, "sampling error: %d replicates differ by %.1f %% among themselves; more years are needed, about %.1f times as many",
		i.N, 100*i.SD/math.Abs(i.Mean), (i.Share/limit)*(i.Share/limit))
}

// County is a county's average annual loss, pooled.
type County struct {
	FIPS      string   `json:"fips"`
	Name      string   `json:"name"`
	TIV       float64  `json:"tiv"`
	AAL       Interval `json:"aal"`
	LossCost  float64  `json:"loss_cost"`  // AAL over TIV
	LowImpact bool     `json:"low_impact"` // listed apart
}

// checkCounties holds the counties to the limit, and the same counties to the target. Those of low impact are listed
// by the report and held to neither.
func checkCounties(counties []County, target, limit float64) []Check {
	var low int
	above := func(bound float64) (names []string, worst float64) {
		for _, c := range counties {
			if c.LowImpact {
				continue
			}
			worst = max(worst, c.AAL.Share)
			if !(c.AAL.Mean > 0 && c.AAL.Share <= bound) {
				names = append(names, fmt.Sprintf("%s (%.1f %%)", c.Name, 100*c.AAL.Share))
			}
		}
		return names, worst
	}
	for _, c := range counties {
		if c.LowImpact {
			low++
		}
	}
	one := func(id, kind string, bound float64) Check {
		names, worst := above(bound)
		c := Check{ID: id, Name: "Standard error of every county's AAL, " + kind, Limit: fmt.Sprintf("at most %g %%", 100*bound),
			Found: fmt.Sprintf("%d counties, worst %.2f %%; %d of low impact listed apart", len(counties)-low, 100*worst, low)}
		return c.judged(len(names) == 0 && low < len(counties), "sampling error in %s: hurricanes strike there too rarely for these years", listed(names))
	}
	wish := one("county-aal-target", "target", target)
	if wish.Verdict == Fail {
		wish.Verdict = Missed
	}
	return []Check{one("county-aal", "limit", limit), wish}
}

// listed joins the first names, and counts the others.
func listed(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// CoastRate is a landfall rate beside the record.
type CoastRate struct {
	Region   string  `json:"region"`
	Major    bool    `json:"major"`
	Recorded int     `json:"recorded"`
	Record   float64 `json:"record_rate"` // a year
	Low      float64 `json:"low"`         // 95 % interval of the record (Garwood 1936)
	High     float64 `json:"high"`
	Model    float64 `json:"model_rate"`
	Error    float64 `json:"model_standard_error"` // sampling, as a Poisson count
}

// coastRates pools the catalogues, the state last.
func coastRates(record *hazard.Record, replicates []*Replicate) []CoastRate {
	var list []CoastRate
	years := 0
	for _, r := range replicates {
		years += r.Landfalls.Years
	}
	for i, coast := range replicates[0].Landfalls.Coasts {
		for _, major := range []bool{false, true} {
			hits := 0
			for _, r := range replicates {
				if c := r.Landfalls.Coasts[i]; major {
					hits += c.Major
				} else {
					hits += c.All
				}
			}
			list = append(list, newCoastRate(coast.Region, major, record.Hits(coast.Region, major), record.Years(), hits, years))
		}
	}
	return list
}

func newCoastRate(region string, major bool, recorded, recordYears, hits, years int) CoastRate {
	low, high := evaluation.Interval(recorded)
	n := float64(recordYears)
	return CoastRate{region, major, recorded, float64(recorded) / n, low / n, high / n,
		float64(hits) / float64(years), math.Sqrt(float64(hits)) / float64(years)}
}

func (r CoastRate) kind() string {
	if r.Major {
		return "major hurricanes"
	}
	return "hurricanes"
}

// checkRate holds a rate to the interval of the record.
func checkRate(r CoastRate) Check {
	c := Check{ID: strings.ToLower("rate-" + r.Region), Name: fmt.Sprintf("Landfall rate of %s on the %s coast", r.kind(), r.Region),
		Limit: fmt.Sprintf("%.3f to %.3f a year (95 %% of the record's %d)", r.Low, r.High, r.Recorded), Found: fmt.Sprintf("%.4f a year", r.Model)}
	if r.Major {
		c.ID += "-major"
	}
	side := "fewer"
	if r.Model > r.High {
		side = "more"
	}
	return c.judged(r.Model >= r.Low && r.Model <= r.High, "the model has %s %s here than the record allows", side, r.kind())
}

// Goodness is a test of a quantity at first landfall against the record.
type Goodness struct {
	Quantity string  `json:"quantity"`
	Unit     string  `json:"unit"`
	Recorded int     `json:"recorded"`
	Modelled int     `json:"modelled"`
	Distance float64 `json:"ks_distance"`
	P        float64 `json:"p"`
	Adjusted float64 `json:"p_holm"`
}

// goodnessOf pools the catalogues and adjusts the p-values for their number.
func goodnessOf(record *hazard.Record, replicates []*Replicate) []Goodness {
	var list []Goodness
	var p []float64
	for i, q := range quantities(record) {
		var of []Quantity
		for _, r := range replicates {
			of = append(of, r.Landfalls.Quantities[i])
		}
		all := pool(of)
		d := distance(all)
		list = append(list, Goodness{q.name, q.unit, len(q.record), all.N, d, kolmogorov(d, len(q.record)), 0})
		p = append(p, list[i].P)
	}
	for i, a := range holm(p) {
		list[i].Adjusted = a
	}
	return list
}

func checkGoodness(g Goodness, alpha float64) Check {
	c := Check{ID: "goodness-" + strings.ReplaceAll(g.Quantity, " ", "-"),
		Name:  fmt.Sprintf("%s at first landfall fits the record (Kolmogorov-Smirnov, Holm)", sentence(g.Quantity)),
		Limit: fmt.Sprintf("adjusted p > %g", alpha),
		Found: fmt.Sprintf("distance %.3f over %d storms, p = %.3f, adjusted %.3f", g.Distance, g.Recorded, g.P, g.Adjusted)}
	return c.judged(g.Modelled > 0 && g.Adjusted > alpha, "the model's %s at landfall is distributed otherwise than that of the record's %d storms", g.Quantity, g.Recorded)
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// checkSeed looks at what another seed alone does: replicate 2 is replicate 1 with another seed, and the standard
// deviation of such a difference is that of the other replicates times the root of 2.
func checkSeed(oep []float64, moves float64) Check {
	c := Check{ID: "seed", Name: "Another seed alone moves the 100-year OEP no further than sampling error (replicate 2 against 1)",
		Limit: fmt.Sprintf("at most %g standard deviations of a difference", moves)}
	if len(oep) < 4 {
		c.Found = "none"
		return c.judged(false, "the replicates are too short to have a 100-year loss: make a plan of more years")
	}
	s := math.Sqrt2 * deviation(oep[2:])
	d := math.Abs(oep[1]-oep[0]) / s
	c.Found = fmt.Sprintf("%.2f standard deviations: %s after %s USD", d, money(oep[1]), money(oep[0]))
	return c.judged(d <= moves, "the seed decides more than sampling error explains (by chance this is seen in one plan of twenty)")
}

// checkOrderStatistic compares the standard error that a replicate's own band of order statistics stands for with the
// standard deviation between replicates.
func checkOrderStatistic(years float64, points []*Point, margin float64) Check {
	c := Check{ID: fmt.Sprintf("order-statistic-%g", years), Name: fmt.Sprintf("The band of the %g-year AEP in a single run fits the spread between replicates", years),
		Limit: fmt.Sprintf("ratio of standard errors 1 ± %g", margin)}
	var losses []float64
	squares := 0.0
	for _, p := range points {
		if p == nil || p.Open {
			c.Found = "no band"
			return c.judged(false, "the replicates are too short for a band with an upper limit: make a plan of more years")
		}
		losses = append(losses, p.Loss)
		squares += float64(p.BandError * p.BandError)
	}
	ratio := math.Sqrt(squares/float64(len(points))) / deviation(losses)
	c.Found = fmt.Sprintf("ratio %.2f", ratio)
	why := "the bands that a single run reports are too wide"
	if ratio < 1 {
		why = "the bands that a single run reports are too narrow: its tail is less certain than it says"
	}
	return c.judged(math.Abs(ratio-1) <= margin, "%s (or chance: the spread of %d replicates is itself known to about 13 %%)", why, len(points))
}

// checkBits wants the runs of a kind to have the bits of the reference run.
func checkBits(id *Identity, kind identityKind, check, name string) Check {
	c := Check{ID: check, Name: name, Limit: "the same digests of all result tables"}
	want := &id.Runs[0]
	compared := 0
	for i := range id.Runs[1:] {
		run := &id.Runs[1+i]
		if run.Kind != kind {
			continue
		}
		compared++
		if moved := differing(want, run); len(moved) > 0 {
			c.Found = fmt.Sprintf("%d of %d differ", len(moved), len(want.Tables)+1)
			return c.judged(false, "%s against %s: %s: something depends on what must not matter", run.Condition, want.Condition, strings.Join(moved, ", "))
		}
	}
	c.Found = fmt.Sprintf("%d tables the same over %d years", len(want.Tables), id.Spec.Years)
	return c.judged(compared > 0 && want.Kind == reference && len(want.Tables) > 0, "the comparison was not made")
}

// differing names what differs between two runs.
func differing(a, b *IdentityRun) (names []string) {
	if a.Portfolio != b.Portfolio {
		names = append(names, "the portfolio's digest")
	}
	for name, digest := range a.Tables {
		if b.Tables[name] != digest {
			names = append(names, name)
		}
	}
	for name := range b.Tables {
		if _, ok := a.Tables[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// PerThousand is the loss cost per 1,000 of value.
func (c County) PerThousand() float64 { return 1000 * c.LossCost }
