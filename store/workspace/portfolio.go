package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Portfolio is an imported OED exposure, in one of its versions (versions.go).
type Portfolio struct {
	Number    int           `json:"number"` // of this version: 1 is the first import, and each later one is one more
	Name      string        `json:"name"`
	Digest    ledger.Digest `json:"digest"` // exposure.Portfolio.Digest: the same for the same exposure in any order of rows
	Locations int           `json:"locations"`
	Accounts  int           `json:"accounts"`
	TIV       float64       `json:"tiv"` // of all coverages, in Currency
	Currency  string        `json:"currency"`
	Files     []File        `json:"files"`
	Imported  time.Time     `json:"imported"`
	By        store.ID      `json:"by"`
	Summary   *Summary      `json:"summary,omitempty"` // nil: it was imported before there were summaries
}

// Summary is a portfolio in a few figures, as whoever read the exposure counted them.
type Summary struct {
	Coverages    []Share `json:"coverages"` // building, other, contents, interruption
	Counties     []Share `json:"counties"`
	Construction []Share `json:"construction"`
	Occupancy    []Share `json:"occupancy"`
	Eras         []Share `json:"eras"` // of construction
	Lines        []Share `json:"lines"`
	Policies     int     `json:"policies"`
	NotWind      int     `json:"not_wind"` // locations that are not insured against wind
	Warnings     int     `json:"warnings"` // that the import gave; they are in its report
}

// Share is what falls under one key.
type Share struct {
	Key       string  `json:"key"`
	Locations int     `json:"locations"`
	TIV       float64 `json:"tiv"` // in the portfolio's currency
}

// maxShares bounds each part of a summary.
const maxShares = 500

// NewPortfolio is what Import takes: the exposure has been read and found valid.
type NewPortfolio struct {
	Name      string
	Digest    [32]byte
	Locations int
	Accounts  int
	TIV       float64 // of all coverages, in Currency
	Currency  string
	// Files are one for each role: "location", often "account", and what the import made of them, such as "report".
	Files   []NewFile
	Summary *Summary // nil: none was made
}

// portfolios are the latest versions, each under the portfolio's id. Schema 2 brought the summary, schema 3 the number: what was
// imported before there were versions is its first.
var portfolios = store.Define[Portfolio]("portfolios", 3, store.Upgrade{From: 1, Do: nothingMissing}, store.Upgrade{From: 2, Do: ofFirstVersion("number")})

// runsOf finds a run of a portfolio, so that a portfolio with runs is not taken from under them: the portfolio's id leads
// to its first run. Runs are never deleted.
var runsOf = store.DefineIndex("run.portfolio")

// firstRun is the first run of a portfolio, or zero.
func firstRun(tx store.Reader, portfolio store.ID) (store.ID, error) {
	run, err := runsOf.Find(tx, portfolio.String())
	if errors.Is(err, store.ErrNotFound) {
		return store.ID{}, nil
	}
	return run, err
}

// check names what is wrong with a portfolio to be.
func (n *NewPortfolio) check() error {
	n.Name = strings.TrimSpace(n.Name)
	if err := checkText("name", n.Name, 1, 200); err != nil {
		return err
	}
	if n.Locations < 1 || n.Accounts < 0 {
		return &Invalid{"locations", fmt.Sprintf("%d locations and %d accounts are no exposure", n.Locations, n.Accounts)}
	}
	if math.IsNaN(n.TIV) || math.IsInf(n.TIV, 0) || n.TIV < 0 {
		return &Invalid{"TIV", fmt.Sprintf("%v is no insured value", n.TIV)}
	}
	if err := n.Summary.check(); err != nil {
		return err
	}
	role := func(f NewFile) string { return f.Role }
	if err := checkFiles(n.Files, role); err != nil {
		return err
	}
	for _, f := range n.Files {
		if f.Role == "location" {
			return nil
		}
	}
	return &Invalid{"files", "a portfolio has at least its location file"}
}

// check holds a summary to what a record can keep.
func (s *Summary) check() error {
	if s == nil {
		return nil
	}
	for _, part := range [][]Share{s.Coverages, s.Counties, s.Construction, s.Occupancy, s.Eras, s.Lines} {
		if len(part) > maxShares {
			return &Invalid{"summary", fmt.Sprintf("%d keys in one part are more than %d: join the smallest", len(part), maxShares)}
		}
		for _, k := range part {
			if err := checkText("summary", k.Key, 0, maxName); err != nil {
				return err
			}
			if math.IsNaN(k.TIV) || math.IsInf(k.TIV, 0) {
				return &Invalid{"summary", fmt.Sprintf("%v of %q is no insured value", k.TIV, k.Key)}
			}
		}
	}
	return nil
}

// record is the portfolio as it is kept, in the version of that number.
func (n *NewPortfolio) record(tx *store.WriteTx, number int, files []File, by store.ID) Portfolio {
	return Portfolio{
		Number: number, Name: n.Name, Digest: n.Digest, Locations: n.Locations, Accounts: n.Accounts, TIV: n.TIV, Currency: n.Currency,
		Files: files, Imported: stamp(tx.Now()), By: by, Summary: n.Summary,
	}
}

// imported is the leaf of an import. That of a later version says which one it is.
func (p *Portfolio) imported(id store.ID) ledger.Lineage {
	digests := map[string]ledger.Digest{"portfolio": p.Digest}
	for _, f := range p.Files {
		digests["file/"+f.Role] = f.Digest
	}
	note := ""
	if p.Number > 1 {
		note = fmt.Sprintf("version %d", p.Number)
	}
	return leaf(ledger.ExposureImported, id, digests, note)
}

// Import keeps a portfolio's files and its record. Nothing is imported half: the record is written when all files are kept.
// *Invalid: what is to be mended; *QuotaError: the tenant has as much as it may.
func (w *Workspace) Import(ctx context.Context, n NewPortfolio) (id store.ID, err error) {
	var files []File
	first := func() (err error) {
		if err := n.check(); err != nil {
			return err
		}
		files, err = w.keepAll(ctx, store.Action{Verb: rights.PortfolioImport}, n.Files)
		return err
	}
	err = w.change(ctx, store.Action{Verb: rights.PortfolioImport}, first, func(tx *store.WriteTx) error {
		id = tx.NewID()
		tx.Of(id)
		if err := w.stock(tx, 1, onDisk(files)); err != nil {
			return err
		}
		p := n.record(tx, 1, files, w.tenant.Principal().User())
		if err := portfolios.Insert(tx, id, p); err != nil {
			return err
		}
		tx.Enter(p.imported(id))
		if err := refer(tx, id, files); err != nil {
			return err
		}
		return w.announce(tx, PortfolioImported, id)
	})
	if err != nil {
		return store.ID{}, err
	}
	return id, nil
}

// stock enters portfolios and bytes that are added, or taken away where they are negative. What is added must be within the quotas.
func (w *Workspace) stock(tx *store.WriteTx, portfolios int, bytes int64) error {
	q, err := quotasOf(tx, w.tenant.ID())
	if err != nil {
		return err
	}
	return w.withWorkload(tx, func(l *workload) error {
		l.Portfolios += portfolios
		l.Bytes += bytes
		if portfolios > 0 {
			if err := within("portfolios", int64(l.Portfolios), int64(q.Value.Portfolios)); err != nil {
				return err
			}
		}
		if bytes > 0 {
			return within("bytes", l.Bytes, q.Value.Bytes)
		}
		return nil
	})
}

// Portfolios lists them in their latest versions, newest first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) Portfolios(ctx context.Context, after store.Cursor, limit int) (page store.Page[Portfolio], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead}, func(tx *store.ReadTx) (err error) {
		page, err = portfolios.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

// OpenFile opens one of the files of a portfolio's version, 0: the latest, by its role. The reader must be closed.
func (w *Workspace) OpenFile(ctx context.Context, id store.ID, number int, role string) (from *store.BlobReader, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead, Object: id}, func(tx *store.ReadTx) error {
		r, err := versionAt(tx, id, number)
		if err != nil {
			return err
		}
		from, err = openFile(tx, r.Value.Files, role, func(f File) bool { return f.Role == role })
		return err
	})
	return from, err
}

// DeletePortfolio removes a portfolio to which no run refers, with all its versions; its record was read in that version, 0: any. Its leaves in the ledger stay;
// the files are gone when the store's next sweep has passed.
func (w *Workspace) DeletePortfolio(ctx context.Context, id store.ID, version uint64) error {
	return w.tenant.Update(ctx, store.Action{Verb: rights.PortfolioDelete, Object: id}, func(tx *store.WriteTx) error {
		r, err := portfolios.Get(tx, id)
		if err != nil {
			return err
		}
		run, err := firstRun(tx, id)
		if err != nil {
			return err
		}
		if !run.IsZero() {
			return &Invalid{"portfolio", fmt.Sprintf("run %s is of it: its result would stand on nothing", run)}
		}
		freed, err := dropVersions(tx, r)
		if err != nil {
			return err
		}
		if err := w.stock(tx, -1, -freed); err != nil {
			return err
		}
		if err := w.voidRequest(tx, id, "the portfolio was deleted"); err != nil {
			return err
		}
		if err := portfolios.Delete(tx, id, cmp.Or(version, r.Version)); err != nil {
			return err
		}
		return w.announce(tx, PortfolioDeleted, id)
	})
}
