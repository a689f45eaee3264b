// Package pkcs11 wraps the store's root key with an AES-256 key in a hardware security module or another PKCS#11 token, from which the
// key cannot be read. It holds [Key], an adapter for keyring.External, in builds with the tag pkcs11 and cgo;
// in all others the same names answer [ErrNotBuilt], because a PKCS#11 module is a C library that is loaded into the process.
//
// Wrapped keys are AES-GCM (CKM_AES_GCM, 96-bit IV, 128-bit tag), bound to their context as additional data. Tokens that
// insist on making the IV themselves are not supported.
//
// [SealKey] is a key pair on P-256 in a token that signs seals (CKM_ECDSA), under the same conditions.
//
// Begin at [Open] and [OpenSealKey].
//
// Source: PKCS #11 Specification 3.0 (OASIS), sections 6.10.2 and 6.13.3; URIs after RFC 7512.
package pkcs11

import (
	"errors"
	"io"
)

// Method is the word for this kind of key in the key file and on the command line.
const Method = "pkcs11"

// Errors that callers tell apart; wrapped with the token and the key.
var (
	// ErrNotBuilt is a build of the program that cannot load PKCS#11 modules.
	ErrNotBuilt = errors.New("this build has no PKCS#11: use one that was built with the tag pkcs11")

	// ErrRefused is a wrapped key that the token does not decrypt under this key and context.
	ErrRefused = errors.New("the token does not decrypt this: the key file is not of this install and root key, or was changed")

	// ErrNoKey is a token without a key of that label.
	ErrNoKey = errors.New("the token has no AES key of this label: make one with GenerateKey or the maker's program")

	// ErrNoSealKey is a token without a key pair of that label.
	ErrNoSealKey = errors.New("the token has no key pair of this label: make one on P-256 with GenerateSealKey or the maker's program")

	// ErrUnusable is a key that is there and must not be used for this.
	ErrUnusable = errors.New("the key in the token cannot be used")
)

// Options say which key, in which token, by which module.
type Options struct {
	Module string    // path of the maker's PKCS#11 library, "/usr/lib/softhsm/libsofthsm2.so"
	Token  string    // label of the token
	Key    string    // label (CKA_LABEL) of the key in it
	PIN    []byte    // of the token's user; the caller clears it, copies stay in the library
	Rand   io.Reader // of IVs; nil: crypto/rand.Reader
}

func (o Options) check() error {
	switch {
	case o.Module == "":
		return errors.New("PKCS#11: give the path of the maker's library")
	case o.Token == "" || o.Key == "":
		return errors.New("PKCS#11: give the labels of the token and of the key in it")
	case len(o.PIN) == 0:
		return errors.New("PKCS#11: give the PIN of the token's user")
	}
	return nil
}
