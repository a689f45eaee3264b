package store

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Status is the state of a store. What is known only unlocked is nil or empty while it is locked.
type Status struct {
	Format      int       `json:"format"`
	Install     ID        `json:"install"`
	Created     time.Time `json:"created"`
	Locked      bool      `json:"locked"`
	Slots       []Slot    `json:"slots"`
	Generation  uint64    `json:"key_file_generation"`
	Database    FileState `json:"database"`
	KeyFile     int64     `json:"key_file_bytes"`
	DiskFree    int64     `json:"disk_free_bytes"`
	ReadOnly    bool      `json:"read_only"` // the disk is nearly full
	Ballast     bool      `json:"ballast"`
	Anchored    time.Time `json:"anchored"` // time of the checkpoint in the anchor; zero: never
	AtRest      bool      `json:"at_rest"`  // it was last locked in order
	Tenants     int       `json:"tenants"`
	Erased      int       `json:"erased_tenants"`
	RotationDue int       `json:"rotation_due"`
	AuditSize   int64     `json:"audit_entries"` // of the appliance's own log
}

// FileState is the size of main.db in bytes.
type FileState struct {
	Size int64 `json:"size"`
	Free int64 `json:"free"` // within it, to be used again
}

// Status reads the state; it works on a locked store and is entered in the audit log of an unlocked one.
func (db *DB) Status(ctx context.Context, p Principal) (s Status, err error) {
	s = db.standing()
	if s.Locked {
		return s, nil
	}
	t := db.appliance(p)
	return s, t.View(ctx, Action{Verb: rights.StoreStatus}, func(tx *ReadTx) (err error) {
		s.AuditSize, err = db.logOf(Appliance, AuditLog).size(tx.from)
		return err
	})
}

// Locked reports whether everything but Status and Unlock is refused now. It is for everybody, and leaves no entry.
func (db *DB) Locked() bool { return db.ready() != nil }

// ReadOnly reports whether the disk is nearly full, so that changes are refused. It is for everybody, and leaves no entry.
func (db *DB) ReadOnly() bool { return db.kv.Stats().ReadOnly }

// DiskFree is how many bytes are free on the store's file system, 0 once it is closed. It is for everybody, and leaves no entry.
func (db *DB) DiskFree() int64 { return db.kv.Stats().DiskFree }
