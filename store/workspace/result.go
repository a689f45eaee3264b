package workspace

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Result is what came out of a finished run. It is kept under the run's id and never changes.
type Result struct {
	Files []File `json:"files"` // tables, manifest, the quantum estimate; no two of one name
}

var results = store.Define[Result]("results", 1)

// keepResult writes a result's files into blobs.
func (w *Workspace) keepResult(ctx context.Context, files []NewFile) ([]File, error) {
	if len(files) == 0 {
		return nil, &Invalid{"files", "a run that is done has a result"}
	}
	if err := checkNamed(files); err != nil {
		return nil, err
	}
	return w.keepAll(ctx, store.Action{Verb: rights.RunFinish}, files)
}

// enterResult writes the result and its leaves: one of the output, and one of the estimate if there is one.
func enterResult(tx *store.WriteTx, run store.ID, files []File) error {
	if err := results.Insert(tx, run, Result{files}); err != nil {
		return err
	}
	output, estimate := map[string]ledger.Digest{}, map[string]ledger.Digest{}
	for _, f := range files {
		if f.Role == "estimate" {
			estimate["estimate/"+f.Name] = f.Digest
			continue
		}
		output[f.Role+"/"+f.Name] = f.Digest
	}
	tx.Enter(leaf(ledger.OutputRecorded, run, output, ""))
	if len(estimate) > 0 {
		tx.Enter(leaf(ledger.EstimateRecorded, run, estimate, ""))
	}
	return refer(tx, run, files)
}

// Result reads what came out of a run; store.ErrNotFound: it is not done.
func (w *Workspace) Result(ctx context.Context, run store.ID) (r Result, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.RunRead, Object: run}, func(tx *store.ReadTx) error {
		found, err := results.Get(tx, run)
		r = found.Value
		return err
	})
	return r, err
}

// OpenResult opens one of a finished run's files by its name, to be read here. The reader must be closed.
func (w *Workspace) OpenResult(ctx context.Context, run store.ID, name string) (*store.BlobReader, error) {
	return w.openResult(ctx, rights.RunRead, run, name)
}

// Export opens one of a finished run's files by its name, to leave the appliance. The reader must be closed.
func (w *Workspace) Export(ctx context.Context, run store.ID, name string) (*store.BlobReader, error) {
	return w.openResult(ctx, rights.RunExport, run, name)
}

func (w *Workspace) openResult(ctx context.Context, verb store.Verb, run store.ID, name string) (from *store.BlobReader, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: verb, Object: run}, func(tx *store.ReadTx) error {
		r, err := results.Get(tx, run)
		if err != nil {
			return err
		}
		from, err = openFile(tx, r.Value.Files, name, func(f File) bool { return f.Name == name })
		return err
	})
	return from, err
}
