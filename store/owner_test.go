package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// stranger is a user id that nothing here has.
const stranger = 54321

// asRoot skips a test that gives files away, which only root can.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to another user: run as root for this test")
	}
}

// TestOpenOfAnotherUser: root, who could, does not open a store of another user, in which it would leave files that that one cannot read; and it
// leaves nothing behind. That the other has it open is still seen.
func TestOpenOfAnotherUser(t *testing.T) {
	asRoot(t)
	for _, name := range []string{formatFile, keysFile, databaseFile} {
		t.Run(name, func(t *testing.T) {
			db, dir := opened(t, Options{})
			if err := errors.Join(db.Close(), os.Remove(filepath.Join(dir, "LOCK")), os.Chown(filepath.Join(dir, name), stranger, -1)); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, Options{})
			var other *OwnerError
			if !errors.As(err, &other) || other.Owner != stranger || other.Self != 0 || filepath.Base(other.Path) != name || !strings.Contains(err.Error(), "runuser --user #54321") {
				t.Fatalf("opened: %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "LOCK")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a lock was left behind: %v", err)
			}
			if _, _, err := Peek(dir, Options{}); err != nil {
				t.Errorf("a look that writes nothing: %v", err)
			}
			release, err := kv.LockDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var inUse InUseError
			if _, err := Open(dir, Options{}); !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
				t.Errorf("held by another: %v", err)
			}
			if err := release(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestOwnerErrorMends: a file of root in the store of a service, which a verb run as root once has left, is to be given back, and not to be run as root.
func TestOwnerErrorMends(t *testing.T) {
	text := (&OwnerError{Path: "keys.qrk", Owner: 0, Self: stranger}).Error()
	if !strings.Contains(text, "chown -R #54321") || strings.Contains(text, "runuser") {
		t.Error(text)
	}
}

// TestUnreadableAnchor: that an anchor cannot be read is no reason to go on without it.
func TestUnreadableAnchor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anchor")
	if err := os.Mkdir(path, 0o700); err != nil { // opens, and cannot be read by anybody
		t.Fatal(err)
	}
	if _, err := openAnchor(path); err == nil || strings.Contains(err.Error(), "accept-rollback") || !strings.Contains(err.Error(), "anchor: ") {
		t.Errorf("unreadable: %v", err)
	}
	err := unreadable(path, &os.PathError{Op: "open", Path: path, Err: os.ErrPermission})
	if !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "permission") || strings.Contains(err.Error(), "accept-rollback") {
		t.Error(err)
	}
	asRoot(t)
	if err := os.Chown(path, stranger, -1); err != nil {
		t.Fatal(err)
	}
	err = unreadable(path, &os.PathError{Op: "open", Path: path, Err: os.ErrPermission})
	if !strings.Contains(err.Error(), "belongs to user 54321") || !strings.Contains(err.Error(), "chown root "+path) {
		t.Error(err)
	}
}
