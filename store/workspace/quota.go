package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Quotas are how much a tenant may have. A zero is the appliance's default (DefaultQuotas).
type Quotas struct {
	Queued     int   `json:"queued"`  // runs that wait
	Running    int   `json:"running"` // runs that the appliance carries out at once; more wait
	Portfolios int   `json:"portfolios"`
	Bytes      int64 `json:"bytes"` // on disk, of the files of portfolios, refused imports, runs and estimates
}

// maxQuota bounds what a quota can be: the list of open runs is one record.
const maxQuota = 5000

// DefaultQuotas are those of a tenant for which the operator set none.
func DefaultQuotas() Quotas {
	return Quotas{Queued: 100, Running: 2, Portfolios: 1000, Bytes: 100 << 30}
}

var quotas = store.Define[Quotas]("quotas", 1)

// Usage is how much of its quotas a tenant has used.
type Usage struct {
	Queued, Running, Portfolios int
	Bytes                       int64
}

// QuotaError refuses what would exceed a quota of the tenant. It is not the request that is wrong: when runs have ended or
// something was deleted, or the operator raised the quota, the same request is accepted.
type QuotaError struct {
	Of   string // "queued", "running", "portfolios", "quantum jobs", "bytes"
	Has  int64  // with what was asked for
	Most int64
}

func (e *QuotaError) Error() string {
	switch e.Of {
	case "queued":
		return fmt.Sprintf("%d runs would wait, the tenant's quota is %d: submit it when some of them have started, or cancel one", e.Has, e.Most)
	case "running":
		return fmt.Sprintf("%d runs would be running, the tenant's quota is %d: the run waits until one of them has ended", e.Has, e.Most)
	case "portfolios":
		return fmt.Sprintf("there would be %d portfolios, the tenant's quota is %d: delete one that has no runs, or ask the operator for more", e.Has, e.Most)
	}
	if e.Of == "quantum jobs" {
		return fmt.Sprintf("there would be %d open quantum jobs, a tenant has %d at most: cancel one, or prepare it when another is answered", e.Has, e.Most)
	}
	return fmt.Sprintf("the tenant's files would take %d bytes, its quota is %d: delete portfolios that have no runs, or ask the operator for more", e.Has, e.Most)
}

// AuditReason is its class in the audit log.
func (e *QuotaError) AuditReason() string { return "quota" }

func within(of string, has, most int64) error {
	if has > most {
		return &QuotaError{of, has, most}
	}
	return nil
}

// filled has the defaults in the place of zeros.
func (q Quotas) filled() Quotas {
	d := DefaultQuotas()
	return Quotas{
		Queued: cmp.Or(q.Queued, d.Queued), Running: cmp.Or(q.Running, d.Running),
		Portfolios: cmp.Or(q.Portfolios, d.Portfolios), Bytes: cmp.Or(q.Bytes, d.Bytes),
	}
}

func (q Quotas) check() error {
	for _, c := range []struct {
		field string
		value int
	}{{"queued", q.Queued}, {"running", q.Running}, {"portfolios", q.Portfolios}} {
		if c.value < 0 || c.value > maxQuota {
			return &Invalid{c.field, fmt.Sprintf("%d is not between 1 and %d, or 0 for the default", c.value, maxQuota)}
		}
	}
	if q.Bytes < 0 {
		return &Invalid{"bytes", fmt.Sprintf("%d is less than nothing; 0 is the default", q.Bytes)}
	}
	return nil
}

// quotasOf are the tenant's quotas, with defaults filled in. Version 0: none were set.
func quotasOf(tx store.Reader, tenant store.ID) (store.Record[Quotas], error) {
	r, err := quotas.Get(tx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		r, err = store.Record[Quotas]{ID: tenant}, nil
	}
	r.Value = r.Value.filled()
	return r, err
}

// Quotas reads the tenant's quotas, and how much of them is used.
func (w *Workspace) Quotas(ctx context.Context) (q Quotas, u Usage, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.QuotaRead}, func(tx *store.ReadTx) error {
		q, u, err = quotasAndUse(tx, w.tenant.ID())
		return err
	})
	return q, u, err
}

func quotasAndUse(tx store.Reader, tenant store.ID) (q Quotas, u Usage, err error) {
	r, err := quotasOf(tx, tenant)
	if err != nil {
		return q, u, err
	}
	l, err := presentWorkload(tx, tenant)
	return r.Value, Usage{l.count(Queued), l.count(Running), l.Portfolios, l.Bytes}, err
}

// presentWorkload is the workload as it is now, to be read only.
func presentWorkload(tx store.Reader, tenant store.ID) (workload, error) {
	r, err := workloads.Get(tx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		return countWorkload(tx)
	}
	return r.Value, err
}

// SetQuotas changes a tenant's quotas; what it has beyond them it keeps. Operators only: it gives them no way to what the tenant
// has. The entry is in the tenant's log. *Invalid: what is to be mended.
func SetQuotas(ctx context.Context, db *store.DB, by store.Principal, tenant store.ID, q Quotas) error {
	t, err := openAs(ctx, db, by, tenant)
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.QuotaChange, Object: tenant}, func(tx *store.WriteTx) error {
		if err := q.check(); err != nil {
			return err
		}
		r, err := quotasOf(tx, tenant)
		if err != nil {
			return err
		}
		if r.Version == 0 {
			return quotas.Insert(tx, tenant, q)
		}
		r.Value = q
		_, err = quotas.Put(tx, r)
		return err
	})
}

// QuotasOf reads a tenant's quotas and how much of them is used, for operators.
func QuotasOf(ctx context.Context, db *store.DB, by store.Principal, tenant store.ID) (q Quotas, u Usage, err error) {
	t, err := openAs(ctx, db, by, tenant)
	if err != nil {
		return q, u, err
	}
	return Open(t).Quotas(ctx)
}

// openAs opens a tenant for a principal: an operator of the appliance comes as the operator of that tenant.
func openAs(ctx context.Context, db *store.DB, by store.Principal, tenant store.ID) (*store.Tenant, error) {
	if by.Role() == store.Operator && by.Tenant() == store.Appliance {
		by = rights.Within(by, tenant)
	}
	return db.Tenant(ctx, by, tenant)
}
