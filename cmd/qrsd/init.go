package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
)

// initCommand is `qrsd init`.
type initCommand struct {
	Store        string `required:"" env:"QRSD_STORE" placeholder:"DIR" help:"Folder of the store: a new or an empty one."`
	KeyFile      string `placeholder:"FILE" help:"Make a new key file here. Keep it on another disk than the store."`
	Passphrase   bool   `help:"Ask for a new passphrase, or read it from the file named by QRSD_PASSPHRASE_FILE."`
	RecoveryFile string `placeholder:"FILE" help:"Write the recovery key into this new file in place of showing it on the terminal."`
	kmsFlags
	pkcs11Flags
	PKCS11Generate bool `name:"pkcs11-generate" group:"PKCS#11 token" help:"Make the key in the token first."`
	JSON           bool `help:"Print what was made as JSON. The recovery key is never in it."`
}

// Help is shown by `qrsd init --help`.
func (initCommand) Help() string {
	return `Give one or more ways to unlock: each opens the same store. The recovery key is one more, for the day when all others are
lost. It is shown once and kept nowhere.`
}

// initOutput is `qrsd init --json`.
type initOutput struct {
	Store        string       `json:"store"`
	Install      store.ID     `json:"install"`
	Slots        []slotOutput `json:"slots"`
	KeyFile      string       `json:"key_file,omitempty"`
	RecoveryFile string       `json:"recovery_file,omitempty"`
}

// slotOutput is one way to unlock a store.
type slotOutput struct {
	ID        string    `json:"id"`
	Method    string    `json:"method"`
	Reference string    `json:"reference,omitempty"`
	Created   time.Time `json:"created"`
}

// Run carries out the command.
func (x *initCommand) Run(ctx context.Context, c console) (err error) {
	if !x.Passphrase && x.KeyFile == "" && x.KMS == "" && x.PKCS11Key == "" {
		return &runner.ErrUsage{Reason: "say how the store will be unlocked: --key-file FILE, --passphrase, --kms ARN or --pkcs11-key LABEL, one or more of them"}
	}
	recovery, err := keepOnce(x.RecoveryFile, "--recovery-file")
	if err != nil {
		return err
	}
	made := false
	defer func() {
		if !made {
			err = errors.Join(err, x.undo(recovery))
		}
	}()
	unlockers, err := x.unlockers(ctx)
	if err != nil {
		return err
	}
	code, err := store.Create(ctx, x.Store, store.Options{}, unlockers...)
	if err != nil {
		return err
	}
	made = true
	if err := giveOnce(recovery, x.RecoveryFile, code, recoveryBefore, recoveryAfter); err != nil {
		return fmt.Errorf("the store was made, but its recovery key could not be given: %w; remove %s and begin again", err, x.Store)
	}
	return x.print(ctx, c)
}

const (
	recoveryBefore = "This is the recovery key. It opens the store when every other way is lost, and whoever has it can read everything."
	recoveryAfter  = "Write it down or print it, and keep it in a safe, away from this host. It is not shown again."
)

// unlockers makes what is asked for. The key file comes last, because it is a file that would stay behind.
func (x *initCommand) unlockers(ctx context.Context) (all []store.Unlocker, err error) {
	if x.Passphrase {
		var words []byte
		if os.Getenv("QRSD_PASSPHRASE_FILE") != "" {
			words, err = readSecretFile("QRSD_PASSPHRASE_FILE")
		} else {
			words, err = typedTwice(ctx, "passphrase")
		}
		if errors.Is(err, errNoTerminal) {
			return nil, &runner.ErrUsage{Reason: "--passphrase: there is no terminal to type it on; name a file with QRSD_PASSPHRASE_FILE"}
		} else if err != nil {
			return nil, err
		}
		all = append(all, store.Passphrase(words))
	}
	if x.KMS != "" {
		u, err := x.kmsUnlocker(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	if x.PKCS11Key != "" {
		if x.PKCS11Generate {
			if err := x.generate(ctx); err != nil {
				return nil, err
			}
		}
		u, err := x.pkcs11Unlocker(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	if x.KeyFile != "" {
		if err := store.NewKeyFile(x.KeyFile, nil); err != nil {
			x.KeyFile = "" // it is not ours to remove
			return nil, err
		}
		all = append(all, store.KeyFile(x.KeyFile))
	}
	return all, nil
}

// undo removes the files that were made for a store that was not.
func (x *initCommand) undo(recovery *os.File) error {
	err := recovery.Close()
	if x.RecoveryFile != "" {
		err = errors.Join(err, os.Remove(x.RecoveryFile))
	}
	if x.KeyFile != "" {
		if failed := os.Remove(x.KeyFile); !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

func (x *initCommand) print(ctx context.Context, c console) (err error) {
	db, err := store.Open(x.Store, store.Options{})
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	s, err := db.Status(ctx, store.Principal{})
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, initOutput{x.Store, s.Install, slotOutputs(s.Slots), x.KeyFile, x.RecoveryFile})
	}
	fmt.Fprintf(c.out, "store %s made, installation %s\n", x.Store, s.Install)
	printSlots(c.out, s.Slots)
	if x.KeyFile != "" {
		fmt.Fprintf(c.out, "key file %s: whoever reads it can read the store; back it up apart from the store\n", x.KeyFile)
	}
	if x.RecoveryFile != "" {
		fmt.Fprintf(c.out, "recovery key in %s: print it, keep it in a safe, and remove the file\n", x.RecoveryFile)
	}
	fmt.Fprintln(c.out, "next: qrsd tenant add NAME")
	return nil
}
