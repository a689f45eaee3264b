// Package workspace holds what a tenant works with: portfolios, runs, results and approvals, and the verbs on them.
// Each verb is one transaction: its change, its ledger leaf and its one audit entry commit together.
//
// It computes nothing: portfolios come in parsed, results come in finished. Bulk (files, tables) lies in blobs that are
// written first and referred to last, so that a crash between the two leaves an orphan, never a broken reference.
//
// The JSON of its records is a format that users keep: see testdata.
//
// Begin with Import, then Submit, Claim and Finish.
package workspace

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Workspace is the verbs of one principal in one tenant.
type Workspace struct{ tenant *store.Tenant }

// Open gives the verbs to the holder of a tenant's handle.
func Open(t *store.Tenant) *Workspace { return &Workspace{t} }

// File is a file that is kept, as its record names it.
type File struct {
	Name   string        `json:"name"`   // the user's own, or of a table
	Role   string        `json:"role"`   // "location", "account" ... ; "table", "manifest", "estimate"
	Digest ledger.Digest `json:"digest"` // of its canonical content: of a table by its columns, of other files of their bytes
	Blob   store.BlobRef `json:"blob"`
}

// NewFile is a file to be kept.
type NewFile struct {
	Name, Role string
	// Digest of the canonical content; zero: that of the bytes.
	Digest ledger.Digest
	// Open gives the bytes.
	Open func() (io.ReadCloser, error)
}

// keep writes a file into a blob of its own. No record refers to it yet.
func (w *Workspace) keep(ctx context.Context, n NewFile) (File, error) {
	from, err := n.Open()
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", n.Name, err)
	}
	ref, err := w.tenant.WriteBlob(ctx, from)
	if closed := from.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", n.Name, err)
	}
	f := File{Name: n.Name, Role: n.Role, Digest: n.Digest, Blob: ref}
	if f.Digest == (ledger.Digest{}) {
		f.Digest = ledger.Digest(ref.Digest)
	}
	return f, nil
}

func (w *Workspace) keepAll(ctx context.Context, all []NewFile) (kept []File, err error) {
	for _, n := range all {
		f, err := w.keep(ctx, n)
		if err != nil {
			return nil, err
		}
		kept = append(kept, f)
	}
	return kept, nil
}

// refer notes that a record refers to the files' blobs.
func refer(tx *store.WriteTx, object store.ID, files []File) error {
	for _, f := range files {
		if err := tx.KeepBlob(f.Blob, object); err != nil {
			return err
		}
	}
	return nil
}

// leaf is a lineage record about an object.
func leaf(kind ledger.Kind, subject store.ID, digests map[string]ledger.Digest, note string) ledger.Lineage {
	return ledger.Lineage{Kind: kind, Subject: ledger.ID(subject), Digests: digests, Note: note}
}

// Invalid is a refusal of what was asked, in words for the user. Field is what to mend.
type Invalid struct{ Field, Reason string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Reason }

// AuditReason is its class in the audit log.
func (e *Invalid) AuditReason() string { return "invalid" }

// stamp is a moment as records keep it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
