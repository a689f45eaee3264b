package store

import (
	"context"
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

// Recovery unlocks with the code that Create returned.
func Recovery(code string) (Unlocker, error) { return keyring.Recovery(code) }

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
func (db *DB) KeepUnlocked(ctx context.Context, span time.Duration) error {
	if err := db.ready(); err != nil {
		return err
	}
	if err := db.ring.KeepUnlocked(hostkeys.Keeper{}, span); err != nil {
		return err
	}
	return db.auditRoot(ctx, "kept", "for "+span.String())
}

// UnlockKept unlocks with what KeepUnlocked left; ErrNotKept where there is nothing.
func (db *DB) UnlockKept(ctx context.Context) error {
	return db.unlockBy(ctx, "the host's kept key", func() error { return db.ring.UnlockFrom(hostkeys.Keeper{}) })
}

// ForgetKept takes the root key back from the host's kernel. Unlocked, it is entered in the audit log.
func (db *DB) ForgetKept(ctx context.Context) error {
	if err := db.ring.Forget(hostkeys.Keeper{}); err != nil || db.ready() != nil {
		return err
	}
	return db.auditRoot(ctx, "forgotten", "")
}

// auditRoot enters what happened to the root key outside of a change of the key file.
func (db *DB) auditRoot(ctx context.Context, kind keyring.EventKind, reason string) error {
	r := db.system().entry(Action{Verb: rights.StoreUnlock}, Done)
	r.reason, r.keys = reason, keyEvents([]keyring.Event{{Kind: kind, Object: keyring.RootKey, KeyID: db.ring.Root().KeyID}})
	return db.audit(ctx, r)
}
