package main

import (
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands of testdata/script/seal*.txtar, besides testscript's own.

func sealCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"build-replay": buildReplay}
}

// build-replay builds qrs-replay as a user would have it, and sets $REPLAY to the program.
func buildReplay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: build-replay")
	}
	program := ts.MkAbs("qrs-replay")
	root, err := filepath.Abs("../..")
	ts.Check(err)
	build := exec.Command("go", "build", "-o", program, "./cmd/qrs-replay")
	build.Dir = root // with this process's environment, so that Go finds its caches
	out, err := build.CombinedOutput()
	if err != nil {
		ts.Fatalf("building qrs-replay: %v\n%s", err, out)
	}
	ts.Setenv("REPLAY", program)
}
