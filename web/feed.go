package web

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// RunEvent is what is known of a run at a moment: its state and, while it is carried out, how far it is. All but the progress is
// in the store too.
type RunEvent struct {
	ID     uint64 // increases within a tenant, over restarts too
	Tenant store.ID
	Run    store.ID
	At     time.Time
	State  workspace.State
	Sealed bool          // of a run that is done
	Reason string        // why it failed or was cancelled; of one that has not ended, what it waits for
	Stage  string        // while running: "exposure", "sites", "years", "figures", "estimate", "files"
	Done   int           // years, from the stage "years" on
	Of     int           // years
	Rate   float64       // years a second, of late; 0: not known
	Left   time.Duration // until all years are done, at that rate; 0: not known
}

// Feed says what becomes of runs while it happens, to each tenant of its own.
type Feed interface {
	// Since gives a tenant's events after an id (0: all that are kept), and the id to go on from. gap: events between are gone,
	// and only the store has what they said.
	Since(tenant store.ID, after uint64) (events []RunEvent, last uint64, gap bool)
	// Listen begins to listen to a tenant's events after an id; 0: to those that come from now on. The listener must be closed.
	Listen(tenant store.ID, after uint64) Listener
}

// Listener takes the events of a tenant at its own pace; whoever publishes them waits for none.
type Listener interface {
	// Next waits for events and gives those since the last call, oldest first. gap: events before them are lost to this
	// listener. The error is ctx's.
	Next(ctx context.Context) (events []RunEvent, gap bool, err error)
	// Last is the id up to which events were taken.
	Last() uint64
	// Close ends listening.
	Close()
}
