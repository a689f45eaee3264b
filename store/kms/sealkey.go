package kms

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/qrsrisk/qrsd/store/seal"
)

// SealKey is an asymmetric KMS key (key spec ECC_NIST_P256, usage SIGN_VERIFY) that signs seals and never leaves KMS. It is safe for
// concurrent use and prints as its ARN. What a principal needs is kms:GetPublicKey and kms:Sign on the one key.
type SealKey struct {
	key    *Key
	public *ecdsa.PublicKey
}

var _ seal.Signer = (*SealKey)(nil)

// OpenSealKey asks KMS for the public half of the key. Errors: those of the options, ErrDenied, ErrBusy, and ErrUnusable for
// a key of another sort.
func OpenSealKey(ctx context.Context, o Options) (*SealKey, error) {
	k, err := New(o)
	if err != nil {
		return nil, err
	}
	within, cancel := within(ctx)
	defer cancel()
	out, err := k.client.GetPublicKey(within, &service.GetPublicKeyInput{KeyId: &k.arn})
	if err != nil {
		return nil, k.explain("kms:GetPublicKey", err)
	}
	if err := k.sameKey(out.KeyId); err != nil {
		return nil, err
	}
	if out.KeySpec != types.KeySpecEccNistP256 || out.KeyUsage != types.KeyUsageTypeSignVerify || !slices.Contains(out.SigningAlgorithms, types.SigningAlgorithmSpecEcdsaSha256) {
		return nil, fmt.Errorf("%w: %s is a key of spec %s for %s: seals are signed by a key of spec ECC_NIST_P256 for SIGN_VERIFY", ErrUnusable, k.arn, out.KeySpec, out.KeyUsage)
	}
	public, err := seal.ParseSPKI(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnusable, k.arn, err)
	}
	return &SealKey{k, public}, nil
}

// Reference is the key's ARN.
func (s *SealKey) Reference() string { return s.key.arn }

// String is the key's ARN.
func (s *SealKey) String() string { return s.key.arn }

// Public is the key that verifies, as KMS gave it when the key was opened.
func (s *SealKey) Public() *ecdsa.PublicKey { return s.public }

// Sign has KMS sign a SHA-256 digest (32 bytes) with ECDSA_SHA_256 (MessageType DIGEST) and returns the signature as ASN.1 DER, with
// either of the two values of s. The digest alone leaves the host. An answer that does not verify is refused.
func (s *SealKey) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	out, err := s.key.client.Sign(ctx, &service.SignInput{
		KeyId: &s.key.arn, Message: digest, MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, s.key.explain("kms:Sign", err)
	}
	if err := s.key.sameKey(out.KeyId); err != nil {
		return nil, err
	}
	if out.SigningAlgorithm != types.SigningAlgorithmSpecEcdsaSha256 || !ecdsa.VerifyASN1(s.public, digest, out.Signature) {
		return nil, fmt.Errorf("AWS KMS answered for %s with a signature (%s) that does not verify", aws.ToString(out.KeyId), out.SigningAlgorithm)
	}
	return out.Signature, nil
}
