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
	Version      uint64     `json:"version"` // grows with every change of what an administrator decides, not with sign-ins; for ChangeUser
}

func (a account) view() User {
	u, c := a.user.Value, a.credential.Value
	return User{a.user.ID, u.Email, u.Name, u.Role, u.State, u.Created, c.SignedIn, c.hasSecondFactor(), a.user.Version}
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
// days. For operators with an account it is narrowed as Invite is. store.ErrExists where the tenant has the address already.
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
		if err := d.mayAdd(tx, by, t.ID(), n.Role); err != nil {
			return err
		}
		until := tx.Now().Add(oneTimeLife)
		a, err := d.enrol(tx, t.ID(), n, Active, credential{Password: hash, Changed: tx.Now(), OneTime: &until})
		if err != nil {
			return err
		}
		added = a.view()
		_, err = d.notify(tx, a.user, notice{Kind: NoticeAccountAdded, Expires: until})
		return errors.Join(err, d.tellAdministrators(tx, by, t.ID(), a))
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
	a.user = store.Record[userRecord]{ID: id, Version: 1, Value: u}
	a.credential = store.Record[credential]{ID: id, Version: 1, Value: c}
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

// Person is what everybody in a tenant may know of a colleague: who stands behind an id in an approval, a run, the ledger.
type Person struct {
	ID   store.ID
	Name string
	Role store.Role
}

// People lists everybody of the caller's tenant in order of creation, also those who were disabled: what they did is still theirs.
func (d *Directory) People(ctx context.Context, by store.Principal, after store.Cursor, limit int) (all []Person, next store.Cursor, err error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return nil, "", err
	}
	return all, next, t.View(ctx, store.Action{Verb: rights.TenantRead}, func(tx *store.ReadTx) error {
		page, err := d.users.List(tx, after, limit)
		if err != nil {
			return err
		}
		all, next = nil, page.Next
		for _, r := range page.Records {
			all = append(all, Person{r.ID, r.Value.Name, r.Value.Role})
		}
		return nil
	})
}

// Names are those of people of the tenant that is read, by id, for whoever may list them as People does. For others, such as an API key for
// something else, there are none: they may read what somebody did, and only that it was the same somebody. An id that is nobody's has none.
func (d *Directory) Names(tx store.Reader, by store.Principal, ids ...store.ID) (map[store.ID]string, error) {
	names := map[store.ID]string{}
	if !by.May(rights.TenantRead) {
		return names, nil
	}
	for _, id := range ids {
		u, err := d.users.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names[id] = u.Value.Name
	}
	return names, nil
}

// User reads one user of the tenant; store.ErrNotFound.
func (d *Directory) User(ctx context.Context, by store.Principal, tenant, user store.ID) (u User, err error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return u, err
	}
	return u, t.View(ctx, store.Action{Verb: rights.UserList, Object: user}, func(tx *store.ReadTx) error {
		a, err := d.account(tx, user)
		u = a.view()
		return err
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
	Tenant             store.ID `json:"tenant"`
	TenantName         string   `json:"tenant_name"`          // "" of the appliance, whose users are operators
	MustChangePassword bool     `json:"must_change_password"` // may do nothing else before: SetPassword
	MustEnrol          bool     `json:"must_enrol"`           // may do nothing else before: EnrolSecondFactor or BeginPasskey
	Authenticator      bool     `json:"authenticator"`        // an authenticator application is in place
	Passkeys           int      `json:"passkeys"`             // in place
	RecoveryCodes      int      `json:"recovery_codes"`       // left
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
		self, err = d.self(tx, t.ID(), a)
		return err
	})
}

// self is an account as its user sees it.
func (d *Directory) self(tx store.Reader, tenant store.ID, a account) (self Self, err error) {
	must, err := d.mustHaveCode(tx, tenant, a.user.Value.Role)
	if err != nil {
		return self, err
	}
	c := a.credential.Value
	self = Self{User: a.view(), Tenant: tenant, MustChangePassword: c.OneTime != nil, MustEnrol: must && !c.hasSecondFactor(),
		Authenticator: c.Code != nil, Passkeys: c.Passkeys, RecoveryCodes: len(c.Recovery)}
	self.TenantName, err = store.NameOf(tx)
	return self, err
}

// ResetPassword gives an active user a one-time password and ends its sessions, for those who forgot theirs. The second
// factor stays. One's own is changed by SetPassword only: ErrOwnPassword.
func (d *Directory) ResetPassword(ctx context.Context, by store.Principal, tenant, user store.ID) (Secret, error) {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return Secret{}, err
	}
	oneTime := d.drawWritten()
	hash, hashing := d.hashFor(ctx, t, ChangeVerb(tenant), oneTime)
	err = d.changeCredential(ctx, t, user, func(tx *store.WriteTx, a *account) error {
		if hashing != nil {
			return hashing
		}
		if user == by.User() {
			return ErrOwnPassword
		}
		if a.user.Value.State == Invited {
			return fmt.Errorf("user %s has not accepted the invitation yet: invite again: %w", user, store.ErrConflict)
		}
		until, c := tx.Now().Add(oneTimeLife), &a.credential.Value
		c.Password, c.Changed, c.OneTime = hash, tx.Now(), &until
		_, err := d.notify(tx, a.user, notice{Kind: NoticeOneTimePassword, Expires: until})
		return err
	})
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(oneTime), nil
}

// ResetSecondFactor takes another user's authenticator application, passkeys and recovery codes away, for those who lost them. Where one is required
// the user enrols anew at the next sign-in, and can do nothing before. One's own is removed by RemoveSecondFactor only.
func (d *Directory) ResetSecondFactor(ctx context.Context, by store.Principal, tenant, user store.ID) error {
	t, err := d.tenant(ctx, by, tenant)
	if err != nil {
		return err
	}
	return d.changeCredential(ctx, t, user, func(tx *store.WriteTx, a *account) error {
		if user == by.User() {
			return ErrSecondFactorRequired
		}
		c := &a.credential.Value
		had := c.hasSecondFactor()
		c.Code, c.Pending, c.Recovery, c.Wrong, c.BarredUntil = nil, nil, nil, 0, time.Time{}
		if !had {
			return nil
		}
		_, err := d.notify(tx, a.user, notice{Kind: NoticeSecondFactorReset})
		return errors.Join(err, d.dropPasskeys(tx, a))
	})
}

// changeCredential changes how another user proves who it is, and ends the user's sessions.
func (d *Directory) changeCredential(ctx context.Context, t *store.Tenant, user store.ID, change func(*store.WriteTx, *account) error) error {
	return t.Update(ctx, store.Action{Verb: ChangeVerb(t.ID()), Object: user}, func(tx *store.WriteTx) error {
		a, err := d.account(tx, user)
		if err != nil {
			return err
		}
		if err := change(tx, &a); err != nil {
			return err
		}
		return errors.Join(d.endSessions(tx, user, nil), save(tx, d.credentials, a.credential))
	})
}
