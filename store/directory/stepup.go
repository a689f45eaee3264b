package directory

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// StepUpLife is how long a proof counts as fresh.
const StepUpLife = 10 * time.Minute

// Session is the open session of a request, beside its principal.
type Session struct {
	ID     store.ID
	Begun  time.Time
	Ends   time.Time // at the latest; half an hour unused ends it as well
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

// BeginStepUp begins the ceremony of a passkey for StepUp. The session is the token's. Errors: ErrNoPasskey where the caller has none, ErrPasskeysOff, ErrNoSession.
func (d *Directory) BeginStepUp(ctx context.Context, by store.Principal, token SessionToken) (Ceremony, error) {
	return Ceremony{}, ErrPasskeysOff
}

// StepUp takes a fresh proof of the caller: the session of the token goes on with the returned one, the token from before ends.
// Errors: ErrWrongCredentials, *SecondFactorNeeded without a ticket where the password alone was given, *ErrTooMany, ErrBusy,
// ErrNoCeremony, ErrPasskeyCopied, ErrNoSession.
func (d *Directory) StepUp(ctx context.Context, by store.Principal, token SessionToken, p Proof) (SessionToken, error) {
	return SessionToken{}, ErrWrongCredentials
}
