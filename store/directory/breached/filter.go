package breached

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// Filter is a list of known passwords. It is safe for many goroutines.
type Filter struct {
	source io.ReaderAt
	name   string // for errors
	closer io.Closer
	footer
}

// Open opens a file that a [Builder] wrote. Its size and footer are checked, its buckets when they are read. Close it. Errors: ErrDamaged, one of a format of
// another version, and those of the file.
func Open(path string) (*Filter, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("list of known passwords: %w", err)
	}
	info, err := file.Stat()
	var f *Filter
	if err == nil {
		f, err = New(file, info.Size(), path)
	}
	if err != nil {
		return nil, fmt.Errorf("list of known passwords %s: %w", path, errors.Join(err, file.Close()))
	}
	f.closer = file
	return f, nil
}

// New reads a list of so many bytes wherever it is; name is for errors. Errors as Open's.
func New(source io.ReaderAt, size int64, name string) (*Filter, error) {
	if size < int64(len(magic))+footerSize {
		return nil, ErrDamaged
	}
	head, foot := make([]byte, len(magic)), make([]byte, footerSize)
	if err := readAt(source, head, 0); err != nil {
		return nil, err
	}
	if err := readAt(source, foot, size-footerSize); err != nil {
		return nil, err
	}
	f := &Filter{source: source, name: name}
	var err error
	if f.footer, err = decodeFooter(foot); err != nil {
		return nil, err
	}
	if string(head) != magic || f.size() != uint64(size) {
		return nil, ErrDamaged
	}
	return f, nil
}

// readAt fills b; a file that ends before is damaged.
func readAt(source io.ReaderAt, b []byte, at int64) error {
	n, err := source.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return ErrDamaged
	}
	return err
}

// Close closes the file. Nothing may be asked afterwards.
func (f *Filter) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Content says what is in a list.
type Content struct {
	Lines   uint64 `json:"lines"`   // that were imported
	Entries uint64 `json:"entries"` // places that they take: fewer where lines are repeated, and a few where two fall together
	OneIn   uint64 `json:"one_in"`  // of passwords that are not in the list, so many are taken for known: one in this number
	Size    int64  `json:"size"`    // bytes
	SHA256  string `json:"sha256"`  // of all of the file before its footer
}

// Content is what the footer says.
func (f *Filter) Content() Content {
	return Content{f.lines, f.entries, f.lines << f.bits / f.entries, int64(f.size()), fmt.Sprintf("%x", f.sum)}
}

// Find reports whether the hash is in the list: always true for one that is, and once in [Content] OneIn for one that is not. An
// error is ErrDamaged or one of the file.
func (f *Filter) Find(h Hash) (bool, error) {
	position := f.position(h.key())
	bucket := f.bucket(position)
	content, err := f.read(bucket)
	if err != nil {
		return false, fmt.Errorf("list of known passwords %s: part %d of %d: %w", f.name, bucket+1, f.buckets(), err)
	}
	r := riceReader{bytes: content}
	at := f.base(bucket)
	for first := true; ; first = false {
		d, more := r.number(uint(f.bits))
		if !first {
			d++
		}
		if at += d; !more || at > position {
			return false, nil
		}
		if at == position {
			return true, nil
		}
	}
}

// read gives a bucket's bytes, held to their checksum.
func (f *Filter) read(bucket uint64) ([]byte, error) {
	var two [2 * entrySize]byte
	begin, index := uint64(0), two[:entrySize]
	at := uint64(len(magic)) + f.length + bucket*entrySize
	if bucket > 0 {
		at, index = at-entrySize, two[:]
	}
	if err := readAt(f.source, index, int64(at)); err != nil {
		return nil, err
	}
	e := decodeEntry(index[len(index)-entrySize:])
	if bucket > 0 {
		begin = decodeEntry(index).end
	}
	if e.end < begin || e.end > f.length || e.end-begin > maxBucket {
		return nil, ErrDamaged
	}
	content := make([]byte, e.end-begin)
	if err := readAt(f.source, content, int64(uint64(len(magic))+begin)); err != nil {
		return nil, err
	}
	if bucketSum(bucket, begin, content) != e.sum {
		return nil, ErrDamaged
	}
	return content, nil
}

// Verify reads the whole file: its SHA-256, every bucket, and the number of positions. ErrDamaged where something is not as it was
// written. progress, which may be nil, is told the bytes that were read of Content.Size.
func (f *Filter) Verify(ctx context.Context, progress func(int64)) error {
	hash, chunk := sha256.New(), make([]byte, 1<<20)
	all := int64(f.size()) - footerSize
	for at := int64(0); at < all; at += int64(len(chunk)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk = chunk[:min(int64(len(chunk)), all-at)]
		if err := readAt(f.source, chunk, at); err != nil {
			return err
		}
		hash.Write(chunk)
		if progress != nil {
			progress(at + int64(len(chunk)))
		}
	}
	if !bytes.Equal(hash.Sum(nil), f.sum[:]) {
		return ErrDamaged
	}
	return f.count(ctx)
}

// count decodes all buckets, which must have as many positions as the footer says.
func (f *Filter) count(ctx context.Context) error {
	var entries uint64
	for bucket := range f.buckets() {
		if bucket%(1<<12) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		content, err := f.read(bucket)
		if err != nil {
			return err
		}
		r := riceReader{bytes: content}
		for {
			if _, more := r.number(uint(f.bits)); !more {
				break
			}
			entries++
		}
	}
	if entries != f.entries {
		return ErrDamaged
	}
	return nil
}
