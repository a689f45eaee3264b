package workspace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// A portfolio has one id and a history: each import into it is its next version, and none is changed or lost. The record under the
// portfolio's id is the latest version, so that whoever asks for a portfolio, lists them or decides on one reads one record, as before
// there were versions. When the next one comes, that record moves as it is into a record of its own. The two are not one collection of
// all versions under a first id, because lists of portfolios would then have to walk over the history, and a portfolio of an earlier
// store would have to be written anew before it could be read.

// earlierVersion is a version of a portfolio that is not the latest.
type earlierVersion struct {
	Of      store.ID  `json:"of"`
	Version Portfolio `json:"version"`
}

var (
	earlierVersions = store.Define[earlierVersion]("portfolio-versions", 1)
	// versionIndex leads from a portfolio's id and a number to the earlier version.
	versionIndex = store.DefineIndex("portfolio.version")
)

// maxVersions bounds a portfolio's history, because it is deleted in one transaction.
const maxVersions = 1000

// ofFirstVersion is the upgrade of a record that was written before portfolios had versions: what it speaks of is the first.
func ofFirstVersion(field string) func(json.RawMessage) (json.RawMessage, error) {
	return func(old json.RawMessage) (json.RawMessage, error) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(old, &fields); err != nil {
			return nil, err
		}
		fields[field] = json.RawMessage("1")
		return json.Marshal(fields)
	}
}

func versionKey(id store.ID, number int) string { return fmt.Sprintf("%s/%d", id, number) }

// versionAt reads a portfolio in the version of that number, 0: the latest. The record's own version is that of the portfolio in any case: it is the
// portfolio that can change, and no version of it.
func versionAt(tx store.Reader, id store.ID, number int) (r store.Record[Portfolio], err error) {
	if r, err = portfolios.Get(tx, id); err != nil || number == 0 || number == r.Value.Number {
		return r, err
	}
	e, err := earlierAt(tx, id, number)
	r.Value = e.Value.Version
	return r, err
}

func earlierAt(tx store.Reader, id store.ID, number int) (store.Record[earlierVersion], error) {
	at, err := versionIndex.Find(tx, versionKey(id, number))
	if errors.Is(err, store.ErrNotFound) {
		return store.Record[earlierVersion]{}, fmt.Errorf("version %d of portfolio %s: %w", number, id, store.ErrNotFound)
	}
	if err != nil {
		return store.Record[earlierVersion]{}, err
	}
	return earlierVersions.Get(tx, at)
}

// exposureOf is the portfolio in the version that a run is of.
func exposureOf(tx store.Reader, r *Run) (store.Record[Portfolio], error) {
	return versionAt(tx, r.Portfolio, r.PortfolioVersion)
}

// ImportVersion imports exposure as the next version of a portfolio, whose record was read in that version, 0: any (store.ErrConflict:
// someone changed it), and gives what is kept. Without a name it keeps the portfolio's. Earlier versions, and the runs of them, stay what they are;
// new runs are of the new one unless they name another. A request for the portfolio's approval is void. Errors are those of Import.
func (w *Workspace) ImportVersion(ctx context.Context, id store.ID, version uint64, n NewPortfolio) (p Portfolio, err error) {
	var files []File
	unnamed := n.Name == ""
	first := func() (err error) {
		if unnamed {
			n.Name = "unnamed" // until the transaction knows better
		}
		if err := n.check(); err != nil {
			return err
		}
		files, err = w.keepAll(ctx, store.Action{Verb: rights.PortfolioImport}, n.Files)
		return err
	}
	err = w.change(ctx, store.Action{Verb: rights.PortfolioImport, Object: id}, first, func(tx *store.WriteTx) error {
		r, err := portfolios.Get(tx, id)
		if err != nil {
			return err
		}
		if r.Value.Number == maxVersions {
			return &Invalid{"portfolio", fmt.Sprintf("it has %d versions, which is the most: import it as a new portfolio", maxVersions)}
		}
		if err := w.stock(tx, 0, onDisk(files)); err != nil {
			return err
		}
		if err := keepEarlier(tx, r); err != nil {
			return err
		}
		if unnamed {
			n.Name = r.Value.Name
		}
		p = n.record(tx, r.Value.Number+1, files, w.tenant.Principal().User())
		if _, err := portfolios.Put(tx, store.Record[Portfolio]{ID: id, Version: cmp.Or(version, r.Version), Value: p}); err != nil {
			return err
		}
		tx.Enter(p.imported(id))
		if err := refer(tx, id, files); err != nil {
			return err
		}
		if err := w.voidRequest(tx, id, "the portfolio has a new version"); err != nil {
			return err
		}
		return w.announce(tx, PortfolioReplaced, id)
	})
	if err != nil {
		return Portfolio{}, err
	}
	return p, nil
}

// keepEarlier writes what was the latest version into the history.
func keepEarlier(tx *store.WriteTx, r store.Record[Portfolio]) error {
	at := tx.NewID()
	if err := earlierVersions.Insert(tx, at, earlierVersion{Of: r.ID, Version: r.Value}); err != nil {
		return err
	}
	return versionIndex.Set(tx, versionKey(r.ID, r.Value.Number), at)
}

// dropVersions takes the files of a portfolio and of all earlier versions away, and their records; the caller deletes the latest. It gives what
// they took on disk.
func dropVersions(tx *store.WriteTx, latest store.Record[Portfolio]) (freed int64, err error) {
	for number := 1; number < latest.Value.Number; number++ {
		e, err := earlierAt(tx, latest.ID, number)
		if err != nil {
			return 0, err
		}
		freed += onDisk(e.Value.Version.Files)
		if err := drop(tx, e.Value.Version.Files); err != nil {
			return 0, err
		}
		if err := earlierVersions.Delete(tx, e.ID, e.Version); err != nil {
			return 0, err
		}
		if err := versionIndex.Remove(tx, versionKey(latest.ID, number)); err != nil {
			return 0, err
		}
	}
	return freed + onDisk(latest.Value.Files), drop(tx, latest.Value.Files)
}

// PortfolioVersion reads a portfolio in the version of that number, 0: the latest.
func (w *Workspace) PortfolioVersion(ctx context.Context, id store.ID, number int) (r store.Record[Portfolio], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead, Object: id}, func(tx *store.ReadTx) (err error) {
		r, err = versionAt(tx, id, number)
		return err
	})
	return r, err
}

// PortfolioVersions lists a portfolio's versions, the latest first, up to limit (1 to 1,001) that are below a number, 0: from the latest.
func (w *Workspace) PortfolioVersions(ctx context.Context, id store.ID, below, limit int) (all []Portfolio, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.PortfolioRead, Object: id}, func(tx *store.ReadTx) error {
		latest, err := portfolios.Get(tx, id)
		if err != nil {
			return err
		}
		if limit < 1 || limit > maxVersions+1 { // one more than a page has, to say what changed since
			return &Invalid{"limit", fmt.Sprintf("%d is not between 1 and %d", limit, maxVersions+1)}
		}
		if below == 0 || below > latest.Value.Number {
			all, below = append(all, latest.Value), latest.Value.Number
		}
		for number := below - 1; number > 0 && len(all) < limit; number-- {
			e, err := earlierAt(tx, id, number)
			if err != nil {
				return err
			}
			all = append(all, e.Value.Version)
		}
		return nil
	})
	return all, err
}
