package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestManual: the page has all verbs that the help has, and groff takes it without a warning.
func TestManual(t *testing.T) {
	var page, errs bytes.Buffer
	if code := run(t.Context(), []string{"manual"}, console{out: &page, err: &errs}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	leaves := 0
	for _, p := range grammarPlaces(t) {
		if p.path == "" || len(p.verbs) > 0 {
			continue
		}
		leaves++
		if want := ".SS qrsd " + strings.ReplaceAll(p.path, "-", `\-`) + "\n"; !strings.Contains(page.String(), want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if leaves < 50 {
		t.Errorf("%d verbs: this reads no grammar", leaves)
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff here: whether the page can be set was not looked at")
	}
	command := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
	command.Stdin = &page
	if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v: %s", err, out)
	}
}
