package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/qrsrisk/qrsd/store"
)

// unlockFlags are the ways to the root key. No flag holds a secret.
type unlockFlags struct {
	KeyFile  string `env:"QRSD_KEY_FILE" placeholder:"FILE" help:"Unlock with this key file. Without it the passphrase is read from the file named by QRSD_PASSPHRASE_FILE, or typed."`
	Recovery bool   `help:"Unlock with the recovery key, from the file named by QRSD_RECOVERY_FILE, or typed."`
	kmsFlags
	pkcs11Flags
}

// unlocker is the way that flags and environment name; a passphrase is asked for where the store has one.
func (f unlockFlags) unlocker(ctx context.Context, c console, db *store.DB) (store.Unlocker, error) {
	u, err := f.silent(ctx, c)
	if !errors.Is(err, errNoWay) {
		return u, err
	}
	if f.Recovery {
		code, err := typed(ctx, "recovery key: ")
		if err != nil {
			return store.Unlocker{}, f.locked(ctx, db, err)
		}
		return store.Recovery(string(code))
	}
	if !hasSlot(ctx, db, "passphrase") {
		return store.Unlocker{}, f.locked(ctx, db, nil)
	}
	words, err := typed(ctx, "passphrase: ")
	if err != nil {
		return store.Unlocker{}, f.locked(ctx, db, err)
	}
	return store.Passphrase(words), nil
}

// errNoWay says that neither flags nor environment name a way to unlock.
var errNoWay = errors.New("no way to unlock is named")

// silent is the way that asks nobody, or errNoWay.
func (f unlockFlags) silent(ctx context.Context, c console) (store.Unlocker, error) {
	switch {
	case f.Recovery && os.Getenv("QRSD_RECOVERY_FILE") != "":
		code, err := readSecretFile("QRSD_RECOVERY_FILE")
		if err != nil {
			return store.Unlocker{}, err
		}
		return store.Recovery(string(code))
	case f.Recovery:
		return store.Unlocker{}, errNoWay
	case f.KeyFile != "":
		return store.KeyFile(f.KeyFile), nil
	case f.KMS != "":
		return f.kmsUnlocker(ctx)
	case f.PKCS11Key != "":
		return f.pkcs11Unlocker(ctx)
	case os.Getenv("QRSD_PASSPHRASE_FILE") != "":
		words, err := readSecretFile("QRSD_PASSPHRASE_FILE")
		return store.Passphrase(words), err
	}
	return store.Unlocker{}, errNoWay
}

// locked says how this store can be unlocked, where nothing was named and nobody could be asked.
func (f unlockFlags) locked(ctx context.Context, db *store.DB, cause error) error {
	if cause != nil && !errors.Is(cause, errNoTerminal) {
		return cause
	}
	var ways []string
	for _, s := range slotsOf(ctx, db) {
		switch s.Method {
		case "key-file":
			ways = append(ways, "its key file (--key-file or QRSD_KEY_FILE)")
		case "passphrase":
			ways = append(ways, "its passphrase (on a terminal, or QRSD_PASSPHRASE_FILE)")
		case "recovery":
			ways = append(ways, "its recovery key (--recovery)")
		case "aws-kms":
			ways = append(ways, "AWS KMS (--kms "+s.Reference+")")
		case "pkcs11":
			ways = append(ways, "a PKCS#11 token (--pkcs11-key, "+s.Reference+")")
		default:
			ways = append(ways, s.Method+" "+s.Reference)
		}
	}
	return fmt.Errorf("%w; this store has %s", store.ErrLocked, strings.Join(ways, ", "))
}

func hasSlot(ctx context.Context, db *store.DB, method string) bool {
	for _, s := range slotsOf(ctx, db) {
		if s.Method == method {
			return true
		}
	}
	return false
}

// slotsOf are the ways to unlock, which a locked store shows.
func slotsOf(ctx context.Context, db *store.DB) []store.Slot {
	s, err := db.Status(ctx, store.Principal{})
	if err != nil {
		return nil
	}
	return s.Slots
}

// services are those of service, as the verbs that replace the root key take them.
func (f unlockFlags) services(ctx context.Context) ([]store.Unlocker, error) {
	u, err := f.service(ctx)
	if err != nil || u == nil {
		return nil, err
	}
	return []store.Unlocker{*u}, nil
}

// service is the key service or token that a new root key must be given to, if one is named: a store that was unlocked
// by other means does not reach it by itself.
func (f unlockFlags) service(ctx context.Context) (*store.Unlocker, error) {
	var u store.Unlocker
	var err error
	switch {
	case f.KMS != "":
		u, err = f.kmsUnlocker(ctx)
	case f.PKCS11Key != "":
		u, err = f.pkcs11Unlocker(ctx)
	default:
		return nil, nil
	}
	return &u, err
}
