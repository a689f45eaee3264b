package breached_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/directory/breached"
)

var _ directory.KnownPasswords = (*breached.List)(nil)

// numbered is a hash of nobody's password.
func numbered(n uint64) breached.Hash {
	return sha1.Sum(binary.BigEndian.AppendUint64([]byte("breached test"), n))
}

// build makes a list and reads it back.
func build(t testing.TB, o breached.Options, hashes []breached.Hash) (*breached.Filter, []byte) {
	t.Helper()
	b, err := breached.NewBuilder(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, h := range hashes {
		if err := b.Add(h); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	content, err := b.Write(t.Context(), &file, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := breached.New(bytes.NewReader(file.Bytes()), int64(file.Len()), "of the test")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Content(); got != content || content.Size != int64(file.Len()) || content.Lines != uint64(len(hashes)) {
		t.Fatalf("written %+v, read %+v, %d bytes", content, got, file.Len())
	}
	return f, file.Bytes()
}

func find(t testing.TB, f *breached.Filter, h breached.Hash) bool {
	t.Helper()
	known, err := f.Find(h)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// TestEmbedded asks the list that comes with the program.
func TestEmbedded(t *testing.T) {
	f := breached.Embedded()
	if err := f.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if c := f.Content(); c.Lines != 63190 || c.Entries != 63190 || c.OneIn < 1e6 {
		t.Errorf("%+v", c)
	}
	l := breached.NewList(func(err error) { t.Error(err) })
	for password, want := range map[string]bool{
		"123456": true, "password": true, "xpcrew": true, "bhrh0h2oof6xbqjeh": true, "1q2w3e4r5t6y": true, "unbelievable": true, "Mailcreated5240": true, "mailcreated5240": true,
		"UnBelievable": true, "ｐａｓｓｗｏｒｄ": true, "": false, "seven marble lamps sing": false, "unbelievable!": false,
	} {
		if got := l.Known(password); got != want {
			t.Errorf("%q: known %v", password, got)
		}
	}
}

// TestEveryPasswordIsFound builds lists of any size, in any order, with memory for any number of hashes, and wants each hash found
// and the bytes to depend on the set alone.
func TestEveryPasswordIsFound(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		hashes := make([]breached.Hash, rapid.IntRange(1, 3000).Draw(rt, "hashes"))
		distinct := rapid.Uint64Range(1, 5000).Draw(rt, "distinct")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		for i := range hashes {
			hashes[i] = numbered(random.Uint64N(distinct))
		}
		o := breached.Options{Bits: rapid.IntRange(4, 24).Draw(rt, "bits"), Folder: folder, Memory: rapid.IntRange(1, 4000).Draw(rt, "memory")}
		f, file := build(t, o, hashes)
		for _, h := range hashes {
			if !find(t, f, h) {
				rt.Fatalf("hash %x is not found", h)
			}
		}
		if err := f.Verify(t.Context(), nil); err != nil {
			rt.Fatal(err)
		}
		random.Shuffle(len(hashes), func(i, j int) { hashes[i], hashes[j] = hashes[j], hashes[i] })
		if _, again := build(t, breached.Options{Bits: o.Bits}, hashes); !bytes.Equal(file, again) {
			rt.Fatal("another order or memory gives another file")
		}
	})
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

// TestRareMistakes counts the passwords outside of a list that are taken for known. Their number is binomial; the bounds are six standard
// deviations away.
func TestRareMistakes(t *testing.T) {
	const listed, asked, bits = 100_000, 1 << 18, 10
	hashes := make([]breached.Hash, listed)
	for i := range hashes {
		hashes[i] = numbered(uint64(i))
	}
	f, file := build(t, breached.Options{Bits: bits}, hashes)
	mistakes := 0
	for i := range uint64(asked) {
		if find(t, f, numbered(listed+i)) {
			mistakes++
		}
	}
	t.Logf("%d of %d taken for known, one in %d; the file says one in %d; %.2f bytes per password",
		mistakes, asked, asked/mistakes, f.Content().OneIn, float64(len(file))/listed)
	if mistakes < 256-96 || mistakes > 256+96 {
		t.Errorf("%d mistakes, want about 256", mistakes)
	}
	if size := float64(len(file)) / listed * 8; size > bits+2.2 {
		t.Errorf("%.2f bits per password", size)
	}
}

// TestDamage changes every byte and cuts at every length. A damaged list is refused, at the latest when the damaged part is read: it
// never says that a password of the list is not in it.
func TestDamage(t *testing.T) {
	hashes := make([]breached.Hash, 300)
	for i := range hashes {
		hashes[i] = numbered(uint64(i))
	}
	_, file := build(t, breached.Options{}, hashes)
	for n := range file {
		if _, err := breached.New(bytes.NewReader(file[:n]), int64(n), ""); !errors.Is(err, breached.ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
		if f, err := breached.New(bytes.NewReader(file[:n]), int64(len(file)), ""); !errors.Is(err, breached.ErrDamaged) {
			t.Fatalf("cut to %d bytes while it is read: %v %v", n, f, err)
		}
	}
	if _, err := breached.New(bytes.NewReader(append(file, 0)), int64(len(file))+1, ""); !errors.Is(err, breached.ErrDamaged) {
		t.Errorf("longer by a byte: %v", err)
	}
	if _, err := breached.New(bytes.NewReader(slices.Delete(bytes.Clone(file), 100, 101)), int64(len(file))-1, ""); !errors.Is(err, breached.ErrDamaged) {
		t.Errorf("a byte taken out: %v", err)
	}
	miscounted := bytes.Clone(file)
	miscounted[len(file)-128+39]-- // the number of entries
	breached.MendFooter(miscounted)
	if f, err := breached.New(bytes.NewReader(miscounted), int64(len(file)), ""); err != nil {
		t.Error(err)
	} else if err := f.Verify(t.Context(), nil); !errors.Is(err, breached.ErrDamaged) {
		t.Errorf("another number of entries: %v", err)
	}
	seen := 0
	for n := range file {
		altered := bytes.Clone(file)
		altered[n] ^= byte(1 + n%255)
		f, err := breached.New(bytes.NewReader(altered), int64(len(altered)), "")
		if err != nil {
			if !errors.Is(err, breached.ErrDamaged) {
				t.Fatalf("byte %d: %v", n, err)
			}
			continue
		}
		if err := f.Verify(t.Context(), nil); !errors.Is(err, breached.ErrDamaged) {
			t.Fatalf("byte %d altered: Verify says %v", n, err)
		}
		for _, h := range hashes {
			switch known, err := f.Find(h); {
			case errors.Is(err, breached.ErrDamaged):
				seen++
			case err != nil || !known:
				t.Fatalf("byte %d altered: %v %v", n, known, err)
			}
		}
	}
	if seen == 0 {
		t.Error("no lookup met the damage")
	}
}

// TestFaultRefuses shows that a list that cannot be read refuses a password, and tells of it without the password.
func TestFaultRefuses(t *testing.T) {
	_, file := build(t, breached.Options{}, []breached.Hash{numbered(1)})
	source := &failing{ReaderAt: bytes.NewReader(file)}
	f, err := breached.New(source, int64(len(file)), "list")
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	l := breached.NewList(func(err error) { faults = append(faults, err.Error()) }, f)
	if l.Known("seven marble lamps sing") || len(faults) > 0 {
		t.Fatalf("known, or faults %q", faults)
	}
	source.fails = true
	if !l.Known("seven marble lamps sing") {
		t.Error("not known by a list that cannot be read")
	}
	if len(faults) != 1 || faults[0] != "list of known passwords list: part 1 of 1: "+iotest.ErrTimeout.Error() {
		t.Errorf("faults %q", faults)
	}
	if !breached.NewList(nil, f).Known("seven marble lamps sing") {
		t.Error("without anybody to tell: not known")
	}
}

// failing is a disk that fails.
type failing struct {
	*bytes.Reader
	ReaderAt interface {
		ReadAt([]byte, int64) (int, error)
	}
	fails bool
}

func (f *failing) ReadAt(b []byte, at int64) (int, error) {
	if f.fails {
		return 0, iotest.ErrTimeout
	}
	return f.ReaderAt.ReadAt(b, at)
}

// TestOpen reads files of the disk.
func TestOpen(t *testing.T) {
	_, file := build(t, breached.Options{}, []breached.Hash{breached.HashOf("seven marble lamps sing")})
	path := filepath.Join(t.TempDir(), "list.filter")
	if _, err := breached.Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := breached.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !breached.NewList(nil, f).Known("seven marble lamps sing") {
		t.Error("not known")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := breached.Open(path); !errors.Is(err, breached.ErrDamaged) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "horse") {
		t.Errorf("a text: %v", err)
	}
}

// TestStopped wants long work to end with its context.
func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, err := breached.NewBuilder(breached.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddPasswords(ctx, strings.NewReader(strings.Repeat("some words\n", 10_000))); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v", err)
	}
	if _, err := b.Write(ctx, new(bytes.Buffer), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("writing: %v", err)
	}
	if err := breached.Embedded().Verify(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("verifying: %v", err)
	}
}

// TestSkewedHashesAreRefused wants no file of parts that are too long to be read.
func TestSkewedHashesAreRefused(t *testing.T) {
	b, err := breached.NewBuilder(breached.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(100_000) {
		var h breached.Hash
		binary.BigEndian.PutUint64(h[8:], i<<38)
		if err := b.Add(h); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Write(t.Context(), new(bytes.Buffer), nil); err == nil || !strings.Contains(err.Error(), "they are no SHA-1 of passwords") {
		t.Error(err)
	}
	for _, o := range []breached.Options{{Bits: 3}, {Bits: 25}, {Memory: -1}} {
		if _, err := breached.NewBuilder(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	empty, err := breached.NewBuilder(breached.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := empty.Write(t.Context(), new(bytes.Buffer), nil); err == nil {
		t.Error("a list of nothing is written")
	}
}

func BenchmarkFind(b *testing.B) {
	const listed = 2_000_000
	hashes := make([]breached.Hash, listed)
	for i := range hashes {
		hashes[i] = numbered(uint64(i))
	}
	_, file := build(b, breached.Options{}, hashes)
	path := filepath.Join(b.TempDir(), "list.filter")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := breached.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	for name, offset := range map[string]int{"known": 0, "unknown": listed} {
		asked := make([]breached.Hash, 4096)
		for i := range asked {
			asked[i] = numbered(uint64(offset + i*97))
		}
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				if _, err := f.Find(asked[n%len(asked)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

func BenchmarkKnown(b *testing.B) {
	l := breached.NewList(nil)
	for b.Loop() {
		l.Known("seven marble lamps sing")
	}
}

// BenchmarkImport reads lists as they are published, most of which does not fit into the memory it is given.
func BenchmarkImport(b *testing.B) {
	const listed = 1_000_000
	var text bytes.Buffer
	for i := range uint64(listed) {
		fmt.Fprintf(&text, "%X:%d\r\n", numbered(i), i%1000+1)
	}
	folder := b.TempDir()
	b.SetBytes(int64(text.Len()))
	var size int64
	for b.Loop() {
		maker, err := breached.NewBuilder(breached.Options{Folder: folder, Memory: listed / 10})
		if err != nil {
			b.Fatal(err)
		}
		if err := maker.AddHashes(b.Context(), bytes.NewReader(text.Bytes())); err != nil {
			b.Fatal(err)
		}
		content, err := maker.Write(b.Context(), new(bytes.Buffer), nil)
		if err := errors.Join(err, maker.Close()); err != nil {
			b.Fatal(err)
		}
		size = content.Size
	}
	b.ReportMetric(float64(listed)*float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
	b.ReportMetric(float64(size)/listed, "bytes/hash")
}
