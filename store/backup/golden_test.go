package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/storetest"
)

var update = flag.Bool("update-golden-backup", false, "make testdata/backup-1.tar.gz: only for a new version of the format, under a new name")

const golden = "testdata/backup-1.tar.gz"

// TestGoldenBackup restores a backup that the first version with backups made, with an identity and a key file that nobody uses. The archive is a
// promise: do not change it to fix a build.
func TestGoldenBackup(t *testing.T) {
	if *update {
		makeGolden(t)
	}
	dir := t.TempDir()
	unpack(t, golden, dir)
	text, err := os.Open(filepath.Join(dir, "identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	identities, err := age.ParseIdentities(text)
	if err := errors.Join(err, text.Close()); err != nil {
		t.Fatal(err)
	}
	target := backup.Folder(filepath.Join(dir, "backups"))
	to := filepath.Join(dir, "restored", "store")
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := backup.Restore(t.Context(), target, backup.RestoreOptions{Identities: identities, Dir: to})
	if err != nil {
		t.Fatal(err)
	}
	if r.Blobs != 3 || r.Manifest.Version != 1 || r.Manifest.Format != 1 {
		t.Errorf("%+v", r)
	}
	if err := os.Rename(filepath.Join(dir, "test.key"), storetest.KeyFile(to)); err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, to, store.Options{})
	if err := backup.Conclude(t.Context(), db, storetest.Operator(), r); err != nil {
		t.Error(err)
	}
	if id, err := db.Named(t.Context(), "Gulf Mutual"); err != nil || id.IsZero() {
		t.Errorf("its tenant: %v", err)
	}
}

// makeGolden writes the archive.
func makeGolden(t *testing.T) {
	t.Helper()
	s := newSite(t)
	s.create()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	add := func(name string, b []byte) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), ModTime: time.Unix(0, 0)})
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("identity.txt", []byte(s.owner.String()+"\n"))
	key, err := os.ReadFile(storetest.KeyFile(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	add("test.key", key)
	err = filepath.WalkDir(s.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(s.folder, path)
		add("backups/"+filepath.ToSlash(name), b)
		return err
	})
	if err := errors.Join(err, w.Close(), z.Close(), os.MkdirAll("testdata", 0o755), os.WriteFile(golden, out.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, filepath.FromSlash(h.Name))
		b, err := io.ReadAll(r)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLaterFormat refuses a backup that a later version made before anything of it is fetched.
func TestLaterFormat(t *testing.T) {
	s := newSite(t)
	b := s.create()
	path := filepath.Join(s.folder, "manifests", b.Name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"format": 1`), []byte(`"format": 2`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var later *store.LaterFormatError
	_, err = backup.Restore(t.Context(), s.target, backup.RestoreOptions{Identities: []age.Identity{s.owner}, Dir: filepath.Join(t.TempDir(), "new")})
	if !errors.As(err, &later) {
		t.Error(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"version": 1`), []byte(`"version": 2`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := backup.List(t.Context(), s.target)
	if err != nil || len(all) != 1 || all[0].Manifest != nil {
		t.Fatalf("%+v, %v", all, err)
	}
	p, err := backup.Prune(t.Context(), s.target, 1, time.Now().Add(48*time.Hour))
	if !errors.Is(err, backup.ErrManifest) || p.Objects != 0 {
		t.Errorf("what a manifest that cannot be read may need was pruned: %+v, %v", p, err)
	}
}
