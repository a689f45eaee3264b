package store

import (
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
	ErrLocked   = errors.New("the store is locked; unlock it with its key file, passphrase or key service (qrsd unlock)")
	ErrErased   = errors.New("the tenant was erased; its keys are destroyed")
	ErrClosed   = errors.New("the store is closed")
)

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

// InUseError says that another process has the directory open.
type InUseError = kv.ErrInUse

// RollbackError says that the store is older than its anchor: someone, or a restore, put back an earlier state.
// Nothing is written until that is accepted by name (Options.AcceptRollback).
type RollbackError struct {
	What   string    // what went back: "appliance log" or "key file"
	Have   int64     // its size or generation now
	Anchor int64     // what the anchor holds
	Time   time.Time // of the anchor
}

func (e *RollbackError) Error() string {
	return fmt.Sprintf("the store went back in time: its %s stands at %d, the anchor of %s at %d. If a backup was restored on purpose, accept that with --accept-rollback; otherwise keep the directory as evidence",
		e.What, e.Have, e.Time.UTC().Format(time.RFC3339), e.Anchor)
}

// Fault is one thing that Check or Verify found wrong.
type Fault struct {
	Where  string `json:"where"`  // file, tenant, collection and record or leaf
	Reason string `json:"reason"` // in words
}

func (f Fault) String() string { return f.Where + ": " + f.Reason }
