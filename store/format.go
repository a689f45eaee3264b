package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/durable"
)

// formatVersion is that of the directory as a whole. A change of it comes with a migration.
const formatVersion = 1

const formatFile = "format.json"

// format is the file that makes a directory a store. It holds no secret.
type format struct {
	Format  int       `json:"format"`
	Install ID        `json:"install"`
	Created time.Time `json:"created"`
}

func (f format) write(dir string) error { return writeSummed(filepath.Join(dir, formatFile), f) }

func readFormat(dir string) (f format, err error) {
	err = readSummed(filepath.Join(dir, formatFile), &f)
	if errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("%s holds no store (no %s); make one with qrsd init: %w", dir, formatFile, ErrNotFound)
	}
	if err != nil {
		return f, fmt.Errorf("%w: put it back from a backup", err)
	}
	if f.Format > formatVersion {
		return f, &LaterFormatError{Format: f.Format, Known: formatVersion}
	}
	if f.Format < 1 || f.Install.IsZero() {
		return f, fmt.Errorf("%s: %w: format %d or installation %s is not valid: put it back from a backup", formatFile, ErrDamaged, f.Format, f.Install)
	}
	return f, nil
}

// mayCreate makes the directory, or finds in it nothing but what a creation that was cut short, or is at work, leaves.
func mayCreate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	_, err := leftovers(dir)
	return err
}

// leftovers lists what a creation left in a directory; any other file is an error.
func leftovers(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	leftover := map[string]bool{databaseFile: true, keysFile: true, blobFolder: true, "LOCK": true, "ballast": true, anchorFile: true}
	for _, e := range entries {
		if e.Name() == formatFile {
			return nil, fmt.Errorf("%s holds a store: %w", dir, ErrExists)
		}
		if !leftover[e.Name()] && !durable.IsTemporary(e.Name()) {
			return nil, fmt.Errorf("%s is not empty (%s): name a new or empty directory for the store", dir, e.Name())
		}
		if e.Name() != "LOCK" {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// clearForCreate removes what a creation that was cut short left. The caller holds the directory's lock: so no other
// creation is at work there.
func clearForCreate(dir string) error {
	names, err := leftovers(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
