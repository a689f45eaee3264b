package runner

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// smallDisk mounts a file system of that many bytes, where this may be done.
func smallDisk(t *testing.T, size int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("mounting a small file system needs more rights: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all room but 2 MiB, at one stroke: what the store writes meanwhile fits there, and its ballast, which it gives up once the disk is full,
// is not taken too. Remove the file to give the room back.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, int64(disk.Bavail)*disk.Bsize-2<<20); err != nil {
		t.Fatal(err)
	}
}

// TestQueueDiskFull: a disk that gets full while a run is computed stops it; the user is told, the run is not lost, and with room it goes on to the
// same digests.
func TestQueueDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("computes for long, and what it does at once the other tests of the queue do too")
	}
	disk := smallDisk(t, 500<<20)
	dir := filepath.Join(disk, "store")
	withBallast := store.Options{Ballast: 16 << 20}
	storetest.Create(t, dir, withBallast)
	db := storetest.Open(t, dir, withBallast)
	in := newInsurer(t, db, "Example Mutual")
	spec := killedSpec(in.spec)
	run := in.submit(spec)
	w := atWork(t, QueueOptions{DB: db, Cores: 1, keepWorth: 1, retryAfter: 200 * time.Millisecond})
	w.await(in.tenant, run, computing)
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	e := w.await(in.tenant, run, func(e Event) bool { return e.Reason != "" })
	if e.State != workspace.Running || !strings.Contains(e.Reason, "disk") {
		t.Errorf("told %+v", e)
	}
	if got := in.run(run); got.State != workspace.Running {
		t.Errorf("on the full disk: %+v", got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.await(in.tenant, run, sealed)
	if got := in.run(run); got.State != workspace.Done || got.Claims != 2 {
		t.Errorf("with room: %+v", got)
	}
	if !maps.Equal(in.digests(run), direct(t, spec)) {
		t.Error("another result than that of a run that was not stopped")
	}
}
