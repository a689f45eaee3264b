package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/store"
)

// keySlotCommand is `qrsd key slot`.
type keySlotCommand struct {
	List   keySlotList   `cmd:"" help:"List the ways to unlock the store, the recovery key's among them."`
	Add    keySlotAdd    `cmd:"" help:"Add a way to unlock: a new key file, a new passphrase, a key service or a token."`
	Remove keySlotRemove `cmd:"" help:"Take a way to unlock away, such as a passphrase that others may know."`
}

// keySlotList is `qrsd key slot list`.
type keySlotList struct {
	storeFlags
	JSON bool `help:"Print the ways as JSON."`
}

// Run carries out the command.
func (x *keySlotList) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	all, err := db.Slots(ctx, operator())
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, slotOutputs(all))
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tmethod\tsince\tkey")
	for _, s := range slotOutputs(all) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.ID, s.Method, minute(s.Created), s.Reference)
	}
	return t.Flush()
}

// keySlotAdd is `qrsd key slot add`.
type keySlotAdd struct {
	storeFlags
	NewKeyFile    string `xor:"new" placeholder:"FILE" help:"Make a new key file here. Keep it on another disk than the store."`
	NewPassphrase bool   `xor:"new" help:"Ask for a new passphrase, or read it from the file named by QRSD_NEW_PASSPHRASE_FILE."`
	NewKMS        string `name:"new-kms" xor:"new" placeholder:"ARN" help:"AWS KMS key, reached as --mode, --profile and their like say."`
	NewPKCS11Key  string `name:"new-pkcs11-key" xor:"new" placeholder:"LABEL" help:"Label of the AES key in the token that --pkcs11-module and --pkcs11-token name."`
	JSON          bool   `help:"Print the new way as JSON."`
}

// Help is shown by `qrsd key slot add --help`.
func (keySlotAdd) Help() string {
	return `The store is unlocked by a way that it has, as for every verb; the flags that begin with --new say which one it shall have
as well.`
}

// Run carries out the command.
func (x *keySlotAdd) Run(ctx context.Context, c console) (err error) {
	if x.NewKeyFile == "" && !x.NewPassphrase && x.NewKMS == "" && x.NewPKCS11Key == "" {
		return &runner.ErrUsage{Reason: "say what to add: --new-key-file FILE, --new-passphrase, --new-kms ARN or --new-pkcs11-key LABEL"}
	}
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	before := len(slotsOf(ctx, db))
	u, err := x.fresh(ctx)
	if err != nil {
		return err
	}
	added, err := db.AddSlot(ctx, operator(), u)
	if err != nil {
		if x.NewKeyFile != "" && len(slotsOf(ctx, db)) == before { // made for nothing
			err = errors.Join(err, os.Remove(x.NewKeyFile))
		}
		return err
	}
	out := newSlotOutput(added)
	if x.JSON {
		return printJSON(c.out, out)
	}
	fmt.Fprintf(c.out, "the store is unlocked by %s as well: slot %s\n", out.Method, out.ID)
	if x.NewKeyFile != "" {
		fmt.Fprintf(c.out, "key file %s: whoever reads it can read the store; back it up apart from the store\n", x.NewKeyFile)
	}
	return nil
}

// fresh makes the new way.
func (x *keySlotAdd) fresh(ctx context.Context) (store.Unlocker, error) {
	switch {
	case x.NewKMS != "":
		f := x.kmsFlags
		f.KMS = x.NewKMS
		return f.kmsUnlocker(ctx)
	case x.NewPKCS11Key != "":
		f := x.pkcs11Flags
		f.PKCS11Key = x.NewPKCS11Key
		return f.pkcs11Unlocker(ctx)
	case x.NewPassphrase:
		words, err := newPassphrase(ctx)
		return store.Passphrase(words), err
	}
	return store.KeyFile(x.NewKeyFile), store.NewKeyFile(x.NewKeyFile, nil)
}

// newPassphrase reads or asks for one that is to be.
func newPassphrase(ctx context.Context) ([]byte, error) {
	if os.Getenv("QRSD_NEW_PASSPHRASE_FILE") != "" {
		return readSecretFile("QRSD_NEW_PASSPHRASE_FILE")
	}
	words, err := typedTwice(ctx, "passphrase")
	if errors.Is(err, errNoTerminal) {
		return nil, &runner.ErrUsage{Reason: "--new-passphrase: there is no terminal to type it on; name a file with QRSD_NEW_PASSPHRASE_FILE"}
	}
	return words, err
}

// keySlotRemove is `qrsd key slot remove`.
type keySlotRemove struct {
	ID string `arg:"" name:"id" help:"Slot, by its id in qrsd key slot list."`
	storeFlags
	Yes  bool `help:"Do not ask."`
	JSON bool `help:"Print what was removed as JSON."`
}

// Help is shown by `qrsd key slot remove --help`.
func (keySlotRemove) Help() string {
	return `The root key is replaced as well: whoever has the secret and a copy of the key file from before opens nothing of what is there now.
The last way beside the recovery key stays; add another first. A store that AWS KMS or a PKCS#11 token also unlocks needs it named here.`
}

// Run carries out the command.
func (x *keySlotRemove) Run(ctx context.Context, c console) (err error) {
	var id [8]byte
	if n, err := hex.Decode(id[:], []byte(x.ID[:min(len(x.ID), 16)])); err != nil || n != len(id) || len(x.ID) != 16 {
		return &runner.ErrUsage{Reason: fmt.Sprintf("slot %q: give the 16 digits that qrsd key slot list shows", x.ID)}
	}
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	if !x.Yes {
		if err := agree(ctx, "Whoever unlocks in this way is locked out. Type the slot's id to go on: ", x.ID); err != nil {
			return err
		}
	}
	services, err := x.services(ctx)
	if err != nil {
		return err
	}
	if err := db.RemoveSlot(ctx, operator(), id, services...); err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, struct {
			Removed string `json:"removed"`
		}{x.ID})
	}
	fmt.Fprintf(c.out, "slot %s is removed and the root key replaced; remove copies of the key file made before\n", x.ID)
	return nil
}

// keyRecovery is `qrsd key recovery`.
type keyRecovery struct {
	storeFlags
	RecoveryFile string `placeholder:"FILE" help:"Write the recovery key into this new file in place of showing it on the terminal."`
	JSON         bool   `help:"Print what was done as JSON. The recovery key is never in it."`
}

// Help is shown by `qrsd key recovery --help`.
func (keyRecovery) Help() string {
	return `Makes a new recovery key, which is shown once and kept nowhere. The one of before opens nothing any more, because the root key is
replaced as well. A store that AWS KMS or a PKCS#11 token also unlocks needs it named here.`
}

// Run carries out the command.
func (x *keyRecovery) Run(ctx context.Context, c console) (err error) {
	db, err := openStore(ctx, c, x.storeFlags)
	if err != nil {
		return err
	}
	defer closeStore(db, &err)
	services, err := x.services(ctx)
	if err != nil {
		return err
	}
	to, err := keepOnce(x.RecoveryFile, "--recovery-file")
	if err != nil {
		return err
	}
	code, err := db.ReplaceRecovery(ctx, operator(), services...)
	if err != nil {
		err = errors.Join(err, to.Close())
		if x.RecoveryFile != "" {
			err = errors.Join(err, os.Remove(x.RecoveryFile))
		}
		return err
	}
	if err := giveOnce(to, x.RecoveryFile, code, recoveryBefore, recoveryAfter); err != nil {
		return fmt.Errorf("the recovery key was replaced, but the new one could not be given: %w; the same command again makes another", err)
	}
	if x.JSON {
		return printJSON(c.out, struct {
			RecoveryFile string `json:"recovery_file,omitempty"`
		}{x.RecoveryFile})
	}
	fmt.Fprintln(c.out, "the recovery key is replaced; the one of before opens nothing any more")
	if x.RecoveryFile != "" {
		fmt.Fprintf(c.out, "recovery key in %s: print it, keep it in a safe, and remove the file\n", x.RecoveryFile)
	}
	return nil
}
