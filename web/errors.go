package web

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// refusalOf is the one map from errors to problems. Errors that it does not know are nobody's business but the log's: their
// problem says nothing of them.
func refusalOf(err error) *refusal {
	var own *refusal
	if errors.As(err, &own) {
		return own
	}
	if found := approvalRefusal(err); found != nil {
		return found
	}
	var denied *store.DeniedError
	var tooMany *directory.ErrTooMany
	var tenants *directory.ErrTenantNeeded
	var readOnly store.ErrReadOnly
	var invalid *store.InvalidError
	var factor *directory.SecondFactorNeeded
	var unavailable *Unavailable
	switch {
	case errors.As(err, &unavailable):
		return &refusal{kind: kindConflict, detail: unavailable.Reason}
	case errors.As(err, &factor):
		return &refusal{kind: kindFactorNeeded, detail: factor.Error(), factor: factor}
	case errors.Is(err, directory.ErrNotForOperators): // whether there is such a tenant they may know
		return &refusal{kind: kindDenied, detail: directory.ErrNotForOperators.Error()}
	case errors.As(err, &denied):
		// The table was asked before the handler ran. What is denied after that belongs to somebody else, and whether it is
		// there is not said.
		return &refusal{kind: kindNotFound}
	case errors.As(err, &tooMany):
		return &refusal{kind: kindTooMany, detail: tooMany.Error(), retryAfter: tooMany.RetryAfter}
	case errors.As(err, &tenants):
		return &refusal{kind: kindTenantNeeded, detail: tenants.Error(), tenants: tenants.Tenants}
	case errors.As(err, &invalid):
		return invalidValue(invalid)
	case errors.As(err, &readOnly):
		return &refusal{kind: kindReadOnly, detail: "reading, signing in and exporting still work; free space on the disk of the store"}
	}
	if r := ofWorkspace(err); r != nil {
		return r
	}
	for _, known := range sentinels() {
		if errors.Is(err, known.err) {
			return &refusal{kind: known.kind, detail: known.err.Error(), retryAfter: known.retryAfter}
		}
	}
	return &refusal{kind: kindInternal, detail: "the log of the appliance has the cause under this request's id"}
}

// ofWorkspace are the errors of a tenant's work; nil: it is none.
func ofWorkspace(err error) *refusal {
	var invalid *workspace.Invalid
	var quota *workspace.QuotaError
	var state *workspace.StateError
	var unfinished *workspace.UnfinishedError
	var stage *workspace.DeviceStageError
	var quote *workspace.QuoteError
	switch {
	case errors.As(err, &stage):
		return &refusal{kind: kindConflict, detail: stage.Error()}
	case errors.As(err, &quote):
		return &refusal{kind: kindConflict, detail: quote.Error()}
	case errors.As(err, &invalid):
		return invalidValue(&store.InvalidError{Field: strings.ReplaceAll(invalid.Field, " ", "_"), Reason: invalid.Reason})
	case errors.As(err, &quota):
		return &refusal{kind: kindQuota, detail: quota.Error(), retryAfter: quotaWait}
	case errors.As(err, &state):
		return &refusal{kind: kindConflict, detail: state.Error()}
	case errors.As(err, &unfinished):
		return &refusal{kind: kindConflict, detail: unfinished.Error()}
	}
	return nil
}

// quotaWait is when it may be worth to ask again for what a quota did not allow.
const quotaWait = 30 * time.Second

// invalidValue is a value that the store or the directory did not take: of the query, or a member of the body.
func invalidValue(e *store.InvalidError) *refusal {
	fault := wire.Fault{Detail: e.Reason}
	switch e.Field {
	case "limit", "cursor", "summary", "format", "tvar":
		fault.Parameter = e.Field
	default:
		fault.Pointer = "/" + e.Field
	}
	return &refusal{kind: kindInvalid, faults: []wire.Fault{fault}}
}

// sentinel is an expected error, whose text is for the user.
type sentinel struct {
	err        error
	kind       Kind
	retryAfter time.Duration
}

// sentinels are the expected errors of the store and the directory. Their own texts are what the client reads: what they
// were wrapped in may name what is none of its business.
func sentinels() []sentinel {
	return []sentinel{
		{err: store.ErrLocked, kind: kindLocked},
		{err: store.ErrClosed, kind: kindLocked},
		{err: store.ErrErased, kind: kindGone},
		{err: store.ErrNotFound, kind: kindNotFound},
		{err: store.ErrConflict, kind: kindChanged},
		{err: store.ErrExists, kind: kindExists},
		{err: store.ErrWrongKey, kind: kindWrongCredentials},
		{err: store.ErrNoSlot, kind: kindWrongCredentials},
		{err: directory.ErrNoSession, kind: kindSignInNeeded},
		{err: directory.ErrNoAPIKey, kind: kindSignInNeeded},
		{err: directory.ErrWrongCredentials, kind: kindWrongCredentials},
		{err: directory.ErrNoInvitation, kind: kindWrongCredentials},
		{err: directory.ErrNoPasswordReset, kind: kindWrongCredentials},
		{err: directory.ErrWrongSetUpCode, kind: kindWrongCredentials},
		{err: directory.ErrSecondFactorNeeded, kind: kindFactorNeeded},
		{err: directory.ErrDisabled, kind: kindDisabled},
		{err: directory.ErrPasswordExpired, kind: kindDisabled},
		{err: directory.ErrOwnerNotInOrder, kind: kindRestricted},
		{err: directory.ErrStepUpNeeded, kind: kindStepUpNeeded},
		{err: directory.ErrPasskeyCopied, kind: kindDenied},
		{err: directory.ErrPasskeyRefused, kind: kindInvalid},
		{err: directory.ErrPasskeyPresent, kind: kindExists},
		{err: directory.ErrBusy, kind: kindBusy, retryAfter: 2 * time.Second},
		{err: directory.ErrIsSetUp, kind: kindConflict},
		{err: directory.ErrLastAdmin, kind: kindConflict},
		{err: directory.ErrLastOperator, kind: kindConflict},
		{err: directory.ErrSecondFactorRequired, kind: kindConflict},
		{err: directory.ErrOwnPassword, kind: kindConflict},
		{err: directory.ErrNoSecondFactor, kind: kindConflict},
		{err: directory.ErrSecondFactorPresent, kind: kindConflict},
		{err: directory.ErrPasskeysOff, kind: kindConflict},
		{err: directory.ErrNoPasskey, kind: kindConflict},
		{err: directory.ErrNoCeremony, kind: kindConflict},
		{err: directory.ErrTooManyAPIKeys, kind: kindConflict},
		{err: directory.ErrTooManyPasskeys, kind: kindConflict},
		{err: context.DeadlineExceeded, kind: kindBusy, retryAfter: 5 * time.Second},
	}
}
