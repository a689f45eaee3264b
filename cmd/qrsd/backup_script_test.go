package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// Commands of testdata/script/backup*.txtar and of docs/backup.md, besides testscript's own.
func backupCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"recipient": scriptRecipient, "damage": scriptDamage, "fill": scriptFill, "reach": scriptReach}
}

// recipient FILE sets $RECIPIENT to the public key of an identity.
func scriptRecipient(ts *testscript.TestScript, _ bool, args []string) {
	_, rest, found := strings.Cut(ts.ReadFile(args[0]), "# public key: ")
	if !found {
		ts.Fatalf("%s holds no identity", args[0])
	}
	line, _, _ := strings.Cut(rest, "\n")
	ts.Setenv("RECIPIENT", line)
}

// damage FOLDER changes a byte in the middle of every file in it.
func scriptDamage(ts *testscript.TestScript, _ bool, args []string) {
	all, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	if len(all) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	for _, path := range all {
		b, err := os.ReadFile(path)
		ts.Check(err)
		b[len(b)/2] ^= 1
		ts.Check(os.WriteFile(path, b, 0o600))
	}
}

// fill FILE VARIABLE puts the value of a variable in the place of its name in capitals.
func scriptFill(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]), args[1], ts.Getenv(args[1]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// reach MODE sets the mode of the store in $QRSD_STORE, unlocked by $QRSD_KEY_FILE, as an operator does in the terminal; ! reach MODE wants it to be another one.
func scriptReach(ts *testscript.TestScript, not bool, args []string) {
	mode, err := outbound.ParseMode(args[0])
	ts.Check(err)
	db, err := store.Open(ts.MkAbs(ts.Getenv("QRSD_STORE")), store.Options{})
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	ctx := context.Background()
	ts.Check(db.Unlock(ctx, storetest.Operator(), store.KeyFile(ts.MkAbs(ts.Getenv("QRSD_KEY_FILE")))))
	d := directory.Open(db, directory.Options{})
	if !not {
		_, err = d.SetMode(ctx, storetest.Operator(), mode, 0)
		ts.Check(err)
		return
	}
	if now, err := d.Mode(ctx); err != nil || now == mode {
		ts.Fatalf("the mode is %v, %v", now, err)
	}
}
