package web

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Kind is a kind of problem: the type of an RFC 9457 answer.
type Kind struct {
	Name   string // last part of the type's URI, stable
	Status int
	Title  string
}

// URI is the type of the problem: a reference into the API's documentation on this appliance.
func (k Kind) URI() string { return "/docs/api#problem-" + k.Name }

// The kinds of problems. Names are promises: they are added to, never changed. Kinds lists them for the documentation.
var (
	kindInvalid          = Kind{"invalid", 400, "The request is not valid"}
	kindSignInNeeded     = Kind{"sign-in-needed", 401, "Sign in first"}
	kindWrongCredentials = Kind{"wrong-credentials", 401, "Wrong credentials"}
	kindFactorNeeded     = Kind{"second-factor-needed", 401, "The code of the second factor is needed"}
	kindDenied           = Kind{"denied", 403, "Not allowed"}
	kindRestricted       = Kind{"restricted", 403, "Put your own account in order first"}
	kindStepUpNeeded     = Kind{"step-up-needed", 403, "Confirm that it is you"}
	kindCrossSite        = Kind{"cross-site", 403, "The request came from another site"}
	kindDisabled         = Kind{"account-disabled", 403, "The account is disabled"}
	kindTenantNeeded     = Kind{"tenant-needed", 409, "Say which tenant"}
	kindNotFound         = Kind{"not-found", 404, "Not found"}
	kindMethod           = Kind{"method-not-allowed", 405, "The resource has no such method"}
	kindNotAcceptable    = Kind{"not-acceptable", 406, "No such representation"}
	kindSlow             = Kind{"too-slow", 408, "The request did not arrive in time"}
	kindConflict         = Kind{"conflict", 409, "In conflict with the present state"}
	kindExists           = Kind{"exists", 409, "Exists already"}
	kindKeyReused        = Kind{"idempotency-key-reused", 409, "The Idempotency-Key was used already"}
	kindGone             = Kind{"gone", 410, "Erased"}
	kindChanged          = Kind{"changed-meanwhile", 412, "Changed by someone else meanwhile"}
	kindTooLarge         = Kind{"too-large", 413, "Too large"}
	kindMediaType        = Kind{"unsupported-media-type", 415, "The body's media type is not understood"}
	kindFaults           = Kind{"exposure-faults", 422, "The exposure has faults"}
	kindMisdirected      = Kind{"misdirected", 421, "Not the name of this appliance"}
	kindTooMany          = Kind{"too-many-requests", 429, "Too many requests"}
	kindQuota            = Kind{"quota-exceeded", 429, "More than the tenant may have"}
	kindHeaderTooLarge   = Kind{"headers-too-large", 431, "The headers are too large"}
	kindInternal         = Kind{"internal", 500, "An error of the appliance"}
	kindLocked           = Kind{"locked", 503, "The store is locked"}
	kindReadOnly         = Kind{"read-only", 507, "The disk is nearly full"}
	kindBusy             = Kind{"busy", 503, "Too much at this moment"}
)

// Kinds lists the kinds of problems, in the order of their status.
func Kinds() []Kind {
	return []Kind{
		kindInvalid, kindSignInNeeded, kindWrongCredentials, kindFactorNeeded, kindDenied, kindRestricted, kindStepUpNeeded, kindCrossSite,
		kindDisabled, kindNotFound, kindMethod, kindNotAcceptable, kindSlow, kindTenantNeeded, kindConflict, kindExists, kindKeyReused, kindGone, kindChanged,
		kindTooLarge, kindMediaType, kindMisdirected, kindFaults, kindTooMany, kindQuota, kindHeaderTooLarge, kindInternal, kindLocked, kindBusy, kindReadOnly,
	}
}

// refusal is an error of this package: the request was refused before a verb of the store ran, so that nothing has entered it
// in the audit log yet.
type refusal struct {
	kind       Kind
	detail     string
	faults     []wire.Fault
	retryAfter time.Duration
	allow      string                        // methods, of 405
	tenants    []store.ID                    // to choose from, of kindTenantNeeded
	factor     *directory.SecondFactorNeeded // of kindFactorNeeded
	exposure   *wire.RefusedExposure         // of kindFaults
	entered    bool                          // a verb of the store has entered it all the same
}

func (r *refusal) Error() string {
	text := r.kind.Title
	if r.detail != "" {
		text += ": " + r.detail
	}
	for _, f := range r.faults {
		text += fmt.Sprintf("; %s%s%s: %s", f.Pointer, f.Parameter, f.Header, f.Detail)
	}
	return text
}

// AuditReason is the class that the store enters: never what the client sent.
func (r *refusal) AuditReason() string { return strings.ReplaceAll(r.kind.Name, "-", " ") }

// refuse ends a request on the handler's own account, before it called a verb of the store or the directory.
func refuse(k Kind, format string, args ...any) error {
	return &refusal{kind: k, detail: fmt.Sprintf(format, args...)}
}

// badField says what is wrong with a member of the body, by its JSON pointer.
func badField(pointer, detail string) error {
	return &refusal{kind: kindInvalid, faults: []wire.Fault{{Pointer: pointer, Detail: detail}}}
}

// badParameter says what is wrong with a parameter of path or query.
func badParameter(name, detail string) error {
	return &refusal{kind: kindInvalid, faults: []wire.Fault{{Parameter: name, Detail: detail}}}
}

// badHeader says what is wrong with a header.
func badHeader(name, detail string) error {
	return &refusal{kind: kindInvalid, faults: []wire.Fault{{Header: name, Detail: detail}}}
}

// clipped bounds what of a request is shown back.
func clipped(text string) string {
	const most = 60
	text = strings.ToValidUTF8(text, "�")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}
