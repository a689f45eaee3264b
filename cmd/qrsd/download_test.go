package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestSavedIsPrivate: what comes from the appliance is the tenant's, so no other user of the host can read it, whatever the umask.
func TestSavedIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "losses.csv")
	if err := os.WriteFile(path, nil, 0o644); err != nil { // an earlier one, which anybody could read
		t.Fatal(err)
	}
	err := saved(path, "", func(w io.Writer) error { _, err := io.WriteString(w, "1"); return err })
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
