package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Replay is a finished run whose result must come out again from what it was made of: a drill of a backup computes it in the restored
// copy. The appliance does it in the role worker; of what it reads, nothing leaves it but whether the tables are the same.
type Replay struct {
	workspace *Workspace
	run       store.Record[Run]
	portfolio store.Record[Portfolio]
	result    Result
}

const (
	replaysLooked = 200 // of the newest runs of a tenant
	replaysGiven  = 10
)

// Replays gives some finished runs of a model, of all tenants, those with the least work first; none is no error.
func Replays(ctx context.Context, db *store.DB, model [32]byte) (all []*Replay, err error) {
	tenants, err := db.Tenants(ctx, rights.System(store.Appliance))
	if err != nil {
		return nil, err
	}
	for _, t := range tenants {
		if t.Erased != nil {
			continue
		}
		w, err := atWork(ctx, db, t.ID)
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err == nil {
			err = w.replays(ctx, ledger.Digest(model), &all)
		}
		if err != nil {
			return nil, fmt.Errorf("runs of tenant %s: %w", t.ID, err)
		}
	}
	slices.SortStableFunc(all, func(a, b *Replay) int { return cmp.Compare(a.work(), b.work()) })
	return all[:min(len(all), replaysGiven)], nil
}

func (w *Workspace) replays(ctx context.Context, model ledger.Digest, all *[]*Replay) error {
	return w.tenant.View(ctx, store.Action{Verb: rights.RunReplay}, func(tx *store.ReadTx) error {
		page, err := runs.ListNewest(tx, "", replaysLooked)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if r.Value.State != Done || r.Value.Model != model {
				continue
			}
			one := &Replay{workspace: w, run: r}
			if one.portfolio, err = exposureOf(tx, &r.Value); errors.Is(err, store.ErrNotFound) {
				continue // deleted since
			} else if err != nil {
				return err
			}
			kept, err := results.Get(tx, r.ID)
			if err != nil {
				return err
			}
			one.result = kept.Value
			*all = append(*all, one)
		}
		return nil
	})
}

// work is how much there is to compute.
func (r *Replay) work() float64 {
	return float64(r.run.Value.Spec.Years) * float64(r.run.Value.Spec.Samples) * float64(r.portfolio.Value.Locations)
}

// Tenant is whose run it is.
func (r *Replay) Tenant() store.ID { return r.workspace.tenant.ID() }

// Run is the run.
func (r *Replay) Run() store.Record[Run] { return r.run }

// Portfolio is what it is of.
func (r *Replay) Portfolio() store.Record[Portfolio] { return r.portfolio }

// Files are those of its result.
func (r *Replay) Files() []File { return r.result.Files }

// OpenFile opens one of the portfolio's files by its role. The reader must be closed.
func (r *Replay) OpenFile(ctx context.Context, role string) (*store.BlobReader, error) {
	return r.open(ctx, r.portfolio.Value.Files, role, func(f File) bool { return f.Role == role })
}

// OpenResult opens one of the result's files by its name. The reader must be closed.
func (r *Replay) OpenResult(ctx context.Context, name string) (*store.BlobReader, error) {
	return r.open(ctx, r.result.Files, name, func(f File) bool { return f.Name == name })
}

func (r *Replay) open(ctx context.Context, files []File, name string, is func(File) bool) (from *store.BlobReader, err error) {
	err = r.workspace.tenant.View(ctx, store.Action{Verb: rights.RunReplay, Object: r.run.ID}, func(tx *store.ReadTx) error {
		from, err = openFile(tx, files, name, is)
		return err
	})
	return from, err
}
