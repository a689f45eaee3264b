// Package durablefile writes the files of a home and what is handed to a user: whole or not at all, on the disk when a function returns,
// and, where several processes share one, one after the other.
//
// It knows no content. The encrypted store has files of its own (package store).
//
// Begin with Write.
package durablefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Write replaces a file, and returns when it and its name are on the disk. A crash leaves the old file or the new one.
func Write(path string, content []byte, mode fs.FileMode) error {
	return place(path, content, mode, os.Rename)
}

// Create is Write for a file that must not be there: of two processes that create it at once one has an error that is fs.ErrExist,
// and reads what the other wrote.
func Create(path string, content []byte, mode fs.FileMode) error {
	return place(path, content, mode, func(from, to string) error { return errors.Join(os.Link(from, to), os.Remove(from)) })
}

// place writes beside the path and moves there.
func place(path string, content []byte, mode fs.FileMode, move func(from, to string) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	if err := move(file.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// SyncFolder makes names in a folder durable; where folders cannot be synced (Windows) names are kept by other means.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && runtime.GOOS != "windows" {
		return err
	}
	return nil
}

// Lock waits until no other holder has the lock of that name, in this process or another, and makes its empty file where there is none.
// The end of the process gives it back as well.
func Lock(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = LockFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return file.Close, nil
}
