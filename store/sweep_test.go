package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestOrphansAreSwept leaves a blob without a record, lets it age, and writes another: the orphan goes by itself, what is
// referred to stays.
func TestOrphansAreSwept(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	kept, err := h.WriteBlob(t.Context(), Action{Verb: changeVerb}, strings.NewReader("kept"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Update(t.Context(), Action{Verb: changeVerb}, func(tx *WriteTx) error { return tx.KeepBlob(kept, h.id) }); err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteBlob(t.Context(), Action{Verb: changeVerb}, strings.NewReader("orphan")); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, blobFolder, h.id.String())
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d blobs, %v", len(files), err)
	}
	old := time.Now().Add(-2 * orphanAge)
	for _, f := range files {
		if err := os.Chtimes(filepath.Join(folder, f.Name()), old, old); err != nil {
			t.Fatal(err)
		}
	}
	again := restarted(t, db, dir, Options{})
	now, err := again.Tenant(t.Context(), h.principal, h.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := now.WriteBlob(t.Context(), Action{Verb: changeVerb}, strings.NewReader("young orphan")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old orphan is gone, and only it", func() bool {
		files, err := os.ReadDir(folder)
		return err == nil && len(files) == 2
	})
	if r := verified(t, again); r.Blobs != 1 || r.Orphans != 1 {
		t.Errorf("%d blobs, %d orphans", r.Blobs, r.Orphans)
	}
}

// TestSweptAgain: what is no longer referred to goes while the store stays open, when a blob is written two hours after the last sweep.
func TestSweptAgain(t *testing.T) {
	var later atomic.Int64 // nanoseconds; the sweep reads the clock beside the test
	o := Options{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }}
	db, dir := opened(t, o)
	h := tenantOfTest(t, db, Admin)
	write := func() {
		t.Helper()
		if _, err := h.WriteBlob(t.Context(), Action{Verb: changeVerb}, strings.NewReader("orphan")); err != nil {
			t.Fatal(err)
		}
	}
	write()
	folder := filepath.Join(dir, blobFolder, h.id.String())
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d blobs, %v", len(files), err)
	}
	ending := files[0].Name()[len(ID{}.String()):]
	// abandon leaves a blob that is old and that this process did not write.
	abandon := func(digit string) (gone func() bool) {
		t.Helper()
		name := filepath.Join(folder, strings.Repeat(digit, len(ID{}.String()))+ending)
		old := time.Now().Add(-2 * orphanAge)
		if err := errors.Join(os.WriteFile(name, []byte("orphan"), 0o600), os.Chtimes(name, old, old)); err != nil {
			t.Fatal(err)
		}
		return func() bool { _, err := os.Stat(name); return errors.Is(err, os.ErrNotExist) }
	}
	first := abandon("a")
	again := restarted(t, db, dir, o)
	if h, err = again.Tenant(t.Context(), h.principal, h.id); err != nil {
		t.Fatal(err)
	}
	write()
	eventually(t, "the first sweep has passed", first)
	second := abandon("b")
	write()
	if len(again.toSweep) != 0 || second() {
		t.Error("swept again at once")
	}
	later.Store(int64(sweepAgain))
	write()
	eventually(t, "the second sweep has passed", second)
}
