package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
)

// unlockCommand is `qrsd unlock`.
type unlockCommand struct {
	storeFlags
	For  time.Duration `default:"8h" placeholder:"8h" help:"Keep the root key with the host's kernel for so long; 0 only verifies that the store can be unlocked."`
	JSON bool          `help:"Print until when as JSON."`
}

// Help is shown by `qrsd unlock --help`.
func (unlockCommand) Help() string {
	return `Later commands of this user on this host then need no key. The key is in the memory of the kernel, never on disk, and readable by
every process of this user and by root until it runs out, qrsd lock, or a restart. Most containers forbid this: name a key file
or a key service for each command there.`
}

// unlockOutput is `qrsd unlock --json`.
type unlockOutput struct {
	Method string     `json:"method"`
	Until  *time.Time `json:"until,omitempty"` // absent: verified only
}

// maxKept is the longest that a key is kept: what must be there for longer is a key file or key service.
const maxKept = 7 * 24 * time.Hour

// Run carries out the command.
func (x *unlockCommand) Run(ctx context.Context, c console) (err error) {
	if x.For < 0 || x.For > maxKept || x.For > 0 && x.For < time.Minute {
		return &runner.ErrUsage{Reason: fmt.Sprintf("--for %s: give 1m to 168h, or 0 to verify only", x.For)}
	}
	db, err := x.open(c)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	u, err := x.unlocker(ctx, c, db)
	if err != nil {
		return err
	}
	if err := db.Unlock(ctx, operator(), u); err != nil {
		return err
	}
	out := unlockOutput{Method: u.Method()}
	if x.For > 0 {
		until := time.Now().Add(x.For).Truncate(time.Second)
		out.Until = &until
		if err := db.KeepUnlocked(ctx, operator(), x.For); errors.Is(err, store.ErrForbidden) {
			return fmt.Errorf("the %s is right, but the key cannot be kept for later commands: %w", out.Method, err)
		} else if err != nil {
			return err
		}
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	if out.Until == nil {
		fmt.Fprintf(c.out, "the %s opens the store; it is locked again\n", out.Method)
		return nil
	}
	fmt.Fprintf(c.out, "unlocked by %s for this user on this host until %s; qrsd lock ends it\n", out.Method, out.Until.Format(time.RFC3339))
	return nil
}

// lockCommand is `qrsd lock`.
type lockCommand struct {
	Store  string `required:"" env:"QRSD_STORE" placeholder:"DIR" help:"Folder of the store."`
	Anchor string `env:"QRSD_ANCHOR" placeholder:"FILE" help:"Where the last checkpoint is kept, if not in the store's folder."`
	JSON   bool   `help:"Print what was done as JSON."`
}

// lockOutput is `qrsd lock --json`.
type lockOutput struct {
	Forgotten bool `json:"forgotten"` // false: nothing was kept
	Entered   bool `json:"entered"`   // in the audit log
}

// Run carries out the command. The key is forgotten whatever state the store is in; where it can be, that is entered in the audit log.
func (x *lockCommand) Run(ctx context.Context, c console) error {
	out, err := x.lock(ctx, c)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, out)
	}
	switch {
	case !out.Forgotten:
		fmt.Fprintln(c.out, "no key was kept for this store")
	case !out.Entered:
		fmt.Fprintln(c.out, "the key is forgotten; this is not in the audit log, because the store could not be opened")
	default:
		fmt.Fprintln(c.out, "the key is forgotten")
	}
	return nil
}

func (x *lockCommand) lock(ctx context.Context, c console) (lockOutput, error) {
	db, err := store.Open(x.Store, storeFlags{Anchor: x.Anchor}.options(c))
	if err != nil { // by another process, perhaps, which keeps the key in its own memory
		if forgetting := store.ForgetKept(x.Store); forgetting != nil {
			return lockOutput{}, errors.Join(err, forgetting)
		}
		fmt.Fprintln(c.err, "qrsd:", err)
		return lockOutput{Forgotten: true}, nil
	}
	opened := db.UnlockKept(ctx, operator())
	if errors.Is(opened, store.ErrNotKept) || errors.Is(opened, store.ErrForbidden) {
		return lockOutput{}, db.Close()
	}
	return lockOutput{true, opened == nil}, errors.Join(db.ForgetKept(ctx, operator()), db.Close())
}
