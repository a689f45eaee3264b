package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// StepUpLife is how long a proof counts as fresh.
const StepUpLife = 10 * time.Minute

// Session is the open session of a request, beside its principal.
type Session struct {
	ID     store.ID
	Begun  time.Time
	Ends   time.Time // at the latest; being unused for long ends it as well
	Proved time.Time // when its owner last gave all the factors that the account has; zero: not since it was begun

	MustChangePassword bool // may do nothing else before: SetPassword
	MustEnrol          bool // may do nothing else before: EnrolSecondFactor or BeginPasskey
}

// Restricted reports whether the owner may do no more than put the account in order.
func (s Session) Restricted() bool { return s.MustChangePassword || s.MustEnrol }

// Fresh reports whether the owner's last proof is no more than StepUpLife ago.
func (d *Directory) Fresh(s Session) bool { return fresh(d.now(), s.Proved) }

func fresh(now, proved time.Time) bool { return !proved.IsZero() && now.Sub(proved) <= StepUpLife }

// Proof is what a signed-in user proves itself with once more: password and, where the account has a second factor, its code
// or a recovery code; or a passkey, which is both.
type Proof struct {
	Password Secret
	Code     Secret
	Passkey  *PasskeyAnswer // to BeginStepUp; nil: none
}

// BeginStepUp begins the ceremony of a passkey for StepUp, in the session of the token; a former one of the session is over.
// Errors: ErrNoPasskey where the caller has none, ErrPasskeysOff, ErrNoSession.
func (d *Directory) BeginStepUp(ctx context.Context, by store.Principal, token SessionToken) (Ceremony, error) {
	s, h, err := d.holding(ctx, by, token, d.own, func(h holder) error {
		if len(h.passkeys) == 0 {
			return ErrNoPasskey
		}
		return nil
	})
	if err != nil {
		return Ceremony{}, err
	}
	return d.challengeTo(h, begun{purpose: toStepUp, tenant: by.Tenant(), user: by.User()}, "step-up "+s.ID.String())
}

// own is the caller's open session of a token.
func (d *Directory) own(tx store.Reader, by store.Principal, token SessionToken) (session, error) {
	s, err := d.openSession(tx, by.User(), digest(token.Reveal()))
	if err == nil && d.over(s, d.now(), d.seen.at(s.ID)) {
		return s, ErrNoSession
	}
	return s, err
}

// ownFresh is own with a fresh proof.
func (d *Directory) ownFresh(tx store.Reader, by store.Principal, token SessionToken) (session, error) {
	s, err := d.own(tx, by, token)
	if err == nil && !fresh(d.now(), s.Proved) {
		return s, ErrStepUpNeeded
	}
	return s, err
}

// StepUp takes a fresh proof of the caller: the session of the token goes on with the returned one, the token from before ends.
// Errors: ErrWrongCredentials, *SecondFactorNeeded without a ticket where the password alone was given, *ErrTooMany, ErrBusy,
// ErrNoCeremony, ErrPasskeyCopied, ErrNoSession. A wrong code counts like one at a sign-in.
func (d *Directory) StepUp(ctx context.Context, by store.Principal, token SessionToken, p Proof) (SessionToken, error) {
	t, err := d.tenant(ctx, by, by.Tenant())
	if err != nil {
		return SessionToken{}, err
	}
	given := second{code: p.Code}
	var password string
	var wrong error
	if by.May(rights.StepUp) {
		password, wrong = d.firstOf(ctx, by, p, &given)
	}
	next := d.drawToken()
	err = t.Settle(ctx, store.Action{Verb: rights.StepUp, Object: by.User()}, func(tx *store.WriteTx) error {
		if wrong != nil {
			return refusedOr(wrong)
		}
		return d.stepUp(tx, by, password, given, func() error { return d.renew(tx, by, token, next) })
	})
	if err != nil {
		return SessionToken{}, settled(err)
	}
	d.limiter.forget(ownPasskeys(by), d.options.Limits.Account)
	return NewSessionToken(next), nil
}

// firstOf checks the costly part of a proof before the transaction: the password, whose hash it returns, or a passkey.
func (d *Directory) firstOf(ctx context.Context, by store.Principal, p Proof, given *second) (password string, err error) {
	if p.Passkey == nil {
		return d.prove(ctx, by, p.Password)
	}
	if wait, _ := d.limiter.take(d.now(), ownPasskeys(by), d.options.Limits.Account); wait > 0 {
		return "", &ErrTooMany{wait}
	}
	proof, err := d.answerOf(ctx, by.Tenant(), by.User(), toStepUp, *p.Passkey, by.Source())
	given.passkey = &proof
	return "", wrongFor(err)
}

func ownPasskeys(by store.Principal) string { return "own passkeys of " + by.User().String() }

// refusedOr makes a refusal a denied entry, and leaves what went wrong as it is.
func refusedOr(err error) error {
	if isRefusal(err) {
		return refuse(settled(err))
	}
	return err
}

// stepUp takes the second factor, and notes the proof with the session.
func (d *Directory) stepUp(tx *store.WriteTx, by store.Principal, password string, given second, renew func() error) error {
	a, err := d.account(tx, by.User())
	if err != nil {
		return err
	}
	before := a.credential.Value
	if given.passkey == nil && before.Password != password {
		return refuse(ErrWrongCredentials) // changed since it was checked
	}
	if err := d.acceptSecond(tx, &a, given); err != nil {
		return d.turnedBack(tx, a, before, err)
	}
	if err := d.tellOfRecovery(tx, a, before, by.Source()); err != nil {
		return err
	}
	if err := save(tx, d.credentials, a.credential); err != nil {
		return err
	}
	return refusedOr(renew())
}

// renew gives the caller's session a new token and notes the proof. Its age, after which it ends, goes on.
func (d *Directory) renew(tx *store.WriteTx, by store.Principal, token SessionToken, next string) error {
	s, err := d.own(tx, by, token)
	if err != nil {
		return err
	}
	all, err := find(tx, d.sessions, by.User())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all.Value.Open, func(one session) bool { return one.ID == s.ID })
	old := s.Digest
	s.Digest, s.Proved, s.Seen = digest(next), tx.Now(), latest(s.Seen, tx.Now())
	all.Value.Open = slices.Clone(all.Value.Open)
	all.Value.Open[i] = s
	return errors.Join(d.tokens.Remove(tx, old), d.tokens.Set(tx, s.Digest, by.User()), save(tx, d.sessions, all))
}
