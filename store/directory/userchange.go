package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// UserChange is what an administrator changes about a user; nil leaves it.
type UserChange struct {
	Name  *string
	Role  *store.Role
	State *State // Active or Disabled; who has no password yet becomes Invited in place of Active
}

// verb is the one under which the change is permitted and entered: to disable alone is a verb of its own, which operators have
// in every tenant.
func (c UserChange) verb(tenant store.ID) store.Verb {
	if c.State != nil && *c.State == Disabled && c.Name == nil && c.Role == nil {
		return rights.UserDisable
	}
	return ChangeVerb(tenant)
}

// ChangeUser changes a user in one transaction with one entry, and returns the user as it is then. version is that of the User
// which the caller read, 0: whatever it is. Another role or state ends the user's sessions: it signs in anew with the new rights,
// or not at all, and its API keys stop while it is disabled. The last active administrator of a tenant stays one, and so does
// the last active operator. Errors: store.ErrNotFound, store.ErrConflict, ErrLastAdmin, ErrLastOperator.
func (d *Directory) ChangeUser(ctx context.Context, by store.Principal, tenant, user store.ID, c UserChange, version uint64) (User, error) {
	return d.changeUser(ctx, by, tenant, user, c, func(u store.Record[userRecord]) error {
		return expected("user "+user.String(), version, u.Version)
	})
}

// changeUser is ChangeUser of a user that may be changed as it is.
func (d *Directory) changeUser(ctx context.Context, by store.Principal, tenant, user store.ID, c UserChange, may func(store.Record[userRecord]) error) (changed User, err error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return changed, err
	}
	err = t.Update(ctx, store.Action{Verb: c.verb(tenant), Object: user}, func(tx *store.WriteTx) error {
		a, err := d.account(tx, user)
		if err != nil {
			return err
		}
		if err := may(a.user); err != nil {
			return err
		}
		was := a.user.Value
		if err := c.apply(tenant, &a); err != nil {
			return err
		}
		if a.user.Value != was {
			err = d.saveChange(tx, tenant, was, &a)
		}
		changed = a.view()
		return err
	})
	if err != nil {
		return User{}, err
	}
	return changed, nil
}

// apply writes the change into the account, nothing to the store.
func (c UserChange) apply(tenant store.ID, a *account) (err error) {
	u := &a.user.Value
	if c.Name != nil {
		if u.Name, err = normaliseName(*c.Name); err != nil {
			return err
		}
	}
	if c.Role != nil {
		if err := checkRole(tenant, *c.Role); err != nil {
			return err
		}
		u.Role = *c.Role
	}
	if c.State == nil {
		return nil
	}
	switch *c.State {
	case Disabled:
		u.State = Disabled
	case Active:
		if u.State == Disabled {
			u.State = Active
			if a.credential.Value.Password == "" {
				u.State = Invited
			}
		}
	default:
		return store.Invalid("state", "state %q: a user is made %s or %s", *c.State, Active, Disabled)
	}
	return nil
}

// saveChange writes what was changed, ends sessions that began with other rights, and tells the user.
func (d *Directory) saveChange(tx *store.WriteTx, tenant store.ID, was userRecord, a *account) error {
	now := a.user.Value
	if rules(was) && !rules(now) {
		if err := d.anotherRuler(tx, tenant, a.user.ID); err != nil {
			return err
		}
	}
	var ending error
	if was.Role != now.Role || was.State != now.State {
		ending = d.endSessions(tx, a.user.ID, nil)
	}
	err := errors.Join(ending, save(tx, d.users, a.user))
	a.user.Version++
	for _, about := range []struct {
		kind NoticeKind
		tell bool
	}{
		{NoticeRoleChanged, was.Role != now.Role && now.State == Active},
		{NoticeDisabled, was.State == Active && now.State == Disabled},
		{NoticeEnabled, was.State == Disabled && now.State == Active},
	} {
		if about.tell && err == nil {
			_, err = d.notify(tx, a.user, notice{Kind: about.kind})
		}
	}
	return err
}

func anyUser(store.Record[userRecord]) error { return nil }

// Disable keeps a user out: its sessions end now, its API keys stop. The last active administrator, or operator, cannot be
// disabled.
func (d *Directory) Disable(ctx context.Context, by store.Principal, tenant, user store.ID) error {
	state := Disabled
	_, err := d.changeUser(ctx, by, tenant, user, UserChange{State: &state}, anyUser)
	return err
}

// Enable lets a disabled user in again. Its API keys work again as well, its sessions stay ended.
func (d *Directory) Enable(ctx context.Context, by store.Principal, tenant, user store.ID) error {
	state := Active
	_, err := d.changeUser(ctx, by, tenant, user, UserChange{State: &state}, func(u store.Record[userRecord]) error {
		if u.Value.State != Disabled {
			return fmt.Errorf("user %s is %s, not disabled: %w", user, u.Value.State, store.ErrConflict)
		}
		return nil
	})
	return err
}

// ChangeRole gives a user another role and ends its sessions: it signs in anew with the new rights. The last active
// administrator keeps the role.
func (d *Directory) ChangeRole(ctx context.Context, by store.Principal, tenant, user store.ID, r store.Role) error {
	_, err := d.changeUser(ctx, by, tenant, user, UserChange{Role: &r}, anyUser)
	return err
}

// Rename changes a user's display name.
func (d *Directory) Rename(ctx context.Context, by store.Principal, tenant, user store.ID, name string) error {
	_, err := d.changeUser(ctx, by, tenant, user, UserChange{Name: &name}, anyUser)
	return err
}
