package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands of testdata/script/backup*.txtar and of docs/backup.md, besides testscript's own.
func backupCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"recipient": scriptRecipient, "damage": scriptDamage, "fill": scriptFill}
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
