package main

import (
	"context"
	"crypto/ecdsa"
	"errors"

	"github.com/qrsrisk/qrsd/store/kms"
	"github.com/qrsrisk/qrsd/store/pkcs11"
)

// sealSignerFlags name a seal key outside of the store, which signs in its place.
type sealSignerFlags struct {
	SealKMS       string `name:"seal-kms" xor:"seal-key" group:"AWS KMS" env:"QRSD_SEAL_KMS" placeholder:"ARN" help:"AWS KMS key (ECC_NIST_P256, SIGN_VERIFY) that signs seals in place of the store's own; qrsd seal rotate makes it the current one."`
	SealPKCS11Key string `name:"seal-pkcs11-key" xor:"seal-key" group:"PKCS#11 token" env:"QRSD_SEAL_PKCS11_KEY" placeholder:"LABEL" help:"Label of the P-256 key pair in the token that signs seals in place of the store's own; qrsd seal rotate makes it the current one."`
}

// sealWith has the store that will be opened with s sign seals by the key that was named, if one was.
func (f sealSignerFlags) sealWith(ctx context.Context, s *storeFlags) error {
	switch {
	case f.SealKMS != "":
		o, err := s.kmsOptions(ctx, "--seal-kms", f.SealKMS)
		if err != nil {
			return err
		}
		key, err := kms.OpenSealKey(ctx, o)
		if err != nil {
			return err
		}
		s.sealSigner = key
	case f.SealPKCS11Key != "":
		o, err := s.pkcs11Flags.options(ctx)
		if err != nil {
			return err
		}
		o.Key = f.SealPKCS11Key
		key, err := openTokenSealKey(o)
		if err != nil {
			return err
		}
		s.sealSigner = key
	}
	return nil
}

// tokenSealKey opens the token for each signature, so that no session is left in it when the command ends.
type tokenSealKey struct {
	options pkcs11.Options
	public  *ecdsa.PublicKey
}

func openTokenSealKey(o pkcs11.Options) (*tokenSealKey, error) {
	k, err := pkcs11.OpenSealKey(o)
	if err != nil {
		return nil, err
	}
	return &tokenSealKey{o, k.Public()}, k.Close()
}

// Public is the key that verifies.
func (t *tokenSealKey) Public() *ecdsa.PublicKey { return t.public }

// Sign signs in the token.
func (t *tokenSealKey) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	k, err := pkcs11.OpenSealKey(t.options)
	if err != nil {
		return nil, err
	}
	der, err := k.Sign(ctx, digest)
	return der, errors.Join(err, k.Close())
}
