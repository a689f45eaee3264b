package workspace

import (
	"context"
	"fmt"
	"io"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// File is a file that is kept, as its record names it.
type File struct {
	Name   string        `json:"name"`   // the user's own, or of a table
	Role   string        `json:"role"`   // "location", "account" ... ; "table", "manifest", "estimate"
	Digest ledger.Digest `json:"digest"` // of its canonical content: of a table by its columns, of other files of their bytes
	Blob   Blob          `json:"blob"`
}

// Blob is a blob's reference as records write it.
type Blob struct {
	ID     ledger.ID     `json:"id"`
	Size   int64         `json:"size"`   // bytes of content
	Stored int64         `json:"stored"` // bytes on disk
	Digest ledger.Digest `json:"digest"` // SHA-256 of the content
}

func blobOf(r store.BlobRef) Blob {
	return Blob{ID: r.ID, Size: r.Size, Stored: r.Stored, Digest: r.Digest}
}

func (b Blob) ref() store.BlobRef {
	return store.BlobRef{ID: b.ID, Size: b.Size, Stored: b.Stored, Digest: b.Digest}
}

// NewFile is a file to be kept.
type NewFile struct {
	Name, Role string
	// Digest of the canonical content; zero: that of the bytes.
	Digest ledger.Digest
	// Open gives the bytes.
	Open func() (io.ReadCloser, error)
}

// keep writes a file into a blob of its own, as a part of the action. No record refers to it yet.
func (w *Workspace) keep(ctx context.Context, a store.Action, n NewFile) (File, error) {
	from, err := n.Open()
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", n.Name, err)
	}
	ref, err := w.tenant.WriteBlob(ctx, a, from)
	if closed := from.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", n.Name, err)
	}
	f := File{Name: n.Name, Role: n.Role, Digest: n.Digest, Blob: blobOf(ref)}
	if f.Digest == (ledger.Digest{}) {
		f.Digest = ledger.Digest(ref.Digest)
	}
	return f, nil
}

// keepAll writes files into blobs, all or, as far as records are concerned, none.
func (w *Workspace) keepAll(ctx context.Context, a store.Action, all []NewFile) (kept []File, err error) {
	for _, n := range all {
		f, err := w.keep(ctx, a, n)
		if err != nil {
			return nil, err
		}
		kept = append(kept, f)
	}
	return kept, nil
}

// checkFiles refuses files that could not be told apart later, by what key gives of each.
func checkFiles(all []NewFile, key func(NewFile) string) error {
	seen := map[string]bool{}
	for _, f := range all {
		if err := checkText("file name", f.Name, 1, 255); err != nil {
			return err
		}
		if err := checkWord("file role", f.Role); err != nil {
			return err
		}
		if seen[key(f)] {
			return &Invalid{"files", fmt.Sprintf("%q is there twice", key(f))}
		}
		seen[key(f)] = true
	}
	return nil
}

// refer notes that a record refers to the files' blobs.
func refer(tx *store.WriteTx, object store.ID, files []File) error {
	for _, f := range files {
		if err := tx.KeepBlob(f.Blob.ref(), object); err != nil {
			return err
		}
	}
	return nil
}

// drop takes the references back.
func drop(tx *store.WriteTx, files []File) error {
	for _, f := range files {
		if err := tx.DropBlob(f.Blob.ref()); err != nil {
			return err
		}
	}
	return nil
}

// openFile opens the file that is wanted.
func openFile(tx *store.ReadTx, files []File, what string, wanted func(File) bool) (*store.BlobReader, error) {
	for _, f := range files {
		if wanted(f) {
			return tx.OpenBlob(f.Blob.ref())
		}
	}
	return nil, fmt.Errorf("file %q: %w", what, store.ErrNotFound)
}

// checkNamed holds files to names that can stand in a leaf, each its own.
func checkNamed(files []NewFile) error {
	for _, f := range files {
		if err := checkFileName(f.Name); err != nil {
			return err
		}
	}
	return checkFiles(files, func(f NewFile) string { return f.Name })
}

// checkFileName holds a result file's name to what can stand in a leaf.
func checkFileName(name string) error {
	for _, r := range name {
		if r <= ' ' || r > '~' || r == '/' || r == '\\' {
			return &Invalid{"file name", fmt.Sprintf("%.80q: want letters, digits and signs, without spaces and slashes", name)}
		}
	}
	if len(name) > 128 {
		return &Invalid{"file name", fmt.Sprintf("%d characters are more than 128", len(name))}
	}
	return nil
}

// fileLeaf are the digests of files by role and name.
func fileLeaf(files []File) map[string]ledger.Digest {
	digests := map[string]ledger.Digest{}
	for _, f := range files {
		digests[f.Role+"/"+f.Name] = f.Digest
	}
	return digests
}
