package main

import (
	"context"

	"github.com/qrsrisk/qrsd/store/kms"
)

// sealSignerFlags name a seal key outside of the store, which signs in its place.
type sealSignerFlags struct {
	SealKMS string `name:"seal-kms" group:"AWS KMS" env:"QRSD_SEAL_KMS" placeholder:"ARN" help:"AWS KMS key (ECC_NIST_P256, SIGN_VERIFY) that signs seals in place of the store's own; qrsd seal rotate makes it the current one."`
}

// sealWith has the store that will be opened with s sign seals by the key that was named, if one was.
func (f sealSignerFlags) sealWith(ctx context.Context, s *storeFlags) error {
	if f.SealKMS == "" {
		return nil
	}
	o, err := s.kmsOptions(ctx, "--seal-kms", f.SealKMS)
	if err != nil {
		return err
	}
	key, err := kms.OpenSealKey(ctx, o)
	if err != nil {
		return err
	}
	s.sealSigner = key
	return nil
}
