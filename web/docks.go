package web

import (
	"fmt"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// docks are the places for uploads that are received or read at the same time: each may take much of the disk and the memory. A tenant
// has at most half of them. They are safe for many goroutines.
type docks struct {
	most int

	mu  sync.Mutex
	by  map[store.ID]int
	all int
}

func newDocks(most int) *docks { return &docks{most: most, by: map[store.ID]int{}} }

// enter takes a place until what it returns is closed. Its error is a refusal.
func (d *docks) enter(tenant store.ID) (*dock, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if own := (d.most + 1) / 2; d.all >= d.most || d.by[tenant] >= own {
		return nil, &refusal{kind: kindBusy, detail: fmt.Sprintf("%d uploads are received at a time, of a tenant %d", d.most, own), retryAfter: 10 * time.Second}
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
