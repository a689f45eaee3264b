package hostkeys

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// possessorAndUser is every right for whoever possesses the key and for processes of the same user. The kernel's default gives the
// user no right to read, and a daemon, a login and a cron job do not possess one another's keys.
const possessorAndUser = 0x3f3f0000

// Keep stores the secret under a name for a time of at least a second; what was there before is replaced. The kernel forgets it when the
// time is over. Errors: ErrForbidden; the kernel's when the user's quota is spent (/proc/sys/kernel/keys).
func (Keeper) Keep(name string, secret []byte, ttl time.Duration) error {
	switch {
	case ttl < time.Second:
		return fmt.Errorf("keeping a key for %v: a second is the least", ttl)
	case len(secret) == 0 || len(secret) > MaxSecret:
		return fmt.Errorf("keeping a key of %d bytes: 1 to %d are allowed", len(secret), MaxSecret)
	}
	// A key that is updated keeps its old timeout until the next call, and one that was changed by another hand its rights:
	// begin anew.
	if err := (Keeper{}).Forget(name); err != nil {
		return err
	}
	id, err := unix.AddKey("user", name, secret, unix.KEY_SPEC_USER_KEYRING)
	if err != nil {
		return explain("adding a key", err)
	}
	if err := limit(id, ttl); err != nil {
		return errors.Join(err, Keeper{}.Forget(name)) // it would stay for ever
	}
	return nil
}

func limit(id int, ttl time.Duration) error {
	seconds := min(int64(ttl/time.Second), 1<<31-1)
	if _, err := unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, int(seconds), 0, 0); err != nil {
		return explain("limiting the time of a key", err)
	}
	if err := unix.KeyctlSetperm(id, possessorAndUser); err != nil {
		return explain("setting the rights of a key", err)
	}
	return nil
}

// Recall is the secret kept under a name. The caller clears it. Errors: ErrNotKept, ErrForbidden.
func (Keeper) Recall(name string) ([]byte, error) {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	if err != nil {
		return nil, explain("looking for a key", err)
	}
	secret := make([]byte, MaxSecret)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, secret, 0)
	if err != nil {
		return nil, explain("reading a key", err)
	}
	if n > len(secret) {
		return nil, fmt.Errorf("reading a key: it has %d bytes", n)
	}
	out := append([]byte(nil), secret[:n]...)
	clear(secret)
	return out, nil
}

// Forget removes what is kept under a name; nothing there is no error. Errors: ErrForbidden.
func (Keeper) Forget(name string) error {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	if err = explain("looking for a key", err); errors.Is(err, ErrNotKept) {
		return nil
	}
	if err != nil {
		return err
	}
	// Invalidate wipes at once, unlink when the last reference goes; kernels before 3.5 have unlink alone.
	if _, err = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, id, 0, 0, 0); err != nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
	}
	if err = explain("forgetting a key", err); errors.Is(err, ErrNotKept) {
		return nil
	}
	return err
}

// explain puts the kernel's answers into two words for callers.
func explain(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOKEY), errors.Is(err, unix.EKEYEXPIRED), errors.Is(err, unix.EKEYREVOKED):
		return fmt.Errorf("%s: %w", doing, ErrNotKept)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%s: %w (%w)", doing, ErrForbidden, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
