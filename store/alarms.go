package store

import "sync"

// alarms wait to be told. Options.Alarm is the caller's function, which may well ask the store something: so it is never
// called by whoever holds the lock of the store's state, but when that lock is given back.
type alarms struct {
	mu      sync.Mutex
	waiting []string
}

// alarm keeps an alarm for sound.
func (db *DB) alarm(what string) {
	db.alarms.mu.Lock()
	defer db.alarms.mu.Unlock()
	db.alarms.waiting = append(db.alarms.waiting, what)
}

// sound tells the alarms that were kept, in their order. The caller holds no lock.
func (db *DB) sound() {
	db.alarms.mu.Lock()
	waiting := db.alarms.waiting
	db.alarms.waiting = nil
	db.alarms.mu.Unlock()
	for _, what := range waiting {
		db.options.Alarm(what)
	}
}
