package runner

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// QueueOptions of a queue. DB and Feed are needed; the zero value of all others is right.
type QueueOptions struct {
	DB     *store.DB
	Feed   *Feed            // where the queue says what becomes of runs
	Log    hclog.Logger     // nil drops what an operator must know
	Cores  int              // that compute years, over all runs; 0: all of the host
	AtOnce int              // runs that are carried out at the same time; 0: 2
	Every  time.Duration    // how often the store is asked for runs that nobody announced; 0: 5 seconds
	Now    func() time.Time // the store's clock; nil: time.Now
	// Panicked is told that a run's computation panicked, which ended that run and no other; nil drops it: the log has it.
	Panicked func(what string)
	// Traced begins a trace of a run and returns what is told of each stage as that ends: its name, when it began, how long it took. Neither
	// may wait. Nil: there are no traces.
	Traced func() func(stage string, began time.Time, took time.Duration)

	keepWorth  time.Duration // see keeper; 0: keepWorth
	retryAfter time.Duration // 0: retryAfter
}

// Queue carries out the waiting runs of all tenants in the store: as many at once as it is told, on so many cores together, the starts
// alternating between tenants. A run is taken up where it was left: by the stop of the appliance, by the death of its process, or by
// a disk that was full. It is safe for many goroutines.
type Queue struct {
	o       QueueOptions
	log     hclog.Logger
	cores   cores
	wake    chan struct{}
	program [32]byte // digest of the program that computes; set by Run before anything else
	memory  int64    // of the host, bytes; 0: not known
	models  models

	mu     sync.Mutex
	door   *workspace.Worker
	left   bool                   // a run is the worker's still, which carries it out no longer
	inHand map[store.ID]*inHand   // by run
	later  map[store.ID]time.Time // runs that are not taken up before
	pace   float64                // see learn
}

// inHand is a run that this process carries out.
type inHand struct {
	stop context.CancelFunc
	Forecast
}

const (
	lookEvery  = 5 * time.Second
	runsAtOnce = 2
	sealEvery  = time.Minute      // for runs that could not be sealed when they ended
	retryAfter = 30 * time.Second // of a run that was given back because the store could not take what came out
	mostClaims = 50               // after which a run whose process goes away each time is given up
	lastWords  = 10 * time.Second // for giving a run back when the process stops
)

// NewQueue makes a queue. An error names the option that is missing.
func NewQueue(o QueueOptions) (*Queue, error) {
	if o.DB == nil || o.Feed == nil {
		return nil, errors.New("a queue of runs needs a store and a feed")
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Cores, o.AtOnce = cmp.Or(max(o.Cores, 0), runtime.GOMAXPROCS(0)), cmp.Or(max(o.AtOnce, 0), runsAtOnce)
	o.Every, o.keepWorth, o.retryAfter = cmp.Or(o.Every, lookEvery), cmp.Or(o.keepWorth, keepWorth), cmp.Or(o.retryAfter, retryAfter)
	return &Queue{
		o: o, log: o.Log, cores: make(cores, o.Cores), wake: make(chan struct{}, 1), pace: 1, memory: hostMemory(),
		inHand: map[store.ID]*inHand{}, later: map[store.ID]time.Time{},
	}, nil
}

// Submitted tells the queue that a run was submitted, so that it need not wait until the queue asks the store again.
func (q *Queue) Submitted(tenant, run store.ID) {
	q.o.Feed.publishFirst(Event{Tenant: tenant, Run: run, State: workspace.Queued}) // it may have been found before this
	q.look()
}

// Cancelled tells the queue that a run was cancelled in the store. If it is being carried out, that stops at once, and not at its next sign of life.
func (q *Queue) Cancelled(tenant, run store.ID, reason string) {
	q.o.Feed.Publish(Event{Tenant: tenant, Run: run, State: workspace.Cancelled, Reason: reason})
	q.mu.Lock()
	h := q.inHand[run]
	q.mu.Unlock()
	if h != nil {
		h.stop()
	}
	q.look()
}

// look has the queue ask the store for waiting runs soon.
func (q *Queue) look() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
