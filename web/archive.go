package web

import (
	"archive/zip"
	"errors"
	"io"
	"strings"
)

// What an archive may hold. A file of CSV packs to a tenth or a twentieth; what packs to a hundredth is made to fill a disk.
const (
	maxEntries   = 10
	maxRatio     = 100
	maxHarmless  = 1 << 20 // bytes that may come out of any archive
	maxDirectory = 1 << 20 // bytes that are read to find out what is in it
)

// unpack spools the files of an archive. What it says of its sizes is not believed.
func (t *taking) unpack(archive *spooled) error {
	directory := &budgeted{from: archive, left: maxDirectory}
	z, err := zip.NewReader(directory, archive.Size())
	if err != nil {
		return badField("/archive", clipped(archive.name)+" is not a zip archive, is damaged, or holds too much")
	}
	directory.left = -1 // what follows is bounded by what comes out
	if len(z.File) > maxEntries {
		return badField("/archive", "an archive has at most 10 files")
	}
	left := min(t.limits.Upload, max(maxHarmless, maxRatio*archive.Size()))
	for _, entry := range z.File {
		role, err := roleOf(entry)
		if err != nil {
			return err
		}
		f, err := t.extract(entry, role, left)
		if err != nil {
			return err
		}
		left -= f.Size()
		if err := t.give(role, f); err != nil {
			return err
		}
	}
	return nil
}

// extract spools one file of an archive, up to the bytes that are left.
func (t *taking) extract(entry *zip.File, role string, left int64) (*spooled, error) {
	left = min(left, max(maxHarmless, maxRatio*int64(min(entry.CompressedSize64, 1<<40))))
	from, err := entry.Open()
	if err != nil {
		return nil, damagedEntry(entry)
	}
	defer func() { _ = from.Close() }() // nothing of it is left to be known
	counted := &io.LimitedReader{R: from, N: left + 1}
	f, err := t.spool(entry.Name, counted)
	switch {
	case counted.N <= 0:
		return nil, badField("/archive", clipped(entry.Name)+" unpacks to more than an upload may hold, or than 100 times its packed size")
	case errors.Is(err, errSpool):
		return nil, err
	case err != nil:
		return nil, damagedEntry(entry)
	}
	return f, nil
}

func damagedEntry(entry *zip.File) error {
	return badField("/archive", clipped(entry.Name)+" in the archive is damaged, or packed in a way that is not read; pack it again")
}

// roleOf tells by its name what a file of an archive is, and refuses names that are no names of files.
func roleOf(entry *zip.File) (role string, err error) {
	shown := clipped(entry.Name)
	if strings.ContainsAny(entry.Name, `/\:`) || strings.Contains(entry.Name, "..") {
		return "", badField("/archive", shown+" has a path in its name: pack the files without folders")
	}
	if entry.Flags&1 != 0 {
		return "", badField("/archive", shown+" is encrypted: pack it without a password")
	}
	name := strings.ToLower(entry.Name)
	location, account := strings.Contains(name, "loc"), strings.Contains(name, "acc")
	switch {
	case strings.Contains(name, "ri_info") || strings.Contains(name, "ri_scope") || strings.Contains(name, "reins"):
		return "", badField("/archive", shown+": reinsurance files are not taken; pack location and account alone")
	case location && !account:
		role = "location"
	case account && !location:
		role = "account"
	default:
		return "", badField("/archive", shown+" is not known by its name: name the files location.csv and account.csv, or .parquet")
	}
	_, err = fileName(entry.Name, role)
	return role, err
}

// budgeted bounds how much is read while the directory of an archive is looked for: it can be made as long as the archive.
type budgeted struct {
	from io.ReaderAt
	left int64 // negative: no bound
}

var errBudget = errors.New("the archive's directory is too long")

// ReadAt implements io.ReaderAt.
func (b *budgeted) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			b.left = 0
			return 0, errBudget
		}
	}
	return b.from.ReadAt(p, off)
}
