package durablefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/durablefile"
)

// TestWhole: a file is there whole or not at all, and nothing is left beside it.
func TestWhole(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key")
	if err := durablefile.Write(filepath.Join(folder, "none", "key"), []byte("x"), 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("into no folder: %v", err)
	}
	for _, text := range []string{"one", "two"} {
		if err := durablefile.Write(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if err := durablefile.Create(path, []byte("three"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("created again: %v", err)
	}
	info, err := os.Stat(path)
	if left, _ := os.ReadDir(folder); err != nil || len(left) != 1 || info.Mode().Perm() != 0o640 {
		t.Fatalf("%v, mode %v, %v", left, info.Mode(), err)
	}
}

// TestOneCreates: of many at once one creates the file.
func TestOneCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var group sync.WaitGroup
	made := make(chan int, 16)
	for i := range 16 {
		group.Go(func() {
			if durablefile.Create(path, []byte{byte(i)}, 0o600) == nil {
				made <- i
			}
		})
	}
	group.Wait()
	close(made)
	var who []int
	for i := range made {
		who = append(who, i)
	}
	if got, err := os.ReadFile(path); err != nil || len(who) != 1 || int(got[0]) != who[0] {
		t.Fatalf("made by %v, has %v, %v", who, got, err)
	}
}
