package store

import (
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// idSource makes ids in order of creation: 48 bits of milliseconds, a counter of 12 bits within one, and 62 random bits,
// laid out as a UUID of version 7 (RFC 9562 §5.7). Within a process they grow even when the clock goes back.
type idSource struct {
	mu    sync.Mutex
	rand  io.Reader
	last  int64 // milliseconds
	count uint16
}

func (db *DB) newID(now time.Time) ID { return db.ids.next(now) }

func (s *idSource) next(now time.Time) (id ID) {
	if _, err := io.ReadFull(s.rand, id[8:]); err != nil {
		panic("store: no entropy for an id: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ms := now.UnixMilli(); ms > s.last {
		s.last, s.count = ms, 0
	} else if s.count++; s.count == 1<<12 {
		s.last, s.count = s.last+1, 0
	}
	binary.BigEndian.PutUint64(id[:8], uint64(s.last)<<16|0x7000|uint64(s.count))
	id[8] = id[8]&0x3f | 0x80
	return id
}
