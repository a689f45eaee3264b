package blob_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/blob"
	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

func TestRemove(t *testing.T) {
	w := open(t)
	ref := w.write(t, table(2*blob.FrameSize))
	r, err := w.Dir.Open(ref, keys(w.key), w.place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if err := w.Remove(ref.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || len(got) != 2*blob.FrameSize {
		t.Errorf("a reader did not read on: %d, %v", len(got), err)
	}
	if err := w.Remove(ref.ID); !errors.Is(err, blob.ErrMissing) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := w.read(ref); !errors.Is(err, blob.ErrMissing) {
		t.Errorf("read after removal: %v", err)
	}
}

// TestSweep: only what nobody refers to, is old, and is a blob's file, goes.
func TestSweep(t *testing.T) {
	w := open(t)
	var refs []blob.Ref
	for range 4 {
		refs = append(refs, w.write(t, table(100)))
	}
	var err error
	if w.Dir, err = blob.Open(w.path); err != nil { // another process, to which the files' times count
		t.Fatal(err)
	}
	unfinished, err := w.Create(w.key, w.place)
	if err != nil {
		t.Fatal(err)
	}
	defer unfinished.Abort()
	fresh := w.write(t, table(100))
	part := filepath.Join(w.path, blob.FileName([16]byte{9})+".part")
	foreign := filepath.Join(w.path, "README")
	for _, name := range []string{part, foreign} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(w.path, blob.FileName([16]byte{8}))
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	all, _ := filepath.Glob(filepath.Join(w.path, "*"))
	for _, name := range all {
		if name != w.file(refs[3]) { // which stays young
			old := time.Now().Add(-2 * time.Hour)
			if err := os.Chtimes(name, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	referenced := func(id [16]byte) bool { return id == refs[0].ID }
	swept, err := w.Sweep(referenced, time.Hour)
	want := blob.Swept{Blobs: 2, Parts: 1, Bytes: refs[1].Stored + refs[2].Stored + 1}
	if err != nil || swept != want {
		t.Errorf("swept %+v, %v, want %+v", swept, err, want)
	}
	for name, kept := range map[string]bool{w.file(refs[0]): true, w.file(refs[1]): false, w.file(refs[2]): false, w.file(refs[3]): true,
		part: false, foreign: true, folder: true, w.file(fresh): true} {
		if _, err := os.Stat(name); (err == nil) != kept {
			t.Errorf("%s: kept %t, want %t", name, err == nil, kept)
		}
	}
	if _, err := unfinished.Commit(); err != nil { // although its file was old
		t.Errorf("a writer's file was swept: %v", err)
	}
	if swept, err := w.Sweep(referenced, -1); err != nil || swept.Blobs != 3 {
		t.Errorf("at any age: %+v, %v", swept, err)
	}
}

func TestReencrypt(t *testing.T) {
	w := open(t)
	to, err := envelope.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{nil, table(10), table(3*blob.FrameSize + 99), noise(blob.SegmentSize * 5)} {
		old := w.write(t, content)
		ref, err := w.Reencrypt(old, keys(w.key), to, w.place)
		if err != nil || ref.ID == old.ID || ref.Size != old.Size || ref.Stored != old.Stored || ref.Digest != old.Digest {
			t.Fatalf("%+v became %+v, %v", old, ref, err)
		}
		r, err := w.Dir.Open(ref, keys(to), w.place)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		_ = r.Close()
		if _, err := w.Dir.Open(ref, keys(w.key), w.place); !errors.Is(err, errNoKey) {
			t.Errorf("the old key opens the copy: %v", err)
		}
		if got, err := w.read(old); err != nil || !bytes.Equal(got, content) {
			t.Errorf("the old blob is gone before its reference: %v", err)
		}
	}
	damaged := w.write(t, noise(5*blob.SegmentSize))
	flip(t, w.file(damaged), 3*blob.SegmentSize)
	before := len(w.list(t))
	if _, err := w.Reencrypt(damaged, keys(w.key), to, w.place); !errors.Is(err, blob.ErrDamaged) || len(w.list(t)) != before {
		t.Errorf("a damaged blob was carried over: %v", err)
	}
}

func flip(t testing.TB, file string, at int64) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[at] ^= 0x10
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
