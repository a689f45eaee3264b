package workspace

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Portfolio is an imported OED exposure.
type Portfolio struct {
	Name      string        `json:"name"`
	Digest    ledger.Digest `json:"digest"` // exposure.Portfolio.Digest: the same for the same exposure in any order of rows
	Locations int           `json:"locations"`
	Accounts  int           `json:"accounts"`
	TIV       float64       `json:"tiv"` // of all coverages, in Currency
	Currency  string        `json:"currency"`
	Files     []File        `json:"files"`
	Imported  time.Time     `json:"imported"`
	By        store.ID      `json:"by"`
}

// NewPortfolio is what Import takes: the exposure has been read and found valid.
type NewPortfolio struct {
	Name      string
	Digest    [32]byte
	Locations int
	Accounts  int
	TIV       float64
	Currency  string
	Files     []NewFile
}

var portfolios = store.Define[Portfolio]("portfolios", 1)

// Import keeps a portfolio's files and its record. Nothing is imported half: the record is written when all files are kept.
func (w *Workspace) Import(ctx context.Context, n NewPortfolio) (id store.ID, err error) {
	name := strings.TrimSpace(n.Name)
	if c := utf8.RuneCountInString(name); c < 1 || c > 200 || !utf8.ValidString(name) {
		return id, &Invalid{"name", fmt.Sprintf("%d characters are not between 1 and 200", c)}
	}
	if len(n.Files) == 0 {
		return id, &Invalid{"files", "a portfolio has at least its location file"}
	}
	files, err := w.keepAll(ctx, n.Files)
	if err != nil {
		return id, err
	}
	err = w.tenant.Update(ctx, store.Action{Verb: rights.PortfolioImport}, func(tx *store.WriteTx) error {
		id = tx.NewID()
		tx.Of(id)
		p := Portfolio{
			Name: name, Digest: ledger.Digest(n.Digest), Locations: n.Locations, Accounts: n.Accounts, TIV: n.TIV, Currency: n.Currency,
			Files: files, Imported: stamp(tx.Now()), By: w.tenant.Principal().User(),
		}
		if err := portfolios.Insert(tx, id, p); err != nil {
			return err
		}
		digests := map[string]ledger.Digest{"portfolio": p.Digest}
		for _, f := range files {
			digests["file/"+f.Role] = f.Digest
		}
		tx.Enter(leaf(ledger.ExposureImported, id, digests, ""))
		return refer(tx, id, files)
	})
	return id, err
}

// Portfolios lists them, newest first, up to limit from a cursor.
func (w *Workspace) Portfolios(ctx context.Context, after store.Cursor, limit int) (page store.Page[Portfolio], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead}, func(tx *store.ReadTx) (err error) {
		page, err = portfolios.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

// Portfolio reads one.
func (w *Workspace) Portfolio(ctx context.Context, id store.ID) (r store.Record[Portfolio], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead, Object: id}, func(tx *store.ReadTx) (err error) {
		r, err = portfolios.Get(tx, id)
		return err
	})
	return r, err
}

// OpenFile opens one of a portfolio's files by its role. The reader must be closed.
func (w *Workspace) OpenFile(ctx context.Context, id store.ID, role string) (from *store.BlobReader, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead, Object: id}, func(tx *store.ReadTx) error {
		r, err := portfolios.Get(tx, id)
		if err != nil {
			return err
		}
		from, err = openRole(tx, r.Value.Files, role)
		return err
	})
	return from, err
}

func openRole(tx *store.ReadTx, files []File, role string) (*store.BlobReader, error) {
	for _, f := range files {
		if f.Role == role {
			return tx.OpenBlob(f.Blob)
		}
	}
	return nil, fmt.Errorf("file %q: %w", role, store.ErrNotFound)
}

// DeletePortfolio removes a portfolio to which no run refers. Its leaves in the ledger stay.
func (w *Workspace) DeletePortfolio(ctx context.Context, id store.ID, version uint64) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.PortfolioDelete, Object: id}, func(tx *store.WriteTx) error {
		r, err := portfolios.Get(tx, id)
		if err != nil {
			return err
		}
		if run, err := runOf(tx, id); err != nil {
			return err
		} else if !run.IsZero() {
			return &Invalid{"portfolio", fmt.Sprintf("run %s is of it: its result would stand on nothing", run)}
		}
		for _, f := range r.Value.Files {
			if err := tx.DropBlob(f.Blob); err != nil {
				return err
			}
		}
		if err := voidRequests(tx, id, "the portfolio was deleted"); err != nil {
			return err
		}
		return portfolios.Delete(tx, id, version)
	})
}
