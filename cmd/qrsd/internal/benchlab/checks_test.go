package benchlab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// sound is a set of replicates drawn so that all checks hold: normal figures, Poisson landfalls at the record's rates,
// quantities like the record's.
type sound struct {
	plan       *Plan
	digest     string
	replicates []*Replicate
	identity   *Identity
}

func newSound(t testing.TB) *sound {
	t.Helper()
	p, err := NewPlan(florida(t), PlanOptions{Profile: Record, MasterSeed: 3})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := Digest(p)
	if err != nil {
		t.Fatal(err)
	}
	s := &sound{plan: p, digest: digest}
	program := Program{Go: "go1.26.0", Platform: "linux/amd64", Commit: "0123abcd", SHA256: "sha256:77"}
	for i := range K {
		s.replicates = append(s.replicates, soundReplicate(florida(t).Record, p, digest, i, program))
	}
	s.identity = &Identity{Plan: digest, Program: program, Spec: p.Spec(0)}
	s.identity.Spec.Years = p.IdentityYears
	for _, kind := range []identityKind{reference, otherCores, otherOrder} {
		s.identity.Runs = append(s.identity.Runs, IdentityRun{string(kind), kind, p.Exposure[Equal], map[string]string{"a": "1", "b": "2"}})
	}
	return s
}

// relative standard deviations of the sound figures between replicates of 50,000 years.
const (
	soundAAL  = 0.013
	soundTail = 0.03
)

func soundReplicate(record *hazard.Record, p *Plan, digest string, i int, program Program) *Replicate {
	draw := rng.New(11).Derive(uint64(i)).Stream()
	r := &Replicate{
		Plan: digest, Number: i + 1, Engine: p.Engine, Model: p.Model, Portfolio: p.Exposure[Equal], Spec: p.Spec(i), Program: program,
		Tables: map[string]string{"gu_selt": fmt.Sprint("sha256:", i)}, Figures: map[Variant]*LossFigures{},
		Landfalls: &Landfalls{Years: p.Years}, Cost: Cost{Seconds: 40, MemoryBytes: 600 << 20},
	}
	for _, v := range Variants() {
		r.Figures[v] = soundFigures(p, draw)
	}
	for _, region := range append(regions(), hazard.StateRegion) {
		years := float64(p.Years) / float64(record.Years())
		all, major := float64(record.Hits(region, false))*years, max(0.2, float64(record.Hits(region, true)))*years
		r.Landfalls.Coasts = append(r.Landfalls.Coasts, Coast{region, draw.Poisson(all), draw.Poisson(major)})
	}
	r.Landfalls.Storms = draw.Poisson(30_000)
	r.Landfalls.Annual[0] = p.Years
	for _, q := range quantities(record) {
		r.Landfalls.Quantities = append(r.Landfalls.Quantities, against(q.name, q.record, q.record))
	}
	for range 16 {
		r.Gusts = append(r.Gusts, CityGusts{City: "city", Gust: []float64{30, 35, 40, 45, 60, 70}})
	}
	return r
}

func soundFigures(p *Plan, draw *rng.Stream) *LossFigures {
	f := &LossFigures{AAL: 100 * (1 + soundAAL*draw.Normal()), AALError: 100 * soundAAL, SD: 290}
	for _, years := range p.ReturnPeriods {
		loss := 100 * years * (1 + soundTail*draw.Normal())
		f.OEP = append(f.OEP, Point{Years: years, Loss: loss, TVaR: 2 * loss})
		loss = 110 * years * (1 + soundTail*draw.Normal())
		f.AEP = append(f.AEP, Point{Years: years, Loss: loss, TVaR: 2 * loss, BandError: 110 * years * soundTail})
	}
	for i, name := range []string{"Miami-Dade", "Polk", "Nassau"} {
		f.Counties = append(f.Counties, Part{Key: fmt.Sprint(12001 + i), Name: name, TIV: 1000, AAL: []float64{10, 8, 1}[i] * (1 + 0.05*draw.Normal())})
	}
	for _, a := range p.Archetypes {
		f.Classes = append(f.Classes, Part{a.Name, a.Name, 1000, 5})
	}
	for _, years := range p.BatchYears {
		b := Batches{Years: years}
		for range p.Years / years {
			b.Means = append(b.Means, 100+2900*draw.Normal()/sqrt(years))
		}
		f.Batches = append(f.Batches, b)
	}
	return f
}

func sqrt(n int) float64 {
	x := float64(n)
	for range 60 {
		x = (x + float64(n)/x) / 2
	}
	return x
}

// verdicts judges and lists what did not pass: "id: cause".
func (s *sound) verdicts(t testing.TB) (map[string]Check, *Evaluation) {
	t.Helper()
	e, err := judge(s.plan, s.digest, florida(t).Record, s.replicates, s.identity)
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]Check{}
	for _, c := range e.Checks {
		if c.ID == "" || c.Name == "" || c.Limit == "" || c.Found == "" || (c.Cause == "") != (c.Verdict == Pass) {
			t.Errorf("check without words: %+v", c)
		}
		if c.Verdict != Pass {
			bad[c.ID] = c
		}
	}
	return bad, e
}

// eachVariant changes both variants of every replicate.
func (s *sound) eachVariant(change func(i int, f *LossFigures)) {
	for i, r := range s.replicates {
		for _, v := range Variants() {
			change(i, r.Figures[v])
		}
	}
}

// planted are failures, one a line, and what must be said of them: by the checks named and by no other.
var planted = []struct {
	name  string
	plant func(s *sound)
	ids   []string // without suffix of the variant
	cause string   // in that of the first
}{
	{"one seed twice", func(s *sound) { s.plan.Seeds[4] = s.plan.Seeds[9] }, []string{"independent-seeds"}, "repeat"},
	{"one result twice", func(s *sound) { s.replicates[4].Tables = s.replicates[9].Tables }, []string{"independent-seeds"}, "repeat"},
	{"two programs", func(s *sound) { s.replicates[3].Program.SHA256 = "sha256:78" }, []string{"one-program"}, "different programs"},
	{"the comparison by another program", func(s *sound) { s.identity.Program.Go = "go1.27.0" }, []string{"one-program"}, "different programs"},
	{"a changed work tree", func(s *sound) { s.eachProgram(func(p *Program) { p.Modified = true }) }, []string{"one-program"}, "clean work tree"},
	{"no commit", func(s *sound) { s.eachProgram(func(p *Program) { p.Commit = "" }) }, []string{"one-program"}, "clean work tree"},
	{"clustered landfalls", func(s *sound) {
		for i, r := range s.replicates {
			r.Landfalls.Storms += 600 * (i%2*2 - 1)
		}
	}, []string{"landfall-dispersion"}, "spread more"},
	{"replicates with one catalogue", func(s *sound) {
		for _, r := range s.replicates {
			r.Landfalls.Storms = 30_000
		}
	}, []string{"landfall-dispersion"}, "share random numbers"},
	{"years that depend on one another", func(s *sound) {
		s.eachVariant(func(i int, f *LossFigures) {
			for _, b := range f.Batches {
				for k := range b.Means {
					b.Means[k] += 40 * float64(i%3-1) // a share that no number of years averages out
				}
			}
		})
	}, []string{"convergence"}, "more slowly"},
	{"the error falls too fast", func(s *sound) {
		s.eachVariant(func(_ int, f *LossFigures) {
			for _, b := range f.Batches {
				for k, x := range b.Means {
					b.Means[k] = 100 + (x-100)*20/sqrt(b.Years)
				}
			}
		})
	}, []string{"convergence"}, "falls faster"},
	{"a run's own error is half of what it is", func(s *sound) { s.eachVariant(func(_ int, f *LossFigures) { f.AALError /= 2 }) },
		[]string{"coverage"}, "too small"},
	{"AAL not converged", func(s *sound) {
		s.eachVariant(func(i int, f *LossFigures) { f.AAL += 8 * float64(i%2*2-1); f.AALError = 8 })
	}, []string{"state-aal"}, "more years are needed"},
	{"100-year loss not converged", func(s *sound) {
		s.eachVariant(func(i int, f *LossFigures) { at(f.OEP, 100).Loss *= 1 + 0.13*float64(i%2*2-1) })
	}, []string{"oep-100"}, "more years are needed"},
	{"250-year loss not converged", func(s *sound) {
		s.eachVariant(func(i int, f *LossFigures) { at(f.OEP, 250).Loss *= 1 + 0.25*float64(i%2*2-1) })
	}, []string{"oep-250"}, "more years are needed"},
	{"too short for a 250-year loss", func(s *sound) {
		s.eachVariant(func(_ int, f *LossFigures) {
			f.OEP = slices.DeleteFunc(f.OEP, func(p Point) bool { return p.Years == 250 })
		})
	}, []string{"oep-250"}, "too short"},
	{"a county beyond its limit", func(s *sound) {
		s.eachVariant(func(i int, f *LossFigures) { f.Counties[1].AAL *= 1 + 0.4*float64(i%2*2-1) })
	}, []string{"county-aal", "county-aal-target"}, "Polk"},
	{"a county beyond its target", func(s *sound) {
		s.eachVariant(func(i int, f *LossFigures) { f.Counties[1].AAL *= 1 + 0.2*float64(i%2*2-1) })
	}, []string{"county-aal-target"}, "Polk"},
	{"a county without loss that is not of low impact", func(s *sound) {
		s.plan.Limits.LowImpact = 0
		s.eachVariant(func(_ int, f *LossFigures) { f.Counties[2].AAL = 0 })
	}, []string{"county-aal", "county-aal-target"}, "Nassau"},
	{"too few hurricanes on a coast", func(s *sound) { s.eachCoast("NW", func(c *Coast) { c.All /= 2 }) }, []string{"rate-nw"}, "fewer hurricanes"},
	{"too many on a coast", func(s *sound) { s.eachCoast("SW", func(c *Coast) { c.All = c.All * 3 / 2 }) }, []string{"rate-sw"}, "more hurricanes"},
	{"too many majors", func(s *sound) { s.eachCoast("SE", func(c *Coast) { c.Major *= 2 }) }, []string{"rate-se-major"}, "more major"},
	{"majors where the record has none", func(s *sound) { s.eachCoast("NE", func(c *Coast) { c.Major = 3000 }) }, []string{"rate-ne-major"}, "more major"},
	{"no majors at all", func(s *sound) { s.eachCoast("NW", func(c *Coast) { c.Major = 0 }) }, []string{"rate-nw-major"}, "fewer major"},
	{"too few majors in the southwest", func(s *sound) { s.eachCoast("SW", func(c *Coast) { c.Major /= 4 }) }, []string{"rate-sw-major"}, "fewer major"},
	{"too few in the southeast", func(s *sound) { s.eachCoast("SE", func(c *Coast) { c.All /= 2 }) }, []string{"rate-se"}, "fewer hurricanes"},
	{"none in the northeast", func(s *sound) { s.eachCoast("NE", func(c *Coast) { c.All = 0 }) }, []string{"rate-ne"}, "fewer hurricanes"},
	{"pressures too low", func(s *sound) { s.shift(0, -15) }, []string{"goodness-central-pressure"}, "distributed otherwise"},
	{"storms too fast", func(s *sound) { s.shift(1, 2) }, []string{"goodness-translation-speed"}, "distributed otherwise"},
	{"storms turned", func(s *sound) { s.shift(2, 40) }, []string{"goodness-heading"}, "distributed otherwise"},
	{"the seed decides", func(s *sound) { at(s.replicates[1].Figures[Equal].OEP, 100).Loss *= 1.2 }, []string{"seed"}, "seed decides"},
	{"bands too narrow", func(s *sound) { s.eachVariant(func(_ int, f *LossFigures) { at(f.AEP, 250).BandError /= 2 }) },
		[]string{"order-statistic-250"}, "too narrow"},
	{"bands too wide", func(s *sound) { s.eachVariant(func(_ int, f *LossFigures) { at(f.AEP, 500).BandError *= 2 }) },
		[]string{"order-statistic-500"}, "too wide"},
	{"a band without upper limit", func(s *sound) { at(s.replicates[7].Figures[Equal].AEP, 500).Open = true }, []string{"order-statistic-500"}, "too short"},
	{"another table with two processors", func(s *sound) { s.identity.Runs[1].Tables = map[string]string{"a": "1", "b": "3"} }, []string{"same-bits-cores"}, ": b:"},
	{"a table less with two processors", func(s *sound) { s.identity.Runs[1].Tables = map[string]string{"a": "1"} }, []string{"same-bits-cores"}, ": b:"},
	{"a table more in another order", func(s *sound) { s.identity.Runs[2].Tables = map[string]string{"a": "1", "b": "2", "c": "3"} }, []string{"same-bits-order"}, ": c:"},
	{"another portfolio in another order", func(s *sound) { s.identity.Runs[2].Portfolio = "sha256:00" }, []string{"same-bits-order"}, "portfolio"},
	{"no comparison of orders", func(s *sound) { s.identity.Runs = s.identity.Runs[:2] }, []string{"same-bits-order"}, "not made"},
	{"no tables compared", func(s *sound) {
		for i := range s.identity.Runs {
			s.identity.Runs[i].Tables = map[string]string{}
		}
	}, []string{"same-bits-cores", "same-bits-order"}, "not made"},
}

func (s *sound) eachProgram(change func(*Program)) {
	for _, r := range s.replicates {
		change(&r.Program)
	}
	change(&s.identity.Program)
}

func (s *sound) eachCoast(region string, change func(*Coast)) {
	for _, r := range s.replicates {
		for i := range r.Landfalls.Coasts {
			if r.Landfalls.Coasts[i].Region == region {
				change(&r.Landfalls.Coasts[i])
			}
		}
	}
}

// shift moves all modelled values of a quantity.
func (s *sound) shift(which int, by float64) {
	m, err := openFlorida()
	if err != nil {
		panic(err)
	}
	q := quantities(m.Record)[which]
	moved := slices.Clone(q.record)
	for i := range moved {
		moved[i] += by
	}
	for _, r := range s.replicates {
		r.Landfalls.Quantities[which] = against(q.name, q.record, moved)
	}
}

// TestEveryCheckCanFail: a sound set passes all checks; each planted failure fails those that look at it, with the cause
// in words, and no other. Every check has a planted failure.
func TestEveryCheckCanFail(t *testing.T) {
	bad, e := newSound(t).verdicts(t)
	if len(bad) > 0 || !e.Passed {
		t.Fatalf("a sound set: %+v", bad)
	}
	if n := len(e.Counties); n != 3 || !e.Counties[2].LowImpact || e.Counties[0].LowImpact {
		t.Errorf("counties %+v, want Nassau alone of low impact", e.Counties)
	}
	untried := map[string]bool{}
	for _, c := range e.Checks {
		untried[c.ID] = true
	}
	if len(untried) != len(e.Checks) {
		t.Errorf("%d checks have %d names", len(e.Checks), len(untried))
	}
	for _, x := range planted {
		t.Run(x.name, func(t *testing.T) {
			s := newSound(t)
			x.plant(s)
			bad, e := s.verdicts(t)
			failed := false
			for id, c := range bad {
				delete(untried, id)
				if !slices.ContainsFunc(x.ids, func(want string) bool {
					return id == want || id == want+"-"+string(Equal) || id == want+"-"+string(Population)
				}) {
					t.Errorf("also %s: %s %s", id, c.Found, c.Cause)
				}
				if strings.HasPrefix(id, x.ids[0]) && !strings.Contains(c.Cause, x.cause) {
					t.Errorf("%s: cause %q does not say %q", id, c.Cause, x.cause)
				}
				failed = failed || c.Verdict == Fail
			}
			if len(bad) < len(x.ids) {
				t.Errorf("only %v did not pass, want %v", slices.Sorted(maps.Keys(bad)), x.ids)
			}
			if e.Passed == failed {
				t.Errorf("passed %v with a failure %v", e.Passed, failed)
			}
		})
	}
	for id := range untried {
		t.Errorf("check %s has no planted failure", id)
	}
}

// TestTargetDecidesNothing: a missed target is no failure.
func TestTargetDecidesNothing(t *testing.T) {
	s := newSound(t)
	s.eachVariant(func(i int, f *LossFigures) { f.Counties[1].AAL *= 1 + 0.2*float64(i%2*2-1) })
	bad, e := s.verdicts(t)
	if bad["county-aal-target"].Verdict != Missed || !e.Passed {
		t.Errorf("%+v, passed %v", bad, e.Passed)
	}
}

// TestLowImpact: a county of low impact is held to no limit and counted apart; where all are, nothing was examined.
func TestLowImpact(t *testing.T) {
	s := newSound(t)
	s.eachVariant(func(i int, f *LossFigures) { f.Counties[2].AAL *= 1 + 0.9*float64(i%2*2-1) })
	bad, e := s.verdicts(t)
	if len(bad) > 0 || e.Counties[2].AAL.Share < 0.1 {
		t.Errorf("Nassau has a standard error of %g: %+v", e.Counties[2].AAL.Share, bad)
	}
	for _, c := range e.Checks {
		if c.ID == "county-aal" && !strings.HasPrefix(c.Found, "2 counties") {
			t.Errorf("%s", c.Found)
		}
	}
	s.plan.Limits.LowImpact = 10
	if bad, _ := s.verdicts(t); bad["county-aal"].Verdict != Fail {
		t.Errorf("all counties of low impact: %+v", bad)
	}
}
