package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// setUpCode is what proves, before anybody has an account, that somebody reads the appliance's log: 80 random bits, of which
// the digest is held in memory. Before it is drawn the digest is zero, which nobody knows a code of.
type setUpCode struct {
	mu     sync.Mutex // one set-up at a time
	digest [sha256.Size]byte
}

// fits compares in a time that says nothing of where they differ. The caller holds mu.
func (c *setUpCode) fits(typed Secret) bool {
	shown := sha256.Sum256([]byte(readWritten(clip(typed.Reveal()))))
	return subtle.ConstantTimeCompare(shown[:], c.digest[:]) == 1
}

// NeedsSetUp reports whether no operator has an account yet. It leaves no entry. Errors: store.ErrLocked.
func (d *Directory) NeedsSetUp(ctx context.Context) (needs bool, err error) {
	r, err := d.receive(ctx, store.Source{Address: "host"}, store.Appliance)
	if err != nil {
		return false, err
	}
	return needs, r.Read(ctx, func(tx *store.ReadTx) error {
		needs, err = d.noOperators(tx)
		return err
	})
}

// noOperators reports whether the appliance has no user, active or not.
func (d *Directory) noOperators(tx store.Reader) (bool, error) {
	page, err := d.users.List(tx, "", 1)
	return err == nil && len(page.Records) == 0, err
}

// OpenSetUp draws the code that SetUp asks for, to be written to the appliance's log and nowhere else. The one before, of an
// earlier call, is void; after a restart there is none until it is called again. Errors: ErrIsSetUp, store.ErrLocked.
func (d *Directory) OpenSetUp(ctx context.Context) (Secret, error) {
	needs, err := d.NeedsSetUp(ctx)
	if err != nil {
		return Secret{}, err
	}
	if !needs {
		return Secret{}, ErrIsSetUp
	}
	code := d.drawWritten()
	d.setUp.mu.Lock()
	defer d.setUp.mu.Unlock()
	d.setUp.digest = sha256.Sum256([]byte(readWritten(code)))
	return NewSecret(code), nil
}

// NewAppliance is what an appliance is set up with.
type NewAppliance struct {
	Operator NewUser // the role may be left zero
	Password Secret  // the operator's; rules as in SetPassword
	Tenant   string  // name of the first tenant
	Admin    NewUser // the first tenant's first administrator, who is invited; the role may be left zero
	Mode     outbound.Mode
}

// SetUpDone is an appliance that was set up.
type SetUpDone struct {
	Operator   User
	Principal  store.Principal // the operator's; restricted to enrolling a second factor
	Session    SessionToken
	Tenant     store.ID
	Invitation Invitation // of the administrator
	Token      Secret     // that leads to Accept; zero where an earlier attempt invited, and the administrator has accepted
}

// SetUp makes the first tenant, invites its administrator, and makes the first operator with a session, in this order: that the
// operator has an account is what says that the appliance is set up, and is written last, together with the mode. So whatever
// cuts it short is mended by calling it again: the tenant of that name, and the invitation, are taken up. Under another name a
// second tenant is made, and the operator may erase the first.
//
// The code is that of OpenSetUp. It is good until the appliance is set up; no other attempt uses it up, for then a stranger
// could: at 80 bits and so many attempts a minute (Options.Limits) nobody finds it.
//
// Tenant and administrator are made by the operator without account "set-up", with an entry each; the last entry is the new
// operator's own. Errors: ErrWrongSetUpCode, ErrIsSetUp, *ErrTooMany, ErrBusy, those of a weak password and of what cannot be a
// name or an address, before anything is written.
func (d *Directory) SetUp(ctx context.Context, code Secret, n NewAppliance, from store.Source) (SetUpDone, error) {
	act := store.Action{Verb: rights.SetUp}
	err := d.limitTo(ctx, from, act, "set up from "+network(from.Address), d.options.Limits.Address)
	if err == nil {
		err = d.limitTo(ctx, from, act, allSetUps, d.options.Limits.All)
	}
	if err != nil {
		return SetUpDone{}, err
	}
	d.setUp.mu.Lock()
	defer d.setUp.mu.Unlock()
	needs, err := d.NeedsSetUp(ctx)
	if err != nil {
		return SetUpDone{}, err
	}
	switch {
	case !needs:
		err = ErrIsSetUp
	case !d.setUp.fits(code):
		err = ErrWrongSetUpCode
	default:
		err = d.complete(&n)
	}
	if err != nil {
		return SetUpDone{}, d.deny(ctx, from, store.Appliance, act, err)
	}
	done, err := d.makeTenant(ctx, n, from)
	if err != nil {
		return SetUpDone{}, err
	}
	if err := d.makeOperator(ctx, n, from, &done); err != nil {
		return SetUpDone{}, err
	}
	return done, nil
}

// complete fills in the roles and refuses what the steps would refuse one by one, before the first of them.
func (d *Directory) complete(n *NewAppliance) error {
	for _, one := range []struct {
		user   *NewUser
		place  string
		role   store.Role
		tenant store.ID
	}{{&n.Operator, "operator", store.Operator, store.Appliance}, {&n.Admin, "administrator", store.Admin, store.ID{}}} {
		if one.user.Role == 0 {
			one.user.Role = one.role
		}
		if one.user.Role != one.role {
			return store.Invalid(one.place+"/role", "role %s: the %s of a new appliance has the role %s", one.user.Role, one.place, one.role)
		}
		if _, err := one.user.record(one.tenant); err != nil {
			return within(one.place, err)
		}
	}
	n.Tenant = strings.TrimSpace(n.Tenant)
	if _, err := normaliseName(n.Tenant); err != nil {
		return store.Invalid("tenant", "name of the tenant: %v", err)
	}
	if _, err := store.ParseID(n.Tenant); err == nil {
		return store.Invalid("tenant", "name of the tenant: %q looks like an id: choose another", n.Tenant)
	}
	if _, err := outbound.ParseMode(n.Mode.String()); err != nil {
		return store.Invalid("mode", "%v", err)
	}
	email, _ := normaliseEmail(n.Operator.Email)
	return d.weakPassword(n.Password.Reveal(), email)
}

// within names the place of a value that stands within another.
func within(place string, err error) error {
	var invalid *store.InvalidError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("%s: %w", place, err)
	}
	return &store.InvalidError{Field: place + "/" + invalid.Field, Reason: place + ": " + invalid.Reason, Class: invalid.Class}
}

// makeTenant makes tenant and invitation, or takes up those of an attempt that was cut short.
func (d *Directory) makeTenant(ctx context.Context, n NewAppliance, from store.Source) (done SetUpDone, err error) {
	by := rights.HostOperator(store.Appliance, "set-up", from)
	done.Tenant, err = d.db.Named(ctx, n.Tenant)
	if errors.Is(err, store.ErrNotFound) {
		done.Tenant, err = d.db.AddTenant(ctx, by, n.Tenant)
	}
	if err != nil {
		return done, fmt.Errorf("make the first tenant: %w", err)
	}
	done.Invitation, done.Token, err = d.Invite(ctx, by, done.Tenant, n.Admin)
	if errors.Is(err, store.ErrExists) { // the invitation went out by mail, and was accepted
		err = nil
	}
	if err != nil {
		return done, fmt.Errorf("invite the first administrator: %w", err)
	}
	return done, nil
}

// makeOperator writes operator, settings and session: the commit point.
func (d *Directory) makeOperator(ctx context.Context, n NewAppliance, from store.Source, done *SetUpDone) error {
	hash, err := d.hasher.hash(ctx, n.Password.Reveal(), d.draw(hashSalt))
	if err != nil {
		return err
	}
	r, err := d.receive(ctx, from, store.Appliance)
	if err != nil {
		return err
	}
	token := d.drawToken()
	err = r.Settle(ctx, store.Action{Verb: rights.SetUp}, func(tx *store.WriteTx) (p store.Principal, err error) {
		if none, err := d.noOperators(tx); err != nil || !none {
			return p, errors.Join(err, refuse(ErrIsSetUp))
		}
		a, err := d.enrol(tx, store.Appliance, n.Operator, Active, credential{Password: hash, Changed: tx.Now()})
		if err != nil {
			return p, err
		}
		s, err := find(tx, d.settings, store.Appliance)
		if err != nil {
			return p, err
		}
		s.Value = settings{Mode: n.Mode.String(), SetUp: tx.Now(), Changed: tx.Now(), By: a.user.ID}
		if err := save(tx, d.settings, s); err != nil {
			return p, err
		}
		done.Principal, err = d.enter(tx, store.Appliance, &a, token, "", from)
		done.Operator = a.view()
		return done.Principal, err
	})
	if err != nil {
		return settled(err)
	}
	done.Session = NewSessionToken(token)
	return nil
}
