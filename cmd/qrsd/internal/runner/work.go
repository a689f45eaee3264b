package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// Run carries out runs until ctx ends, and returns when those in hand were given back, to be taken up at the next start. A locked
// store, a full disk and whatever else can pass are waited out. It is called once.
func (q *Queue) Run(ctx context.Context) {
	var err error
	if q.program, err = programDigest(); err != nil {
		q.log.Warn("runs that an earlier process left are begun anew", "reason", err)
		_, _ = rand.Read(q.program[:]) // no program's: kept blocks may be of another one
	}
	var working sync.WaitGroup
	defer working.Wait()
	working.Go(func() { q.sealRest(ctx) })
	tick := time.NewTicker(q.o.Every)
	defer tick.Stop()
	for said := ""; ; {
		err := q.startAll(ctx, &working)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !errors.Is(err, store.ErrLocked) && err.Error() != said:
			said = err.Error()
			q.log.Warn("runs wait", "reason", said)
		case err == nil:
			said = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-q.wake:
		}
	}
}

// worker is the appliance's door to the store. After a run could not be given back it is another worker, so that the run is taken up
// before its lease has ended; not before the last of this one's has stopped.
func (q *Queue) worker() (*workspace.Worker, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.door != nil && !(q.left && len(q.inHand) == 0) {
		return q.door, nil
	}
	var err error
	q.door, err = workspace.OpenWorker(q.o.DB, WorkerName(), q.o.Now)
	q.left = false
	return q.door, err
}

// startAll starts runs as long as there is room for one and one waits.
func (q *Queue) startAll(ctx context.Context, working *sync.WaitGroup) error {
	for q.room() {
		door, err := q.worker()
		if err != nil {
			return err
		}
		waiting, err := door.Waiting(ctx)
		if err != nil {
			return fmt.Errorf("looking for waiting runs: %w", err)
		}
		if len(waiting) > 0 && q.o.DB.ReadOnly() {
			return errors.New("the disk is nearly full, and the store takes no changes: free some space")
		}
		next, found := q.choose(waiting)
		if !found {
			return nil
		}
		if err := q.start(ctx, door, next, working); err != nil {
			return fmt.Errorf("starting run %s: %w", next.Run, err)
		}
	}
	return nil
}

func (q *Queue) room() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.inHand) < q.o.AtOnce
}

// choose takes the first run that can be started, and tells the others what they wait for.
func (q *Queue) choose(waiting []workspace.Next) (workspace.Next, bool) {
	free := q.o.DB.DiskFree()
	for _, n := range waiting {
		if q.held(n.Run) {
			continue
		}
		reason := q.short(n, free)
		if reason == "" {
			return n, true
		}
		q.tell(n, reason)
	}
	return workspace.Next{}, false
}

// held reports whether a run is in hand, or is not to be taken up yet.
func (q *Queue) held(run store.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	until, later := q.later[run]
	if later && !time.Now().Before(until) {
		delete(q.later, run)
		later = false
	}
	return later || q.inHand[run] != nil
}

// notBefore has a run taken up again after a pause only.
func (q *Queue) notBefore(run store.ID, pause time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.later[run] = time.Now().Add(pause)
}

// leave notes that a run could not be given back.
func (q *Queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left = true
}

// diskMargin stays free, for the store's own growth.
const diskMargin = 256 << 20

// short is why a run cannot be started now, "" if it can: what it needs, beside those in hand, is more than there is. As to memory, one
// alone is not refused, for the forecast may be too high.
func (q *Queue) short(n workspace.Next, diskFree int64) string {
	f := q.Forecast(Size{Locations: n.Locations, Years: n.Years, Samples: n.Samples})
	q.mu.Lock()
	defer q.mu.Unlock()
	disk, memory := f.Disk+diskMargin, f.Memory
	for _, h := range q.inHand {
		disk += h.Disk
		memory += h.Memory
	}
	switch {
	case diskFree > 0 && disk > diskFree:
		return fmt.Sprintf("it needs about %s on the appliance's disk, of which %s are free with those that runs in hand need: it starts when there is room; fewer years or samples need less",
			inBytes(f.Disk), inBytes(max(0, diskFree-disk+f.Disk)))
	case q.memory > 0 && memory > q.memory && len(q.inHand) > 0:
		return fmt.Sprintf("it needs about %s of memory, and does not fit beside the runs in hand: it starts when they have ended", inBytes(f.Memory))
	}
	return ""
}

// inBytes writes a size with two digits or so.
func inBytes(n int64) string {
	size, unit := float64(n)/1e6, "MB"
	if size >= 1000 {
		size, unit = size/1000, "GB"
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}

// tell tells the feed what a run waits for, once.
func (q *Queue) tell(n workspace.Next, reason string) {
	state := workspace.Queued
	if n.Claims > 0 {
		state = workspace.Running
	}
	last, known := q.o.Feed.Latest(n.Tenant, n.Run)
	if known && last.State == state && last.Reason == reason {
		return
	}
	if !known || last.Reason == "" {
		q.log.Warn("a run waits", "run", n.Run.String(), "tenant", n.Tenant.String(), "reason", reason)
	}
	q.o.Feed.Publish(Event{Tenant: n.Tenant, Run: n.Run, State: state, Reason: reason, Of: n.Years})
}

// start claims a run and has it carried out. One that somebody else took, cancelled or erased in this moment is none.
func (q *Queue) start(ctx context.Context, door *workspace.Worker, n workspace.Next, working *sync.WaitGroup) error {
	run, stop := context.WithCancel(ctx)
	h := &inHand{stop, q.Forecast(Size{Locations: n.Locations, Years: n.Years, Samples: n.Samples})}
	q.mu.Lock()
	q.inHand[n.Run] = h // before it is claimed: it can be cancelled from then on
	q.mu.Unlock()
	job, err := door.Claim(run, n.Tenant, n.Run, lease)
	if err != nil {
		q.done(n.Run)
		var quota *workspace.QuotaError
		if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrErased) || errors.As(err, &quota) {
			q.notBefore(n.Run, q.o.Every)
			return nil
		}
		return err
	}
	working.Go(func() {
		defer q.look()
		defer q.done(n.Run)
		q.carry(run, job)
	})
	return nil
}

// done takes a run out of hand.
func (q *Queue) done(run store.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inHand[run].stop()
	delete(q.inHand, run)
}

// sealRest seals what was done and not sealed: at the start those that a stop cut off, and then those whose seal could not be made.
func (q *Queue) sealRest(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	for {
		if err := q.sealAll(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrLocked) {
			q.log.Warn("runs wait for their seal", "reason", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (q *Queue) sealAll(ctx context.Context) error {
	door, err := q.worker()
	if err != nil {
		return err
	}
	rest, err := door.Unsealed(ctx)
	for _, r := range rest {
		if q.held(r.Run) {
			continue // it is about to be sealed
		}
		if _, sealing := door.Seal(ctx, r); sealing != nil {
			err = errors.Join(err, fmt.Errorf("run %s: %w", r.Run, sealing))
			continue
		}
		q.o.Feed.Publish(Event{Tenant: r.Tenant, Run: r.Run, State: workspace.Done, Sealed: true})
	}
	return err
}
