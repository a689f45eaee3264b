package store

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/hostkeys"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// NewKeyFile writes a new key file: 32 random bytes in text, mode 0600, never over an existing one. rand nil is the
// system's.
func NewKeyFile(path string, rand io.Reader) error {
	return keyring.NewKeyFile(path, Options{Rand: rand}.filled().Rand)
}

// KeyFile unlocks with a key file that nobody else may read.
func KeyFile(path string) Unlocker { return keyring.KeyFile(path) }

// Passphrase unlocks with words, stretched by Argon2id (RFC 9106).
func Passphrase(words []byte) Unlocker { return keyring.Passphrase(words) }

// Recovery unlocks with the code that Create returned. What cannot be one is an *InvalidError of "recovery_code", which does
// not repeat it.
func Recovery(code string) (Unlocker, error) {
	u, err := keyring.Recovery(code)
	if err != nil {
		return Unlocker{}, Invalid("recovery_code", "%v", err)
	}
	return u, nil
}

// Wrapper is a key service or device that wraps the root key by call.
type Wrapper = keyring.Wrapper

// External unlocks by a key service or device: method names its kind ("aws-kms", "pkcs11"), reference its key.
func External(method, reference string, w Wrapper) Unlocker {
	return keyring.External(method, reference, w)
}

// Slot is one way to unlock a store.
type Slot = keyring.Slot

// ErrNoSlot is returned by Unlock when the store has no slot of that kind; the error names those it has.
var ErrNoSlot = keyring.ErrNoSlot

// Errors of keeping a store unlocked between commands.
var (
	// ErrNotKept: no command has kept this store unlocked, or its time is over.
	ErrNotKept = hostkeys.ErrNotKept
	// ErrForbidden: this host does not let a process keep keys in its kernel.
	ErrForbidden = hostkeys.ErrForbidden
)

// KeepUnlocked leaves the root key with the host's kernel, for this user's later commands, for a time. It is never on disk.
// p must be an operator.
func (db *DB) KeepUnlocked(ctx context.Context, p Principal, span time.Duration) error {
	t, a := db.appliance(p), Action{Verb: rights.StoreUnlock}
	if err := t.permit(ctx, a); err != nil {
		return err
	}
	if err := db.ring.KeepUnlocked(hostkeys.Keeper{}, span); err != nil {
		return t.settle(ctx, a, err)
	}
	return t.auditRoot(ctx, "kept", "for "+span.String())
}

// UnlockKept unlocks with what KeepUnlocked left, for p as Unlock does; ErrNotKept where there is nothing.
func (db *DB) UnlockKept(ctx context.Context, p Principal) error {
	return db.unlockBy(ctx, p, "the host's kept key", func() error { return db.ring.UnlockFrom(hostkeys.Keeper{}) })
}

// ForgetKept takes the root key back from the host's kernel. Of an unlocked store that is entered in the audit log, with p,
// who must be an operator; a locked one cannot enter it, and forgets all the same.
func (db *DB) ForgetKept(ctx context.Context, p Principal) error {
	if errors.Is(db.ready(), ErrLocked) {
		return db.ring.Forget(hostkeys.Keeper{})
	}
	t, a := db.appliance(p), Action{Verb: rights.StoreUnlock}
	if err := t.permit(ctx, a); err != nil {
		return err
	}
	if err := db.ring.Forget(hostkeys.Keeper{}); err != nil {
		return t.settle(ctx, a, err)
	}
	return t.auditRoot(ctx, "forgotten", "")
}

// auditRoot enters what happened to the root key outside of a change of the key file.
func (t *Tenant) auditRoot(ctx context.Context, kind keyring.EventKind, reason string) error {
	r := t.entry(Action{Verb: rights.StoreUnlock}, Done)
	r.reason, r.keys = reason, keyEvents([]keyring.Event{{Kind: kind, Object: keyring.RootKey, KeyID: t.db.ring.Root().KeyID}})
	return t.db.audit(ctx, r)
}
