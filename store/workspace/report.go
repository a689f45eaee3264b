package workspace

import (
	"context"
	"errors"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Reported is a run that is done with all that its report says of it.
type Reported struct {
	*Finished
	Seal     *store.Record[Seal]     // nil: it has none yet
	Approval *store.Record[Approval] // the last request; nil: none was made
	Current  bool                    // the request is about the run as it is now
}

// Report reads a run for its report and opens the files that came out of it, in one reading. They must be closed. beside reads in the same
// reading what is not of the workspace, such as names of people. *UnfinishedError: it is not done.
func (w *Workspace) Report(ctx context.Context, run store.ID, beside func(store.Reader, *Reported) error) (*Reported, error) {
	r := &Reported{Finished: &Finished{Tenant: w.tenant.ID(), open: map[string]*store.BlobReader{}}}
	err := w.tenant.View(ctx, store.Action{Verb: rights.RunReport, Object: run}, func(tx *store.ReadTx) error {
		if err := r.read(tx, run, func(File) bool { return true }); err != nil {
			return err
		}
		switch sealed, err := seals.Get(tx, run); {
		case err == nil:
			r.Seal = &sealed
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := r.readApproval(tx, run); err != nil {
			return err
		}
		return beside(tx, r)
	})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Reported) readApproval(tx store.Reader, run store.ID) error {
	asked, err := latest(tx, run)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	digest, err := subject(tx, asked.Value.Kind, run)
	r.Approval, r.Current = &asked, err == nil && digest == asked.Value.Digest
	return err
}
