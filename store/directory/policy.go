package directory

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Policy reads the tenant's policy.
func (d *Directory) Policy(ctx context.Context, by store.Principal) (p Policy, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return p, err
	}
	return p, t.View(ctx, store.Action{Verb: rights.TenantRead}, func(tx *store.ReadTx) error {
		r, err := find(tx, d.policies, t.ID())
		p = viewPolicy(r)
		return err
	})
}

func viewPolicy(r store.Record[Policy]) Policy {
	p := r.Value
	p.Version = shownVersion(r.Version)
	return p
}

// SetPolicy changes the tenant's policy and returns it in its new version. Users who must now have a second factor and have
// none can do nothing else from their next request on. store.ErrConflict where Policy.Version is given and it was changed since.
func (d *Directory) SetPolicy(ctx context.Context, by store.Principal, p Policy) (now Policy, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return now, err
	}
	err = t.Update(ctx, store.Action{Verb: rights.TenantChange, Object: t.ID()}, func(tx *store.WriteTx) error {
		r, err := find(tx, d.policies, t.ID())
		if err != nil {
			return err
		}
		if err := expected("the tenant's policy", p.Version, shownVersion(r.Version)); err != nil {
			return err
		}
		r.Value = p
		if err := save(tx, d.policies, r); err != nil {
			return err
		}
		r.Version++
		now = viewPolicy(r)
		return nil
	})
	if err != nil {
		return Policy{}, err
	}
	return now, nil
}
