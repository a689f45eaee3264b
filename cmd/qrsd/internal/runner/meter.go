package runner

import (
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/engine"
)

const (
	tellEvery = 500 * time.Millisecond // how often the feed hears of a run's progress within a stage
	rateOver  = 20                     // as many of these are what "of late" means
)

// meter takes a run's progress, as often as the engine says it, and tells the feed now and then. It is safe for many goroutines.
type meter struct {
	feed *Feed
	kept func() int // blocks that were not computed, each of which was one call of progress
	now  func() time.Time
	// staged is told of each stage as it ends, by its name, when it began and how long it took; it must not wait. Nil: nobody is.
	staged func(stage string, began time.Time, took time.Duration)

	mu    sync.Mutex
	began time.Time // of the stage
	event Event     // as it was told last, but for the years
	calls int       // in the stage "years"
	told  []reading
}

// reading is how many years were computed at a time.
type reading struct {
	at    time.Time
	years int
}

// progress is the engine's callback.
func (m *meter) progress(p engine.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.Stage == "years" {
		m.calls++
	}
	m.event.Done, m.event.Of = max(m.event.Done, p.Done), max(m.event.Of, p.All)
	now := m.now()
	fresh := p.Stage != m.event.Stage
	if !fresh && now.Sub(m.told[len(m.told)-1].at) < tellEvery {
		return
	}
	if fresh {
		m.stageEnds(now)
		m.event.Stage, m.told = p.Stage, m.told[:0]
	}
	m.read(now)
	m.feed.Publish(m.event)
}

// end says that the last stage has ended, well or not.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stageEnds(m.now())
}

func (m *meter) stageEnds(now time.Time) {
	if m.staged != nil && !m.began.IsZero() {
		m.staged(m.event.Stage, m.began, now.Sub(m.began))
	}
	m.began = now
}

// read takes a reading, and the rate and the time left from those of late.
func (m *meter) read(now time.Time) {
	if len(m.told) == rateOver {
		m.told = append(m.told[:0], m.told[1:]...)
	}
	m.told = append(m.told, reading{now, m.calls - m.kept()})
	first, last := m.told[0], m.told[len(m.told)-1]
	m.event.Rate, m.event.Left = 0, 0
	if took := last.at.Sub(first.at); took > 0 && last.years > first.years && m.event.Stage == "years" {
		m.event.Rate = float64(last.years-first.years) / took.Seconds()
		m.event.Left = time.Duration(float64(m.event.Of-m.event.Done) / m.event.Rate * float64(time.Second))
	}
}
