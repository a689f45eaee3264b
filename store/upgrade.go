package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/durable"
)

// A directory has one format (format.go); records have schemas of their own (Define), which need no migration. A change of the
// directory's format is a step in migrations. Open takes all steps that are missing, before anything else is opened:
//
//	1 the files that a step may change are copied into before-format-N, once
//	2 the step runs; cut short, it runs again from its beginning
//	3 format.json says N+1, which is the commit point of the step
//
// So a kill at any moment leaves a directory of format N, in which the next Open goes on, or of N+1. A build that does not know N+1
// refuses it without touching anything.

// LaterFormatError says that a later version of qrsd wrote the store. Nothing was changed.
type LaterFormatError struct {
	Format int // of the store
	Known  int // the latest that this build knows
}

func (e *LaterFormatError) Error() string {
	return fmt.Sprintf("the store is in format %d, this version of qrsd knows formats up to %d: a later version has changed it, and an earlier one would damage it. Use the version that wrote it, or a later one; "+
		"or restore a backup that the earlier version made (qrsd backup list shows formats), which loses what was done since", e.Format, e.Known)
}

// FormatVersion is the latest format of a store's directory that this build knows.
const FormatVersion = formatVersion

// migration brings a directory from one format to the next. It must be safe to run again after it was cut short anywhere, and
// leave the files of tenants' blobs as they are.
type migration func(dir string) error

// migrations, by the format they begin at.
var migrations = map[int]migration{}

func migrate(dir string, f *format) error { return migrateBy(dir, f, formatVersion, migrations) }

func migrateBy(dir string, f *format, to int, steps map[int]migration) error {
	for f.Format < to {
		step, ok := steps[f.Format]
		if !ok {
			return fmt.Errorf("no migration from format %d to %d", f.Format, to)
		}
		if err := keepBefore(dir, f.Format); err != nil {
			return fmt.Errorf("copy the store before it is migrated from format %d (nothing was changed; make room on its disk if that is what is missing): %w", f.Format, err)
		}
		if err := step(dir); err != nil {
			return fmt.Errorf("migrate the store from format %d (opening it again goes on; its files of before are in %s): %w", f.Format, beforeName(f.Format), err)
		}
		next := *f
		next.Format++
		if err := next.write(dir); err != nil {
			return err
		}
		*f = next
	}
	return nil
}

const (
	beforePrefix = "before-format-"
	makingSuffix = ".making"
)

func beforeName(format int) string { return fmt.Sprintf("%s%d", beforePrefix, format) }

// keepBefore copies the files of a directory, without blobs, into a folder within it. A copy that is there is whole, and of before the
// step began.
func keepBefore(dir string, format int) error {
	to := filepath.Join(dir, beforeName(format))
	if _, err := os.Lstat(to); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	making := to + makingSuffix
	if err := os.RemoveAll(making); err != nil {
		return err
	}
	if err := os.Mkdir(making, 0o700); err != nil {
		return err
	}
	for _, name := range []string{databaseFile, keysFile, formatFile, anchorFile} {
		err := copyFile(filepath.Join(dir, name), filepath.Join(making, name))
		if errors.Is(err, fs.ErrNotExist) { // an anchor that is kept elsewhere, or what this format did not have
			continue
		}
		if err != nil {
			return errors.Join(err, os.RemoveAll(making))
		}
	}
	if err := durable.SyncFolder(making); err != nil {
		return err
	}
	if err := os.Rename(making, to); err != nil {
		return err
	}
	return durable.SyncFolder(dir)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// beforeKept is for how long the files of before a migration are kept.
const beforeKept = 35 * 24 * time.Hour

// dropBefore removes what was kept before migrations: all of it after an erasure, for the erased keys are in it, else what is old.
func (db *DB) dropBefore(all bool) error {
	entries, err := os.ReadDir(db.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), beforePrefix) {
			continue
		}
		info, err := e.Info()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil || !all && db.now().Sub(info.ModTime()) < beforeKept {
			continue
		}
		if err := wipeAll(filepath.Join(db.dir, e.Name())); err != nil {
			return fmt.Errorf("removing what was kept before a migration: %w", err)
		}
	}
	return nil
}

// wipeAll overwrites the key file of a copy and removes the copy.
func wipeAll(folder string) error {
	path := filepath.Join(folder, keysFile)
	if info, err := os.Stat(path); err == nil {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(make([]byte, info.Size()))
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return os.RemoveAll(folder)
}
