package backup

import (
	"context"
	"errors"
	"fmt"
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

// shredAgain is how long after an attempt that failed targets are told of erasures again.
const shredAgain = 10 * time.Minute

// looker is what the loop remembers.
type looker struct {
	told  int       // erasures that every target knows of
	tried time.Time // when a target could not be told
}

// Run makes backups and drills as they come due, until ctx ends. A locked store is waited for. log is told what went wrong; it was
// entered as well.
func (k *Keeper) Run(ctx context.Context, log func(what string, err error)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	l := &looker{told: -1}
	for {
		if err := k.look(ctx, l); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrLocked) {
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

// look does what is due. What cannot be done at one target keeps nothing else from being done.
func (k *Keeper) look(ctx context.Context, l *looker) error {
	if k.db.Locked() {
		return nil
	}
	shredding := k.tell(ctx, l)
	backingUp := k.backUpDue(ctx)
	return errors.Join(shredding, backingUp, k.drillDue(ctx))
}

// tell has every target know of all erasures.
func (k *Keeper) tell(ctx context.Context, l *looker) error {
	n, now := len(k.db.Erasures()), k.o.Now()
	if n == l.told || now.Sub(l.tried) < shredAgain {
		return nil
	}
	if err := k.Shred(ctx); err != nil {
		l.tried = now
		return fmt.Errorf("telling the places of backups of an erasure: %w", err)
	}
	l.told = n
	return nil
}

func (k *Keeper) backUpDue(ctx context.Context) error {
	s, err := k.present(ctx)
	if now := k.o.Now().UTC(); err != nil || s.nextBackup(now, k.o.At).After(now) {
		return err
	}
	_, err = k.Create(ctx, rights.System(store.Appliance), nil)
	return err
}

func (k *Keeper) drillDue(ctx context.Context) error {
	s, err := k.present(ctx)
	if now := k.o.Now().UTC(); err != nil || s.nextDrill(now, k.o.DrillEvery).After(now) {
		return err
	}
	by := rights.System(store.Appliance)
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
