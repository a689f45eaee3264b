//go:build !pkcs11

package pkcs11

import (
	"errors"
	"testing"
)

// TestAbsent wants the reason in words where the program cannot load modules.
func TestAbsent(t *testing.T) {
	o := Options{Module: "/usr/lib/softhsm/libsofthsm2.so", Token: "t", Key: "k", PIN: []byte("1234")}
	for name, open := range map[string]func(Options) (*Key, error){"Open": Open, "GenerateKey": GenerateKey} {
		if _, err := open(o); !errors.Is(err, ErrNotBuilt) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := open(Options{}); err == nil || errors.Is(err, ErrNotBuilt) {
			t.Errorf("%s without options: %v", name, err)
		}
	}
}
