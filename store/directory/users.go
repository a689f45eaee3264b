package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// User is a user of a tenant as its administrator, or the appliance's operator, sees it.
type User struct {
	ID           store.ID   `json:"id"`
	Email        string     `json:"email"`
	Name         string     `json:"name"`
	Role         store.Role `json:"role"`
	State        State      `json:"state"`
	Created      time.Time  `json:"created"`
	SignedIn     time.Time  `json:"signed_in,omitzero"` // last; zero: never
	SecondFactor bool       `json:"second_factor"`
}

func (a account) view() User {
	u, c := a.user.Value, a.credential.Value
	return User{a.user.ID, u.Email, u.Name, u.Role, u.State, u.Created, c.SignedIn, c.Code != nil}
}

// NewUser is a user to be.
type NewUser struct {
	Email string // normalised: trimmed, NFKC, lower case
	Name  string // shown to others, 1 to 200 characters
	Role  store.Role
}

func (n NewUser) record(tenant store.ID) (userRecord, error) {
	email, err := normaliseEmail(n.Email)
	if err != nil {
		return userRecord{}, err
	}
	name, err := normaliseName(n.Name)
	if err != nil {
		return userRecord{}, err
	}
	if err := checkRole(tenant, n.Role); err != nil {
		return userRecord{}, err
	}
	return userRecord{Email: email, Name: name, Role: n.Role}, nil
}

// AddUser makes an active user with a one-time password, which has to be replaced at the first sign-in and ends after seven
// days. store.ErrExists where the tenant has the address already.
func (d *Directory) AddUser(ctx context.Context, by store.Principal, tenant store.ID, n NewUser) (User, Secret, error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return User{}, Secret{}, err
	}
	oneTime := d.drawWritten()
	v := AddVerb(tenant)
	hash, hashing := d.hashFor(ctx, t, v, oneTime)
	var added User
	err = t.Update(ctx, store.Action{Verb: v}, func(tx *store.WriteTx) error {
		if hashing != nil {
			return hashing
		}
		until := tx.Now().Add(oneTimeLife)
		a, err := d.enrol(tx, t.ID(), n, Active, credential{Password: hash, Changed: tx.Now(), OneTime: &until})
		added = a.view()
		return err
	})
	if err != nil {
		return User{}, Secret{}, err
	}
	return added, NewSecret(oneTime), nil
}

// hashFor hashes before the transaction, and only for those who may.
func (d *Directory) hashFor(ctx context.Context, t *store.Tenant, v store.Verb, password string) (string, error) {
	if !t.Principal().May(v) {
		return "", nil // the transaction denies and enters it
	}
	return d.hasher.hash(ctx, password, d.draw(hashSalt))
}

// enrol writes a new user.
func (d *Directory) enrol(tx *store.WriteTx, tenant store.ID, n NewUser, s State, c credential) (a account, err error) {
	u, err := n.record(tenant)
	if err != nil {
		return a, err
	}
	u.State, u.Created = s, tx.Now()
	id := tx.NewID()
	tx.Of(id)
	if err := d.email.Set(tx, u.Email, id); err != nil {
		if errors.Is(err, store.ErrExists) {
			err = fmt.Errorf("e-mail address %q: the tenant has a user with it: %w", u.Email, store.ErrExists)
		}
		return a, err
	}
	a.user = store.Record[userRecord]{ID: id, Value: u}
	a.credential = store.Record[credential]{ID: id, Value: c}
	return a, errors.Join(
		d.emails.Set(tx, u.Email, id),
		d.users.Insert(tx, id, u),
		d.credentials.Insert(tx, id, c))
}

// UserPage is a part of the list of users.
type UserPage struct {
	Users []User
	Next  store.Cursor // "" at the end
}

// Users lists users in order of creation, up to limit (1 to 1,000) after the cursor; "" begins.
func (d *Directory) Users(ctx context.Context, by store.Principal, tenant store.ID, after store.Cursor, limit int) (all UserPage, err error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return all, err
	}
	return all, t.View(ctx, store.Action{Verb: rights.UserList}, func(tx *store.ReadTx) error {
		page, err := d.users.List(tx, after, limit)
		if err != nil {
			return err
		}
		all = UserPage{Next: page.Next}
		for _, r := range page.Records {
			c, err := find(tx, d.credentials, r.ID)
			if err != nil {
				return err
			}
			all.Users = append(all.Users, account{r, c}.view())
		}
		return nil
	})
}

// UserByEmail finds a user of the tenant; store.ErrNotFound.
func (d *Directory) UserByEmail(ctx context.Context, by store.Principal, tenant store.ID, email string) (u User, err error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return u, err
	}
	return u, t.View(ctx, store.Action{Verb: rights.UserList}, func(tx *store.ReadTx) error {
		normal, err := normaliseEmail(email)
		if err != nil {
			return err
		}
		id, err := d.email.Find(tx, normal)
		if err != nil {
			return fmt.Errorf("user %q: %w", normal, err)
		}
		a, err := d.account(tx, id)
		u = a.view()
		return err
	})
}

// Self is a user's view of its own account.
type Self struct {
	User
	MustChangePassword bool `json:"must_change_password"` // may do nothing else before: SetPassword
	MustEnrol          bool `json:"must_enrol"`           // may do nothing else before: EnrolSecondFactor
	RecoveryCodes      int  `json:"recovery_codes"`       // left
}

// Self reads the caller's own account.
func (d *Directory) Self(ctx context.Context, by store.Principal) (self Self, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return self, err
	}
	return self, t.View(ctx, store.Action{Verb: rights.UserSelf, Object: by.User()}, func(tx *store.ReadTx) error {
		a, err := d.account(tx, by.User())
		if err != nil {
			return err
		}
		must, err := d.mustHaveCode(tx, t.ID(), a.user.Value.Role)
		c := a.credential.Value
		self = Self{a.view(), c.OneTime != nil, must && c.Code == nil, len(c.Recovery)}
		return err
	})
}

// Disable keeps a user out: its sessions end now, its API keys stop. The last active administrator cannot be disabled.
func (d *Directory) Disable(ctx context.Context, by store.Principal, tenant, user store.ID) error {
	return d.changeUser(ctx, by, tenant, user, rights.UserDisable, func(_ *store.WriteTx, a *account) error {
		a.user.Value.State = Disabled
		return nil
	})
}

// Enable lets a disabled user in again. Its API keys work again as well, its sessions stay ended.
func (d *Directory) Enable(ctx context.Context, by store.Principal, tenant, user store.ID) error {
	return d.changeUser(ctx, by, tenant, user, ChangeVerb(tenant), func(_ *store.WriteTx, a *account) error {
		if a.user.Value.State != Disabled {
			return fmt.Errorf("user %s is %s, not disabled: %w", user, a.user.Value.State, store.ErrConflict)
		}
		a.user.Value.State = Active
		if a.credential.Value.Password == "" {
			a.user.Value.State = Invited
		}
		return nil
	})
}

// ChangeRole gives a user another role and ends its sessions: it signs in anew with the new rights. The last active
// administrator keeps the role.
func (d *Directory) ChangeRole(ctx context.Context, by store.Principal, tenant, user store.ID, r store.Role) error {
	return d.changeUser(ctx, by, tenant, user, ChangeVerb(tenant), func(_ *store.WriteTx, a *account) error {
		if err := checkRole(tenant, r); err != nil {
			return err
		}
		a.user.Value.Role = r
		return nil
	})
}

// Rename changes a user's display name.
func (d *Directory) Rename(ctx context.Context, by store.Principal, tenant, user store.ID, name string) error {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: ChangeVerb(tenant), Object: user}, func(tx *store.WriteTx) error {
		u, err := d.users.Get(tx, user)
		if err != nil {
			return err
		}
		if u.Value.Name, err = normaliseName(name); err != nil {
			return err
		}
		return save(tx, d.users, u)
	})
}

// ResetPassword gives an active user a one-time password and ends its sessions, for those who forgot theirs. The second
// factor stays.
func (d *Directory) ResetPassword(ctx context.Context, by store.Principal, tenant, user store.ID) (Secret, error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return Secret{}, err
	}
	oneTime := d.drawWritten()
	hash, hashing := d.hashFor(ctx, t, ChangeVerb(tenant), oneTime)
	err = d.changeUserIn(ctx, t, user, ChangeVerb(tenant), func(tx *store.WriteTx, a *account) error {
		if hashing != nil {
			return hashing
		}
		if a.user.Value.State == Invited {
			return fmt.Errorf("user %s has not accepted the invitation yet: invite again: %w", user, store.ErrConflict)
		}
		until, c := tx.Now().Add(oneTimeLife), &a.credential.Value
		c.Password, c.Changed, c.OneTime = hash, tx.Now(), &until
		return nil
	})
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(oneTime), nil
}

// ResetSecondFactor takes another user's second factor and recovery codes away, for those who lost both. Where one is required
// the user enrols anew at the next sign-in, and can do nothing before. One's own is removed by RemoveSecondFactor only.
func (d *Directory) ResetSecondFactor(ctx context.Context, by store.Principal, tenant, user store.ID) error {
	return d.changeUser(ctx, by, tenant, user, ChangeVerb(tenant), func(_ *store.WriteTx, a *account) error {
		if user == by.User() {
			return ErrSecondFactorRequired
		}
		c := &a.credential.Value
		c.Code, c.Pending, c.Recovery, c.Wrong, c.BarredUntil = nil, nil, nil, 0, time.Time{}
		return nil
	})
}

func (d *Directory) changeUser(ctx context.Context, by store.Principal, tenant, user store.ID, v store.Verb, change func(*store.WriteTx, *account) error) error {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return err
	}
	return d.changeUserIn(ctx, t, user, v, change)
}

// changeUserIn changes what another decides about a user, ends the user's sessions, and keeps the tenant an administrator.
func (d *Directory) changeUserIn(ctx context.Context, t *store.Tenant, user store.ID, v store.Verb, change func(*store.WriteTx, *account) error) error {
	return t.Update(ctx, store.Action{Verb: v, Object: user}, func(tx *store.WriteTx) error {
		a, err := d.account(tx, user)
		if err != nil {
			return err
		}
		was := a.user.Value
		if err := change(tx, &a); err != nil {
			return err
		}
		if rules(was) && !rules(a.user.Value) {
			if err := d.anotherRuler(tx, t.ID(), user); err != nil {
				return err
			}
		}
		if err := d.endSessions(tx, user, nil); err != nil {
			return err
		}
		return errors.Join(save(tx, d.users, a.user), save(tx, d.credentials, a.credential))
	})
}

// Policy reads the tenant's policy.
func (d *Directory) Policy(ctx context.Context, by store.Principal) (p Policy, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return p, err
	}
	return p, t.View(ctx, store.Action{Verb: rights.TenantRead}, func(tx *store.ReadTx) error {
		r, err := find(tx, d.policies, t.ID())
		p = r.Value
		return err
	})
}

// SetPolicy changes the tenant's policy. Users who must now have a second factor and have none can do nothing else from
// their next request on.
func (d *Directory) SetPolicy(ctx context.Context, by store.Principal, p Policy) error {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return err
	}
	return t.Update(ctx, store.Action{Verb: rights.TenantChange, Object: t.ID()}, func(tx *store.WriteTx) error {
		r, err := find(tx, d.policies, t.ID())
		if err != nil {
			return err
		}
		r.Value = p
		return save(tx, d.policies, r)
	})
}
