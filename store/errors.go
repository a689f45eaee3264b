package store

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// What callers tell apart. Errors of this package wrap one of these or are one of the types below.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("changed by someone else meanwhile; read it again and repeat the change")
	ErrExists   = errors.New("exists already")
	ErrErased   = errors.New("the tenant was erased; its keys are destroyed")
)

// ErrLocked is returned by everything that needs the keys while the store is locked, in whatever part of it that is found.
var ErrLocked = keyring.ErrLocked

// ErrClosed is returned by everything after Close.
var ErrClosed = kv.ErrClosed

// ErrWrongKey is returned by Unlock when the secret is not the store's. Nothing was written.
var ErrWrongKey = keyring.ErrWrongKey

// ErrReadOnly says that the disk is nearly full: signing in and exporting still work, changes do not.
type ErrReadOnly = kv.ErrReadOnly

// ErrTooLarge says that main.db would grow beyond Options.MaxSize.
type ErrTooLarge = kv.ErrTooLarge

// DeniedError says that the caller may not. It does not say whether what was asked for exists. The attempt is in the audit log.
type DeniedError struct {
	Verb Verb
	Role Role
}

func (e *DeniedError) Error() string {
	if e.Role == 0 {
		return fmt.Sprintf("%s: not signed in", e.Verb)
	}
	return fmt.Sprintf("%s is not allowed in the role %s", e.Verb, e.Role)
}

// InvalidError says what is wrong with a value that the caller gave, in words for whoever gave it. Nothing was changed.
type InvalidError struct {
	Field  string // which value, as a JSON name: "email", "limit"
	Reason string // what is wrong with it, and what would be right; never a secret
	Class  string // of the reason, for the audit log; "" is "invalid"
}

func (e *InvalidError) Error() string { return e.Reason }

// AuditReason is the class that the store enters.
func (e *InvalidError) AuditReason() string { return cmp.Or(e.Class, "invalid") }

// Invalid makes an InvalidError of a field.
func Invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// InUseError says that another process has the directory open.
type InUseError = kv.ErrInUse

// RollbackError says that the store is older than its anchor, or that its anchor is gone: someone, or a restore, put back an
// earlier state, or took away what would show it. Nothing is written until that is accepted by name (Options.AcceptRollback).
type RollbackError struct {
	What    string    // what went back: "the appliance's audit log" or "key file"; what is gone: "anchor file"
	Have    int64     // its size or generation now; of a missing anchor, the leaves under the appliance's last checkpoint
	Anchor  int64     // what the anchor holds; 0 where it is missing
	Time    time.Time // of the anchor; zero where it is missing
	Missing bool      // there is no anchor, though the store has signed checkpoints that belong into it
}

func (e *RollbackError) Error() string {
	if e.Missing {
		return fmt.Sprintf("the %s is missing, though the store has signed checkpoints, the last over %d entries of the appliance's audit log: without it nobody can tell whether the store went back in time. Put it back, or name it where it is kept elsewhere (--anchor); if it was taken away on purpose, accept that with --accept-rollback; otherwise keep the directory as evidence",
			e.What, e.Have)
	}
	return fmt.Sprintf("the store went back in time: its %s stands at %d, the anchor of %s at %d. If a backup was restored on purpose, accept that with --accept-rollback; otherwise keep the directory as evidence",
		e.What, e.Have, e.Time.UTC().Format(time.RFC3339), e.Anchor)
}

// Fault is one thing that Check or Verify found wrong.
type Fault struct {
	Where  string `json:"where"`  // file, tenant, collection and record or leaf
	Reason string `json:"reason"` // in words
}

func (f Fault) String() string { return f.Where + ": " + f.Reason }
