//go:build linux

package kv_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// smallDisk mounts a file system of that many bytes, where this may be done.
func smallDisk(t *testing.T, size int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("mounting a small file system needs more rights: %v; the fault campaign fails writes for want of room without it", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes what room there is but for some bytes; empty gives it back.
func fill(t *testing.T, dir string, leave int64) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := int64(s.Bavail)*s.Bsize - leave; n > 0 {
		if _, err := f.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFullAtEveryCommit takes away all room before each commit of a workload in turn, without a guard, so that
// bbolt runs into it: changes fail alone and whole, and go on as soon as there is room.
func TestDiskFullAtEveryCommit(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	refused, taken := 0, 0
	for at := range 12 {
		f := createFresh(t, dir, small())
		outcomes := map[int]error{}
		for n := range 24 {
			if n == at {
				fill(t, dir, int64(n%3)*4096)
			}
			outcomes[n] = f.Update(background, f.historyOp(n))
			var full kv.ErrReadOnly
			if outcomes[n] != nil {
				refused++
				if !errors.As(outcomes[n], &full) || full.Need == 0 {
					t.Errorf("op %d: %v", n, outcomes[n])
				}
			} else {
				taken++
			}
			if wrong := f.judge(func(n int) bool { return outcomes[n] == nil }, func(n int) bool { return outcomes[n] == nil }, n+1); wrong != "" {
				t.Errorf("full at %d, after %d: %s", at, n, wrong)
			}
			if n == at+6 {
				empty(t, dir)
			}
			if n > at+6 && outcomes[n] != nil {
				t.Errorf("op %d has room again: %v", n, outcomes[n])
			}
		}
		if failed := f.Stats().Failed; failed != nil {
			t.Error(failed)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		f = open(t, f.path, small())
		if wrong := f.judge(func(n int) bool { return outcomes[n] == nil }, func(n int) bool { return outcomes[n] == nil }, 24); wrong != "" {
			t.Errorf("full at %d, reopened: %s", at, wrong)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("count: disk full at 12 commits, %d ops refused, %d taken", refused, taken)
	if refused < 12 {
		t.Errorf("%d refused: the disk was never full", refused)
	}
}

// createFresh removes what a directory has and makes a database in it.
func createFresh(t *testing.T, dir string, o kv.Options) *file {
	t.Helper()
	path := filepath.Join(dir, "main.db")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := kv.Create(path); err != nil {
		t.Fatal(err)
	}
	return open(t, path, o)
}

// TestDiskGuard lets the disk fill up: first only essential ops pass, in the ballast's room at the end, and with room
// everything is as before.
func TestDiskGuard(t *testing.T) {
	dir := smallDisk(t, 48<<20)
	o := small()
	o.LowWater, o.Ballast = 8<<20, 6<<20
	f := createFresh(t, dir, o)
	defer f.close()
	essential := func(n int) kv.Op {
		op := f.puts(at(1, "essential %d", n), strings.Repeat("v", 2000))
		op.Essential = true
		return op
	}
	f.put(at(1, "a"), "x")
	if s := f.Stats(); s.ReadOnly || !s.Ballast || s.DiskFree == 0 {
		t.Fatalf("at first: %+v", s)
	}
	fill(t, dir, 7<<20)
	var full kv.ErrReadOnly
	if err := f.Update(background, f.puts(at(1, "a"), "y")); !errors.As(err, &full) || full.Free > 7<<20 || full.Need < 8<<20 {
		t.Errorf("below low water: %v", err)
	}
	if err := f.Update(background, essential(0)); err != nil {
		t.Errorf("essential, below low water: %v", err)
	}
	if s := f.Stats(); !s.ReadOnly || !s.Ballast {
		t.Errorf("below low water: %+v", s)
	}
	var writers sync.WaitGroup
	release := f.holdCommitter()
	for n := range 6 {
		writers.Go(func() {
			op := essential(n)
			op.Essential = n%2 == 0
			if err := f.Update(background, op); errors.As(err, new(kv.ErrReadOnly)) == op.Essential {
				t.Errorf("op %d in company, essential %v: %v", n, op.Essential, err)
			}
		})
	}
	f.waitForQueue(6)
	release()
	writers.Wait()
	fill(t, dir, 0)
	for n := range 500 {
		if err := f.Update(background, essential(n)); err != nil {
			t.Fatalf("essential %d on a full disk: %v", n, err)
		}
	}
	if got := f.get(at(1, "a")); got != "x" {
		t.Errorf("reading on a full disk: %q", got)
	}
	if s := f.Stats(); !s.ReadOnly || s.Ballast || s.Failed != nil {
		t.Errorf("full: %+v", s)
	}
	empty(t, dir)
	f.put(at(1, "a"), "again")
	if s := f.Stats(); s.ReadOnly {
		t.Errorf("with room again: %+v", s)
	}
}

// TestCompactionNeedsRoom and says how much.
func TestCompactionNeedsRoom(t *testing.T) {
	dir := smallDisk(t, 32<<20)
	f := createFresh(t, dir, small())
	defer f.close()
	f.put(at(1, "a"), "x")
	fill(t, dir, 1<<20)
	var none kv.ErrNoRoom
	if err := f.Compact(background); !errors.As(err, &none) || none.Need < none.Free {
		t.Errorf("got %v", err)
	}
	empty(t, dir)
	if err := f.Compact(background); err != nil {
		t.Error(err)
	}
}
