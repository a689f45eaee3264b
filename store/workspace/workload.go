package workspace

import (
	"errors"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// workload is what a tenant has in hand, in one record under its own id: so that its next run is found and its quotas are held
// without a walk through all that it ever had. Every verb that adds, ends or drops something keeps it, in its transaction.
type workload struct {
	Started    time.Time `json:"started,omitzero"` // when a run of the tenant was last claimed
	Runs       []openRun `json:"runs"`             // queued, running, or done and without seal; oldest first
	Portfolios int       `json:"portfolios"`
	Bytes      int64     `json:"bytes"` // on disk, of the files of portfolios, refused imports, runs and estimates
}

// openRun is a run on which there is still something to do.
type openRun struct {
	ID    store.ID `json:"id"`
	State State    `json:"state"` // Done: it has no seal
}

var workloads = store.Define[workload]("workloads", 1)

// openWork leads the appliance to the tenants that have open runs.
var openWork = store.DefineSignpost("run.open")

// openRuns is what stands at that signpost.
const openRuns = "open"

// count is how many open runs are in the state.
func (l *workload) count(s State) (n int) {
	for _, r := range l.Runs {
		if r.State == s {
			n++
		}
	}
	return n
}

// set enters that a run is in a state now. A run on which nothing is left to do is not in the list.
func (l *workload) set(id store.ID, s State, sealed bool) {
	at := slices.IndexFunc(l.Runs, func(r openRun) bool { return r.ID == id })
	open := !s.Ended() || s == Done && !sealed
	switch {
	case at < 0 && open:
		l.Runs = append(l.Runs, openRun{id, s})
	case at >= 0 && open:
		l.Runs[at].State = s
	case at >= 0:
		l.Runs = slices.Delete(l.Runs, at, at+1)
	}
}

// openWorkload is the workload in a transaction. It is opened before anything else is written in it, because that of a store of
// before there were workloads is counted from what is there.
type openWorkload struct {
	workload
	version uint64
	waited  bool // it had open runs
}

func workloadIn(tx *store.WriteTx, tenant store.ID) (*openWorkload, error) {
	r, err := workloads.Get(tx, tenant)
	if err == nil {
		return &openWorkload{r.Value, r.Version, len(r.Value.Runs) > 0}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	counted, err := countWorkload(tx)
	return &openWorkload{workload: counted}, err
}

// keep writes the workload, and puts up or takes down the signpost to the tenant.
func (l *openWorkload) keep(tx *store.WriteTx, tenant store.ID) error {
	var err error
	if l.version == 0 {
		err = workloads.Insert(tx, tenant, l.workload)
	} else {
		_, err = workloads.Put(tx, store.Record[workload]{ID: tenant, Version: l.version, Value: l.workload})
	}
	if waits := len(l.Runs) > 0; err == nil && waits != l.waited {
		if waits {
			return openWork.Set(tx, openRuns, tenant)
		}
		return openWork.Remove(tx, openRuns)
	}
	return err
}

// withWorkload runs fn between the two.
func (w *Workspace) withWorkload(tx *store.WriteTx, fn func(*workload) error) error {
	l, err := workloadIn(tx, w.tenant.ID())
	if err != nil {
		return err
	}
	if err := fn(&l.workload); err != nil {
		return err
	}
	return l.keep(tx, w.tenant.ID())
}

// countWorkload walks through all that a tenant has, once for a tenant of before there were workloads.
func countWorkload(tx store.Reader) (l workload, err error) {
	l.Runs = []openRun{}
	err = errors.Join(
		each(tx, portfolios, func(r store.Record[Portfolio]) error {
			l.Portfolios++
			l.Bytes += onDisk(r.Value.Files)
			return nil
		}),
		each(tx, earlierVersions, func(r store.Record[earlierVersion]) error {
			l.Bytes += onDisk(r.Value.Version.Files)
			return nil
		}),
		each(tx, runs, func(r store.Record[Run]) error {
			l.set(r.ID, r.Value.State, r.Value.Seal != SealPending)
			return nil
		}),
		each(tx, refusedImports, func(r store.Record[RefusedImport]) error {
			l.Bytes += onDisk(r.Value.Files)
			return nil
		}),
		each(tx, results, func(r store.Record[Result]) error {
			l.Bytes += onDisk(r.Value.Files)
			return nil
		}),
		each(tx, estimates, func(r store.Record[Estimate]) error {
			l.Bytes += onDisk(r.Value.Files)
			return nil
		}),
	)
	return l, err
}

// onDisk is what files take there.
func onDisk(files []File) (bytes int64) {
	for _, f := range files {
		bytes += f.Blob.Stored
	}
	return bytes
}

// each calls fn for every record of a collection, oldest first.
func each[T any](tx store.Reader, c store.Collection[T], fn func(store.Record[T]) error) error {
	const atOnce = 1000
	for after := store.Cursor(""); ; {
		page, err := c.List(tx, after, atOnce)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if err := fn(r); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}
