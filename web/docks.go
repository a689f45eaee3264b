package web

import (
	"fmt"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// docks are the places for requests that take much of the machine: uploads, which take disk and memory, and readings that hash or draw all that
// there is. Of these a tenant has only some, so that it cannot shut the others out. They are safe for many goroutines.
type docks struct {
	most, own int // in all, and of a tenant
	what      string
	wait      time.Duration // after which a place may be free

	mu  sync.Mutex
	by  map[store.ID]int
	all int
}

func newDocks(most, own int, what string, wait time.Duration) *docks {
	return &docks{most: most, own: own, what: what, wait: wait, by: map[store.ID]int{}}
}

// heavyAtOnce is how many readings go on at the same time that hash whole logs or results, of all tenants together; of each, one.
const heavyAtOnce = 2

// enter takes a place until what it returns is closed. Its error is a refusal.
func (d *docks) enter(tenant store.ID) (*dock, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all >= d.most || d.by[tenant] >= d.own {
		return nil, &refusal{kind: kindBusy, detail: fmt.Sprintf("%d %s at a time, of a tenant %d", d.most, d.what, d.own), retryAfter: d.wait}
	}
	d.all++
	d.by[tenant]++
	return &dock{of: d, tenant: tenant}, nil
}

// dock is one place that is taken.
type dock struct {
	of      *docks
	tenant  store.ID
	leaving sync.Once
}

// Close gives the place free.
func (k *dock) Close() error {
	k.leaving.Do(func() {
		k.of.mu.Lock()
		defer k.of.mu.Unlock()
		k.of.all--
		if k.of.by[k.tenant]--; k.of.by[k.tenant] == 0 {
			delete(k.of.by, k.tenant)
		}
	})
	return nil
}
