package bundle

import (
	"slices"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

const (
	shelfLife = 15 * time.Minute
	shelfMost = 2
)

// Shelf keeps what was collected until it is packed or forgotten, so that what is packed is what was looked at. It is safe for many
// goroutines. The zero value is ready.
type Shelf struct {
	mu  sync.Mutex
	all []Shelved
}

// Shelved is a bundle that is kept.
type Shelved struct {
	ID      store.ID
	Expires time.Time
	Bundle
}

// Put keeps a bundle under an id, in place of the oldest where there are two, and says until when.
func (s *Shelf) Put(id store.ID, b Bundle, now time.Time) (expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	if len(s.all) == shelfMost {
		s.all = s.all[1:]
	}
	expires = now.Add(shelfLife).UTC().Truncate(time.Second)
	s.all = append(s.all, Shelved{id, expires, b})
	return expires
}

// Get is a bundle that was kept; store.ErrNotFound where it is not there any more.
func (s *Shelf) Get(id store.ID, now time.Time) (Bundle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	for _, one := range s.all {
		if one.ID == id {
			return one.Bundle, nil
		}
	}
	return Bundle{}, store.ErrNotFound
}

// All are the bundles that are kept, the newest first.
func (s *Shelf) All(now time.Time) []Shelved {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	all := slices.Clone(s.all)
	slices.Reverse(all)
	return all
}

// Forget lets go what has expired, so that it is not in memory for longer than needed.
func (s *Shelf) Forget(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
}

func (s *Shelf) expire(now time.Time) {
	var left []Shelved
	for _, one := range s.all {
		if now.Before(one.Expires) {
			left = append(left, one)
		}
	}
	s.all = left
}
