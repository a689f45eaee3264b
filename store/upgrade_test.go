package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/durable"
)

// slowSteps are two migrations for tests: each writes many small files and changes the key file's copy beside it, and can be run again.
func slowSteps(said func(string)) map[int]migration {
	step := func(name string) migration {
		return func(dir string) error {
			for i := range 60 {
				if err := durable.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%02d", name, i)), []byte(name), 0o600); err != nil {
					return err
				}
				said(name)
			}
			return nil
		}
	}
	return map[int]migration{1: step("second"), 2: step("third")}
}

// TestKilledWhileMigrating kills a process (SIGKILL) that migrates a store over two formats, again and again at another moment. Whatever is
// there is of a known format, what was before the first step is kept whole, and the next attempt goes on to the end.
func TestKilledWhileMigrating(t *testing.T) {
	if dir := os.Getenv("QRSD_MIGRATED_STORE"); dir != "" {
		f, err := readAnyFormat(dir)
		if err == nil {
			err = migrateBy(dir, &f, 3, slowSteps(func(name string) { fmt.Println("at", name) }))
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	db, dir := opened(t, Options{})
	tenantOfTest(t, db, Admin)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	original := map[string][]byte{}
	for _, name := range []string{databaseFile, keysFile, formatFile, anchorFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		original[name] = b
	}
	kills := 0
	for round := 0; ; round++ {
		if round == 100 {
			t.Fatal("a hundred attempts and no end")
		}
		killed := killedMigration(t, dir, 1+round*17%50)
		f, err := readAnyFormat(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if f.Format < 1 || f.Format > 3 {
			t.Fatalf("round %d: format %d", round, f.Format)
		}
		for name, want := range original {
			if got, err := os.ReadFile(filepath.Join(dir, beforeName(1), name)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("round %d: %s of before: %v, %d bytes of %d", round, name, err, len(got), len(want))
			}
		}
		if !killed {
			if f.Format != 3 {
				t.Errorf("it ended in format %d", f.Format)
			}
			break
		}
		if kills++; kills == 12 { // let it come to its end
			break
		}
	}
	if killedMigration(t, dir, 1000) {
		t.Error("the last attempt was killed")
	}
	if f, err := readAnyFormat(dir); err != nil || f.Format != 3 || kills < 3 {
		t.Errorf("format %d after %d kills: %v", f.Format, kills, err)
	}
	var later *LaterFormatError
	if _, err := Open(dir, Options{}); !errors.As(err, &later) || later.Format != 3 || later.Known != 1 {
		t.Errorf("a store of a later format: %v", err)
	}
	// The files of before are a store of this version.
	kept, err := Open(filepath.Join(dir, beforeName(1)), Options{Ballast: -1})
	if err != nil {
		t.Fatalf("what was kept: %v", err)
	}
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
}

// killedMigration starts the migration and kills it when it has said so many words. It reports whether it was still at work.
func killedMigration(t *testing.T, dir string, words int) bool {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledWhileMigrating$", "-test.v")
	child.Env = append(os.Environ(), "QRSD_MIGRATED_STORE="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	buffer, heard := make([]byte, 256), 0
	for {
		n, err := out.Read(buffer)
		heard += strings.Count(string(buffer[:n]), "at ")
		if heard >= words {
			_ = child.Process.Kill()
		}
		if err != nil {
			break
		}
	}
	var exit *exec.ExitError
	return errors.As(child.Wait(), &exit) && !exit.Exited()
}

// readAnyFormat reads the format of a store that a later version may have written.
func readAnyFormat(dir string) (f format, err error) {
	return f, readSummed(filepath.Join(dir, formatFile), &f)
}

// TestKeptBeforeMigration: what was kept goes with an erasure, whose keys are in it, and with time.
func TestKeptBeforeMigration(t *testing.T) {
	now := time.Now()
	db, dir := opened(t, Options{Now: func() time.Time { return now }})
	h := tenantOfTest(t, db, Admin)
	kept := filepath.Join(dir, beforeName(1))
	if err := keepBefore(dir, 1); err != nil {
		t.Fatal(err)
	}
	if err := db.compactDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("it went at once: %v", err)
	}
	now = now.Add(36 * 24 * time.Hour)
	if err := db.compactDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there after 36 days: %v", err)
	}
	if err := keepBefore(dir, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there after an erasure: %v", err)
	}
}

// TestFullDiskBeforeMigration: what cannot be copied is not migrated.
func TestFullDiskBeforeMigration(t *testing.T) {
	dir := t.TempDir()
	f := format{Format: 1, Install: ID{1}}
	if err := f.write(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, databaseFile), 0o700); err != nil { // which cannot be copied as a file
		t.Fatal(err)
	}
	ran := false
	err := migrateBy(dir, &f, 2, map[int]migration{1: func(string) error { ran = true; return nil }})
	if err == nil || ran || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("%v, step taken: %v", err, ran)
	}
	if now, err := readAnyFormat(dir); err != nil || now.Format != 1 {
		t.Errorf("format %d, %v", now.Format, err)
	}
}
