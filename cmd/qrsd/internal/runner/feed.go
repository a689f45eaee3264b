package runner

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// Event is what is known of a run at a moment: its state and, while it is carried out, how far it is. What it says is also in the
// store, but for the progress.
type Event struct {
	ID     uint64 // increases within a tenant, over restarts too; set by Publish
	Tenant store.ID
	Run    store.ID
	At     time.Time // set by Publish
	State  workspace.State
	Sealed bool          // of a run that is done
	Reason string        // why it failed or was cancelled; of one that has not ended, what it waits for
	Stage  string        // while running: "exposure", "sites", "years", "figures", "estimate", "files"
	Done   int           // years, from the stage "years" on
	Of     int           // years
	Rate   float64       // years a second, of late; 0: not known
	Left   time.Duration // until all years are done, at that rate; 0: not known
}

// supersedes reports whether whoever has this event needs the other no more.
func (e *Event) supersedes(old *Event) bool {
	return e.Run == old.Run && e.State == old.State && e.Stage == old.Stage && e.Sealed == old.Sealed
}

const (
	feedEvents = 512       // that are kept of a tenant for whoever comes back
	feedIdle   = time.Hour // after which a tenant's events are forgotten, where nobody listens
)

// Feed hands the events of runs to whoever listens, each tenant's to its own. Publishing waits for nobody: a listener takes
// events at its own pace out of what is kept, and learns of a gap when it was too slow. It is safe for many goroutines.
type Feed struct {
	now func() time.Time

	mu    sync.Mutex
	rings map[store.ID]*ring
}

// ring is the last events of a tenant, oldest first. It is guarded by Feed.mu.
type ring struct {
	events    []Event
	latest    map[store.ID]Event // of runs that have not ended
	last      uint64             // id of the last event, or what ids begin after
	dropped   uint64             // of events up to that id some are gone
	changed   chan struct{}      // closed by the next event
	listeners int
	used      time.Time
}

// NewFeed makes a feed; now nil is time.Now.
func NewFeed(now func() time.Time) *Feed {
	if now == nil {
		now = time.Now
	}
	return &Feed{now: now, rings: map[store.ID]*ring{}}
}

// Publish appends an event to its tenant's. It takes the place of one before that said the same of the run but for how far it was.
func (f *Feed) Publish(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.publish(f.ring(e.Tenant), e)
}

// publishFirst is Publish of an event that comes before all others of its run: it is none where there was one.
func (f *Feed) publishFirst(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.ring(e.Tenant)
	if !slices.ContainsFunc(r.events, func(old Event) bool { return old.Run == e.Run }) {
		f.publish(r, e)
	}
}

func (f *Feed) publish(r *ring, e Event) {
	r.last++
	e.ID, e.At = r.last, f.now().UTC()
	r.used = e.At
	r.put(e)
	if e.State.Ended() {
		delete(r.latest, e.Run)
	} else {
		r.latest[e.Run] = e
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// ring is that of a tenant. Ids begin with the time in microseconds: those of an earlier process, or of a ring that was forgotten, are all
// below, because no tenant has a million events a second.
func (f *Feed) ring(tenant store.ID) *ring {
	r := f.rings[tenant]
	if r == nil {
		now := f.now()
		f.forgetIdle(now)
		begin := uint64(now.UnixMicro())
		r = &ring{latest: map[store.ID]Event{}, last: begin, dropped: begin, changed: make(chan struct{}), used: now}
		f.rings[tenant] = r
	}
	return r
}

func (f *Feed) forgetIdle(now time.Time) {
	for tenant, r := range f.rings {
		if r.listeners == 0 && len(r.latest) == 0 && now.Sub(r.used) > feedIdle {
			delete(f.rings, tenant)
		}
	}
}

func (r *ring) put(e Event) {
	for i, old := range slices.Backward(r.events) {
		if old.Run == e.Run {
			if e.supersedes(&old) {
				r.events = slices.Delete(r.events, i, i+1)
			}
			break
		}
	}
	if len(r.events) == feedEvents {
		r.dropped = r.events[0].ID
		r.events = slices.Delete(r.events, 0, 1)
	}
	r.events = append(r.events, e)
}

// since copies the events after an id. gap: some of them are not there any more, or the id is none of this feed's.
func (r *ring) since(after uint64) (events []Event, gap bool) {
	at, found := slices.BinarySearchFunc(r.events, after, func(e Event, id uint64) int { return cmp.Compare(e.ID, id) })
	if found {
		at++
	}
	return slices.Clone(r.events[at:]), after < r.dropped || after > r.last
}

// Since gives a tenant's events after an id (0: all that are kept), and the id to go on from. gap: events between are gone, and
// only the store has what they said.
func (f *Feed) Since(tenant store.ID, after uint64) (events []Event, last uint64, gap bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.ring(tenant)
	from := after
	if after == 0 {
		from = r.dropped
	}
	events, gap = r.since(from)
	return events, r.last, gap
}

// Latest is the last event of a run that has not ended; false: there was none.
func (f *Feed) Latest(tenant, run store.ID) (Event, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.rings[tenant]
	if r == nil {
		return Event{}, false
	}
	e, found := r.latest[run]
	return e, found
}

// Listen begins to listen to a tenant's events after an id, such as the last one that the listener has; 0: to those that come from
// now on. The listener must be closed.
func (f *Feed) Listen(tenant store.ID, after uint64) *Listener {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.ring(tenant)
	r.listeners++
	if after == 0 {
		after = r.last
	}
	return &Listener{feed: f, ring: r, after: after}
}

// Listener takes the events of a tenant, one goroutine at a time. A listener that takes none costs nothing.
type Listener struct {
	feed  *Feed
	ring  *ring
	after uint64
	once  sync.Once
}

// Next waits for events and returns those since the last call, oldest first. gap: events before them are lost to this listener,
// which asks the store how things are. The error is ctx's.
func (l *Listener) Next(ctx context.Context) (events []Event, gap bool, err error) {
	for {
		events, gap, changed := l.take()
		if len(events) > 0 || gap {
			return events, gap, nil
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-changed:
		}
	}
}

// Last is the id up to which events were taken.
func (l *Listener) Last() uint64 { return l.after }

func (l *Listener) take() (events []Event, gap bool, changed <-chan struct{}) {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	events, gap = l.ring.since(l.after)
	l.after = l.ring.last
	return events, gap, l.ring.changed
}

// Close ends listening.
func (l *Listener) Close() {
	l.once.Do(func() {
		l.feed.mu.Lock()
		defer l.feed.mu.Unlock()
		l.ring.listeners--
		l.ring.used = l.feed.now()
	})
}
