package runner

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

func id(n byte) store.ID { return store.ID{15: n} }

// stages publishes so many events of a run, none of which takes the place of another.
func stages(f *Feed, tenant, run store.ID, n int) {
	for i := range n {
		f.Publish(Event{Tenant: tenant, Run: run, State: workspace.Running, Stage: string(rune('a' + i%2))})
	}
}

// TestFeedIsOfOneTenant: ids increase, whoever listens hears of its own tenant's runs only, and who comes back gets what it missed.
func TestFeedIsOfOneTenant(t *testing.T) {
	f := NewFeed(nil)
	l := f.Listen(id(1), 0)
	defer l.Close()
	stages(f, id(1), id(8), 2)
	stages(f, id(2), id(9), 3)
	got, gap, err := l.Next(t.Context())
	if err != nil || gap || len(got) != 2 || got[0].ID >= got[1].ID || got[0].Tenant != id(1) || got[1].At.IsZero() {
		t.Fatalf("%+v, gap %v, %v", got, gap, err)
	}
	if again, last, gap := f.Since(id(1), got[0].ID); gap || len(again) != 1 || again[0] != got[1] || last != got[1].ID {
		t.Errorf("after the first: %+v, gap %v", again, gap)
	}
	if all, _, gap := f.Since(id(2), 0); gap || len(all) != 3 {
		t.Errorf("of the other tenant: %+v, gap %v", all, gap)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := l.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing new: %v", err)
	}
}

// TestFeedForgets: of a run's progress the last is kept, a listener that was away too long learns that it missed something, as does one
// that comes with an id of an earlier process or of none.
func TestFeedForgets(t *testing.T) {
	now := time.Now()
	f := NewFeed(func() time.Time { return now })
	for done := range 10 {
		f.Publish(Event{Tenant: id(1), Run: id(8), State: workspace.Running, Stage: "years", Done: done})
	}
	all, last, gap := f.Since(id(1), 0)
	if gap || len(all) != 1 || all[0].Done != 9 {
		t.Fatalf("%+v, gap %v", all, gap)
	}
	slow := f.Listen(id(1), last)
	defer slow.Close()
	stages(f, id(1), id(8), feedEvents+1)
	got, gap, err := slow.Next(t.Context())
	if err != nil || !gap || len(got) != feedEvents {
		t.Errorf("%d events, gap %v, %v", len(got), gap, err)
	}
	if slow.Last() != got[len(got)-1].ID {
		t.Errorf("the listener goes on from %d", slow.Last())
	}
	for _, after := range []uint64{1, slow.Last() + 1} {
		if _, _, gap := f.Since(id(1), after); !gap {
			t.Errorf("no gap after %d", after)
		}
	}
	f.Publish(Event{Tenant: id(1), Run: id(8), State: workspace.Done})
	slow.Close()
	now = now.Add(2 * feedIdle)
	f.Publish(Event{Tenant: id(2), Run: id(9), State: workspace.Queued})
	if _, found := f.Latest(id(2), id(9)); !found || f.rings[id(1)] != nil {
		t.Error("an idle tenant's events are not forgotten")
	}
	if _, next, gap := f.Since(id(1), slow.Last()); !gap || next <= slow.Last() {
		t.Errorf("after it was forgotten: ids go on at %d after %d, gap %v", next, slow.Last(), gap)
	}
}

// TestFeedWaitsForNobody: a listener that never takes anything holds nobody up, and many listeners get all there is.
func TestFeedWaitsForNobody(t *testing.T) {
	f := NewFeed(nil)
	defer f.Listen(id(1), 0).Close()
	const listeners, events = 50, 100
	var all sync.WaitGroup
	for range listeners {
		l := f.Listen(id(1), 0)
		all.Go(func() {
			defer l.Close()
			for got := 0; got < events; {
				some, gap, err := l.Next(t.Context())
				if err != nil || gap {
					t.Errorf("gap %v, %v", gap, err)
					return
				}
				got += len(some)
			}
		})
	}
	stages(f, id(1), id(8), events)
	all.Wait()
}

// BenchmarkPublish is what an event costs whoever computes: without listeners, and with 200 of which none takes anything.
func BenchmarkPublish(b *testing.B) {
	for _, listeners := range []int{0, 200} {
		b.Run(map[int]string{0: "listeners=0", 200: "listeners=200"}[listeners], func(b *testing.B) {
			f := NewFeed(nil)
			for range listeners {
				defer f.Listen(id(1), 0).Close()
			}
			for b.Loop() {
				stages(f, id(1), id(8), 1)
			}
		})
	}
}
