package blob_test

import (
	"io"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/blob"
)

func BenchmarkWrite(b *testing.B) {
	w := open(b)
	content := table(64 << 20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		ref := write(b, w, content)
		b.ReportMetric(float64(ref.Stored)/float64(ref.Size), "stored/plain")
		if err := w.Remove(ref.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func write(b *testing.B, w world, content []byte) blob.Ref {
	blobWriter, err := w.Create(w.key, w.place)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := blobWriter.Write(content); err != nil {
		b.Fatal(err)
	}
	ref, err := blobWriter.Commit()
	if err != nil {
		b.Fatal(err)
	}
	return ref
}

func BenchmarkRead(b *testing.B) {
	w := open(b)
	content := table(64 << 20)
	ref := write(b, w, content)
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		buffer := make([]byte, 128<<10)
		for b.Loop() {
			r, err := w.Dir.Open(ref, keys(w.key), w.place)
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, buffer); err != nil || n != ref.Size {
				b.Fatal(n, err)
			}
			_ = r.Close()
		}
	})
	b.Run("range of 1 KiB, opened anew", func(b *testing.B) {
		buffer := make([]byte, 1024)
		for i := int64(0); b.Loop(); i += 7_777_777 {
			r, err := w.Dir.Open(ref, keys(w.key), w.place)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.ReadAt(buffer, i%(ref.Size-1024)); err != nil {
				b.Fatal(err)
			}
			_ = r.Close()
		}
	})
}
