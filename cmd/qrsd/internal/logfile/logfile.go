// Package logfile keeps the daemon's log in files of a bounded size and number, and its last lines in memory.
//
// It knows nothing of lines' contents. What is in the journal of systemd is not here.
//
// Begin with Open.
package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
)

// File is a log file: when it would outgrow its size it is renamed to its name with .1, the one of that name to .2, and so on; the oldest is
// removed. Only its owner may read it. It is safe for many goroutines, of one process.
type File struct {
	path string
	size int64 // of one file at most, in bytes
	kept int   // old files

	mu      sync.Mutex
	file    *os.File
	written int64 // to file
	failed  error // of the last writing; nil: it was written
}

// Open opens a log file to write at its end. Its folder must be there.
func Open(path string, size int64, kept int) (*File, error) {
	f := &File{path: path, size: size, kept: kept}
	return f, f.open()
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log file: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("opening the log file: %w", err), file.Close())
	}
	f.file, f.written = file, info.Size()
	return nil
}

// Write writes whole lines. A line is never parted between two files. That it cannot be written, on a full disk for instance, is no
// error, because a log must not stop what it tells of: Failed says so.
func (f *File) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = f.write(lines)
	return len(lines), nil
}

func (f *File) write(lines []byte) error {
	if f.file == nil { // a rotation was cut short
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.written > 0 && f.written+int64(len(lines)) > f.size {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(lines)
	f.written += int64(n)
	return err
}

// rotate renames from the oldest on, so that a crash in between loses none of them.
func (f *File) rotate() error {
	if err := f.file.Close(); err != nil {
		return err
	}
	f.file = nil
	for i := f.kept; i >= 1; i-- {
		from := f.name(i - 1)
		if err := os.Rename(from, f.name(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating the log file: %w", err)
		}
	}
	if f.kept == 0 {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating the log file: %w", err)
		}
	}
	return f.open()
}

func (f *File) name(i int) string {
	if i == 0 {
		return f.path
	}
	return f.path + "." + strconv.Itoa(i)
}

// Failed is why the last line could not be written; nil: it was.
func (f *File) Failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// Close closes the file. Lines that come afterwards open it again.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// Tail reads the last lines of a log and of the file before it, of at most so many bytes, whole lines only.
func Tail(path string, most int64) ([]byte, error) {
	text, err := tail(path, most)
	if err != nil {
		return nil, err
	}
	if left := most - int64(len(text)); left > 0 {
		before, err := tail(path+".1", left)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		text = append(before, text...)
	}
	return text, nil
}

func tail(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(info.Size()-most, 0)
	text := make([]byte, info.Size()-from)
	n, err := f.ReadAt(text, from)
	if err != nil && n < len(text) {
		return nil, err
	}
	if from > 0 { // the first line is a part
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, nil
}

// Ring is the last lines of a log in memory. It is safe for many goroutines. The zero value keeps nothing: see NewRing.
type Ring struct {
	most int

	mu    sync.Mutex
	lines [][]byte
	size  int
}

// NewRing keeps lines of at most so many bytes together.
func NewRing(most int) *Ring { return &Ring{most: most} }

// Write keeps what is written as one line, and forgets the oldest ones for it.
func (r *Ring) Write(line []byte) (int, error) {
	if len(line) > r.most {
		return len(line), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines, r.size = append(r.lines, bytes.Clone(line)), r.size+len(line)
	drop := 0
	for ; r.size > r.most; drop++ {
		r.size -= len(r.lines[drop])
	}
	r.lines = r.lines[drop:]
	return len(line), nil
}

// Lines is what is kept, oldest first.
func (r *Ring) Lines() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Join(r.lines, nil)
}
