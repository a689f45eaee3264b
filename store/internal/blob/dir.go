package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// partSuffix marks a file that is being written.
const partSuffix = ".part"

// Dir is a directory of blobs. One process owns it (the store's lock sees to that); its methods may be called
// concurrently.
type Dir struct {
	disk  disk
	root  *os.Root
	codec codec

	mu sync.Mutex
	// writing are the blobs that have a Writer; fresh are those that this process has committed, with the
	// time since when on the monotonic clock.
	writing map[[16]byte]bool
	fresh   map[[16]byte]time.Time
}

// disk are the steps that change the directory, apart so that each can be made to go wrong.
type disk interface {
	// create makes a file that is not there yet.
	create(name string) (sink, error)
	rename(from, to string) error
	remove(name string) error
	// sync makes names durable.
	sync() error
}

// sink is a file that is being written. Sync makes its contents durable.
type sink interface {
	io.WriteCloser
	Sync() error
}

// Open opens a directory, which must exist. Close it after the last Writer and Reader.
func Open(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the blobs: %w", err)
	}
	codec, err := newCodec()
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Dir{disk: rootDisk{root}, root: root, codec: codec,
		writing: map[[16]byte]bool{}, fresh: map[[16]byte]time.Time{}}, nil
}

// Close gives the directory back. It waits for nobody.
func (d *Dir) Close() error {
	d.codec.decoder.Close()
	return errors.Join(d.codec.encoder.Close(), d.root.Close())
}

// Remove deletes a blob durably; a missing one is ErrMissing. Take away the reference first. Whoever has it open reads on.
func (d *Dir) Remove(id [16]byte) error {
	if err := d.disk.remove(FileName(id)); err != nil {
		return fmt.Errorf("removing blob %x: %w", id, missing(err))
	}
	d.mu.Lock()
	delete(d.fresh, id)
	d.mu.Unlock()
	if err := d.disk.sync(); err != nil {
		return fmt.Errorf("removing blob %x: %w", id, err)
	}
	return nil
}

// missing gives absence its name.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return err
}

// All calls fn for each blob, in no order, until fn errs, with the length of its file in bytes and when it was written.
// Blobs being written and other files are passed over.
func (d *Dir) All(fn func(id [16]byte, stored int64, written time.Time) error) error {
	return d.files(func(name string, id [16]byte, info fs.FileInfo) error {
		if strings.HasSuffix(name, partSuffix) {
			return nil
		}
		return fn(id, info.Size(), info.ModTime())
	})
}

// files calls fn for each file of a blob, finished or not.
func (d *Dir) files(fn func(name string, id [16]byte, info fs.FileInfo) error) error {
	dir, err := d.root.Open(".")
	if err != nil {
		return fmt.Errorf("listing the blobs: %w", err)
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(1024)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing the blobs: %w", err)
		}
		for _, e := range entries {
			id, ok := idOf(strings.TrimSuffix(e.Name(), partSuffix))
			if !ok || !e.Type().IsRegular() {
				continue
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) { // removed since
				continue
			}
			if err != nil {
				return fmt.Errorf("listing the blobs: %w", err)
			}
			if err := fn(e.Name(), id, info); err != nil {
				return err
			}
		}
	}
}

// Swept is what Sweep took away.
type Swept struct {
	// Blobs and Parts count finished and unfinished files.
	Blobs, Parts int
	// Bytes is their length.
	Bytes int64
}

// Sweep removes orphans: blobs that nobody refers to, and what was left unfinished, unless younger than olderThan, which must
// exceed the longest time between a Commit and the transaction that stores its Ref. The age of what this
// process has committed is taken from the monotonic clock, so that no turned clock removes a
// blob on its way to its reference; of other files the time of writing counts. A blob with a Writer is never removed.
// referenced must look at the present state: it is asked after the file was seen. What was swept counts even
// with an error.
func (d *Dir) Sweep(referenced func(id [16]byte) bool, olderThan time.Duration) (Swept, error) {
	var swept Swept
	err := d.files(func(name string, id [16]byte, info fs.FileInfo) error {
		if d.age(id, info) <= olderThan || referenced(id) {
			return nil
		}
		if err := d.disk.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweeping the blobs: %w", err)
		}
		if strings.HasSuffix(name, partSuffix) {
			swept.Parts++
		} else {
			swept.Blobs++
		}
		swept.Bytes += info.Size()
		return nil
	})
	if err == nil && swept != (Swept{}) {
		if err = d.disk.sync(); err != nil {
			err = fmt.Errorf("sweeping the blobs: %w", err)
		}
	}
	d.forget(olderThan)
	return swept, err
}

// age is how long a file is finished; negative while it is being written.
func (d *Dir) age(id [16]byte, info fs.FileInfo) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writing[id] {
		return -1
	}
	if since, ok := d.fresh[id]; ok {
		return time.Since(since)
	}
	return time.Since(info.ModTime())
}

// forget lets the file's own time count for what is old by the monotonic clock.
func (d *Dir) forget(olderThan time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, since := range d.fresh {
		if time.Since(since) > olderThan {
			delete(d.fresh, id)
		}
	}
}

func (d *Dir) begin(id [16]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writing[id] = true
}

func (d *Dir) end(id [16]byte, committed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.writing, id)
	if committed {
		d.fresh[id] = time.Now()
	}
}

// rootDisk is the real directory.
type rootDisk struct{ root *os.Root }

func (d rootDisk) create(name string) (sink, error) {
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d rootDisk) rename(from, to string) error { return d.root.Rename(from, to) }

func (d rootDisk) remove(name string) error { return d.root.Remove(name) }

func (d rootDisk) sync() error {
	dir, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
