//go:build pkcs11

package pkcs11

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"

	"github.com/ThalesGroup/crypto11"
)

const (
	format    = 1 // first byte of a wrapped key: format | IV [12] | ciphertext and tag
	ivSize    = 12
	tagSize   = 16
	maxSecret = 4096
	keyBits   = 256
)

// Key is an AES-256 key in a token. It is safe for concurrent use. Close it when done; calls into the token cannot be interrupted.
type Key struct {
	token     *crypto11.Context
	aead      cipher.AEAD
	rand      io.Reader
	reference string
}

// reference is the key's place as a PKCS#11 URI, without the module, which may differ by host.
func (o Options) reference() string {
	return "pkcs11:token=" + url.PathEscape(o.Token) + ";object=" + url.PathEscape(o.Key) + ";type=secret-key"
}

// Open logs in to the token and finds the key. Errors: ErrNoKey, ErrUnusable (not AES, or readable out of the token), those of
// the options and the maker's library.
func Open(o Options) (*Key, error) {
	k, err := connect(o)
	if err != nil {
		return nil, err
	}
	found, err := k.token.FindKeys(nil, []byte(o.Key))
	switch {
	case err != nil:
	case len(found) == 0:
		err = ErrNoKey
	case len(found) > 1:
		err = fmt.Errorf("%w: %d keys have the label: make a new one under another", ErrUnusable, len(found))
	default:
		err = k.take(found[0])
	}
	return k.orClose(err)
}

// GenerateKey makes an AES-256 key in the token that cannot be read out of it, and opens it. It never makes a second key of the label.
// Errors as Open, except ErrNoKey.
func GenerateKey(o Options) (*Key, error) {
	k, err := connect(o)
	if err != nil {
		return nil, err
	}
	there, err := k.token.FindKeys(nil, []byte(o.Key))
	if err == nil && len(there) > 0 {
		err = fmt.Errorf("%w: the label is taken: choose another, or open that key", ErrUnusable)
	}
	if err != nil {
		return k.orClose(err)
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(k.rand, id); err != nil {
		return k.orClose(err)
	}
	secret, err := k.token.GenerateSecretKeyWithLabel(id, []byte(o.Key), keyBits, crypto11.CipherAES)
	if err == nil {
		err = k.take(secret)
	}
	return k.orClose(err)
}

func connect(o Options) (*Key, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.Module); err != nil {
		return nil, fmt.Errorf("PKCS#11: looking for the maker's library: %w", err)
	}
	token, err := crypto11.Configure(&crypto11.Config{Path: o.Module, TokenLabel: o.Token, Pin: string(o.PIN), GCMIVLength: ivSize})
	if err != nil {
		return nil, fmt.Errorf("PKCS#11: opening the token %q (check its label, the PIN and who may read its files): %w", o.Token, err)
	}
	k := &Key{token: token, rand: o.Rand, reference: o.reference()}
	if k.rand == nil {
		k.rand = rand.Reader
	}
	return k, nil
}

// take accepts the key if it is what it should be.
func (k *Key) take(secret *crypto11.SecretKey) error {
	if secret.Cipher != crypto11.CipherAES {
		return fmt.Errorf("%w: it is no AES key", ErrUnusable)
	}
	flags, err := k.token.GetAttributes(secret, []crypto11.AttributeType{crypto11.CkaExtractable, crypto11.CkaSensitive, crypto11.CkaValueLen})
	if err != nil {
		return fmt.Errorf("asking for the key's attributes: %w", err)
	}
	switch {
	case isSet(flags[crypto11.CkaExtractable]) || !isSet(flags[crypto11.CkaSensitive]):
		return fmt.Errorf("%w: it can be read out of the token (CKA_EXTRACTABLE must be false, CKA_SENSITIVE true)", ErrUnusable)
	case length(flags[crypto11.CkaValueLen]) != keyBits/8:
		return fmt.Errorf("%w: it has %d bytes, not %d", ErrUnusable, length(flags[crypto11.CkaValueLen]), keyBits/8)
	}
	k.aead, err = secret.NewGCM()
	return err
}

func isSet(a *crypto11.Attribute) bool {
	return a != nil && slices.ContainsFunc(a.Value, func(b byte) bool { return b != 0 })
}

// length reads a CK_ULONG: in the order and width of this host, as the library gave it.
func length(a *crypto11.Attribute) uint64 {
	if a == nil {
		return 0
	}
	switch len(a.Value) {
	case 4:
		return uint64(binary.NativeEndian.Uint32(a.Value))
	case 8:
		return binary.NativeEndian.Uint64(a.Value)
	}
	return 0
}

func (k *Key) orClose(err error) (*Key, error) {
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", k.reference, err), k.Close())
	}
	return k, nil
}

// Reference is the key's PKCS#11 URI: what the key file says of the slot.
func (k *Key) Reference() string { return k.reference }

// Wrap encrypts a secret of at most 4,096 bytes in the token, bound to the context. Errors are the library's.
func (k *Key) Wrap(ctx context.Context, secret []byte, context map[string]string) ([]byte, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(secret) == 0 || len(secret) > maxSecret:
		return nil, fmt.Errorf("PKCS#11: a secret of %d bytes: 1 to %d are allowed", len(secret), maxSecret)
	}
	out := make([]byte, 1+ivSize, 1+ivSize+len(secret)+tagSize)
	out[0] = format
	if _, err := io.ReadFull(k.rand, out[1:]); err != nil {
		return nil, fmt.Errorf("drawing an IV: %w", err)
	}
	out, err := k.seal(out, secret, additional(context))
	if err == nil && len(out) != 1+ivSize+len(secret)+tagSize {
		err = fmt.Errorf("the token answered with %d bytes", len(out))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.reference, err)
	}
	return out, nil
}

// seal turns the library's panic back into the error it was made of.
func (k *Key) seal(out, secret, additional []byte) (_ []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encrypting in the token: %v", p)
		}
	}()
	return k.aead.Seal(out, out[1:], secret, additional), nil
}

// Unwrap is the inverse of Wrap. A changed byte, another context or another key is [ErrRefused].
func (k *Key) Unwrap(ctx context.Context, wrapped []byte, context map[string]string) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if len(wrapped) <= 1+ivSize+tagSize || len(wrapped) > 1+ivSize+tagSize+maxSecret || wrapped[0] != format {
		return nil, fmt.Errorf("%s: %w", k.reference, ErrRefused)
	}
	secret, err := k.aead.Open(nil, wrapped[1:1+ivSize], wrapped[1+ivSize:], additional(context))
	if err != nil { // the standard has no one code for it: tokens answer CKR_ENCRYPTED_DATA_INVALID, CKR_GENERAL_ERROR ...
		return nil, fmt.Errorf("%s: %w (%w)", k.reference, ErrRefused, err)
	}
	return secret, nil
}

// additional is the context in the order of its names, each text with its length in front.
func additional(context map[string]string) []byte {
	b := []byte("qrsd pkcs11\x00")
	for _, name := range slices.Sorted(maps.Keys(context)) {
		for _, s := range []string{name, context[name]} {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
			b = append(b, s...)
		}
	}
	return b
}

// Close logs out and lets the library go.
func (k *Key) Close() error { return k.token.Close() }
