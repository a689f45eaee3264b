package directory

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// RenameSelf changes the caller's own display name, and returns the account as it is then. version is that of the Self which the
// caller read, 0: whatever it is. Errors: *store.InvalidError, store.ErrConflict.
func (d *Directory) RenameSelf(ctx context.Context, by store.Principal, name string, version uint64) (changed Self, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return Self{}, err
	}
	err = t.Update(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.WriteTx) error {
		a, err := d.account(tx, by.User())
		if err != nil {
			return err
		}
		if err := expected("user "+by.User().String(), version, a.user.Version); err != nil {
			return err
		}
		fresh, err := normaliseName(name)
		if err != nil {
			return err
		}
		if fresh != a.user.Value.Name {
			a.user.Value.Name = fresh
			err = save(tx, d.users, a.user)
			a.user.Version++
		}
		if err != nil {
			return err
		}
		changed, err = d.self(tx, t.ID(), a)
		return err
	})
	return changed, err
}
