package backup

import (
	"context"
	"errors"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

const (
	lookEvery  = 30 * time.Second // whether something is due
	retryAfter = time.Hour        // a backup that failed
	drillAgain = 24 * time.Hour   // a drill that failed
)

// nextBackup is when a backup is due: at once where the last daily one was missed.
func (s state) nextBackup(now time.Time, at time.Duration) time.Time {
	if !s.AskedBackup.IsZero() {
		return s.AskedBackup
	}
	slot := now.UTC().Truncate(24 * time.Hour).Add(at) // today's
	if slot.After(now) {
		slot = slot.Add(-24 * time.Hour)
	}
	if !s.Succeeded.Before(slot) {
		return slot.Add(24 * time.Hour)
	}
	if again := s.Attempted.Add(retryAfter); !s.Attempted.IsZero() && !s.Attempted.Before(slot) {
		return again
	}
	return slot
}

// nextDrill is when a full drill is due: soon after the first backup, then every quarter.
func (s state) nextDrill(now time.Time, every time.Duration) time.Time {
	switch {
	case !s.AskedDrill.IsZero():
		return s.AskedDrill
	case s.Succeeded.IsZero():
		return now.Add(every)
	}
	next := s.Drilled.Add(every)
	if s.Drilled.IsZero() {
		next = s.Succeeded
	}
	if again := s.DrillTried.Add(drillAgain); s.DrillTried.After(s.Drilled) && again.After(next) {
		return again
	}
	return next
}

// Run makes backups and drills as they come due, until ctx ends. A locked store is waited for. log is told what went wrong; it was
// entered as well.
func (k *Keeper) Run(ctx context.Context, log func(what string, err error)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	shredded := -1 // erasures that every target knows of
	for {
		if err := k.look(ctx, &shredded); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrLocked) {
			log("backup", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-k.wake:
		}
	}
}

// look does what is due.
func (k *Keeper) look(ctx context.Context, shredded *int) error {
	if k.db.Locked() {
		return nil
	}
	s, err := k.present(ctx)
	if err != nil {
		return err
	}
	if n := len(k.db.Erasures()); n != *shredded {
		if err := k.Shred(ctx); err != nil {
			return err
		}
		*shredded = n
		if s, err = k.present(ctx); err != nil {
			return err
		}
	}
	by, now := rights.System(store.Appliance), k.o.Now().UTC()
	if !s.nextBackup(now, k.o.At).After(now) {
		if _, err := k.Create(ctx, by, nil); err != nil {
			return err
		}
		if s, err = k.present(ctx); err != nil {
			return err
		}
		now = k.o.Now().UTC()
	}
	if s.nextDrill(now, k.o.DrillEvery).After(now) {
		return nil
	}
	_, err = k.Drill(ctx, by, Full, "", nil, nil, nil)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	// The root key was replaced since: what a drill can open is made first.
	if _, err = k.Create(ctx, by, nil); err == nil {
		_, err = k.Drill(ctx, by, Full, "", nil, nil, nil)
	}
	return err
}
