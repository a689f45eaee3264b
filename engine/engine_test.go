package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
)

// run runs a spec over a portfolio or ends the test.
func run(t testing.TB, p *exposure.Portfolio, s engine.Spec, opt engine.Options) *engine.Result {
	t.Helper()
	r, err := engine.Run(t.Context(), florida(t), p, s, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameDigests names the tables whose digests differ.
func sameDigests(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if len(want) < 10 {
		t.Fatalf("digests of %d tables", len(want))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s: table %s has digest %.12s, want %.12s", what, name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d tables, want %d", what, len(got), len(want))
	}
}

// TestWorkersAndOrder: neither the number of goroutines nor the order of rows in the files moves a bit of any table.
func TestWorkersAndOrder(t *testing.T) {
	p := sample(t, nil)
	for _, s := range []engine.Spec{spec(), {Years: 70, Seed: 9, Correlation: loss.DefaultCorrelation()}} {
		one := run(t, p, s, engine.Options{Workers: 1})
		if len(one.Table.Events) < s.Years/10 || one.SiteEvents == 0 {
			t.Fatalf("%d events in %d years", len(one.Table.Events), s.Years)
		}
		want := digests(one)
		for _, workers := range []int{2, 5, 0} {
			sameDigests(t, fmt.Sprintf("%d workers", workers), digests(run(t, p, s, engine.Options{Workers: workers})), want)
		}
		if testing.Short() { // under the race detector: the order of rows is nothing that goroutines share
			continue
		}
		for seed := range uint64(2) {
			shuffled := sample(t, rand.New(rand.NewPCG(seed, 7)))
			r := run(t, shuffled, s, engine.Options{})
			sameDigests(t, "rows in another order", digests(r), want)
			if r.Portfolio != one.Portfolio {
				t.Errorf("rows in another order: portfolio digest %x, want %x", r.Portfolio, one.Portfolio)
			}
		}
	}
}

// TestEveryYearOnce: the blocks hold each year of the catalogue once, in order, whatever their number.
func TestEveryYearOnce(t *testing.T) {
	p, m := sample(t, nil), florida(t)
	sites, err := loss.NewSites(p, m.Ground, m.Curves, windfield.Standard())
	if err != nil {
		t.Fatal(err)
	}
	for _, years := range []int{1, 2, 63, 65, 130} {
		s := spec()
		s.Years = years
		kernel := loss.NewKernel(sites, hazard.NewCatalog(m.Climate, m.Ground, s.Seed), loss.Draw{Samples: s.Samples, Seed: s.Seed, Correlation: s.Correlation})
		partial, b := kernel.Begin(), loss.NewBuilder(sites, years, loss.Draw{Samples: s.Samples})
		for year := 1; year <= years; year++ {
			kernel.Year(year, partial)
		}
		b.Add(partial)
		r, table := run(t, p, s, engine.Options{Workers: 2}), b.Table()
		if !slices.Equal(r.Table.Events, table.Events) || !slices.Equal(r.Table.Loss[loss.Gross], table.Loss[loss.Gross]) {
			t.Errorf("%d years: %d events in blocks, %d in one go, or other losses", years, len(r.Table.Events), len(table.Events))
		}
		if r.SiteEvents != kernel.SiteEvents() {
			t.Errorf("%d years: %d site-events in blocks, %d in one go", years, r.SiteEvents, kernel.SiteEvents())
		}
	}
}

// TestWhatMovesResults is the contrary: what is part of the spec does.
func TestWhatMovesResults(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector: these are the runs of TestWorkersAndOrder with other numbers")
	}
	p := sample(t, nil)
	want := digests(run(t, p, spec(), engine.Options{}))
	for _, x := range []struct {
		name   string
		change func(*engine.Spec)
	}{
		{"seed", func(s *engine.Spec) { s.Seed++ }},
		{"years", func(s *engine.Spec) { s.Years-- }},
		{"samples", func(s *engine.Spec) { s.Samples++ }},
		{"correlation", func(s *engine.Spec) { s.Correlation.Local += 0.1 }},
	} {
		s := spec()
		x.change(&s)
		if got := digests(run(t, p, s, engine.Options{})); got["gu_selt"] == want["gu_selt"] || got["gr_aal"] == want["gr_aal"] {
			t.Errorf("another %s gives the same event losses or AAL", x.name)
		}
	}
}

// TestProgress: years are counted to their end, and never more than there are.
func TestProgress(t *testing.T) {
	var mu sync.Mutex
	var stages []string
	most, siteEvents := 0, int64(0)
	r := run(t, sample(t, nil), spec(), engine.Options{Workers: 2, Progress: func(p engine.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if len(stages) == 0 || stages[len(stages)-1] != p.Stage {
			stages = append(stages, p.Stage)
		}
		if p.Done > p.All {
			t.Errorf("%d of %d done", p.Done, p.All)
		}
		if p.Stage == "years" {
			most, siteEvents = max(most, p.Done), max(siteEvents, p.SiteEvents)
		}
	}})
	if want := []string{"sites", "years", "figures"}; !slices.Equal(stages, want) {
		t.Errorf("stages %q, want %q", stages, want)
	}
	if most != r.Spec.Years || siteEvents != r.SiteEvents {
		t.Errorf("progress ended at year %d and %d site-events, the run at %d and %d", most, siteEvents, r.Spec.Years, r.SiteEvents)
	}
}

// TestCancel stops a run in its years: it returns the context's error after no more than the years in hand, and
// leaves no goroutine.
func TestCancel(t *testing.T) {
	const workers = 3
	p, m := sample(t, nil), florida(t)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := spec()
	s.Years = 100_000 // a minute, if it were not stopped
	var after atomic.Int64
	_, err := engine.Run(ctx, m, p, s, engine.Options{Workers: workers, Progress: func(p engine.Progress) {
		if ctx.Err() != nil {
			after.Add(1)
		}
		if p.Stage == "years" && p.Done >= 20 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if n := after.Load(); n > workers {
		t.Errorf("%d years were finished after the run was stopped, by %d workers", n, workers)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines after the run, %d before", n, before)
	}
}

// TestCancelledBefore: a run that is stopped before it begins computes no year.
func TestCancelledBefore(t *testing.T) {
	reason := errors.New("the appliance is shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	years := 0
	_, err := engine.Run(ctx, florida(t), sample(t, nil), spec(), engine.Options{Workers: 1, Progress: func(p engine.Progress) {
		if p.Stage == "years" {
			years++
		}
	}})
	if !errors.Is(err, reason) && !errors.Is(err, context.Canceled) || years > 0 {
		t.Errorf("%v after %d years, want the context's error after none", err, years)
	}
}

// memory keeps blocks, and fails from a given save on.
type memory struct {
	mu     sync.Mutex
	blocks map[int][]byte
	saved  []int // in the order of Save
	room   int   // saves until it fails; negative: it never does
}

var errFull = errors.New("no space left")

func newMemory(room int) *memory { return &memory{blocks: map[int][]byte{}, room: room} }

// Load implements engine.BlockStore.
func (m *memory) Load(block int) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blocks[block]
}

// Save implements engine.BlockStore.
func (m *memory) Save(block int, partial []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.room == 0 {
		return errFull
	}
	m.room--
	m.blocks[block] = bytes.Clone(partial)
	m.saved = append(m.saved, block)
	return nil
}

// TestResume breaks a run off when its store is full and goes on with what was kept: the same tables, and
// only the missing blocks are computed.
func TestResume(t *testing.T) {
	p, m := sample(t, nil), florida(t)
	whole := run(t, p, spec(), engine.Options{})
	want := digests(whole)
	complete := newMemory(-1)
	sameDigests(t, "with a store", digests(run(t, p, spec(), engine.Options{Blocks: complete})), want)
	all := len(complete.blocks)
	if all < 10 {
		t.Fatalf("%d blocks", all)
	}
	for _, room := range []int{0, 1, 17, all - 1} {
		store := newMemory(room)
		_, err := engine.Run(t.Context(), m, p, spec(), engine.Options{Workers: 2, Blocks: store})
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "keeping block") {
			t.Fatalf("room for %d blocks: %v, want %v and which block", room, err, errFull)
		}
		if len(store.saved) != room {
			t.Fatalf("room for %d blocks: %d kept", room, len(store.saved))
		}
		store.room, store.saved = -1, nil
		r := run(t, p, spec(), engine.Options{Workers: 2, Blocks: store})
		sameDigests(t, fmt.Sprintf("resumed from %d blocks", room), digests(r), want)
		if len(store.saved) != all-room {
			t.Errorf("resumed from %d of %d blocks: %d computed", room, all, len(store.saved))
		}
		if room > 0 && r.SiteEvents >= whole.SiteEvents {
			t.Errorf("resumed from %d blocks: %d site-events computed, as many as in a whole run", room, r.SiteEvents)
		}
	}
	// and from all blocks: nothing is computed
	complete.saved = nil
	r := run(t, p, spec(), engine.Options{Blocks: complete})
	sameDigests(t, "resumed from all blocks", digests(r), want)
	if len(complete.saved) != 0 || r.SiteEvents != 0 {
		t.Errorf("resumed from all blocks: %d computed, %d site-events", len(complete.saved), r.SiteEvents)
	}
}

// TestDamagedBlock: a kept block that is not whole is computed again, it alone.
func TestDamagedBlock(t *testing.T) {
	p := sample(t, nil)
	kept := newMemory(-1)
	want := digests(run(t, p, spec(), engine.Options{Blocks: kept}))
	for _, x := range []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"one bit", func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 4; return b }},
		{"cut off", func(b []byte) []byte { return b[:len(b)-9] }},
		{"empty", func([]byte) []byte { return []byte{} }},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }},
	} {
		store := newMemory(-1)
		maps.Copy(store.blocks, kept.blocks)
		store.blocks[5] = x.damage(kept.blocks[5])
		sameDigests(t, "block 5 damaged: "+x.name, digests(run(t, p, spec(), engine.Options{Blocks: store})), want)
		if !slices.Equal(store.saved, []int{5}) || !bytes.Equal(store.blocks[5], kept.blocks[5]) {
			t.Errorf("block 5 damaged: %s: blocks %v computed again, want 5 alone, with the bytes of before", x.name, store.saved)
		}
	}
}

// TestScenario: one storm with the mean alone and with many samples agree in the mean of the ground-up loss.
func TestScenario(t *testing.T) {
	p := sample(t, nil)
	s := engine.Spec{Years: 1, Seed: 3, Correlation: loss.DefaultCorrelation(), Scenario: scenario(t, "AL092022")}
	mean := run(t, p, s, engine.Options{})
	s.Samples = engine.MaxSamples
	sampled := run(t, p, s, engine.Options{})
	for i, want := range mean.Report.Summaries {
		got := sampled.Report.Summaries[i]
		a, b := want.Perspectives[loss.GroundUp].Annual, got.Perspectives[loss.GroundUp].Annual
		if a.AAL < 1e-4*want.Summary.TIV {
			continue // damage so rare that a thousand draws may hold none
		}
		if e := b.SD / math.Sqrt(engine.MaxSamples); math.Abs(a.AAL-b.AAL) > 4.5*e {
			t.Errorf("%s %s: mean of samples %.0f, mean alone %.0f, error %.0f", want.Summary.Level, want.Summary.Key, b.AAL, a.AAL, e)
		}
		if want.Summary.Level == loss.ByPortfolio && !(a.AAL > 0 && b.SD > 0 && a.SD == 0) {
			t.Errorf("portfolio: loss %v, sd %v without samples and %v with", a.AAL, a.SD, b.SD)
		}
	}
	if len(mean.Table.Events) != 1 || mean.Table.Events[0].Month != 9 || mean.Table.Events[0].Day != 28 {
		t.Errorf("events %+v, want one on 28 September", mean.Table.Events)
	}
	sameDigests(t, "scenario on 4 workers", digests(run(t, p, s, engine.Options{Workers: 4})), digests(sampled))
}

// TestSpecCheck: what cannot be run is refused with the field, its value and its bounds, before anything is computed.
func TestSpecCheck(t *testing.T) {
	m, p := florida(t), sample(t, nil)
	if s := spec(); s.Check() != nil {
		t.Error(s.Check())
	}
	for _, x := range []struct {
		change func(*engine.Spec)
		says   []string
	}{
		{func(s *engine.Spec) { s.Years = 0 }, []string{"years 0", "1 to"}},
		{func(s *engine.Spec) { s.Years = -4 }, []string{"years -4"}},
		{func(s *engine.Spec) { s.Years = hazard.MaxYears + 1 }, []string{"years 8388609", "8388608"}},
		{func(s *engine.Spec) { s.Samples = -1 }, []string{"samples -1", "0"}},
		{func(s *engine.Spec) { s.Samples = 1001 }, []string{"samples 1001", "1000"}},
		{func(s *engine.Spec) { s.Correlation.Event = 1.5 }, []string{"correlation", "event 1.5", "1"}},
		{func(s *engine.Spec) { s.Correlation.Local = math.NaN() }, []string{"correlation", "local NaN"}},
		{func(s *engine.Spec) { s.ReturnPeriods = []float64{100, 0} }, []string{"return period 0", "at least 1"}},
		{func(s *engine.Spec) { s.ReturnPeriods = []float64{math.Inf(1)} }, []string{"return period +Inf"}},
		{func(s *engine.Spec) { s.Scenario = scenario(t, "AL092022") }, []string{"years 300", "scenario"}},
	} {
		s := spec()
		x.change(&s)
		stages := 0
		_, err := engine.Run(t.Context(), m, p, s, engine.Options{Progress: func(engine.Progress) { stages++ }})
		if err == nil || stages > 0 {
			t.Errorf("%q: %v after %d stages, want an error before the first", x.says, err, stages)
			continue
		}
		for _, word := range x.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v: does not say %q", err, word)
			}
		}
	}
}
