package blob_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/internal/blob"
	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// world is a directory of blobs with one key and one place.
type world struct {
	*blob.Dir
	path  string
	key   *envelope.Key
	place envelope.Place
}

func open(t testing.TB) world {
	t.Helper()
	w := world{path: t.TempDir(), place: envelope.Place{Install: [16]byte{1}, Space: [16]byte{2}, Collection: 3, Record: []byte("record")}}
	var err error
	if w.Dir, err = blob.Open(w.path); err != nil {
		t.Fatal(err)
	}
	if w.key, err = envelope.NewKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

var errNoKey = errors.New("no such key")

// keys finds the given keys.
func keys(known ...*envelope.Key) func(envelope.KeyID) (*envelope.Key, error) {
	return func(id envelope.KeyID) (*envelope.Key, error) {
		for _, k := range known {
			if k.ID() == id {
				return k, nil
			}
		}
		return nil, errNoKey
	}
}

func (w world) write(t testing.TB, content []byte) blob.Ref {
	t.Helper()
	b, err := w.Create(w.key, w.place)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	if _, err := io.Copy(b, iotest.HalfReader(bytes.NewReader(content))); err != nil {
		t.Fatal(err)
	}
	ref, err := b.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// read reads all of a blob; what was handed out comes with the error.
func (w world) read(ref blob.Ref) ([]byte, error) {
	r, err := w.Dir.Open(ref, keys(w.key), w.place)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

func (w world) file(ref blob.Ref) string { return filepath.Join(w.path, blob.FileName(ref.ID)) }

func (w world) list(t testing.TB) (ids [][16]byte) {
	t.Helper()
	if err := w.All(func(id [16]byte, stored int64, written time.Time) error {
		if stored <= 0 || time.Since(written) > time.Hour {
			return fmt.Errorf("blob %x has %d bytes, written %v", id, stored, written)
		}
		ids = append(ids, id)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

// table is CSV as an event loss table has it.
func table(size int) []byte {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	var out bytes.Buffer
	out.WriteString("EventId,SummaryId,SampleId,Loss,ImpactedExposure\n")
	for event := 1; out.Len() < size; event += 1 + random.IntN(5) {
		for sample := range 10 {
			fmt.Fprintf(&out, "%d,%d,%d,%.2f,%.2f\n", event, 1+random.IntN(40), sample, random.ExpFloat64()*2e5, random.Float64()*4e6)
		}
	}
	return out.Bytes()[:size]
}

// noise does not compress.
func noise(size int) []byte {
	out := make([]byte, size)
	_, _ = mathrand.NewChaCha8([32]byte{7}).Read(out)
	return out
}

func TestRoundTrip(t *testing.T) {
	w := open(t)
	for _, size := range []int{0, 1, 100, blob.SegmentSize - 1, blob.SegmentSize, blob.SegmentSize + 1,
		blob.FrameSize - 1, blob.FrameSize, blob.FrameSize + 1, 3*blob.FrameSize + 12345} {
		for kind, content := range map[string][]byte{"table": table(size), "noise": noise(size), "zeros": make([]byte, size)} {
			ref := w.write(t, content)
			info, err := os.Stat(w.file(ref))
			if err != nil || info.Size() != ref.Stored || ref.Size != int64(size) || ref.Digest != sha256.Sum256(content) {
				t.Errorf("%s of %d: %+v, %v, %v", kind, size, ref, info, err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s of %d: mode %v", kind, size, info.Mode())
			}
			if got, err := w.read(ref); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s of %d: read %d bytes, %v", kind, size, len(got), err)
			}
			if bound := int64(size) + int64(size)/1000 + 300; ref.Stored > bound {
				t.Errorf("%s of %d: %d stored, want at most %d", kind, size, ref.Stored, bound)
			}
		}
	}
}

// TestReader: the contracts of Reader, Seeker and ReaderAt, by the standard library's own tester.
func TestReader(t *testing.T) {
	w := open(t)
	for _, size := range []int{0, 1, 5000} {
		content := table(size)
		r, err := w.Dir.Open(w.write(t, content), keys(w.key), w.place)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, content); err != nil {
			t.Error(err)
		}
		if _, err := r.ReadAt(nil, -1); err == nil {
			t.Error("a negative offset is read")
		}
		if _, err := r.Seek(0, 3); err == nil {
			t.Error("whence 3 is taken")
		}
		if r.Size() != int64(size) || r.Close() != nil {
			t.Error("size or close")
		}
	}
}

// TestRanges compares random ranges with the slice.
func TestRanges(t *testing.T) {
	w := open(t)
	contents := [][]byte{table(2*blob.FrameSize + 70_000), append(noise(blob.FrameSize+5), table(300_000)...), noise(100)}
	var refs []blob.Ref
	for _, c := range contents {
		refs = append(refs, w.write(t, c))
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(refs)-1).Draw(t, "blob")
		r, err := w.Dir.Open(refs[i], keys(w.key), w.place)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		slice := bytes.NewReader(contents[i])
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			offset := rapid.Int64Range(0, int64(len(contents[i]))+10).Draw(t, "offset")
			length := rapid.SampledFrom([]int{0, 1, 100, blob.SegmentSize, blob.FrameSize, 2*blob.FrameSize + 1}).Draw(t, "length")
			got, want := make([]byte, length), make([]byte, length)
			if rapid.Bool().Draw(t, "seek") {
				_, _ = slice.Seek(offset, io.SeekStart)
				if at, err := r.Seek(offset, io.SeekStart); at != offset || err != nil {
					t.Fatalf("Seek(%d) = %d, %v", offset, at, err)
				}
				n, err := io.ReadFull(r, got)
				wantN, wantErr := io.ReadFull(slice, want)
				compare(t, got[:n], want[:wantN], err, wantErr)
				continue
			}
			n, err := r.ReadAt(got, offset)
			wantN, wantErr := slice.ReadAt(want, offset)
			if length == 0 { // bytes.Reader reports the end even then
				wantErr = err
			}
			compare(t, got[:n], want[:wantN], err, wantErr)
		}
	})
}

func compare(t *rapid.T, got, want []byte, err, wantErr error) {
	t.Helper()
	if !errors.Is(err, wantErr) || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, %v, want %d bytes, %v", len(got), err, len(want), wantErr)
	}
}

func TestNothingIsReadable(t *testing.T) {
	w := open(t)
	canary := "POLICY-4711 12 Ocean Drive"
	ref := w.write(t, bytes.Repeat([]byte(canary+"\n"), 3))
	raw, err := os.ReadFile(w.file(ref))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("POLICY")) || bytes.Contains(raw, []byte("Ocean")) || bytes.Contains(raw, w.place.Record) || bytes.Contains(raw, w.place.Space[:]) {
		t.Error("the file can be read without a key")
	}
	again := w.write(t, bytes.Repeat([]byte(canary+"\n"), 3))
	other, err := os.ReadFile(w.file(again))
	if err != nil || again.ID == ref.ID || again.Digest != ref.Digest || bytes.Equal(raw[100:], other[100:]) {
		t.Error("equal contents make equal files")
	}
}

func TestWrongKeyPlaceAndReference(t *testing.T) {
	w := open(t)
	ref := w.write(t, table(5000))
	other, err := envelope.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	impostor := envelope.RestoreKey(rand.Reader, w.key.ID(), make([]byte, envelope.SecretSize))
	place := w.place
	place.Space[0]++
	for name, c := range map[string]struct {
		keyOf  func(envelope.KeyID) (*envelope.Key, error)
		place  envelope.Place
		change func(*blob.Ref)
		want   error
	}{
		"unknown key":       {keys(other), w.place, func(*blob.Ref) {}, errNoKey},
		"key of the id":     {func(envelope.KeyID) (*envelope.Key, error) { return impostor, nil }, w.place, func(*blob.Ref) {}, envelope.ErrForged},
		"another tenant":    {keys(w.key), place, func(*blob.Ref) {}, envelope.ErrForged},
		"no place":          {keys(w.key), envelope.Place{}, func(*blob.Ref) {}, blob.ErrDamaged},
		"another size":      {keys(w.key), w.place, func(r *blob.Ref) { r.Size++ }, blob.ErrDamaged},
		"negative size":     {keys(w.key), w.place, func(r *blob.Ref) { r.Size = -1 }, blob.ErrDamaged},
		"another length":    {keys(w.key), w.place, func(r *blob.Ref) { r.Stored++ }, blob.ErrDamaged},
		"another id":        {keys(w.key), w.place, func(r *blob.Ref) { r.ID[0]++ }, blob.ErrMissing},
		"another reference": {keys(w.key), w.place, func(r *blob.Ref) { *r = w.write(t, table(9)); r.ID = ref.ID }, blob.ErrDamaged},
	} {
		changed := ref
		c.change(&changed)
		if _, err := w.Dir.Open(changed, c.keyOf, c.place); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestDigest: content that is not what the reference was made for is held back from its last frame on.
func TestDigest(t *testing.T) {
	w := open(t)
	ref := w.write(t, table(2*blob.FrameSize+100))
	ref.Digest[5] ^= 1
	got, err := w.read(ref)
	if !errors.Is(err, blob.ErrDamaged) || len(got) != 2*blob.FrameSize {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	r, err := w.Dir.Open(ref, keys(w.key), w.place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for range 3 { // asking again does not help
		if n, err := io.Copy(io.Discard, r); !errors.Is(err, blob.ErrDamaged) || n > 2*blob.FrameSize {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	empty := w.write(t, nil)
	empty.Digest[0] ^= 1
	if _, err := w.Dir.Open(empty, keys(w.key), w.place); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("an empty blob with another digest: %v", err)
	}
}

func TestWriterEnds(t *testing.T) {
	w := open(t)
	b, err := w.Create(w.key, w.place)
	if err != nil {
		t.Fatal(err)
	}
	if ids := w.list(t); len(ids) > 0 {
		t.Errorf("a blob being written is listed: %x", ids)
	}
	ref, err := b.Commit()
	if err != nil {
		t.Fatal(err)
	}
	b.Abort()
	if _, err := b.Write([]byte("more")); err == nil {
		t.Error("a committed blob takes more")
	}
	if _, err := b.Commit(); err == nil {
		t.Error("a blob was committed twice")
	}
	if _, err := w.read(ref); err != nil {
		t.Errorf("Abort after Commit: %v", err)
	}
	if b, err = w.Create(w.key, w.place); err != nil {
		t.Fatal(err)
	}
	b.Abort()
	b.Abort()
	if _, err := b.Commit(); err == nil {
		t.Error("an aborted blob was committed")
	}
	if left, _ := os.ReadDir(w.path); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}

// TestConcurrent: writers, readers of one Reader, listings and sweeps at the same time (run with -race).
func TestConcurrent(t *testing.T) {
	w := open(t)
	content := table(2*blob.FrameSize + 1000)
	shared, err := w.Dir.Open(w.write(t, content), keys(w.key), w.place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shared.Close() }()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			if got, err := w.read(w.write(t, content[i*1000:])); err != nil || !bytes.Equal(got, content[i*1000:]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
		all.Go(func() {
			got := make([]byte, 100_000)
			at := i * 650_000
			n, err := shared.ReadAt(got, int64(at))
			if (err != nil && !errors.Is(err, io.EOF)) || !bytes.Equal(got[:n], content[at:min(at+100_000, len(content))]) {
				t.Errorf("range at %d: %d bytes, %v", at, n, err)
			}
		})
		all.Go(func() {
			if _, err := w.Sweep(func([16]byte) bool { return false }, time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(w.list(t)); n != 5 {
		t.Errorf("%d blobs, want 5", n)
	}
}

// TestGolden reads a file as it was written when the format was fixed. Do not change it to fix a build: customers' blobs look
// like this.
func TestGolden(t *testing.T) {
	w := open(t)
	w.key = envelope.RestoreKey(rand.Reader, envelope.KeyID{1, 2, 3, 4, 5, 6, 7, 8}, bytes.Repeat([]byte{0x5A}, envelope.SecretSize))
	content := []byte("EventId,Loss\n1,1000.50\n2,0.25\n")
	const file, refFile = "testdata/golden.blob", "testdata/golden.json"
	if *update {
		ref := w.write(t, content)
		raw, _ := os.ReadFile(w.file(ref))
		text, _ := json.Marshal(ref)
		if err := errors.Join(os.WriteFile(file, raw, 0o666), os.WriteFile(refFile, text, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	text, err2 := os.ReadFile(refFile)
	var ref blob.Ref
	if err := errors.Join(err, err2, json.Unmarshal(text, &ref)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.file(ref), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := w.read(ref); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %q, %v", got, err)
	}
}
