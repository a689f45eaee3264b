package backup

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Manifest says what belongs to a backup: version 1. It holds no secret. It lies on the target as a signed note under the key that signs
// the installation's checkpoints.
type Manifest struct {
	Version     int             `json:"version"`
	Backup      string          `json:"backup"`
	Install     store.ID        `json:"install"`
	Time        time.Time       `json:"time"`    // of the snapshot: what was committed by then is in it
	Program     string          `json:"program"` // version of qrsd
	Format      int             `json:"format"`  // of the store's folder
	Transaction uint64          `json:"transaction"`
	Generation  uint64          `json:"key_file_generation"`
	Root        string          `json:"root_key"` // id
	Recipients  []string        `json:"recipients"`
	Objects     []Object        `json:"objects"`
	Blobs       int             `json:"blobs"`
	BlobBytes   int64           `json:"blob_bytes"`
	Heads       []store.LogHead `json:"heads"`
	Keys        []string        `json:"keys"` // ids of all keys that existed
	Anchor      string          `json:"anchor"`
	FormatFile  string          `json:"format_file"`
}

// Kinds of objects.
const (
	kindDatabase = "database"
	kindKeys     = "keys"
	kindIndex    = "index"
	kindPack     = "pack"
)

// Object is an object of a backup on its target. Backups share packs.
type Object struct {
	Kind        string        `json:"kind"`
	Name        string        `json:"name"`
	Bytes       int64         `json:"bytes"`
	Digest      ledger.Digest `json:"sha256"` // as it is stored
	Plain       int64         `json:"plain_bytes"`
	PlainDigest ledger.Digest `json:"plain_sha256"`
}

// of are the objects of a kind.
func (m *Manifest) of(kind string) (all []Object) {
	for _, o := range m.Objects {
		if o.Kind == kind {
			all = append(all, o)
		}
	}
	return all
}

// one is the only object of a kind; check has seen that there is one.
func (m *Manifest) one(kind string) Object { return m.of(kind)[0] }

// StoredBytes is what the backup takes on its target, shared objects included.
func (m *Manifest) StoredBytes() (n int64) {
	for _, o := range m.Objects {
		n += o.Bytes
	}
	return n
}

const (
	manifests = "manifests/"
	databases = "databases/"
	indexes   = "indexes/"
	packs     = "packs/"
	keys      = "keys/"
	verified  = "verified/"
	erasures  = "erasures"
)

var (
	backupName = regexp.MustCompile(`^[0-9]{8}t[0-9]{6}z-[0-9a-f]{8}$`)
	objectName = regexp.MustCompile(`^(databases|indexes|packs|keys)/[0-9a-z-]{1,80}$`)
)

// maxManifest bounds a manifest: the ids of some hundred thousand keys and the heads of as many logs.
const maxManifest = 256 << 20

// maxReport bounds the report of a drill.
const maxReport = 16 << 20

// ErrManifest says that a manifest is not one that this version of qrsd can read, or was changed.
var ErrManifest = errors.New("the manifest cannot be used")

func (m *Manifest) check() error {
	switch {
	case m.Version != 1:
		return fmt.Errorf("%w: it is of version %d, this build knows 1: use the version of qrsd that wrote it, or a later one", ErrManifest, m.Version)
	case !backupName.MatchString(m.Backup) || m.Install.IsZero() || m.Time.IsZero():
		return fmt.Errorf("%w: backup %.80q of installation %s at %s", ErrManifest, m.Backup, m.Install, m.Time)
	}
	count := map[string]int{}
	for _, o := range m.Objects {
		count[o.Kind]++
		if !objectName.MatchString(o.Name) || o.Bytes < 0 || o.Plain < 0 {
			return fmt.Errorf("%w: object %.80q of %d bytes", ErrManifest, o.Name, o.Bytes)
		}
	}
	if count[kindDatabase] != 1 || count[kindKeys] != 1 || count[kindIndex] != 1 || count[kindPack] != len(m.Objects)-3 {
		return fmt.Errorf("%w: it names %v", ErrManifest, count)
	}
	return nil
}

// readManifest reads a manifest as it lies on the target. Its signature is verified by whoever has the keys: signed is what for.
func readManifest(ctx context.Context, t Target, name string) (m *Manifest, signed []byte, err error) {
	if !backupName.MatchString(name) {
		return nil, nil, fmt.Errorf("%.80q is no name of a backup, such as 20260102t030405z-0a1b2c3d: %w", name, store.ErrNotFound)
	}
	signed, err = readSmall(ctx, t, manifests+name, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s holds no backup %s: %w", t.Name(), name, store.ErrNotFound)
	}
	if err != nil {
		return nil, nil, err
	}
	text, _, found := bytes.Cut(signed, []byte("\n\n"))
	m = &Manifest{}
	if err := json.Unmarshal(text, m); err != nil || !found {
		return nil, signed, fmt.Errorf("%s, manifest of %s: %w: it is no signed note of JSON (%v)", t.Name(), name, ErrManifest, err)
	}
	if err := m.check(); err != nil {
		return nil, signed, fmt.Errorf("%s, manifest of %s: %w", t.Name(), name, err)
	}
	if m.Backup != name {
		return nil, signed, fmt.Errorf("%s, manifest of %s: %w: it is that of %s", t.Name(), name, ErrManifest, m.Backup)
	}
	return m, signed, nil
}

// genuineManifest reads a manifest and reports whether this installation has signed it.
func genuineManifest(ctx context.Context, t Target, name string, db *store.DB) (*Manifest, bool, error) {
	m, signed, err := readManifest(ctx, t, name)
	if errors.Is(err, ErrManifest) || errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	_, err = db.OpenDocument(signed)
	return m, err == nil, nil
}

// newestGenuine is the newest backup whose manifest this installation has signed; nil where there is none.
func newestGenuine(ctx context.Context, t Target, all []Listed, db *store.DB) (*Manifest, error) {
	for _, l := range slices.Backward(all) {
		if l.Manifest == nil {
			continue
		}
		if m, genuine, err := genuineManifest(ctx, t, l.Name, db); err != nil || genuine {
			return m, err
		}
	}
	return nil, nil
}

// readSmall reads an object into memory.
func readSmall(ctx context.Context, t Target, name string, most int64) ([]byte, error) {
	r, err := t.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(until(ctx, r), most+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("%s: reading %s: %w", t.Name(), name, err)
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s: %s has more than %d bytes", t.Name(), name, most)
	}
	return b, nil
}

// Listed is a backup on a target.
type Listed struct {
	Name     string    `json:"name"`
	Time     time.Time `json:"time"`
	Manifest *Manifest `json:"-"`               // nil where it cannot be read
	Verified bool      `json:"verified"`        // a drill has restored it
	Fault    string    `json:"fault,omitempty"` // why the manifest cannot be read
}

// List lists the backups on a target, oldest first. It needs no key.
func List(ctx context.Context, t Target) (all []Listed, err error) {
	stored, err := t.List(ctx, manifests)
	if err != nil {
		return nil, err
	}
	drilled, err := t.List(ctx, verified)
	if err != nil {
		return nil, err
	}
	good := map[string]bool{}
	for _, s := range drilled {
		good[strings.TrimPrefix(s.Name, verified)] = true
	}
	for _, s := range stored {
		name := strings.TrimPrefix(s.Name, manifests)
		if !backupName.MatchString(name) {
			continue
		}
		l := Listed{Name: name, Verified: good[name]}
		m, _, err := readManifest(ctx, t, name)
		switch {
		case errors.Is(err, ErrManifest):
			l.Fault, l.Time = err.Error(), s.Written
		case err != nil:
			return nil, err
		default:
			l.Manifest, l.Time = m, m.Time
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b Listed) int { return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Name, b.Name)) })
	return all, nil
}

// newest is the newest backup that can be read; nil where there is none. verifiedOnly: that a drill has restored.
func newest(all []Listed, verifiedOnly bool) *Manifest {
	for _, l := range slices.Backward(all) {
		if l.Manifest != nil && (l.Verified || !verifiedOnly) {
			return l.Manifest
		}
	}
	return nil
}
