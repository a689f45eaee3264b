package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// maxPassword bounds in bytes what is hashed at all, and maxCandidates in how many tenants a password is tried.
const (
	maxPassword   = 4 * MaxPassword
	maxCandidates = 4
)

// Credentials are what somebody signs in with.
type Credentials struct {
	Email    string
	Password Secret
	Tenant   store.ID // zero: the tenant follows from the address, if one alone has it with this password
	Code     Secret   // of the second factor: six digits or a recovery code; zero: none given
}

// candidate is an account that an attempt may be about.
type candidate struct {
	tenant    store.ID
	reception *store.Reception
	account
}

// attempt is one sign-in on its way.
type attempt struct {
	email string // normalised; "" where it is no address
	Credentials
	source     store.Source
	candidates []candidate
	bucket     string // the account's limit
}

// SignIn tells who somebody is by e-mail address and password, and begins a session. The principal is restricted where the
// password is a one-time one or a required second factor is missing; Self says so.
//
// Errors: ErrWrongCredentials, whatever of them is wrong and whether or not there is such an account; after the right password
// ErrSecondFactorNeeded, ErrDisabled, ErrPasswordExpired, *ErrTenantNeeded; *ErrTooMany before anything is looked at, or when too
// many codes were wrong; ErrBusy; those of the store. Each attempt is one audit entry with the tenant, or where the account is
// not known with the appliance; of attempts beyond the limits the first one is entered.
//
// An address that several tenants have is tried in up to four of them unless Tenant says which, and takes as much longer; so
// who watches the clock can learn that several have it.
func (d *Directory) SignIn(ctx context.Context, c Credentials, from store.Source) (store.Principal, SessionToken, error) {
	none := func(err error) (store.Principal, SessionToken, error) {
		return store.Principal{}, SessionToken{}, err
	}
	a := &attempt{Credentials: c, source: from}
	a.email, _ = normaliseEmail(c.Email) // what is no address is nobody's
	if err := d.limit(ctx, a, "address "+network(from.Address), d.options.Limits.Address); err != nil {
		return none(err)
	}
	if err := d.lookUp(ctx, a); err != nil {
		return none(err)
	}
	if err := d.limitAccount(ctx, a); err != nil {
		return none(err)
	}
	right, outdated, err := d.checkPassword(ctx, a)
	switch {
	case errors.Is(err, ErrBusy):
		return none(d.turnAway(ctx, a, a.candidates, ErrBusy))
	case err != nil:
		return none(err)
	case len(right) == 0:
		return none(d.turnAway(ctx, a, a.candidates, ErrWrongCredentials))
	case len(right) > 1:
		which := &ErrTenantNeeded{}
		for _, one := range right {
			which.Tenants = append(which.Tenants, one.tenant)
		}
		return none(d.turnAway(ctx, a, right, which))
	}
	e := entering{candidate: right[0], password: right[0].credential.Value.Password, second: second{code: c.Code}, bucket: a.bucket, source: from}
	if outdated {
		if e.fresh, err = d.hasher.hash(ctx, c.Password.Reveal(), d.draw(hashSalt)); err != nil {
			return none(err)
		}
	}
	return d.admit(ctx, e)
}

// limit counts the attempt against a rate.
func (d *Directory) limit(ctx context.Context, a *attempt, name string, r Rate) error {
	wait, first := d.limiter.take(d.now(), name, r)
	if wait <= 0 {
		return nil
	}
	tooMany := &ErrTooMany{wait}
	if !first {
		return tooMany // a flood must not fill the log
	}
	return d.turnAway(ctx, a, a.candidates, tooMany)
}

// limitAccount counts against the account and all. An address that the account was signed in from before has a limit of its
// own, so that a stranger who guesses cannot keep the owner out.
func (d *Directory) limitAccount(ctx context.Context, a *attempt) error {
	net := network(a.source.Address)
	known := slices.ContainsFunc(a.candidates, func(c candidate) bool {
		return slices.Contains(c.credential.Value.Addresses, net)
	})
	a.bucket = "account " + a.email
	if known {
		a.bucket += " from " + net
	}
	if err := d.limit(ctx, a, a.bucket, d.options.Limits.Account); err != nil || known {
		return err
	}
	return d.limit(ctx, a, allSignIns, d.options.Limits.All)
}

// lookUp finds the accounts of the address, without any entry yet.
func (d *Directory) lookUp(ctx context.Context, a *attempt) error {
	pointers, err := d.db.Follow(ctx, d.emails, a.email)
	if err != nil {
		return err
	}
	for _, at := range pointers {
		if !a.Tenant.IsZero() && at.Tenant != a.Tenant || len(a.candidates) == maxCandidates {
			continue
		}
		c := candidate{tenant: at.Tenant}
		c.reception, err = d.receive(ctx, a.source, at.Tenant)
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err == nil {
			err = c.reception.Read(ctx, func(tx *store.ReadTx) error {
				c.account, err = d.account(tx, at.Record)
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("look up an account: %w", err)
		}
		a.candidates = append(a.candidates, c)
	}
	return nil
}

// checkPassword gives the candidates whose password it is. Where there is none, one hash is spent all the same.
func (d *Directory) checkPassword(ctx context.Context, a *attempt) (right []candidate, outdated bool, err error) {
	password := tried(a.Password)
	if len(a.candidates) == 0 {
		_, _, err = d.hasher.verify(ctx, "", password)
		return nil, false, err
	}
	for _, c := range a.candidates {
		fits, old, err := d.hasher.verify(ctx, c.credential.Value.Password, password)
		if err != nil {
			return nil, false, err
		}
		if fits {
			right, outdated = append(right, c), old
		}
	}
	return right, outdated, nil
}

// turnAway enters a refusal with every tenant it concerns, or with the appliance, and returns it.
func (d *Directory) turnAway(ctx context.Context, a *attempt, from []candidate, why error) error {
	act := store.Action{Verb: rights.SignIn}
	if len(from) == 0 {
		return d.deny(ctx, a.source, store.Appliance, act, why)
	}
	var failed error
	for _, c := range from {
		act.Object = c.user.ID
		failed = d.deny(ctx, a.source, c.tenant, act, why)
	}
	return failed
}

// deny enters a refusal of somebody unknown and returns it, or why it could not be entered.
func (d *Directory) deny(ctx context.Context, from store.Source, tenant store.ID, a store.Action, why error) error {
	r, err := d.receive(ctx, from, tenant)
	if err != nil {
		return noneIfErased(err, why)
	}
	return settled(r.Settle(ctx, a, func(*store.WriteTx) (store.Principal, error) { return store.Principal{}, refuse(why) }))
}

// settled unwraps what Settle says of a refusal, so that the caller gets the bare error.
func settled(err error) error {
	var r *store.Refusal
	if errors.As(err, &r) {
		return r.Err
	}
	return err
}

// entering is somebody whose first proof held: the password, or a passkey alone.
type entering struct {
	candidate
	password string // the hash that was fitted; "" where none was asked for
	fresh    string // a hash in its place; "" where it can stay
	second
	bucket string // the limit of the account, to be forgotten
	source store.Source
}

// second is what was given of a second factor.
type second struct {
	code    Secret
	passkey *proofOfPasskey // nil: none
}

// admit looks at what is left to look at, and begins the session, in one transaction. Who lacks the second factor only gets a
// ticket with the error.
func (d *Directory) admit(ctx context.Context, e entering) (store.Principal, SessionToken, error) {
	token := d.drawToken()
	var p store.Principal
	err := e.reception.Settle(ctx, store.Action{Verb: rights.SignIn, Object: e.user.ID}, func(tx *store.WriteTx) (store.Principal, error) {
		now, err := d.account(tx, e.user.ID)
		if err != nil {
			return store.Principal{}, err
		}
		if e.password != "" && now.credential.Value.Password != e.password {
			return store.Principal{}, refuse(ErrWrongCredentials) // changed since it was checked
		}
		before := now.credential.Value
		if err := d.mayEnter(tx, &now, e.second); err != nil {
			return store.Principal{}, d.turnedBack(tx, now, before, err)
		}
		if err := d.tellOfRecovery(tx, now, before, e.source); err != nil {
			return store.Principal{}, err
		}
		p, err = d.enter(tx, e.tenant, &now, token, e.fresh, e.source)
		return p, err
	})
	if err != nil {
		return store.Principal{}, SessionToken{}, d.withTicket(settled(err), e)
	}
	d.limiter.forget(e.bucket, d.options.Limits.Account)
	return p, NewSessionToken(token), nil
}

// mayEnter is why an account whose first proof held is refused, or nil. It counts wrong codes and accepts right ones.
func (d *Directory) mayEnter(tx *store.WriteTx, a *account, s second) error {
	c := &a.credential.Value
	switch {
	case a.user.Value.State != Active:
		return ErrDisabled
	case c.OneTime != nil && tx.Now().After(*c.OneTime):
		return ErrPasswordExpired
	}
	return d.acceptSecond(tx, a, s)
}

// acceptSecond takes what was given of a second factor, if the account has any.
func (d *Directory) acceptSecond(tx *store.WriteTx, a *account, s second) error {
	c := &a.credential.Value
	switch {
	case s.passkey != nil:
		return d.advance(tx, a.user.ID, *s.passkey)
	case !c.hasSecondFactor():
		return nil
	case s.code.IsZero():
		return &SecondFactorNeeded{Code: c.Code != nil, Passkey: c.Passkeys > 0 && d.PasskeysOffered()}
	}
	return c.accept(tx.Now(), a.user.ID, s.code.Reveal())
}

// turnedBack keeps the count of wrong codes with a refusal. What is no refusal fails, and keeps nothing.
func (d *Directory) turnedBack(tx *store.WriteTx, a account, before credential, why error) error {
	if !isRefusal(why) {
		return why
	}
	if a.credential.Value.Wrong != before.Wrong {
		if err := save(tx, d.credentials, a.credential); err != nil {
			return err
		}
	}
	return refuse(settled(why))
}

// tellOfRecovery writes to a user of whose recovery codes one was used.
func (d *Directory) tellOfRecovery(tx *store.WriteTx, now account, before credential, from store.Source) error {
	left := len(now.credential.Value.Recovery)
	if left >= len(before.Recovery) {
		return nil
	}
	_, err := d.notify(tx, now.user, notice{Kind: NoticeRecoveryCodeUsed, Left: left}.from(from))
	return err
}

// enter writes that the user signed in and opens the session.
func (d *Directory) enter(tx *store.WriteTx, tenant store.ID, a *account, token, hash string, from store.Source) (store.Principal, error) {
	c := &a.credential.Value
	c.SignedIn = tx.Now()
	c.remember(network(from.Address))
	if hash != "" {
		c.Password = hash
	}
	if err := save(tx, d.credentials, a.credential); err != nil {
		return store.Principal{}, err
	}
	if err := d.beginSession(tx, a.user.ID, token, from, tx.Now()); err != nil {
		return store.Principal{}, err
	}
	scopes, err := d.scopes(tx, tenant, *a)
	if err != nil {
		return store.Principal{}, err
	}
	return principal(a.user.ID, tenant, a.user.Value.Role, from, scopes)
}

// remember keeps the network as the newest of the last few.
func (c *credential) remember(net string) {
	if net == "" {
		return
	}
	all := slices.DeleteFunc(slices.Clone(c.Addresses), func(old string) bool { return old == net })
	if len(all) >= addressesOfOne {
		all = all[len(all)-addressesOfOne+1:]
	}
	c.Addresses = append(all, net)
}
