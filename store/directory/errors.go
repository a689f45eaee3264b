package directory

import (
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// refusal is an expected error with its class for the audit log, where no data may stand.
type refusal struct{ text, class string }

func (r *refusal) Error() string { return r.text }

// AuditReason is the class that the store enters.
func (r *refusal) AuditReason() string { return r.class }

// What callers tell apart. The store's own errors come through as well: store.ErrLocked, store.ErrNotFound, *store.DeniedError ...
var (
	ErrWrongCredentials     error = &refusal{"e-mail address, password or code is wrong", "wrong credentials"}
	ErrSecondFactorNeeded   error = &refusal{"the password is right; the code of the second factor is needed too", "second factor needed"}
	ErrDisabled             error = &refusal{"the account is disabled; an administrator of the tenant can enable it", "account disabled"}
	ErrPasswordExpired      error = &refusal{"the one-time password has expired; an administrator of the tenant can set a new one", "one-time password expired"}
	ErrBusy                 error = &refusal{"too many sign-ins at this moment; try again in a few seconds", "busy"}
	ErrNoSession            error = &refusal{"not signed in, or the session has ended; sign in again", "no session"}
	ErrNoAPIKey             error = &refusal{"the API key is not valid", "no such key"}
	ErrOwnerNotInOrder      error = &refusal{"the API key's owner has to set an own password or a second factor first, and until then the key may do nothing: sign in as the owner", "owner not in order"}
	ErrNoInvitation         error = &refusal{"the invitation is not valid, was used, or has expired; ask for a new one", "no such invitation"}
	ErrNoPasswordReset      error = &refusal{"the link to set a new password is not valid, was used, or has expired; ask for a new one", "no such reset"}
	ErrIsSetUp              error = &refusal{"the appliance is set up already; sign in as its operator", "set up already"}
	ErrWrongSetUpCode       error = &refusal{"this is not the set-up code; it stands in the appliance's log, and is another one after every start", "wrong set-up code"}
	ErrLastAdmin            error = &refusal{"this is the tenant's last active administrator; make another one first", "last administrator"}
	ErrLastOperator         error = &refusal{"this is the appliance's last active operator; make another one first", "last operator"}
	ErrNotForOperators      error = &refusal{"operators add a tenant's administrator where it has none, and nobody else: its administrators add its users", "not for operators"}
	ErrSecondFactorRequired error = &refusal{"the second factor is required for this account and cannot be switched off", "second factor required"}
	ErrOwnPassword          error = &refusal{"this is your own password: change it with the present one, or ask for a reset as if you had forgotten it", "own password"}
	ErrNoSecondFactor       error = &refusal{"no second factor was begun or is in place; begin with its enrolment", "no second factor"}
	ErrSecondFactorPresent  error = &refusal{"a second factor is in place already; remove it first", "second factor present"}
	ErrStepUpNeeded         error = &refusal{"this asks for a fresh proof of who you are: give password and second factor, or a passkey, once more", "step-up needed"}
	ErrPasskeysOff          error = &refusal{"this appliance has no passkeys: its configuration does not say at which address it is reached", "passkeys are off"}
	ErrNoPasskey            error = &refusal{"the account has no passkey; use the code of the second factor, or a recovery code", "no passkey"}
	ErrNoCeremony           error = &refusal{"this was not begun, was used, or took longer than five minutes; begin again", "no such ceremony"}
	ErrPasskeyRefused       error = &refusal{"the passkey's answer does not hold; try again, or with another device", "passkey refused"}
	ErrPasskeyPresent       error = &refusal{"this passkey is registered already", "passkey present"}
	ErrPasskeyCopied        error = &refusal{"the passkey's counter went back, as it does where a copy of it is in use: sign in another way and remove it", "passkey copied"}
	ErrTooManyAPIKeys       error = &refusal{"you have 100 API keys in use, which is as many as one can have; revoke one first", "too many API keys"}
	ErrTooManyPasskeys      error = &refusal{"the account has 20 passkeys, which is as many as one can have; remove one first", "too many passkeys"}
)

// ErrTooMany says that sign-ins are refused for a while: for this account, from this address, or at all. It comes before
// the password is looked at, except for wrong codes of the second factor.
type ErrTooMany struct{ RetryAfter time.Duration }

func (e *ErrTooMany) Error() string {
	return fmt.Sprintf("too many attempts; try again in %s", e.RetryAfter.Round(time.Second))
}

// AuditReason is the class that the store enters.
func (e *ErrTooMany) AuditReason() string { return "too many attempts" }

// ErrTenantNeeded says that address and password are right in several tenants, and in which.
type ErrTenantNeeded struct{ Tenants []store.ID }

func (e *ErrTenantNeeded) Error() string {
	return fmt.Sprintf("this address and password belong to %d tenants: say which one", len(e.Tenants))
}

// AuditReason is the class that the store enters.
func (e *ErrTenantNeeded) AuditReason() string { return "tenant needed" }

// isRefusal tells a refusal from what went wrong.
func isRefusal(err error) bool {
	return errors.As(err, new(*refusal)) || errors.As(err, new(because)) || errors.As(err, new(*ErrTooMany)) || errors.As(err, new(*ErrTenantNeeded)) ||
		errors.As(err, new(*store.Refusal))
}

// refuse ends a store.Reception.Settle with a denied entry.
func refuse(err error) error {
	reason := "refused"
	var classed interface{ AuditReason() string }
	if errors.As(err, &classed) {
		reason = classed.AuditReason()
	}
	return &store.Refusal{Reason: reason, Err: err}
}
