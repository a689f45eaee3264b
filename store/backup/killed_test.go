package backup_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// killRounds is how often TestKilled kills; QRSD_TORTURE_ROUNDS raises it (make torture).
func killRounds() int {
	if n, err := strconv.Atoi(os.Getenv("QRSD_TORTURE_ROUNDS")); err == nil {
		return n
	}
	return 4
}

// TestKilled backs up in a process of its own and kills it (SIGKILL) at another moment each time. What is listed after that is whole, the store
// checks, and the next backup works; in the end all that is listed is restored.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("QRSD_BACKED_UP_STORE"); dir != "" {
		backingUp(t, dir, os.Getenv("QRSD_BACKUP_FOLDER"), os.Getenv("QRSD_BACKUP_RECIPIENT"))
		return
	}
	s := newSite(t)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	kills := 0
	for round := range killRounds() {
		if killedBackup(t, s, time.Duration(round*37%150)*time.Millisecond) {
			kills++
		}
		all, err := backup.List(t.Context(), s.target)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, l := range all {
			r, err := backup.Verify(t.Context(), s.target, l.Name, []age.Identity{s.owner}, nil)
			if err != nil || len(r.Faults) > 0 {
				t.Errorf("round %d, %s: %+v, %v", round, l.Name, r, err)
			}
		}
	}
	s.db = storetest.Open(t, s.dir, store.Options{Now: s.now})
	s.keeper = s.newKeeper(s.target)
	last := s.create()
	if r, _ := s.restore(backup.RestoreOptions{}, store.Options{}); r.Backup != last.Name || r.Blobs < 3 {
		t.Errorf("the last: %+v", r)
	}
	if kills < killRounds()/2 {
		t.Errorf("only %d of %d were killed at work", kills, killRounds())
	}
}

// killedBackup lets a process make backups, and kills it some time after the first was made.
func killedBackup(t *testing.T, s *site, after time.Duration) bool {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
	child.Env = append(os.Environ(), "QRSD_BACKED_UP_STORE="+s.dir, "QRSD_BACKUP_FOLDER="+s.folder, "QRSD_BACKUP_RECIPIENT="+s.owner.Recipient().String())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	begun := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "made" && !begun {
			begun = true
			time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
	}
	var exit *exec.ExitError
	return errors.As(child.Wait(), &exit) && !exit.Exited()
}

// backingUp makes backups until it is killed, twenty at most.
func backingUp(t *testing.T, dir, folder, recipient string) {
	db, err := store.Open(dir, store.Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Unlock(t.Context(), storetest.Operator(), storetest.Unlocker(dir)); err != nil {
		t.Fatal(err)
	}
	k, err := backup.NewKeeper(db, backup.Options{
		Targets: []backup.Target{backup.Folder(folder)}, Recipients: []string{recipient}, Scratch: filepath.Join(filepath.Dir(dir), "scratch"), Retention: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := k.Create(t.Context(), storetest.Operator(), nil); err != nil {
			t.Fatal(err)
		}
		fmt.Println("made")
	}
}
