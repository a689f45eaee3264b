package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A rewrite of the key file, step by step. F is the file, F.new the next one, F.old a second name of the one before.
//
//	1 create F.new    2 write    3 fsync    4 link F to F.old    5 rename F.new to F    6 fsync the directory
//	--- the change is durable ---
//	7 overwrite F.old with zeros, fsync    8 remove F.old
//
// A crash before 5 leaves F as it was, after 5 F as it shall be. What lies about is tidied at the next unlock, once the
// directory was fsynced:
// F.old is overwritten, unless it is F itself (a crash between 4 and 5), which the i-node tells. The name F.old exists because an
// unlinked file cannot be found again after a crash, and its blocks hold keys.
//
// A failure of 1 to 4 changes nothing. When 5 fails, what F says tells whether it took effect. A failure of 6 leaves the matter open
// until the file is opened again: [ErrUncertain].

// disk does the single steps; tests fail every one of them, without and with effect.
type disk interface {
	create(path string) (*os.File, error) // for writing, must not exist, mode 0600
	write(f *os.File, data []byte) error  // appends
	sync(f *os.File) error
	link(from, to string) error
	rename(from, to string) error
	remove(path string) error
	syncDir(path string) error
}

type osDisk struct{}

func (osDisk) create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}
func (osDisk) write(f *os.File, data []byte) error { _, err := f.Write(data); return err }
func (osDisk) sync(f *os.File) error               { return f.Sync() }
func (osDisk) link(from, to string) error          { return os.Link(from, to) }
func (osDisk) rename(from, to string) error        { return os.Rename(from, to) }
func (osDisk) remove(path string) error            { return os.Remove(path) }
func (osDisk) syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// keyFile is the place of the key file and the way to it.
type keyFile struct {
	path string
	disk disk
}

func (k keyFile) next() string { return k.path + ".new" }
func (k keyFile) old() string  { return k.path + ".old" }

// read returns the whole file, refusing what no ring can have written.
func (k keyFile) read() ([]byte, error) {
	f, err := os.Open(k.path)
	if err != nil {
		return nil, fmt.Errorf("opening the key file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("key file %s: %w: it has more than %d bytes", k.path, ErrDamaged, maxFile)
	}
	return data, nil
}

// first makes data the first key file; nothing is there before.
func (k keyFile) first(data []byte) error {
	if err := k.stage(data); err != nil {
		return err
	}
	if err := k.disk.rename(k.next(), k.path); err != nil {
		return fmt.Errorf("putting the key file in place: %w", err)
	}
	if err := k.disk.syncDir(filepath.Dir(k.path)); err != nil {
		return fmt.Errorf("writing the directory of the key file: %w", err)
	}
	return nil
}

// replace makes data the key file. committed says that the change is durable; an error beside it is about what was left of the
// file before. Without committed the file is as it was, or the error is ErrUncertain.
func (k keyFile) replace(data []byte) (committed bool, err error) {
	if err := k.tidy(); err != nil {
		return false, fmt.Errorf("clearing away after an interrupted change: %w", err)
	}
	if err := k.stage(data); err != nil {
		return false, errors.Join(err, k.tidy())
	}
	if err := k.disk.link(k.path, k.old()); err != nil {
		return false, errors.Join(fmt.Errorf("giving the key file a second name (the file system must allow hard links): %w", err), k.tidy())
	}
	if err := k.disk.rename(k.next(), k.path); err != nil {
		err = fmt.Errorf("putting the key file in place: %w", err)
		if now, e := k.read(); e != nil || string(now) == string(data) {
			return false, fmt.Errorf("%w: %w", ErrUncertain, err)
		}
		return false, errors.Join(err, k.tidy())
	}
	if err := k.disk.syncDir(filepath.Dir(k.path)); err != nil {
		return false, fmt.Errorf("writing the directory of the key file: %w: %w", ErrUncertain, err)
	}
	return true, k.tidy()
}

// stage writes F.new durably.
func (k keyFile) stage(data []byte) error {
	f, err := k.disk.create(k.next())
	if err != nil {
		return fmt.Errorf("making the next key file: %w", err)
	}
	if err = k.disk.write(f, data); err == nil {
		err = k.disk.sync(f)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("writing the next key file: %w", err)
	}
	return nil
}

// tidy overwrites and removes what an interrupted change left behind; nothing to do is no error.
func (k keyFile) tidy() error {
	for _, path := range []string{k.next(), k.old()} {
		if err := k.destroy(path); err != nil {
			return err
		}
	}
	return nil
}

// destroy overwrites a file with zeros and removes it. A second name of the key file itself is only removed.
func (k keyFile) destroy(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the key file before: %w", err)
	}
	live, err := os.Stat(k.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking at the key file: %w", err)
	}
	if info.Mode().IsRegular() && (live == nil || !os.SameFile(info, live)) {
		if err := k.overwrite(path, info.Size()); err != nil {
			return fmt.Errorf("overwriting the key file before: %w", err)
		}
	}
	if err := k.disk.remove(path); err != nil {
		return fmt.Errorf("removing the key file before: %w", err)
	}
	return nil
}

func (k keyFile) overwrite(path string, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	zeros := make([]byte, min(size, 1<<20))
	for done := int64(0); done < size; done += int64(len(zeros)) {
		if err := k.disk.write(f, zeros[:min(int64(len(zeros)), size-done)]); err != nil {
			return err
		}
	}
	return k.disk.sync(f)
}
