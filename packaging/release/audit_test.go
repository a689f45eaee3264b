package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAudit: a finding is an error, a database that cannot be reached is said loudly, and is an error only where it is required; another fault of
// the checker is never taken for silence of the database.
func TestAudit(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	script, err := filepath.Abs("../audit")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		checker, database, required string
		code                        int
		want                        string
	}{
		"nothing":      {"echo 'No vulnerabilities found.'", ".", "", 0, "nothing known"},
		"finding":      {"echo 'Vulnerability #1: GO-2026-0001'; exit 3", ".", "", 1, "GO-2026-0001"},
		"no database":  {"echo 'was asked'; exit 3", "nowhere", "", 0, "NOT DONE"},
		"lost":         {"echo 'govulncheck: fetching vulnerabilities: no such host' >&2; exit 1", ".", "", 0, "NOT DONE"},
		"but required": {"echo 'was asked'; exit 3", "nowhere", "required", 1, "NOT DONE"},
		"own fault":    {"echo 'govulncheck: loading packages: undefined: x' >&2; exit 1", ".", "", 1, "undefined: x"},
	} {
		dir := t.TempDir()
		checker := filepath.Join(dir, "govulncheck")
		if err := os.WriteFile(checker, []byte("#!/bin/sh\n"+c.checker+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "index"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "index", "db.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(bash, script, "file://"+filepath.Join(dir, c.database), c.required)
		command.Dir = dir // without pages
		command.Env = append(os.Environ(), "GOVULNCHECK="+checker)
		out, _ := command.CombinedOutput()
		if got := command.ProcessState.ExitCode(); got != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: exit code %d, want %d with %q: %s", name, got, c.code, c.want, out)
		}
	}
}
