package workspace

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// RefusedImport is what is kept of exposure that was not imported because of its faults, for whoever mends it: the report of all of them,
// and the bad rows as files. The exposure itself is not kept.
type RefusedImport struct {
	Name   string    `json:"name"`   // that the portfolio would have had
	Faults int       `json:"faults"` // how many there are in all
	Files  []File    `json:"files"`  // such as "report", "bad-location", "bad-account"
	At     time.Time `json:"at"`
	By     store.ID  `json:"by"`
}

var refusedImports = store.Define[RefusedImport]("refused-imports", 1)

// keptRefusals is how many a tenant has: the oldest goes when one more comes.
const keptRefusals = 50

// NewRefusedImport is what KeepRefused takes.
type NewRefusedImport struct {
	Name   string
	Faults int
	Files  []NewFile // one for each role
	// Check says that the exposure was only to be checked: the right is that of Check.
	Check bool
}

func (n *NewRefusedImport) check() error {
	n.Name = strings.TrimSpace(n.Name)
	if err := checkText("name", n.Name, 1, maxName); err != nil {
		return err
	}
	if n.Faults < 1 {
		return &Invalid{"faults", fmt.Sprintf("%d faults: exposure without faults is imported", n.Faults)}
	}
	return checkFiles(n.Files, func(f NewFile) string { return f.Role })
}

// KeepRefused keeps the report of an import that was refused. It takes the place of Import, with the same right. *QuotaError: the
// tenant's files take all the room that it has.
func (w *Workspace) KeepRefused(ctx context.Context, n NewRefusedImport) (id store.ID, err error) {
	var files []File
	action := store.Action{Verb: rights.PortfolioImport}
	if n.Check {
		action.Verb = rights.PortfolioCheck
	}
	first := func() (err error) {
		if err := n.check(); err != nil {
			return err
		}
		files, err = w.keepAll(ctx, action, n.Files)
		return err
	}
	err = w.change(ctx, action, first, func(tx *store.WriteTx) error {
		freed, err := dropOldest(tx)
		if err != nil {
			return err
		}
		if err := w.stock(tx, 0, onDisk(files)-freed); err != nil {
			return err
		}
		id = tx.NewID()
		tx.Of(id)
		r := RefusedImport{Name: n.Name, Faults: n.Faults, Files: files, At: stamp(tx.Now()), By: w.tenant.Principal().User()}
		if err := refusedImports.Insert(tx, id, r); err != nil {
			return err
		}
		return refer(tx, id, files)
	})
	if err != nil {
		return store.ID{}, err
	}
	return id, nil
}

// Checked enters that exposure was checked and found without faults. Nothing is kept.
func (w *Workspace) Checked(ctx context.Context) error {
	return w.tenant.View(ctx, store.Action{Verb: rights.PortfolioCheck}, func(*store.ReadTx) error { return nil })
}

// dropOldest makes room for one more, and says how many bytes that freed.
func dropOldest(tx *store.WriteTx) (freed int64, err error) {
	page, err := refusedImports.List(tx, "", keptRefusals)
	if err != nil || len(page.Records) < keptRefusals {
		return 0, err
	}
	old := page.Records[0]
	if err := drop(tx, old.Value.Files); err != nil {
		return 0, err
	}
	return onDisk(old.Value.Files), refusedImports.Delete(tx, old.ID, old.Version)
}

// RefusedImports lists them, newest first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) RefusedImports(ctx context.Context, after store.Cursor, limit int) (page store.Page[RefusedImport], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead}, func(tx *store.ReadTx) (err error) {
		page, err = refusedImports.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

// RefusedImport reads one.
func (w *Workspace) RefusedImport(ctx context.Context, id store.ID) (r store.Record[RefusedImport], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead, Object: id}, func(tx *store.ReadTx) (err error) {
		r, err = refusedImports.Get(tx, id)
		return err
	})
	return r, err
}

// OpenRefused opens one of a refused import's files by its role. The reader must be closed.
func (w *Workspace) OpenRefused(ctx context.Context, id store.ID, role string) (from *store.BlobReader, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead, Object: id}, func(tx *store.ReadTx) error {
		r, err := refusedImports.Get(tx, id)
		if err != nil {
			return err
		}
		from, err = openFile(tx, r.Value.Files, role, func(f File) bool { return f.Role == role })
		return err
	})
	return from, err
}
