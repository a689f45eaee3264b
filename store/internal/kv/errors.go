package kv

import (
	"errors"
	"fmt"
)

// What callers tell apart; the types below besides.
var (
	// ErrClosed is returned by everything after Close.
	ErrClosed = errors.New("the database file is closed")
	// ErrReadTooLong ends reads that took longer than Options.ReadBudget: a snapshot held open makes the file grow with
	// every change. Read in pages, or stream what is large through blobs.
	ErrReadTooLong = errors.New("the read took longer than its budget and its snapshot was given back; read less at a time")
	// ErrFsync says that a write could not be made durable and that what is on the disk is unknown, the last changes
	// included, whose outcome shows after reopening. The file takes no further change until then; reads go on.
	ErrFsync = errors.New("a change could not be made durable; its outcome is unknown until the database file is opened again")
	// ErrCorrupt is what every [CorruptError] is.
	ErrCorrupt = errors.New("the database file is damaged")
)

// CorruptError names a damaged place. errors.Is(err, ErrCorrupt) holds for it.
type CorruptError struct {
	Where  string // file, page or address; never contents
	Reason string
}

func (e CorruptError) Error() string {
	return fmt.Sprintf("%v: %s: %s; restore it from a backup", ErrCorrupt, e.Where, e.Reason)
}

// Is makes a CorruptError an [ErrCorrupt].
func (e CorruptError) Is(target error) bool { return target == ErrCorrupt }

// ErrReadOnly refuses a change because the disk is nearly full. Essential ops still pass.
type ErrReadOnly struct {
	Free, Need int64 // bytes free on the file system, and how many the change needs it to have
}

func (e ErrReadOnly) Error() string {
	return fmt.Sprintf("disk nearly full: %s free, %s needed; changes are refused until space is made, reading and exporting still work",
		mebibytes(e.Free), mebibytes(e.Need))
}

// ErrTooLarge refuses a change that would take the file past Options.MaxSize.
type ErrTooLarge struct {
	Size, Max int64 // bytes in use, and the limit
}

func (e ErrTooLarge) Error() string {
	return fmt.Sprintf("database file full: %s in use of at most %s; erase what is not needed and compact, or raise the limit",
		mebibytes(e.Size), mebibytes(e.Max))
}

// ErrInUse says that another process has the directory or file open.
type ErrInUse struct {
	Path string
	PID  int // of the holder, 0 where unknown
}

func (e ErrInUse) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is in use by another process; stop it first", e.Path)
	}
	return fmt.Sprintf("%s is in use by process %d; stop it first", e.Path, e.PID)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
