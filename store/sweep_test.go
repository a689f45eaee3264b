package store

import (
	"os"
	"path/filepath"
	"strings"
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
