// Package spool holds what a client uploads while it is read and checked, in files that nobody else can read.
//
// A spooled file is encrypted under a key that is in this process's memory only, and has no name: when it is closed, or the
// process dies, it is gone. It is no place to keep anything; what is kept goes into the store. It knows nothing of what the bytes are.
//
// Begin with Dir.Create.
package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Dir is a directory for spooled files; "" is that of the system for temporary files. It should lie on a disk, not in memory.
type Dir string

// block is how many bytes are encrypted at a time.
const block = 64 << 10

// File is a spooled file: it is written from beginning to end, then read at any place. Reading is safe for many goroutines.
type File struct {
	file   *os.File
	aead   cipher.AEAD
	whole  bool // nothing is written any more
	size   int64
	number uint64 // of the block that is being filled
	filled []byte // of that block

	mu    sync.Mutex // held while a block is decrypted
	held  int64      // number of the block in plain; -1: none
	plain []byte
	coded []byte
}

// Create makes an empty file. It has no name from the moment that there is something in it.
func (d Dir) Create() (*File, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the program instead
	cipherOf, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(cipherOf)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(string(d), "upload-*")
	if err != nil {
		return nil, fmt.Errorf("make a file for an upload: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("take the name from the file of an upload: %w", err), file.Close())
	}
	return &File{file: file, aead: aead, held: -1, filled: make([]byte, 0, block)}, nil
}

// nonce is a block's number: each key has one file, and each block is written once.
func nonce(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), number)
}

// Write adds bytes.
func (f *File) Write(p []byte) (n int, err error) {
	if f.whole {
		return 0, errors.New("spool: it was written to its end")
	}
	for len(p) > 0 {
		take := min(len(p), block-len(f.filled))
		f.filled = append(f.filled, p[:take]...)
		p, n, f.size = p[take:], n+take, f.size+int64(take)
		if len(f.filled) == block {
			if err := f.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (f *File) flush() error {
	f.coded = f.aead.Seal(f.coded[:0], nonce(f.number), f.filled, nil)
	f.number++
	f.filled = f.filled[:0]
	if _, err := f.file.Write(f.coded); err != nil {
		return fmt.Errorf("write an upload to the disk: %w", err)
	}
	return nil
}

// End ends writing; from then on the file can be read.
func (f *File) End() error {
	if f.whole {
		return nil
	}
	f.whole = true
	if len(f.filled) == 0 {
		return nil
	}
	return f.flush()
}

// Size is how many bytes were written.
func (f *File) Size() int64 { return f.size }

// Reader reads the file from its beginning.
func (f *File) Reader() *io.SectionReader { return io.NewSectionReader(f, 0, f.size) }

// ReadAt implements io.ReaderAt. No byte is given that is not as it was written.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	if !f.whole {
		return 0, errors.New("spool: it is not written to its end")
	}
	if off < 0 {
		return 0, errors.New("spool: a place before the beginning")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(p) > 0 {
		if off >= f.size {
			return n, io.EOF
		}
		if err := f.hold(off / block); err != nil {
			return n, err
		}
		took := copy(p, f.plain[off%block:])
		p, n, off = p[took:], n+took, off+int64(took)
	}
	return n, nil
}

// hold has a block in plain. f.mu is held.
func (f *File) hold(number int64) error {
	if f.held == number {
		return nil
	}
	f.held = -1
	length := min(block, f.size-number*block) + int64(f.aead.Overhead())
	if int64(cap(f.coded)) < length {
		f.coded = make([]byte, block+f.aead.Overhead())
	}
	f.coded = f.coded[:length]
	if _, err := f.file.ReadAt(f.coded, number*int64(block+f.aead.Overhead())); err != nil {
		return fmt.Errorf("read an upload from the disk: %w", err)
	}
	plain, err := f.aead.Open(f.plain[:0], nonce(uint64(number)), f.coded, nil)
	if err != nil {
		return errors.New("the disk gave an upload back otherwise than it was written")
	}
	f.plain, f.held = plain, number
	return nil
}

// Close lets the file go.
func (f *File) Close() error { return f.file.Close() }
