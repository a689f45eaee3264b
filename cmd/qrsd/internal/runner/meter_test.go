package runner

import (
	"fmt"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// TestMeter: the feed hears of each stage at once and of progress within it now and then; rate and time left are of the years that were
// computed, not of those in kept blocks.
func TestMeter(t *testing.T) {
	now, kept := time.Now(), 0
	f := NewFeed(nil)
	m := &meter{feed: f, kept: func() int { return kept }, now: func() time.Time { return now }, event: Event{Tenant: id(1), Run: id(8), State: workspace.Running}}
	latest := func() Event {
		e, _ := f.Latest(id(1), id(8))
		return e
	}
	years := func(done int) { m.progress(engine.Progress{Stage: "years", Done: done, All: 1000}) }
	m.progress(engine.Progress{Stage: "sites"})
	if e := latest(); e.Stage != "sites" {
		t.Errorf("%+v", e)
	}
	kept = 1
	years(500) // a kept block
	if e := latest(); e.Stage != "years" || e.Done != 500 || e.Of != 1000 || e.Rate != 0 {
		t.Errorf("the first of a stage: %+v", e)
	}
	years(501)
	if e := latest(); e.Done != 500 {
		t.Errorf("told at once: %+v", e)
	}
	for done := 502; done <= 600; done++ {
		now = now.Add(tellEvery / 10)
		years(done)
	}
	e := latest()
	if want := 10 / tellEvery.Seconds(); e.Rate < 0.9*want || e.Rate > 1.3*want {
		t.Errorf("%v years a second, want about %v", e.Rate, want)
	}
	if want := time.Duration(float64(1000-e.Done) / e.Rate * float64(time.Second)); e.Left != want {
		t.Errorf("%v left, want %v", e.Left, want)
	}
	m.progress(engine.Progress{Stage: "years", Done: 400, All: 1000}) // late, from another worker
	m.progress(engine.Progress{Stage: "figures", Done: 1000, All: 1000})
	if e := latest(); e.Stage != "figures" || e.Done != 1000 || e.Rate != 0 || e.Left != 0 {
		t.Errorf("%+v", e)
	}
}

// TestForecast: more of anything takes more, more cores less time, and what runs took moves the forecast towards itself, within bounds.
func TestForecast(t *testing.T) {
	base := Size{Locations: 5000, Years: 10_000, Samples: 10}
	f := base.forecast(2, 1)
	for name, more := range map[string]Size{
		"locations": {10_000, 10_000, 10}, "years": {5000, 20_000, 10}, "samples": {5000, 10_000, 20},
	} {
		if g := more.forecast(2, 1); g.Elapsed <= f.Elapsed || g.Memory <= f.Memory || g.Disk <= f.Disk {
			t.Errorf("more %s: %+v, before %+v", name, g, f)
		}
	}
	if g := base.forecast(4, 1); g.Elapsed >= f.Elapsed || g.Memory != f.Memory {
		t.Errorf("more cores: %+v, before %+v", g, f)
	}
	q := &Queue{o: QueueOptions{Cores: 2}, pace: 1}
	q.learn(base, time.Second)
	if g := q.Forecast(base); g != f {
		t.Errorf("a short run says nothing: %+v", g)
	}
	for range 20 {
		q.learn(base, 3*f.Elapsed)
	}
	if g := q.Forecast(base); g.Elapsed < 29*f.Elapsed/10 || g.Elapsed > 3*f.Elapsed || g.Disk != f.Disk {
		t.Errorf("after runs that took three times as long: %+v, before %+v", g, f)
	}
}

// TestGroupMemory: bounds that say nothing are none.
func TestGroupMemory(t *testing.T) {
	for text, want := range map[string]int64{"max\n": 0, "1073741824\n": 1 << 30, "": 0} {
		if got := groupMemory(fileOf(t, "memory.max", text)); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
	if got := totalMemory(fileOf(t, "meminfo", "MemFree: 1 kB\nMemTotal:       24689764 kB\n")); got != 24689764<<10 {
		t.Errorf("%d bytes", got)
	}
}

// TestMeterTellsStages: each stage is told once, when the next begins or the run ends.
func TestMeterTellsStages(t *testing.T) {
	now := time.Unix(1790000000, 0)
	var told []string
	m := &meter{feed: NewFeed(nil), kept: func() int { return 0 }, now: func() time.Time { return now }, event: Event{Tenant: id(1), Run: id(8), State: workspace.Running}}
	m.staged = func(stage string, began time.Time, took time.Duration) {
		told = append(told, fmt.Sprint(stage, " at ", began.Unix()-1790000000, " for ", took))
	}
	for _, stage := range []string{"exposure", "years", "years", "files"} {
		m.progress(engine.Progress{Stage: stage})
		now = now.Add(2 * time.Second)
	}
	m.end()
	if got, want := fmt.Sprint(told), "[exposure at 0 for 2s years at 2 for 4s files at 6 for 2s]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	told = nil
	(&meter{now: m.now, staged: m.staged}).end()
	if len(told) != 0 {
		t.Errorf("of a run without a stage: %v", told)
	}
}
