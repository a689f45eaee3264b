package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// TestVerbsOnAnotherUsersStore: root, on the host of a service that is stopped, opens the service's store with no verb. The files stay as they are and
// whose they are, so that the service starts again; who to run it as is said.
func TestVerbsOnAnotherUsersStore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a store to another user: run as root for this test")
	}
	dir, of := t.TempDir(), 54321
	at, anchor, configuration := filepath.Join(dir, "store"), filepath.Join(dir, "anchor"), filepath.Join(dir, "qrsd.hcl")
	storetest.Create(t, at, store.Options{Anchor: anchor})
	text := fmt.Sprintf("listen = \"127.0.0.1:0\"\nstore {\n path = \"store\"\n key_file = %q\n anchor = \"anchor\"\n}\n", storetest.KeyFile(at))
	if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for path := range filesIn(t, dir) {
		if err := os.Chown(path, of, -1); err != nil {
			t.Fatal(err)
		}
	}
	before := filesIn(t, dir)
	of1 := []string{"--store", at, "--anchor", anchor, "--key-file", storetest.KeyFile(at)}
	identity := filepath.Join(dir, "nothing")
	for verb, c := range map[string]struct {
		args []string
		code int
	}{
		"doctor":  {[]string{"doctor", "--config", configuration}, 1}, // no sign-in, nothing serves, a key file of another user: some lines fail on this host
		"bundle":  {[]string{"bundle", "--preview", "--config", configuration}, 0},
		"server":  {[]string{"server", "--config", configuration}, exitDenied},
		"status":  {append([]string{"status"}, of1...), exitDenied},
		"check":   {append([]string{"check"}, of1...), exitDenied},
		"unlock":  {append([]string{"unlock"}, of1...), exitDenied},
		"restore": {[]string{"restore", "--store", filepath.Join(dir, "restored"), "--anchor", anchor, "--at", dir, "--identity", identity}, exitDenied},
	} {
		t.Run(verb, func(t *testing.T) {
			var out, complaints bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // ends a server that starts after all
			defer cancel()
			code := run(ctx, c.args, console{&out, &complaints})
			said := out.String() + complaints.String()
			if code != c.code && verb != "doctor" || !strings.Contains(said, "54321") {
				t.Errorf("exit code %d, want %d: %s", code, c.code, said)
			}
			if verb == "doctor" && !strings.Contains(said, "Look again as that user") {
				t.Error(said)
			}
			after := filesIn(t, dir)
			if !maps.Equal(before, after) {
				t.Errorf("the files were changed:\n%v\n%v", before, after)
			}
		})
	}
}

// filesIn says of every file and folder below one whose it is and what is in it.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprintf("%d %v", info.Sys().(*syscall.Stat_t).Uid, info.Mode())
		if d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] += fmt.Sprintf(" %x", sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
