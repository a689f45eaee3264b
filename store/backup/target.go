package backup

import (
	"context"
	"errors"
	"io"
	"time"
)

// Target is a place for backups, shared by nobody but one installation. Names are of lower-case letters, digits, dashes, dots and
// single slashes. Errors name the target and what to do.
type Target interface {
	// Name tells people which it is; it holds no secret.
	Name() string
	// Put makes an object of all that from holds, or replaces it: durable when it returns nil, and never there in part. until is how
	// long the target shall refuse to remove or change it, where it can; zero: it may be removed at any time.
	Put(ctx context.Context, name string, from *io.SectionReader, until time.Time) error
	// Get opens an object; fs.ErrNotExist.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List lists the objects whose names begin with prefix, in order of names.
	List(ctx context.Context, prefix string) ([]Stored, error)
	// Remove removes an object for good, with all versions that the target keeps; one that is not there is no error. ErrHeld.
	Remove(ctx context.Context, name string) error
	// Hold prolongs how long an object is held, where the target can.
	Hold(ctx context.Context, name string, until time.Time) error
}

// Stored is an object on a target.
type Stored struct {
	Name    string
	Bytes   int64
	Written time.Time
}

// ErrHeld is returned by Target.Remove for an object whose time has not come.
var ErrHeld = errors.New("the target still holds it (object lock)")
