package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/directory/breached"
	"github.com/qrsrisk/qrsd/store/kms"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/pkcs11"
	"github.com/qrsrisk/qrsd/store/seal"
)

// storeFlags say which store, and how it is unlocked. Every verb of a store has them.
type storeFlags struct {
	Store          string `env:"QRSD_STORE" placeholder:"DIR" help:"Folder of the store."`
	Anchor         string `env:"QRSD_ANCHOR" placeholder:"FILE" help:"Keep the last checkpoint in this file, on another disk for instance, in place of the store's folder."`
	AcceptRollback bool   `help:"Go on with a store that is older than its anchor, after a backup was restored on purpose."`
	unlockFlags
	sealSigner seal.Signer // in place of the store's own seal key; see sealSignerFlags
}

// open opens the store, locked.
func (f storeFlags) open(c console) (*store.DB, error) {
	if f.Store == "" {
		return nil, &runner.ErrUsage{Reason: "--store: name the folder of the store, here or with QRSD_STORE"}
	}
	return store.Open(f.Store, f.options(c))
}

// options of the store; alarms go to standard error as they come.
func (f storeFlags) options(c console) store.Options {
	return store.Options{
		Anchor: f.Anchor, AcceptRollback: f.AcceptRollback, SealSigner: f.sealSigner,
		Alarm: func(what string) { fmt.Fprintln(c.err, "qrsd: alarm:", what) },
	}
}

// openStore opens the store and unlocks it: with the key that qrsd unlock has left with the host's kernel, else by what the
// flags and the environment name, else by a passphrase typed on the terminal. Give it to closeStore.
func openStore(ctx context.Context, c console, f storeFlags) (*store.DB, error) {
	db, err := f.open(c)
	if err != nil {
		return nil, err
	}
	if err := f.unlock(ctx, c, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// closeStore locks and closes the store; its error joins that of the verb. It is deferred with the verb's named result.
func closeStore(db *store.DB, err *error) { *err = errors.Join(*err, db.Close()) }

// unlock tries the kept key first. That there is none, that the host has no place for one, or that it is of before the last
// change of keys, is no error as long as there is another way.
func (f storeFlags) unlock(ctx context.Context, c console, db *store.DB) error {
	err := db.UnlockKept(ctx, operator())
	if err == nil || !isNotKept(err) {
		return err
	}
	u, err := f.unlocker(ctx, c, db)
	if err != nil {
		return err
	}
	return db.Unlock(ctx, operator(), u)
}

// isNotKept tells a missing kept key from a store that does not open.
func isNotKept(err error) bool {
	return errors.Is(err, store.ErrNotKept) || errors.Is(err, store.ErrForbidden) || errors.Is(err, store.ErrWrongKey)
}

// source is where commands come from: the host itself. The request's id joins the entries of one command.
func source() store.Source {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return store.Source{Address: "host", UserAgent: "qrsd/" + engine.Version, Request: hex.EncodeToString(id[:])}
}

// operator is whoever runs this command: the proof is the key that unlocked the store.
func operator() store.Principal {
	account := fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		account = u.Username
	}
	return directory.HostOperator(account, source())
}

// tenantFlags name a tenant and the user of it who asks. Without a tenant, the appliance's operator asks.
type tenantFlags struct {
	Tenant string `env:"QRSD_TENANT" placeholder:"TENANT" help:"Tenant, by name or id."`
	User   string `env:"QRSD_USER" placeholder:"EMAIL" help:"User of the tenant, whose password is in the file named by QRSD_PASSWORD_FILE or typed. Without it, QRSD_API_KEY holds an API key."`

	breached []*breached.Filter // lists of known passwords beside the program's own, for a verb that sets a password
	fault    func(error)        // is told when one cannot be read
}

// enter opens the tenant for its user, or the appliance for its operator. leave ends the session.
func (f tenantFlags) enter(ctx context.Context, db *store.DB) (t *store.Tenant, leave func() error, err error) {
	if f.Tenant == "" {
		t, err := db.Tenant(ctx, operator(), store.Appliance)
		return t, func() error { return nil }, err
	}
	id, err := db.Named(ctx, f.Tenant)
	if err != nil {
		return nil, nil, err
	}
	v, err := f.signIn(ctx, db, id)
	if err != nil {
		return nil, nil, err
	}
	t, err = db.Tenant(ctx, v.principal, id)
	if err != nil {
		return nil, nil, errors.Join(err, v.leave(ctx))
	}
	return t, func() error { return v.leave(ctx) }, nil
}

// openTenant opens the store and the tenant in it. leave, which is deferred with the verb's named result, ends the session and
// closes the store; its error joins that of the verb.
func openTenant(ctx context.Context, c console, s storeFlags, f tenantFlags) (t *store.Tenant, leave func(*error), err error) {
	db, err := openStore(ctx, c, s)
	if err != nil {
		return nil, nil, err
	}
	t, signOut, err := f.enter(ctx, db)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return t, func(err *error) { *err = errors.Join(*err, signOut(), db.Close()) }, nil
}

// storeExit is the exit code of an error of the store or its directory, 0 if it is none of those that have a code of their own.
func storeExit(err error) int {
	var denied *store.DeniedError
	var inUse store.InUseError
	var later *store.LaterFormatError
	var other *store.OwnerError
	var back *store.RollbackError
	var tooMany *directory.ErrTooMany
	is := func(kinds ...error) bool {
		return slices.ContainsFunc(kinds, func(e error) bool { return errors.Is(err, e) })
	}
	switch {
	case store.IsDamage(err), errors.As(err, &back), is(ledger.ErrNotVerified, backup.ErrDamaged, backup.ErrManifest):
		return exitDiffer
	case errors.As(err, &denied), errors.As(err, &tooMany), errors.As(err, &other), is(store.ErrLocked, store.ErrWrongKey, store.ErrNoSlot, errNotAgreed, errNotInOrder,
		directory.ErrWrongCredentials, directory.ErrSecondFactorNeeded, directory.ErrDisabled, directory.ErrPasswordExpired, directory.ErrNoAPIKey, directory.ErrOwnerNotInOrder,
		kms.ErrDenied, kms.ErrRefused, pkcs11.ErrRefused, backup.ErrIdentity):
		return exitDenied
	case errors.As(err, &inUse), errors.As(err, &later), is(store.ErrConflict, store.ErrExists, os.ErrExist, directory.ErrLastAdmin, directory.ErrLastOperator):
		return exitConflict
	case is(store.ErrNotFound, store.ErrErased):
		return exitNotFound
	}
	return 0
}

// printStoreError prints the error of a verb of the store. Errors that were joined stand on a line each.
func printStoreError(c console, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(c.err, "qrsd:", line)
	}
	if inUse := (store.InUseError{}); errors.As(err, &inUse) {
		fmt.Fprintln(c.err, "qrsd: where that is qrsd server, its pages and its API do the same")
	}
}
