package directory

import (
	"context"
	"errors"
	"slices"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Attempts with passkeys have limits of their own: a flood of passwords, which are cheap to try, leaves whoever has a passkey
// able to sign in.

// BeginPasskeySignIn begins a sign-in with a passkey alone, by whoever has one. It leaves no entry; the attempt does. Errors:
// ErrPasskeysOff, *ErrTooMany.
func (d *Directory) BeginPasskeySignIn(ctx context.Context, from store.Source) (Ceremony, error) {
	if d.noPasskeys != nil {
		return Ceremony{}, d.noPasskeys
	}
	if err := d.limitTo(ctx, from, store.Action{Verb: rights.SignIn}, "passkeys begun from "+network(from.Address), d.options.Limits.Address); err != nil {
		return Ceremony{}, err
	}
	options, c, err := d.authenticators.request(nil)
	if err != nil {
		return Ceremony{}, err
	}
	return d.strangers.begin(d.now(), c, options)
}

// SignInWithPasskey tells who somebody is by a passkey, which is password and second factor in one, and begins a session.
// Errors: ErrWrongCredentials, whatever is wrong with it; ErrNoCeremony, ErrPasskeyCopied, ErrDisabled, ErrPasswordExpired, *ErrTooMany,
// ErrPasskeysOff, those of the store. Entries are those of SignIn.
func (d *Directory) SignInWithPasskey(ctx context.Context, answer PasskeyAnswer, from store.Source) (store.Principal, SessionToken, error) {
	none := func(err error) (store.Principal, SessionToken, error) {
		return store.Principal{}, SessionToken{}, err
	}
	if d.noPasskeys != nil {
		return none(d.noPasskeys)
	}
	act := store.Action{Verb: rights.SignIn}
	if err := d.limitTo(ctx, from, act, "passkeys from "+network(from.Address), d.options.Limits.Address); err != nil {
		return none(err)
	}
	random, ok := d.strangers.read(d.now(), answer.Ceremony)
	if !ok {
		return none(d.deny(ctx, from, store.Appliance, act, ErrNoCeremony))
	}
	said, err := readAssertion(answer.Response)
	if err != nil {
		return none(d.deny(ctx, from, store.Appliance, act, wrongFor(err)))
	}
	e, h, err := d.whose(ctx, said, from)
	if err != nil {
		return none(err)
	}
	proof, err := d.authenticators.holds(d.authenticators.asked(random), h, said)
	if err == nil && !d.strangers.use(d.now(), answer.Ceremony) {
		err = ErrNoCeremony
	}
	if err != nil {
		act.Object = e.user.ID
		return none(d.deny(ctx, from, e.tenant, act, wrongFor(err)))
	}
	e.second.passkey = &proof
	return d.admit(ctx, e)
}

// wrongFor hides why an answer does not hold from who gave it, and leaves the class to the log.
func wrongFor(err error) error {
	var b because
	if !errors.As(err, &b) {
		return err
	}
	return because{ErrWrongCredentials, b.class}
}

// whose finds the account that a passkey belongs to, within the limits. Whether there is one the caller cannot tell.
func (d *Directory) whose(ctx context.Context, said assertion, from store.Source) (e entering, h holder, err error) {
	act := store.Action{Verb: rights.SignIn}
	at, err := d.db.Follow(ctx, d.passkeyIDs, digest(string(said.credential())))
	if err != nil {
		return e, h, err
	}
	e.source = from
	if len(at) > 0 {
		e.tenant = at[0].Tenant
		if e.reception, err = d.receive(ctx, from, e.tenant); err == nil {
			h, err = d.readHolder(ctx, &e.candidate, at[0].Record)
		}
		if err = noneIfErased(err, ErrWrongCredentials); err != nil && !errors.Is(err, ErrWrongCredentials) {
			return e, h, err
		}
	}
	if len(at) == 0 || err != nil {
		if err := d.limitTo(ctx, from, act, passkeysOfNobody, d.options.Limits.All); err != nil {
			return e, h, err
		}
		return e, h, d.deny(ctx, from, store.Appliance, act, because{ErrWrongCredentials, "passkey not known"})
	}
	e.bucket = "passkeys of " + e.user.ID.String()
	known := slices.Contains(e.credential.Value.Addresses, network(from.Address))
	if known {
		e.bucket += " from " + network(from.Address)
	}
	act.Object = e.user.ID
	return e, h, d.limitIn(ctx, from, e.tenant, act, e.bucket, d.options.Limits.Account)
}

// SecondFactorNeeded says that address and password are right and the account wants its second factor: SignIn again with
// Credentials.Code, or SignInSecond with the ticket, which spares to keep the password. It is ErrSecondFactorNeeded.
type SecondFactorNeeded struct {
	Ticket  Secret // for SignInSecond, for five minutes
	Code    bool   // an authenticator application is in place; a recovery code is good in any case
	Passkey bool   // a passkey is in place; see BeginSecondFactor
}

func (e *SecondFactorNeeded) Error() string { return ErrSecondFactorNeeded.Error() }

// Unwrap is ErrSecondFactorNeeded.
func (e *SecondFactorNeeded) Unwrap() error { return ErrSecondFactorNeeded }

// ticket stands for a password that was right a moment ago: what is left to give is the second factor.
type ticket struct {
	tenant, user store.ID
	password     string // the hash that it fitted: one that was changed since makes the ticket worthless
	fresh        string // a hash in its place
	bucket       string // the limit of the account, to be forgotten
}

// withTicket gives who lacks the second factor only a ticket for the rest.
func (d *Directory) withTicket(err error, e entering) error {
	var needed *SecondFactorNeeded
	if !errors.As(err, &needed) {
		return err
	}
	text := d.drawToken()
	d.tickets.put(d.now(), digest(text), "", ticket{e.tenant, e.user.ID, e.password, e.fresh, e.bucket})
	return &SecondFactorNeeded{NewSecret(text), needed.Code, needed.Passkey}
}

// SecondFactor ends a sign-in whose password was right: with a code or a passkey.
type SecondFactor struct {
	Ticket  Secret
	Code    Secret         // six digits or a recovery code
	Passkey *PasskeyAnswer // to BeginSecondFactor; nil: none
}

// BeginSecondFactor begins the ceremony of a passkey for whoever holds the ticket; a former one of the ticket is over. It
// leaves no entry. Errors: ErrNoCeremony where the ticket is over, ErrNoPasskey, ErrPasskeysOff, *ErrTooMany.
func (d *Directory) BeginSecondFactor(ctx context.Context, shown Secret, from store.Source) (Ceremony, error) {
	if d.noPasskeys != nil {
		return Ceremony{}, d.noPasskeys
	}
	if err := d.limitTo(ctx, from, store.Action{Verb: rights.SignIn}, "passkeys begun from "+network(from.Address), d.options.Limits.Address); err != nil {
		return Ceremony{}, err
	}
	t, c, err := d.ticketOf(ctx, shown, from)
	if err != nil {
		return Ceremony{}, err
	}
	h, err := d.readHolder(ctx, &c, t.user)
	if err != nil {
		return Ceremony{}, noneIfErased(err, ErrNoCeremony)
	}
	return d.challengeTo(h, begun{purpose: toFinish, tenant: t.tenant, user: t.user}, "ticket "+digest(shown.Reveal()))
}

// challengeTo begins a proof with one of the user's passkeys.
func (d *Directory) challengeTo(h holder, b begun, owner string) (Ceremony, error) {
	if len(h.passkeys) == 0 {
		return Ceremony{}, ErrNoPasskey
	}
	options, c, err := d.authenticators.request(&h)
	if err != nil {
		return Ceremony{}, err
	}
	b.challenge = c
	return d.begin(b, owner, options)
}

// ticketOf finds what a ticket stands for.
func (d *Directory) ticketOf(ctx context.Context, shown Secret, from store.Source) (t ticket, c candidate, err error) {
	t, ok := d.tickets.look(d.now(), digest(shown.Reveal()))
	if !ok {
		return t, c, ErrNoCeremony
	}
	c.tenant = t.tenant
	c.reception, err = d.receive(ctx, from, t.tenant)
	return t, c, noneIfErased(err, ErrNoCeremony)
}

// SignInSecond ends a sign-in that SignIn answered with *SecondFactorNeeded. A wrong code leaves the ticket good, within
// the limits of codes. Errors: ErrNoCeremony where ticket or ceremony are over, and those of SignIn.
func (d *Directory) SignInSecond(ctx context.Context, s SecondFactor, from store.Source) (store.Principal, SessionToken, error) {
	none := func(err error) (store.Principal, SessionToken, error) {
		return store.Principal{}, SessionToken{}, err
	}
	act := store.Action{Verb: rights.SignIn}
	if err := d.limitTo(ctx, from, act, "second factors from "+network(from.Address), d.options.Limits.Address); err != nil {
		return none(err)
	}
	t, c, err := d.ticketOf(ctx, s.Ticket, from)
	if errors.Is(err, ErrNoCeremony) {
		return none(d.deny(ctx, from, store.Appliance, act, err))
	}
	if err != nil {
		return none(err)
	}
	act.Object = t.user
	if _, err := d.readHolder(ctx, &c, t.user); err != nil {
		return none(noneIfErased(err, ErrNoCeremony))
	}
	e := entering{candidate: c, password: t.password, fresh: t.fresh, second: second{code: s.Code}, bucket: t.bucket, source: from}
	if s.Passkey != nil {
		proof, err := d.answerOf(ctx, t.tenant, t.user, toFinish, *s.Passkey, from)
		if err != nil {
			return none(d.deny(ctx, from, t.tenant, act, wrongFor(err)))
		}
		e.second.passkey = &proof
	}
	p, token, err := d.admit(ctx, e)
	if err == nil {
		d.tickets.take(d.now(), digest(s.Ticket.Reveal()))
	}
	return p, token, err
}
