// Package hostkeys keeps a secret of this user in the memory of the host's kernel, for a time, so that one command
// can unlock the store for those that follow. It holds [Keeper], on Linux over add_key(2) and keyctl(2); elsewhere its
// methods say that the host has no such store. It does not know what it keeps.
//
// The secret is readable by every process of the same user on this host and by root until it runs out, is forgotten, or the
// host restarts. It is never on disk: the kernel does not page keys of type "user" out.
//
// Source: keyrings(7), user-keyring(7), keyctl_set_timeout(3), keyctl_setperm(3).
package hostkeys

import "errors"

// Errors that callers tell apart; wrapped with what was tried.
var (
	// ErrNotKept is a name under which nothing is kept, any more.
	ErrNotKept = errors.New("the host's key store holds no key for this")

	// ErrForbidden is a host that has no key store or does not let this process use it: other systems than Linux, and most containers.
	ErrForbidden = errors.New("the host's key store cannot be used here: unlock with a key file or AWS KMS, or type the passphrase for each command")
)

// MaxSecret is the most that can be kept under one name, in bytes.
const MaxSecret = 32767

// Keeper keeps secrets in the user keyring of the kernel. The zero Keeper is ready.
type Keeper struct{}
