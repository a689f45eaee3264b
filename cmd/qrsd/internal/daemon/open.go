package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// openStore opens the store, locked; at the first start it makes it.
func (a *appliance) openStore(ctx context.Context) error {
	s := a.config.Store
	o := s.Options
	o.Alarm = func(what string) { a.log.Error("alarm", "what", what) }
	if err := os.MkdirAll(filepath.Dir(a.config.Record), 0o700); err != nil {
		return fmt.Errorf("making the folder of the record of connections: %w", err)
	}
	if exists(filepath.Join(s.Path, "format.json")) {
		if err := a.adoptKeyFile(); err != nil {
			return err
		}
	} else if err := a.create(ctx, o); err != nil {
		return fmt.Errorf("making the store %s: %w", s.Path, err)
	}
	var err error
	a.db, err = store.Open(s.Path, o)
	return err
}

// newKey is where a key file lies until its store is made.
const newKey = ".new"

// create makes a store that is unlocked by what the configuration names. Its recovery key is drawn and not kept: set-up draws the one
// that is printed.
//
// A key file or an anchor without their store mean that a disk is not mounted, more often than that a new store is wanted.
func (a *appliance) create(ctx context.Context, o store.Options) error {
	s := a.config.Store
	for _, path := range []string{s.Unlock.KeyFile, o.Anchor} {
		if path != "" && exists(path) {
			return fmt.Errorf("there is none, and %s is there: is its disk mounted? For a new store, move that file away first", path)
		}
	}
	if a.options.Unlocker == nil {
		return errors.New("the configuration names no way to unlock it: name one (store.key_file, for instance), or make the store with qrsd init")
	}
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
		return err
	}
	u, err := a.newUnlocker(ctx)
	if err != nil {
		return err
	}
	if _, err := store.Create(ctx, s.Path, o, u); err != nil {
		return err
	}
	a.log.Info("a new store was made", "path", s.Path, "unlocked_by", u.Method())
	return a.adoptKeyFile()
}

// newUnlocker is the way for a new store. A key file is made under another name, and gets its own when the store is there:
// so whenever this is cut short, the next start goes on.
func (a *appliance) newUnlocker(ctx context.Context) (store.Unlocker, error) {
	path := a.config.Store.Unlock.KeyFile
	if path == "" {
		return a.options.Unlocker(ctx, a.dialer)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return store.Unlocker{}, fmt.Errorf("making the folder of the key file: %w", err)
	}
	if err := store.NewKeyFile(path+newKey, nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return store.Unlocker{}, err
	}
	return store.KeyFile(path + newKey), nil
}

// adoptKeyFile gives the key file of a store that was just made its name.
func (a *appliance) adoptKeyFile() error {
	path := a.config.Store.Unlock.KeyFile
	if path == "" || exists(path) || !exists(path+newKey) {
		return nil
	}
	if err := os.Rename(path+newKey, path); err != nil {
		return err
	}
	a.log.Info("the key file is made: whoever reads it can read the store; back it up apart from the store", "path", path)
	return durablefile.SyncFolder(filepath.Dir(path))
}

// unlockAlone unlocks where that needs no person. An error is of a store that must not be served; that it stays locked is none.
func (a *appliance) unlockAlone(ctx context.Context) error {
	err := a.unlock(ctx)
	var back *store.RollbackError
	switch {
	case err == nil:
		return a.afterUnlock(ctx)
	case errors.As(err, &back), store.IsDamage(err), ctx.Err() != nil:
		return err
	}
	a.log.Error("the store stays locked", "reason", err)
	return nil
}

// unlock tries what the configuration names, else what qrsd unlock has left with the host's kernel.
func (a *appliance) unlock(ctx context.Context) error {
	if a.options.Unlocker == nil {
		return a.db.UnlockKept(ctx, a.options.Operator)
	}
	u, err := a.options.Unlocker(ctx, a.dialer)
	if err != nil {
		return err
	}
	return a.db.Unlock(ctx, a.options.Operator, u)
}

// afterUnlock takes up what only the unlocked store says.
func (a *appliance) afterUnlock(ctx context.Context) error {
	if err := a.takeUpMode(ctx); err != nil {
		return err
	}
	a.opened.Store(true)
	a.enterGuesses(ctx)
	return nil
}

// unlockWith unlocks with what somebody sent, whose proof it is.
func (a *appliance) unlockWith(ctx context.Context, with web.Unlocking, from store.Source) error {
	u := store.Passphrase([]byte(with.Passphrase.Reveal()))
	if !with.Recovery.IsZero() {
		var err error
		if u, err = store.Recovery(with.Recovery.Reveal()); err != nil {
			return err
		}
	}
	if err := a.db.Unlock(ctx, directory.HostOperator("unlock page", from), u); err != nil {
		a.wrongSecret(err, from)
		return err
	}
	first := !a.opened.Load()
	if err := a.afterUnlock(ctx); err != nil {
		return err
	}
	a.log.Info("the store is unlocked", "by", u.Method())
	if first {
		a.offerSetUp(ctx)
	}
	a.notify("STATUS=" + a.url + ", " + a.state())
	return nil
}

// replaceRecovery makes the recovery key anew, and gives the new root key to a service that unlocks the store.
func (a *appliance) replaceRecovery(ctx context.Context, by store.Principal) (string, error) {
	u := a.config.Store.Unlock
	if u.KMS == nil && u.PKCS11 == nil {
		return a.db.ReplaceRecovery(ctx, by)
	}
	service, err := a.options.Unlocker(ctx, a.dialer)
	if err != nil {
		return "", err
	}
	return a.db.ReplaceRecovery(ctx, by, service)
}

// pauses between attempts to unlock by a service that was not reached.
const (
	firstPause = 5 * time.Second
	lastPause  = 2 * time.Minute
)

// retry goes on trying where a service or a file was not there at the start, until the store was unlocked once. A wrong key stays wrong.
func (a *appliance) retry(ctx context.Context) {
	if a.options.Unlocker == nil {
		return
	}
	for pause := firstPause; !a.opened.Load(); pause = min(2*pause, lastPause) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if a.opened.Load() {
			return
		}
		err := a.unlock(ctx)
		if err == nil {
			err = a.afterUnlock(ctx)
		}
		switch {
		case err == nil:
			a.log.Info("the store is unlocked")
			a.offerSetUp(ctx)
			a.notify("STATUS=" + a.url + ", " + a.state())
		case errors.Is(err, store.ErrWrongKey), errors.Is(err, store.ErrNoSlot):
			return
		default:
			a.log.Warn("the store is still locked", "reason", err)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
