package keyring

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// Keeper holds the root key outside of any process, so that one command unlocks for the next ones. Package hostkeys has
// the one in the Linux kernel.
type Keeper interface {
	Keep(name string, secret []byte, ttl time.Duration) error // replaces what is kept under the name
	Recall(name string) ([]byte, error)                       // hostkeys.ErrNotKept where nothing is
	Forget(name string) error                                 // nothing kept is no error
}

// keeping is what the ring has given to a keeper, to be given again when the root is replaced.
type keeping struct {
	keeper   Keeper
	deadline time.Time
}

const keepFormat = 1

// kept: format u8 | deadline i64 (seconds) | root id [8] | root secret [32]
const keptSize = 1 + 8 + len(envelope.KeyID{}) + envelope.SecretSize

func (s *state) keepName() string { return "qrsd:" + hex.EncodeToString(s.install[:]) }

// KeepUnlocked gives the root key to the host's keeper for a time, for [Ring.UnlockFrom]. While this ring is unlocked, a root that
// is replaced is given again for the rest of the time. Errors: ErrLocked, the keeper's.
func (r *Ring) KeepUnlocked(keeper Keeper, ttl time.Duration) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.root == nil {
		return ErrLocked
	}
	k := &keeping{keeper, r.now().Add(ttl)}
	if err := r.keep(k); err != nil {
		return err
	}
	r.kept = k
	return nil
}

// Lend gives the root key to a keeper within this process, for a copy of the key file to be unlocked at once. Errors: ErrLocked, the
// keeper's.
func (r *Ring) Lend(keeper Keeper) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.root == nil {
		return ErrLocked
	}
	return r.keep(&keeping{keeper, r.now().Add(lent)})
}

// lent is for how long a copy may be unlocked with what was lent.
const lent = time.Minute

func (r *Ring) keep(k *keeping) error {
	ttl := k.deadline.Sub(r.now())
	if ttl < time.Second {
		return errors.New("the time to stay unlocked must be a second or more")
	}
	b := append(make([]byte, 0, keptSize), keepFormat)
	b = binary.BigEndian.AppendUint64(b, uint64(k.deadline.Unix()))
	b = append(append(b, idBytes(r.state.rootID)...), r.root.secret[:]...)
	defer clear(b)
	if err := k.keeper.Keep(r.state.keepName(), b, ttl); err != nil {
		return fmt.Errorf("giving the root key to the host's key store: %w", err)
	}
	return nil
}

// keepAgain follows a new root. When it cannot, the host forgets: the old root opens nothing any more.
func (r *Ring) keepAgain() {
	if r.kept == nil {
		return
	}
	if r.keep(r.kept) != nil {
		_ = r.kept.keeper.Forget(r.state.keepName()) // what cannot be forgotten runs out, and opens nothing
		r.kept = nil
	}
}

// UnlockFrom unlocks with what [Ring.KeepUnlocked] gave to the host's keeper. Errors as [Ring.Unlock];
// ErrWrongKey where the root was replaced since, the keeper's where nothing is kept.
func (r *Ring) UnlockFrom(keeper Keeper) error {
	var deadline time.Time
	err := r.unlock(func(s *state) (*root, error) {
		b, err := keeper.Recall(s.keepName())
		if err != nil {
			return nil, fmt.Errorf("taking the root key from the host's key store: %w", err)
		}
		defer clear(b)
		if len(b) != keptSize || b[0] != keepFormat {
			return nil, fmt.Errorf("the host's key store: %w", ErrWrongKey)
		}
		deadline = stamp(int64(binary.BigEndian.Uint64(b[1:])))
		if id := envelope.KeyID(b[9:17]); id != s.rootID || !r.now().Before(deadline) {
			return nil, fmt.Errorf("the host's key store holds an older key: %w: unlock again", ErrWrongKey)
		}
		return restoreRoot(r.rand, s.rootID, b[17:]), nil
	}, Unlocker{method: "kept"})
	if err == nil {
		r.changing.Lock()
		defer r.changing.Unlock()
		r.kept = &keeping{keeper, deadline}
	}
	return err
}

// Forget takes the root key away from the host's keeper; it works on a locked ring too.
func (r *Ring) Forget(keeper Keeper) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.kept = nil
	s := r.published()
	if err := keeper.Forget(s.keepName()); err != nil {
		return fmt.Errorf("taking the root key away from the host's key store: %w", err)
	}
	return nil
}
