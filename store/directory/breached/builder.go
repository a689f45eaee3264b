package breached

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Options of a list to be. The zero value is right.
type Options struct {
	// Bits say how rarely a password that is not in the list is taken for known: once in 2^Bits times. Each one more costs a bit per
	// password. 4 to 24; 0: 14, once in 16,384 times, with two bytes per password.
	Bits int
	// Folder is where hashes wait that do not fit into memory, eight bytes each. "": the system's folder for temporary files.
	Folder string
	// Memory is how many hashes are sorted at once, eight bytes each; 0: 4 million.
	Memory int
}

const defaultMemory = 4 << 20

// Builder makes the file of a [Filter] from hashes in any order, some of them possibly twice. What it holds in memory does not depend on their
// number. Close it. It is for one goroutine.
type Builder struct {
	o     Options
	lines uint64
	chunk []uint64 // keys, not sorted yet
	spill *os.File // sorted runs, one after the other; nil: none yet
	runs  []run
}

// run is a part of the spill file.
type run struct{ begin, end int64 }

// NewBuilder begins a list. An error names the option that cannot be.
func NewBuilder(o Options) (*Builder, error) {
	if o.Bits == 0 {
		o.Bits = defaultBits
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.Bits < minBits || o.Bits > maxBits || o.Memory < 1 {
		return nil, fmt.Errorf("list of known passwords: bits %d, memory %d: bits must lie in %d to %d, memory be positive", o.Bits, o.Memory, minBits, maxBits)
	}
	return &Builder{o: o}, nil
}

// Lines is how many hashes were added.
func (b *Builder) Lines() uint64 { return b.lines }

// Add adds a password's hash.
func (b *Builder) Add(h Hash) error {
	if b.lines == maxLines {
		return fmt.Errorf("list of known passwords: more than %d hashes", uint64(maxLines))
	}
	if len(b.chunk) == b.o.Memory {
		if err := b.spillChunk(); err != nil {
			return fmt.Errorf("list of known passwords: keeping hashes in a temporary file: %w", err)
		}
	}
	if b.chunk == nil {
		b.chunk = make([]uint64, 0, min(b.o.Memory, 1<<16))
	}
	b.chunk = append(b.chunk, h.key())
	b.lines++
	return nil
}

// spillChunk writes what is in memory as one more sorted run.
func (b *Builder) spillChunk() (err error) {
	if b.spill == nil {
		if b.spill, err = os.CreateTemp(b.o.Folder, ".passwords-*"); err != nil {
			return err
		}
	}
	slices.Sort(b.chunk)
	begin := int64(0)
	if n := len(b.runs); n > 0 {
		begin = b.runs[n-1].end
	}
	w := bufio.NewWriterSize(b.spill, 1<<18)
	var buffer [8]byte
	for _, k := range b.chunk {
		binary.BigEndian.PutUint64(buffer[:], k)
		if _, err := w.Write(buffer[:]); err != nil {
			return err
		}
	}
	b.runs = append(b.runs, run{begin, begin + int64(len(b.chunk))*8})
	b.chunk = b.chunk[:0]
	return w.Flush()
}

// Close removes the temporary file.
func (b *Builder) Close() error {
	if b.spill == nil {
		return nil
	}
	err := errors.Join(b.spill.Close(), os.Remove(b.spill.Name()))
	b.spill = nil
	return err
}

// Write writes the file and gives what is in it. It can be called once, after which nothing can be added. progress, which may be nil, is told how
// many hashes are written; it ends at less than [Builder.Lines] where some are there twice.
func (b *Builder) Write(ctx context.Context, to io.Writer, progress func(done uint64)) (Content, error) {
	if b.lines == 0 {
		return Content{}, errors.New("list of known passwords: there is not one hash to put into it")
	}
	slices.Sort(b.chunk)
	keys, err := b.merge()
	if err != nil {
		return Content{}, err
	}
	w := newFileWriter(to, footer{bits: uint8(b.o.Bits), lines: b.lines})
	for n := uint64(0); ; n++ {
		if n%(1<<16) == 0 {
			if err := ctx.Err(); err != nil {
				return Content{}, err
			}
			if progress != nil {
				progress(n)
			}
		}
		key, more, err := keys.next()
		if err != nil {
			return Content{}, fmt.Errorf("list of known passwords: reading the temporary file: %w", err)
		}
		if !more {
			break
		}
		if err := w.add(key); err != nil {
			return Content{}, err
		}
	}
	if err := w.finish(); err != nil {
		return Content{}, err
	}
	return (&Filter{footer: w.footer}).Content(), nil
}

// fileWriter writes the file from keys in order.
type fileWriter struct {
	to     *bufio.Writer
	summed io.Writer // to, and into the SHA-256
	hash   interface{ Sum([]byte) []byte }
	rice   riceWriter
	bucket uint64 // that is being filled
	last   uint64 // position written into it
	begun  bool   // whether there is one
	index  []byte
	footer
}

func newFileWriter(to io.Writer, f footer) *fileWriter {
	hash := sha256.New()
	w := &fileWriter{to: bufio.NewWriterSize(to, 1<<18), hash: hash, footer: f}
	w.summed = io.MultiWriter(w.to, hash)
	w.index = make([]byte, 0, f.buckets()*entrySize)
	_, _ = w.summed.Write([]byte(magic)) // the writer keeps its first error until Flush
	return w
}

// add writes a key's position, unless it is there already.
func (w *fileWriter) add(key uint64) error {
	position := w.position(key)
	for w.bucket < w.footer.bucket(position) {
		if err := w.next(); err != nil {
			return err
		}
	}
	switch {
	case !w.begun:
		w.rice.number(position-w.base(w.bucket), uint(w.bits))
	case position == w.last:
		return nil
	case position < w.last:
		panic("breached: keys are not in order")
	default:
		w.rice.number(position-w.last-1, uint(w.bits))
	}
	w.last, w.begun = position, true
	w.entries++
	return nil
}

// next ends a bucket.
func (w *fileWriter) next() error {
	content := w.rice.end()
	if len(content) > maxBucket {
		return fmt.Errorf("list of known passwords: too many of the hashes lie at one place (part %d of %d): they are no SHA-1 of passwords", w.bucket+1, w.buckets())
	}
	begin := w.length
	w.length += uint64(len(content))
	w.index = entry{w.length, bucketSum(w.bucket, begin, content)}.append(w.index)
	_, err := w.summed.Write(content)
	w.rice.reset()
	w.bucket, w.begun = w.bucket+1, false
	return err
}

// finish writes the last buckets, index and footer.
func (w *fileWriter) finish() error {
	for w.bucket < w.buckets() {
		if err := w.next(); err != nil {
			return err
		}
	}
	_, _ = w.summed.Write(w.index)
	w.hash.Sum(w.sum[:0])
	_, _ = w.to.Write(w.encode())
	return w.to.Flush()
}
