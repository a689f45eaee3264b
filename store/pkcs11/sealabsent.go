//go:build !pkcs11

package pkcs11

import (
	"context"
	"crypto/ecdsa"
)

// SealKey is never there in this build.
type SealKey struct{}

// OpenSealKey is ErrNotBuilt.
func OpenSealKey(o Options) (*SealKey, error) { return nil, absent(o) }

// GenerateSealKey is ErrNotBuilt.
func GenerateSealKey(o Options) (*SealKey, error) { return nil, absent(o) }

// Reference is empty.
func (*SealKey) Reference() string { return "" }

// String is empty.
func (*SealKey) String() string { return "" }

// Public is none.
func (*SealKey) Public() *ecdsa.PublicKey { return nil }

// Sign is ErrNotBuilt.
func (*SealKey) Sign(context.Context, []byte) ([]byte, error) { return nil, ErrNotBuilt }

// Close has nothing to close.
func (*SealKey) Close() error { return nil }
