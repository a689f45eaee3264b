package spool_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/qrsrisk/qrsd/web/spool"
)

// TestFile writes and reads files of sizes around the blocks: the bytes are the same at any place, nothing of them is on the disk, and there
// is no name.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	from := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(from.Uint32())
		}
		f, err := spool.Dir(dir).Create()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(f, bytes.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(make([]byte, 1), 0); err == nil {
			t.Error("it is read before its end was written")
		}
		if err := f.End(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f.Reader()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as %d: %v", size, len(got), err)
		}
		for range 100 {
			at, n := from.IntN(size+1), from.IntN(100_000)
			got := make([]byte, n)
			read, err := f.ReadAt(got, int64(at))
			if end := min(at+n, size); !bytes.Equal(got[:read], want[at:end]) || (read < n) != (err == io.EOF) { //nolint:errorlint // io.ReaderAt says EOF itself
				t.Fatalf("%d bytes at %d of %d: %d, %v", n, at, size, read, err)
			}
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
			t.Errorf("the directory has %v, %v", names, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
