package store

import (
	"path/filepath"

	"github.com/qrsrisk/qrsd/store/internal/hostkeys"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
)

// ForgetKept takes the root key of the store in dir back from the host's kernel, also while another process has the store
// open: forgetting must not wait. Nothing is written, so there is no entry of it; [DB.ForgetKept] enters one.
func ForgetKept(dir string) error {
	if _, err := readFormat(dir); err != nil {
		return err
	}
	ring, err := keyring.Open(filepath.Join(dir, keysFile), keyring.Options{})
	if err != nil {
		return err
	}
	return ring.Forget(hostkeys.Keeper{})
}
