package main

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"qrsd": main})
}

// TestScripts runs testdata/script: each file shows one thing that a user does, and what comes of it. Beside
// testscript's own commands they use those below, and $FLORIDA, the folder of the sample portfolio.
func TestScripts(t *testing.T) {
	florida, err := filepath.Abs("../../examples/florida")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"exits": exits, "await-blocks": awaitBlocks, "same-digests": sameDigests, "same-match": sameMatch, "holds": holds,
	}
	maps.Copy(commands, quantumCommands())
	maps.Copy(commands, storeCommands())
	maps.Copy(commands, benchlabCommands())
	maps.Copy(commands, sealCommands())
	maps.Copy(commands, backupCommands())
	maps.Copy(commands, serverCommands())
	maps.Copy(commands, remoteCommands())
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, Cmds: commands, Condition: storeConditions(keepsKeys(t)),
		Setup: func(e *testscript.Env) error {
			e.Setenv("FLORIDA", florida)
			e.Values[emulatorKey{}] = new(scriptEmulator)
			e.Values[serverKey{}] = new(scriptServer)
			return nil
		},
	})
}

// exits CODE program args... runs a program and wants this exit code of it.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args...")
	}
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// await-blocks N FOLDER waits until a run has kept N blocks of years in its output folder.
func awaitBlocks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await-blocks N FOLDER")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), ".blocks", "*", "*.block"))
		ts.Check(err)
		if len(found) >= n {
			return
		}
	}
	ts.Fatalf("there are no %d blocks in %s after a minute: has the run ended before?", n, args[1])
}

// [!] same-digests FOLDER FOLDER compares the digests of all result tables in two manifests.
func sameDigests(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] same-digests FOLDER FOLDER")
	}
	var tables [2]map[string]string
	for i, folder := range args {
		var manifest struct{ Digests map[string]string }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(folder, "manifest.json"))), &manifest))
		tables[i] = manifest.Digests
		if len(tables[i]) < 10 {
			ts.Fatalf("%s: digests of %d tables", folder, len(tables[i]))
		}
	}
	if maps.Equal(tables[0], tables[1]) == neg {
		ts.Fatalf("the digests are the same: %v", !neg)
	}
}

// [!] same-match PATTERN FILE FILE compares what first matches a regular expression in two files.
func sameMatch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] same-match PATTERN FILE FILE")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	a, b := pattern.FindString(ts.ReadFile(args[1])), pattern.FindString(ts.ReadFile(args[2]))
	if a == "" || b == "" || (a == b) == neg {
		ts.Fatalf("%s has %q, %s has %q", args[1], a, args[2], b)
	}
}

// holds FOLDER name... wants exactly these entries in a folder.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: holds FOLDER name...")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(got, want) {
		ts.Fatalf("%s holds %q, want %q", args[0], got, want)
	}
}
