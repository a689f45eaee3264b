// Package durable writes whole files so that a crash leaves the old or the new one, never a part.
//
// Begin with WriteFile.
package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const suffix = ".part"

// WriteFile replaces a file: a temporary file beside it is written and synced, renamed over it, and the folder
// synced. When it returns nil the content survives a power failure.
func WriteFile(path string, content []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+suffix)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	temporary := f.Name()
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(temporary)
			err = fmt.Errorf("write %s: %w", filepath.Base(path), err)
		}
	}()
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// IsTemporary reports whether a name is that of a file that WriteFile was writing when it was cut short.
func IsTemporary(name string) bool { return strings.HasSuffix(name, suffix) }

// SyncFolder makes renames and removals in a folder durable.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}
