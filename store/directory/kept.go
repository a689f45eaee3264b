package directory

import (
	"sync"

	"github.com/qrsrisk/qrsd/store"
)

// mostKept bounds what is kept of each kind.
const mostKept = 1 << 14

// kept are things read of tenants, to be used again as long as nothing of their tenant was changed: who shows a session's token or an API
// key need not be decrypted for every request. What is kept is what the records said, never whether somebody may come in: that is
// decided anew each time, by the clock and the lock of the store. It is safe for many goroutines.
type kept[T any] struct {
	mu sync.Mutex
	by map[string]keptOne[T]
}

type keptOne[T any] struct {
	value   T
	tenant  store.ID
	changes uint64 // of the tenant, asked for before the value was read
}

// find gives what is kept under the name, if it still holds.
func (k *kept[T]) find(db *store.DB, name string) (value T, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	one, ok := k.by[name]
	if !ok {
		return value, false
	}
	if db.Locked() || db.Changes(one.tenant) != one.changes {
		delete(k.by, name)
		return value, false
	}
	return one.value, true
}

// keep keeps a value that was read after changes was asked for. Of too many any one goes.
func (k *kept[T]) keep(name string, value T, tenant store.ID, changes uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by == nil {
		k.by = map[string]keptOne[T]{}
	}
	for other := range k.by {
		if len(k.by) < mostKept {
			break
		}
		delete(k.by, other)
	}
	k.by[name] = keptOne[T]{value, tenant, changes}
}
