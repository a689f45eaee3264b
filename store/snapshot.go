package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Erasure is the key file's account of an erasure, authenticated by a key of the installation that outlives every root key:
// it can be kept anywhere, and be repeated on an older key file.
type Erasure = keyring.Erasure

// Snapshot is a store as it stood at one moment, for a backup: copies of its files, and the blobs that belong to them, which
// stay where they are until Release. Nothing in it is readable without the store's key.
type Snapshot struct {
	Install     ID
	Format      int
	Time        time.Time
	Database    string // path of the copy of main.db
	Bytes       int64  // of it
	Transaction uint64
	Keys        []byte   // the key file
	Generation  uint64   // of it
	Root        string   // id of its root key
	KeyIDs      []string // of all keys in it, in order
	Anchor      []byte   // the anchor file
	FormatFile  []byte   // format.json
	Erased      []Erasure
	Heads       []LogHead // of all logs; the copy of the database has at least these

	db       *DB
	released bool
}

// Snapshot copies the store's files into an existing folder on a local disk, while reading and writing go on; changes of keys
// wait. Until Release no blob that the copy refers to is removed, but those of tenants that are erased. The caller enters
// what came of it; a refusal leaves its entry.
func (db *DB) Snapshot(ctx context.Context, p Principal, folder string) (_ *Snapshot, err error) {
	t := db.appliance(p)
	if err := t.permit(ctx, Action{Verb: rights.BackupCreate}); err != nil {
		return nil, err
	}
	if err := kv.RoomFor(folder, 2*db.kv.Stats().Size); err != nil { // the copy, and it encrypted or restored
		return nil, err
	}
	if err := db.checkpoint(ctx); err != nil {
		return nil, err
	}
	s := &Snapshot{Install: db.format.Install, Format: db.format.Format, db: db}
	db.pin(1)
	defer func() {
		if err != nil {
			s.Release()
		}
	}()
	if s.Heads, err = db.allHeads(ctx); err != nil {
		return nil, fmt.Errorf("the heads of the logs: %w", err)
	}
	db.changing.Lock() // key file and database are of one moment
	defer db.changing.Unlock()
	return s, s.copy(ctx, folder)
}

// copy takes the anchor first, which may be older than the database, and the key file last, which may be newer.
func (s *Snapshot) copy(ctx context.Context, folder string) (err error) {
	db := s.db
	if s.Anchor, err = os.ReadFile(db.anchor.path); err != nil {
		return fmt.Errorf("the anchor: %w", err)
	}
	if s.FormatFile, err = os.ReadFile(filepath.Join(db.dir, formatFile)); err != nil {
		return err
	}
	s.Time, s.Database = db.now().UTC(), filepath.Join(folder, databaseFile)
	if s.Transaction, s.Bytes, err = db.kv.Snapshot(ctx, s.Database); err != nil {
		return err
	}
	if s.Keys, err = os.ReadFile(filepath.Join(db.dir, keysFile)); err != nil {
		return err
	}
	s.Generation, s.Root, s.Erased = db.ring.Generation(), db.ring.Root().KeyID.String(), db.ring.Erased()
	s.KeyIDs = db.keyIDs()
	return nil
}

// keyIDs are the ids of every key-encryption and data key that exists.
func (db *DB) keyIDs() (all []string) {
	for _, o := range db.ring.Owners() {
		all = append(all, o.KeyID.String())
		for _, k := range o.DataKeys {
			all = append(all, k.KeyID.String())
		}
	}
	slices.Sort(all)
	return all
}

func (db *DB) allHeads(ctx context.Context) (all []LogHead, err error) {
	ids, err := db.tenantIDs(ctx)
	for _, id := range ids {
		for _, kind := range []LogKind{AuditLog, Lineage} {
			h, failed := db.head(ctx, db.logOf(id, kind))
			if err = errors.Join(err, failed); failed == nil && h.Size > 0 {
				all = append(all, h)
			}
		}
	}
	return all, err
}

// Release lets blobs be removed again. It may be called twice.
func (s *Snapshot) Release() {
	if !s.released {
		s.released = true
		s.db.pin(-1)
	}
}

// pin counts the snapshots whose blobs must stay.
func (db *DB) pin(n int) {
	db.folding.Lock()
	defer db.folding.Unlock()
	db.pinned += n
}

func (db *DB) isPinned() bool {
	db.folding.Lock()
	defer db.folding.Unlock()
	return db.pinned > 0
}

// StoredBlob is a blob's file: encrypted, and never changed once it has its name.
type StoredBlob struct {
	Tenant ID
	Name   string // 32 hexadecimal digits
	Bytes  int64
}

// Blobs calls fn for the file of every blob, in order of tenants and names. Those written since the snapshot are among them.
func (s *Snapshot) Blobs(ctx context.Context, fn func(StoredBlob) error) error {
	root := filepath.Join(s.db.dir, blobFolder)
	tenants, err := os.ReadDir(root)
	if err != nil {
		return fmt.Errorf("listing the blobs: %w", err)
	}
	for _, t := range tenants {
		id, err := ParseID(t.Name())
		if err != nil || !t.IsDir() || s.db.isErased(id) {
			continue
		}
		files, err := os.ReadDir(filepath.Join(root, t.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("listing the blobs: %w", err)
		}
		for _, f := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			info, err := f.Info()
			if errors.Is(err, fs.ErrNotExist) || err == nil && !isBlobName(f.Name()) {
				continue
			}
			if err != nil {
				return fmt.Errorf("listing the blobs: %w", err)
			}
			if err := fn(StoredBlob{id, f.Name(), info.Size()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// OpenBlob opens a blob's file; fs.ErrNotExist where its tenant was erased meanwhile, or nothing referred to it.
func (s *Snapshot) OpenBlob(b StoredBlob) (*os.File, error) {
	return os.Open(filepath.Join(s.db.blobPath(b.Tenant), b.Name))
}

func isBlobName(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == 16 && hex.EncodeToString(b) == name
}

// Erasures lists the erasures of tenants, which a restored older backup must repeat. Known while the store is locked.
func (db *DB) Erasures() []Erasure { return db.ring.Erased() }

// RootKeyID is the id of the present root key. Known while the store is locked.
func (db *DB) RootKeyID() string { return db.ring.Root().KeyID.String() }

// InstallID is the id of the installation. Known while the store is locked.
func (db *DB) InstallID() ID { return db.format.Install }
