package workspace

import (
	"context"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Finished is a run that is done, with the portfolio that it is of, what came out, and files of that which are open.
type Finished struct {
	Tenant    store.ID // whose it is
	Run       store.Record[Run]
	Portfolio store.Record[Portfolio]
	Result    Result
	open      map[string]*store.BlobReader
	exposure  map[string]*store.BlobReader // by role
}

// File is an open file by its name; nil: it was not picked, or the result has none of that name.
func (f *Finished) File(name string) *store.BlobReader { return f.open[name] }

// Exposure is a file of the portfolio by its role; nil: it was not opened, or there is none in that role.
func (f *Finished) Exposure(role string) *store.BlobReader { return f.exposure[role] }

// Close closes the files.
func (f *Finished) Close() (err error) {
	for _, files := range []map[string]*store.BlobReader{f.open, f.exposure} {
		for _, from := range files {
			err = errors.Join(err, from.Close())
		}
	}
	return err
}

// UnfinishedError refuses to read the result of a run that has none, not yet or not ever. It is a store.ErrConflict.
type UnfinishedError struct {
	Run store.ID
	Is  State
}

func (e *UnfinishedError) Error() string {
	if e.Is.Ended() {
		return fmt.Sprintf("run %s is %s and has no result", e.Run, e.Is)
	}
	return fmt.Sprintf("run %s is %s; its result is there when it is done", e.Run, e.Is)
}

// AuditReason is its class in the audit log.
func (e *UnfinishedError) AuditReason() string { return "state" }

// Unwrap makes it a conflict.
func (e *UnfinishedError) Unwrap() error { return store.ErrConflict }

// Finished reads runs that are done, in the order of their ids, and opens those of their files that pick names, to be read here: all
// in one reading, with one entry, about the first. They must be closed. *UnfinishedError: one of them is not done.
func (w *Workspace) Finished(ctx context.Context, pick func(File) bool, ids ...store.ID) ([]*Finished, error) {
	return w.finished(ctx, rights.RunRead, pick, false, ids)
}

// FinishedWithExposure reads a run that is done as Finished does, and opens the files of its portfolio too, so that a part of it can be
// computed again. With export it is for files that leave the appliance. Either way the caller must be allowed to read portfolios too: what is
// computed of single locations shows them. *store.DeniedError: it is not, which is the one entry that the reading leaves.
func (w *Workspace) FinishedWithExposure(ctx context.Context, pick func(File) bool, export bool, id store.ID) (*Finished, error) {
	verb := rights.RunRead
	if export {
		verb = rights.RunExport
	}
	all, err := w.finished(ctx, verb, pick, true, []store.ID{id})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ExportFinished reads a run that is done as Finished does, for files that leave the appliance.
func (w *Workspace) ExportFinished(ctx context.Context, pick func(File) bool, id store.ID) (*Finished, error) {
	all, err := w.finished(ctx, rights.RunExport, pick, false, []store.ID{id})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ExportCompared reads runs that are done as Finished does, for a file that leaves the appliance.
func (w *Workspace) ExportCompared(ctx context.Context, pick func(File) bool, ids ...store.ID) ([]*Finished, error) {
	return w.finished(ctx, rights.RunExport, pick, false, ids)
}

func (w *Workspace) finished(ctx context.Context, verb store.Verb, pick func(File) bool, exposure bool, ids []store.ID) (all []*Finished, err error) {
	if len(ids) == 0 {
		panic("workspace: a reading of no run")
	}
	by := w.tenant.Principal()
	err = w.tenant.View(ctx, store.Action{Verb: verb, Object: ids[0]}, func(tx *store.ReadTx) error {
		if exposure && !by.May(rights.PortfolioRead) {
			return &store.DeniedError{Verb: rights.PortfolioRead, Role: by.Role()}
		}
		for _, id := range ids {
			one := &Finished{Tenant: w.tenant.ID(), open: map[string]*store.BlobReader{}, exposure: map[string]*store.BlobReader{}}
			all = append(all, one)
			if err := one.read(tx, id, pick); err != nil {
				return err
			}
			if !exposure {
				continue
			}
			if err := one.openExposure(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return all, nil
	}
	for _, one := range all {
		err = errors.Join(err, one.Close())
	}
	return nil, err
}

func (f *Finished) read(tx *store.ReadTx, id store.ID, pick func(File) bool) (err error) {
	if f.Run, err = runs.Get(tx, id); err != nil {
		return err
	}
	if f.Run.Value.State != Done {
		return &UnfinishedError{id, f.Run.Value.State}
	}
	if f.Portfolio, err = exposureOf(tx, &f.Run.Value); err != nil {
		return fmt.Errorf("the portfolio of run %s: %w", id, err)
	}
	r, err := results.Get(tx, id)
	if err != nil {
		return fmt.Errorf("the result of run %s: %w", id, err)
	}
	f.Result = r.Value
	for _, file := range r.Value.Files {
		if !pick(file) {
			continue
		}
		if f.open[file.Name], err = tx.OpenBlob(file.Blob.ref()); err != nil {
			delete(f.open, file.Name)
			return fmt.Errorf("%s of run %s: %w", file.Name, id, err)
		}
	}
	return nil
}

func (f *Finished) openExposure(tx *store.ReadTx) error {
	for _, file := range f.Portfolio.Value.Files {
		from, err := tx.OpenBlob(file.Blob.ref())
		if err != nil {
			return fmt.Errorf("%s of portfolio %s: %w", file.Name, f.Portfolio.ID, err)
		}
		f.exposure[file.Role] = from
	}
	return nil
}

// RunFilter says which runs are wanted; a zero field is any.
type RunFilter struct {
	State     State
	Portfolio store.ID
	By        store.ID
}

func (f RunFilter) takes(r *Run) bool {
	return (f.State == "" || r.State == f.State) && (f.Portfolio.IsZero() || r.Portfolio == f.Portfolio) && (f.By.IsZero() || r.By == f.By)
}

// lookedThrough bounds how many runs one reading looks at to find those that are wanted.
const lookedThrough = 10_000

// FindRuns lists runs that a filter takes, newest first, up to limit (1 to 1,000) from a cursor. Of a tenant with very many it may give fewer
// than there are, none even, with a cursor from which the next reading looks on.
func (w *Workspace) FindRuns(ctx context.Context, wanted RunFilter, after store.Cursor, limit int) (page store.Page[Run], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.RunRead}, func(tx *store.ReadTx) error {
		page = store.Page[Run]{Next: after}
		for seen := 0; seen < lookedThrough; {
			part, err := runs.ListNewest(tx, page.Next, limit-len(page.Records))
			if err != nil {
				return err
			}
			for _, r := range part.Records {
				if wanted.takes(&r.Value) {
					page.Records = append(page.Records, r)
				}
			}
			seen, page.Next = seen+len(part.Records), part.Next
			if page.Next == "" || len(page.Records) == limit {
				return nil
			}
		}
		return nil
	})
	return page, err
}
