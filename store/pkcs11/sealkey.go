//go:build pkcs11

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/ThalesGroup/crypto11"
)

// SealKey is an ECDSA P-256 key pair in a token that signs seals; the private half cannot be read out of it. It is safe for
// concurrent use. Close it when done; calls into the token cannot be interrupted.
type SealKey struct {
	token     *crypto11.Context
	signer    crypto11.Signer
	public    *ecdsa.PublicKey
	reference string
}

func (o Options) sealReference() string {
	return "pkcs11:token=" + url.PathEscape(o.Token) + ";object=" + url.PathEscape(o.Key) + ";type=private"
}

// OpenSealKey logs in to the token and finds the key pair of the label. Errors: ErrNoSealKey, ErrUnusable (not on P-256, readable
// out of the token, or more than one), those of the options and the maker's library.
func OpenSealKey(o Options) (*SealKey, error) {
	return sealKey(o, func(token *crypto11.Context) (crypto11.Signer, error) {
		found, err := token.FindKeyPairs(nil, []byte(o.Key))
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0:
			return nil, ErrNoSealKey
		case len(found) > 1:
			return nil, fmt.Errorf("%w: %d key pairs have the label: make a new one under another", ErrUnusable, len(found))
		}
		return found[0], nil
	})
}

// GenerateSealKey makes a P-256 key pair in the token, whose private half cannot be read out of it, and opens it. It never makes
// a second one of the label. Errors as OpenSealKey, except ErrNoSealKey.
func GenerateSealKey(o Options) (*SealKey, error) {
	return sealKey(o, func(token *crypto11.Context) (crypto11.Signer, error) {
		there, err := token.FindKeyPairs(nil, []byte(o.Key))
		if err != nil {
			return nil, err
		}
		if len(there) > 0 {
			return nil, fmt.Errorf("%w: the label is taken: choose another, or open that key", ErrUnusable)
		}
		id := make([]byte, 16)
		from := o.Rand
		if from == nil {
			from = rand.Reader
		}
		if _, err := io.ReadFull(from, id); err != nil {
			return nil, fmt.Errorf("drawing a key's id: %w", err)
		}
		return token.GenerateECDSAKeyPairWithLabel(id, []byte(o.Key), elliptic.P256())
	})
}

// sealKey connects and takes the key pair that find gives.
func sealKey(o Options, find func(*crypto11.Context) (crypto11.Signer, error)) (*SealKey, error) {
	k, err := connect(o)
	if err != nil {
		return nil, err
	}
	s := &SealKey{token: k.token, reference: o.sealReference()}
	if s.signer, err = find(s.token); err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.reference, err), s.Close())
	}
	return s, nil
}

// check accepts the key pair if it is what it should be.
func (s *SealKey) check() error {
	public, ok := s.signer.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return fmt.Errorf("%w: seals are signed with ECDSA on P-256, the key is %T", ErrUnusable, s.signer.Public())
	}
	s.public = public
	flags, err := s.token.GetAttributes(s.signer, []crypto11.AttributeType{crypto11.CkaExtractable, crypto11.CkaSensitive})
	if err != nil {
		return fmt.Errorf("asking for the key's attributes: %w", err)
	}
	if isSet(flags[crypto11.CkaExtractable]) || !isSet(flags[crypto11.CkaSensitive]) {
		return fmt.Errorf("%w: it can be read out of the token (CKA_EXTRACTABLE must be false, CKA_SENSITIVE true)", ErrUnusable)
	}
	return nil
}

// Reference is the private key's PKCS#11 URI.
func (s *SealKey) Reference() string { return s.reference }

// String is the private key's PKCS#11 URI.
func (s *SealKey) String() string { return s.reference }

// Public is the key that verifies.
func (s *SealKey) Public() *ecdsa.PublicKey { return s.public }

// Sign has the token sign a SHA-256 digest (32 bytes; CKM_ECDSA) and returns the signature as ASN.1 DER, with either of the two values
// of s. Errors are the library's.
func (s *SealKey) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(digest) != crypto.SHA256.Size():
		return nil, fmt.Errorf("PKCS#11: a digest of %d bytes: SHA-256 has %d", len(digest), crypto.SHA256.Size())
	}
	der, err := s.signer.Sign(nil, digest, crypto.SHA256) // the token has randomness of its own
	if err != nil {
		return nil, fmt.Errorf("%s: signing in the token: %w", s.reference, err)
	}
	return der, nil
}

// Close logs out and lets the library go.
func (s *SealKey) Close() error { return s.token.Close() }
