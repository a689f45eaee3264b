package store_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// TestStoreOfBeforeSeals opens a store that a build made which knew no seals. It gets a seal key when it is unlocked, once, and says
// so in its log. The archive is a promise: do not change it to fix a build.
func TestStoreOfBeforeSeals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	unpack(t, "testdata/before-seals.tar.gz", filepath.Dir(dir))
	db, err := store.Open(dir, store.Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	if n := sealKeyCount(t, db); n != 0 {
		t.Errorf("locked: %d seal keys", n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		db = storetest.Open(t, dir, store.Options{})
		if n := sealKeyCount(t, db); n != 1 {
			t.Errorf("unlocked: %d seal keys", n)
		}
		if all, err := db.Tenants(t.Context(), storetest.Operator()); err != nil || len(all) != 1 || all[0].Name != "Example Mutual" {
			t.Errorf("tenants %+v, %v", all, err)
		}
		own, err := db.Tenant(t.Context(), storetest.Operator(), store.Appliance)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := own.Audit(t.Context(), store.Query{Action: "seal.rotate", Outcome: store.Done})
		if err != nil || len(entries) != 1 || entries[0].Actor != "qrsd" || len(entries[0].Keys) != 1 {
			t.Errorf("entered as %+v, %v", entries, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func sealKeyCount(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	keys, err := db.PublishedKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.All() {
		if k.Role == seal.SealKey {
			n++
		}
	}
	return n
}

// unpack writes the files of an archive into a folder.
func unpack(t *testing.T, archive, to string) {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for from := tar.NewReader(plain); ; {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			var content []byte
			if content, err = io.ReadAll(from); err == nil {
				err = os.WriteFile(path, content, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
