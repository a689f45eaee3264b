package kv

import (
	"fmt"
	"os"
	"path/filepath"
)

// Every durable step of this package outside of bbolt is one of these; the fault campaign stands in front of them.

// renameDurably gives a closed or synced file another name and makes that durable, its contents included.
func renameDurably(from, to string) error {
	if err := syncPath(from); err != nil {
		return err
	}
	if err := rename(from, to); err != nil {
		return err
	}
	return syncPath(filepath.Dir(to))
}

// rename gives a file another name, taking it from whatever had it.
func rename(from, to string) error { return os.Rename(from, to) }

// syncPath makes a file's contents, or the names in a directory, durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}
