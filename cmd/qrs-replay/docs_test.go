package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyPage types the commands of docs/verify.md, one after the other in one shell, and wants each to succeed and the lines
// shown below it in what it prints.
func TestVerifyPage(t *testing.T) {
	for _, tool := range []string{"bash", "openssl", "sed", "base64", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: the commands of docs/verify.md are not run", tool)
		}
	}
	page, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	script, shown := typed(string(page))
	if strings.Count(script, "\n") < 12 || len(shown) < 3 {
		t.Fatalf("found %q and %q on the page", script, shown)
	}
	dir := newWorld(t)
	programs := filepath.Join(dir, "programs")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := errorOf(os.Mkdir(programs, 0o755), os.Symlink(self, filepath.Join(programs, "qrs-replay"))); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", script)
	command.Dir = dir
	command.Env = append(os.Environ(), "PATH="+programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range append(shown, "SEAL_VERIFIED ", "SAME every result", "ok    file gr_aal.csv") {
		line, _, _ = strings.Cut(line, "...")
		if !strings.Contains(string(out), line) {
			t.Errorf("%q is not printed:\n%s", line, out)
		}
	}
	changed := exec.CommandContext(t.Context(), "openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature.der", "payload.json")
	changed.Dir = dir
	if out, err := changed.CombinedOutput(); err == nil {
		t.Errorf("openssl verifies other bytes: %s", out)
	}
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// typed are the commands of a page as one script, and the other lines shown in the same manner.
func typed(page string) (script string, shown []string) {
	for line := range strings.Lines(page) {
		text, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		command, isCommand := strings.CutPrefix(text, "$ ")
		switch {
		case indented && isCommand:
			script += command + "\n"
		case indented:
			shown = append(shown, text)
		}
	}
	return script, shown
}
