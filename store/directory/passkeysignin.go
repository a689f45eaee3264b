package directory

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
)

// BeginPasskeySignIn begins a sign-in with a passkey alone, by whoever has one. It leaves no entry; the attempt does. Errors:
// ErrPasskeysOff, *ErrTooMany.
func (d *Directory) BeginPasskeySignIn(ctx context.Context, from store.Source) (Ceremony, error) {
	return Ceremony{}, ErrPasskeysOff
}

// SignInWithPasskey tells who somebody is by a passkey, which is password and second factor in one, and begins a session.
// Errors: ErrWrongCredentials, whatever is wrong with it; ErrNoCeremony, ErrPasskeyCopied, ErrDisabled, ErrPasswordExpired, *ErrTooMany,
// ErrPasskeysOff, those of the store. Entries are those of SignIn.
func (d *Directory) SignInWithPasskey(ctx context.Context, answer PasskeyAnswer, from store.Source) (store.Principal, SessionToken, error) {
	return store.Principal{}, SessionToken{}, ErrPasskeysOff
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

// SecondFactor ends a sign-in whose password was right: with a code or a passkey.
type SecondFactor struct {
	Ticket  Secret
	Code    Secret         // six digits or a recovery code
	Passkey *PasskeyAnswer // to BeginSecondFactor; nil: none
}

// BeginSecondFactor begins the ceremony of a passkey for whoever holds the ticket. It leaves no entry. Errors: ErrNoCeremony where the
// ticket is over, ErrNoPasskey, ErrPasskeysOff.
func (d *Directory) BeginSecondFactor(ctx context.Context, ticket Secret, from store.Source) (Ceremony, error) {
	return Ceremony{}, ErrPasskeysOff
}

// SignInSecond ends a sign-in that SignIn answered with *SecondFactorNeeded. A wrong code leaves the ticket good, within
// the limits of codes. Errors: ErrNoCeremony where ticket or ceremony are over, and those of SignIn.
func (d *Directory) SignInSecond(ctx context.Context, s SecondFactor, from store.Source) (store.Principal, SessionToken, error) {
	return store.Principal{}, SessionToken{}, ErrNoCeremony
}
