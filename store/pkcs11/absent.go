//go:build !pkcs11

package pkcs11

import "context"

// Key is never there in this build.
type Key struct{}

// Open is ErrNotBuilt.
func Open(o Options) (*Key, error) { return nil, absent(o) }

// GenerateKey is ErrNotBuilt.
func GenerateKey(o Options) (*Key, error) { return nil, absent(o) }

func absent(o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	return ErrNotBuilt
}

// Reference is empty.
func (*Key) Reference() string { return "" }

// Wrap is ErrNotBuilt.
func (*Key) Wrap(context.Context, []byte, map[string]string) ([]byte, error) { return nil, ErrNotBuilt }

// Unwrap is ErrNotBuilt.
func (*Key) Unwrap(context.Context, []byte, map[string]string) ([]byte, error) {
	return nil, ErrNotBuilt
}

// Close has nothing to close.
func (*Key) Close() error { return nil }
