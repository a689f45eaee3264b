package workspace

import (
	"context"
	"errors"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Model is a model pack that the tenant has used.
type Model struct {
	Digest     ledger.Digest `json:"digest"`
	Version    string        `json:"version"` // of the engine it came with
	Registered time.Time     `json:"registered"`
	By         store.ID      `json:"by"`
}

var (
	models        = store.Define[Model]("models", 1)
	modelByDigest = store.DefineIndex("model.digest")
)

// RegisterModel enters a model pack in the ledger, once for each digest, so that runs of it can be submitted. It gives the
// model's id, also of one that was registered before.
func (w *Workspace) RegisterModel(ctx context.Context, digest [32]byte, version string) (id store.ID, err error) {
	err = w.change(ctx, store.Action{Verb: rights.ModelRegister}, func() error { return checkText("version", version, 1, 200) }, func(tx *store.WriteTx) (err error) {
		id, err = w.register(tx, digest, version)
		tx.Of(id)
		return err
	})
	return id, err
}

// register enters a model pack that is not there yet.
func (w *Workspace) register(tx *store.WriteTx, digest ledger.Digest, version string) (id store.ID, err error) {
	id, err = modelByDigest.Find(tx, digest.String())
	if !errors.Is(err, store.ErrNotFound) {
		return id, err
	}
	id = tx.NewID()
	m := Model{Digest: digest, Version: version, Registered: stamp(tx.Now()), By: w.tenant.Principal().User()}
	if err := models.Insert(tx, id, m); err != nil {
		return id, err
	}
	tx.Enter(leaf(ledger.ModelRegistered, id, map[string]ledger.Digest{"model": m.Digest}, version))
	return id, modelByDigest.Set(tx, m.Digest.String(), id)
}

// Model finds a registered model pack by its digest; store.ErrNotFound: it is not registered.
func (w *Workspace) Model(ctx context.Context, digest [32]byte) (r store.Record[Model], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.ModelRead}, func(tx *store.ReadTx) error {
		id, err := modelByDigest.Find(tx, ledger.Digest(digest).String())
		if err != nil {
			return err
		}
		r, err = models.Get(tx, id)
		return err
	})
	return r, err
}

// Models lists the registered model packs, newest first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) Models(ctx context.Context, after store.Cursor, limit int) (page store.Page[Model], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.ModelRead}, func(tx *store.ReadTx) (err error) {
		page, err = models.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}
