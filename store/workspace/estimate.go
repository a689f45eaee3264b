package workspace

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// EstimateState is how far an estimate on a device elsewhere has come.
type EstimateState string

// The states of an estimate. Submitted: it is on record, and its circuits may have left.
const (
	Submitted     EstimateState = "submitted"
	Answered      EstimateState = "answered"
	NotObtainable EstimateState = "failed"
)

// Estimate is a quantum estimate of a finished run that is made on a device elsewhere: sent there, or carried by a relay. That of
// the simulator on this host is part of the run's Result.
type Estimate struct {
	State     EstimateState `json:"state"`
	Run       store.ID      `json:"run"`
	Question  string        `json:"question"` // which figure of the run, by its name
	Device    string        `json:"device"`   // as its maker names it, such as an ARN
	Shots     int           `json:"shots"`
	Submitted time.Time     `json:"submitted"`
	By        store.ID      `json:"by"`
	Ended     *time.Time    `json:"ended,omitempty"`
	Tasks     []string      `json:"tasks,omitempty"`  // as the service names them
	Reason    string        `json:"reason,omitempty"` // why it failed
	Files     []File        `json:"files"`            // the circuits that leave; when answered, what came back
}

// NewEstimate is what SubmitEstimate takes.
type NewEstimate struct {
	Run      store.ID // done
	Question string
	Device   string
	Shots    int
	Files    []NewFile // what leaves, role "circuits"; no two of one name
}

var estimates = store.Define[Estimate]("estimates", 1)

func (n *NewEstimate) check() error {
	if err := checkText("question", n.Question, 1, 200); err != nil {
		return err
	}
	if err := checkText("device", n.Device, 1, 200); err != nil {
		return err
	}
	if n.Shots < 1 {
		return &Invalid{"shots", fmt.Sprintf("%d is less than one", n.Shots)}
	}
	if len(n.Files) == 0 {
		return &Invalid{"files", "name the circuits that leave"}
	}
	return checkNamed(n.Files)
}

// SubmitEstimate enters a job for a device elsewhere in the ledger, before anything of it leaves: nothing may be sent unless it
// has returned without error. *Invalid: what is to be mended.
func (w *Workspace) SubmitEstimate(ctx context.Context, n NewEstimate) (id store.ID, err error) {
	var files []File
	first := func() (err error) {
		if err := n.check(); err != nil {
			return err
		}
		files, err = w.keepAll(ctx, store.Action{Verb: rights.EstimateSubmit}, n.Files)
		return err
	}
	err = w.change(ctx, store.Action{Verb: rights.EstimateSubmit}, first, func(tx *store.WriteTx) error {
		id, err = w.enterEstimate(tx, n, files, fileLeaf(files))
		tx.Of(id)
		return err
	})
	if err != nil {
		return store.ID{}, err
	}
	return id, nil
}

// enterEstimate writes the record of a job for a device elsewhere, with its leaf.
func (w *Workspace) enterEstimate(tx *store.WriteTx, n NewEstimate, files []File, digests map[string]ledger.Digest) (id store.ID, err error) {
	if _, err := finishedRun(tx, n.Run); err != nil {
		return id, err
	}
	id = tx.NewID()
	if err := w.stock(tx, 0, onDisk(files)); err != nil {
		return id, err
	}
	e := Estimate{
		State: Submitted, Run: n.Run, Question: n.Question, Device: n.Device, Shots: n.Shots,
		Submitted: stamp(tx.Now()), By: w.tenant.Principal().User(), Files: files,
	}
	if err := estimates.Insert(tx, id, e); err != nil {
		return id, err
	}
	tx.Enter(leaf(ledger.HardwareJob, id, digests, n.Device))
	return id, refer(tx, id, files)
}

// finishedRun reads a run that is done.
func finishedRun(tx store.Reader, id store.ID) (store.Record[Run], error) {
	r, err := runs.Get(tx, id)
	if err == nil && r.Value.State != Done {
		err = &Invalid{"run", fmt.Sprintf("it is %s; an estimate stands beside the result of a run that is done", r.Value.State)}
	}
	return r, err
}

// estimating is the verb of what is done on a job: by a user, or by the appliance for one.
func (w *Workspace) estimating() store.Verb {
	if w.tenant.Principal().Role() == rights.Worker {
		return rights.EstimateWork
	}
	return rights.EstimateSubmit
}

// AnswerEstimate keeps what came back from the device: the tasks as the service names them, and files, such as counts and
// report, whose names are not those of the circuits.
func (w *Workspace) AnswerEstimate(ctx context.Context, id store.ID, tasks []string, files []NewFile) error {
	var kept []File
	first := func() (err error) {
		if len(files) == 0 {
			return &Invalid{"files", "an answer has a file at least"}
		}
		if err := checkNamed(files); err != nil {
			return err
		}
		kept, err = w.keepAll(ctx, store.Action{Verb: w.estimating()}, files)
		return err
	}
	return w.change(ctx, store.Action{Verb: w.estimating(), Object: id}, first, func(tx *store.WriteTx) error {
		r, err := submitted(tx, id)
		if err != nil {
			return err
		}
		for _, f := range kept {
			if slices.ContainsFunc(r.Value.Files, func(g File) bool { return g.Name == f.Name }) {
				return &Invalid{"files", fmt.Sprintf("%q is there already", f.Name)}
			}
		}
		err = w.withWorkload(tx, func(l *workload) error { // an answer is kept, whatever the quota
			l.Bytes += onDisk(kept)
			return nil
		})
		if err != nil {
			return err
		}
		now := stamp(tx.Now())
		r.Value.State, r.Value.Ended, r.Value.Tasks = Answered, &now, tasks
		r.Value.Files = append(r.Value.Files, kept...)
		if _, err := estimates.Put(tx, r); err != nil {
			return err
		}
		tx.Enter(leaf(ledger.EstimateRecorded, id, fileLeaf(kept), r.Value.Device))
		if err := refer(tx, id, kept); err != nil {
			return err
		}
		return w.announceOf(tx, EstimateEnded, id, string(Answered))
	})
}

// FailEstimate ends a job to which there is no answer, with the reason for the user.
func (w *Workspace) FailEstimate(ctx context.Context, id store.ID, reason string) error {
	return w.tenant.Update(ctx, store.Action{Verb: w.estimating(), Object: id}, func(tx *store.WriteTx) error {
		return w.endEstimate(tx, id, reason)
	})
}

func (w *Workspace) endEstimate(tx *store.WriteTx, id store.ID, reason string) error {
	r, err := submitted(tx, id)
	if err != nil {
		return err
	}
	now := stamp(tx.Now())
	r.Value.State, r.Value.Ended, r.Value.Reason = NotObtainable, &now, clip(reason)
	if _, err = estimates.Put(tx, r); err != nil {
		return err
	}
	return w.announceOf(tx, EstimateEnded, id, string(NotObtainable))
}

// submitted reads a job that is still open.
func submitted(tx store.Reader, id store.ID) (store.Record[Estimate], error) {
	r, err := estimates.Get(tx, id)
	if err == nil && r.Value.State != Submitted {
		err = fmt.Errorf("estimate %s is %s already: %w", id, r.Value.State, store.ErrConflict)
	}
	return r, err
}

// Estimates lists them, newest first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) Estimates(ctx context.Context, after store.Cursor, limit int) (page store.Page[Estimate], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.EstimateRead}, func(tx *store.ReadTx) (err error) {
		page, err = estimates.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

// Estimate reads one.
func (w *Workspace) Estimate(ctx context.Context, id store.ID) (r store.Record[Estimate], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.EstimateRead, Object: id}, func(tx *store.ReadTx) (err error) {
		r, err = estimates.Get(tx, id)
		return err
	})
	return r, err
}

// OpenEstimate opens one of an estimate's files by its name. The reader must be closed.
func (w *Workspace) OpenEstimate(ctx context.Context, id store.ID, name string) (from *store.BlobReader, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.EstimateRead, Object: id}, func(tx *store.ReadTx) error {
		r, err := estimates.Get(tx, id)
		if err != nil {
			return err
		}
		from, err = openFile(tx, r.Value.Files, name, func(f File) bool { return f.Name == name })
		return err
	})
	return from, err
}
