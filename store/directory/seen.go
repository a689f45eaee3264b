package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// seenEvery is how old what is on the disk about last uses may become. A crash loses as much, so that a session ends up to
// that much earlier, never later.
const seenEvery = 5 * time.Minute

// sighting is the last use of a session (of the user record) or of an API key (session is zero).
type sighting struct {
	tenant, record, session store.ID
	at                      time.Time
}

func (s sighting) key() store.ID {
	if s.session.IsZero() {
		return s.record
	}
	return s.session
}

// sightings are the last uses that are not on the disk yet.
type sightings struct {
	mu      sync.Mutex
	last    map[store.ID]sighting // by session or key
	written map[store.ID]time.Time
}

func newSightings() *sightings {
	return &sightings{last: map[store.ID]sighting{}, written: map[store.ID]time.Time{}}
}

// at is when a session or key was last used, if that is not on the disk yet.
func (s *sightings) at(id store.ID) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[id].at
}

// note keeps a use that is later than what is known; stored is what the disk says.
func (s *sightings) note(n sighting, stored time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.last[n.key()]; ok && !old.at.Before(n.at) || !stored.Before(n.at) {
		return
	}
	s.last[n.key()] = n
	if _, ok := s.written[n.tenant]; !ok {
		s.written[n.tenant] = n.at
	}
}

// take hands over the tenant's sightings if it is time, and waits as long again before the next. They stay until forgotten.
func (s *sightings) take(tenant store.ID, now time.Time, force bool) (all []sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !force && now.Sub(s.written[tenant]) < seenEvery {
		return nil
	}
	for _, n := range s.last {
		if n.tenant == tenant {
			all = append(all, n)
		}
	}
	s.written[tenant] = now
	return all
}

// forget drops what was written, unless it was seen again meanwhile.
func (s *sightings) forget(all []sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range all {
		if s.last[n.key()].at.Equal(n.at) {
			delete(s.last, n.key())
		}
	}
}

func (s *sightings) tenants() []store.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.written))
}

// Flush writes when sessions and API keys were last used. Call it before the store is locked or closed.
func (d *Directory) Flush(ctx context.Context) error {
	var failed error
	for _, tenant := range d.seen.tenants() {
		failed = errors.Join(failed, d.flush(ctx, tenant, d.seen.take(tenant, d.now(), true)))
	}
	return failed
}

// flushDue is Flush of one tenant when it is time. That it cannot be written now is no reason to turn a user away.
func (d *Directory) flushDue(ctx context.Context, tenant store.ID, now time.Time) error {
	err := d.flush(context.WithoutCancel(ctx), tenant, d.seen.take(tenant, now, false))
	if full(err) {
		return nil
	}
	return err
}

func (d *Directory) flush(ctx context.Context, tenant store.ID, all []sighting) error {
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b sighting) int { return slices.Compare(a.record[:], b.record[:]) })
	err := d.asAppliance(ctx, tenant, tenant, func(tx *store.WriteTx) error {
		for rest := all; len(rest) > 0; {
			same := 1
			for same < len(rest) && rest[same].record == rest[0].record {
				same++
			}
			if err := d.writeSeen(tx, rest[:same]); err != nil {
				return err
			}
			rest = rest[same:]
		}
		return nil
	})
	if errors.Is(err, store.ErrErased) {
		err = nil
	}
	if err == nil {
		d.seen.forget(all)
	}
	return err
}

// writeSeen writes the last uses of one user's sessions, or of one key. What is gone meanwhile is passed over.
func (d *Directory) writeSeen(tx *store.WriteTx, all []sighting) error {
	if all[0].session.IsZero() {
		k, err := find(tx, d.keys, all[0].record)
		if err != nil || k.Version == 0 {
			return err
		}
		k.Value.Used = latest(k.Value.Used, all[0].at)
		return save(tx, d.keys, k)
	}
	r, err := find(tx, d.sessions, all[0].record)
	if err != nil || r.Version == 0 {
		return err
	}
	for _, n := range all {
		if i := slices.IndexFunc(r.Value.Open, func(s session) bool { return s.ID == n.session }); i >= 0 {
			r.Value.Open[i].Seen = latest(r.Value.Open[i].Seen, n.at)
		}
	}
	return save(tx, d.sessions, r)
}
