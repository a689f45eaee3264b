package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/blob"
	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// orphanAge is how old a blob without reference must be before Sweep takes it: younger ones may belong to a
// transaction that is still to come.
const orphanAge = time.Hour

// BlobWriter takes the bytes of a new blob. Commit makes it durable and gives its reference; the transaction that
// keeps the reference comes after it, so that a crash between the two leaves an orphan and never a broken reference.
type BlobWriter = blob.Writer

// BlobReader reads a blob, from any place in it. No byte is handed out that was not authenticated.
type BlobReader = blob.Reader

// CreateBlob begins a blob of the tenant, encrypted under a key of its own, as a part of an action that its caller must be
// permitted. The action's entry is that of the transaction in which the blob is kept; a denial is entered here.
func (t *Tenant) CreateBlob(ctx context.Context, a Action) (*BlobWriter, error) {
	if err := t.permit(ctx, a); err != nil {
		return nil, err
	}
	if s := t.db.kv.Stats(); s.ReadOnly {
		return nil, ErrReadOnly{Free: s.DiskFree}
	}
	key, err := t.db.ring.DataKey(t.owner(), purposeBlobs)
	if err != nil {
		return nil, err
	}
	dir, err := t.db.blobs(t.id)
	if err != nil {
		return nil, err
	}
	t.db.sweepSoon(t.id)
	return dir.Create(key, t.db.place(t.id, uint16(purposeBlobs), nil))
}

// WriteBlob copies r into a new blob, as CreateBlob does.
func (t *Tenant) WriteBlob(ctx context.Context, a Action, r io.Reader) (BlobRef, error) {
	w, err := t.CreateBlob(ctx, a)
	if err != nil {
		return BlobRef{}, err
	}
	defer w.Abort() // no effect after Commit
	if err := copyWhile(ctx, w, r); err != nil {
		return BlobRef{}, fmt.Errorf("write a blob: %w", err)
	}
	return w.Commit()
}

// copyWhile copies until the end, or until nobody waits for it any more.
func copyWhile(ctx context.Context, w io.Writer, r io.Reader) error {
	const atOnce = 1 << 20
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(w, r, atOnce); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// KeepBlob notes that a record of the tenant refers to the blob; object is the record. Every reference that a record
// holds must be kept so. The reference stays the same when the blob is re-encrypted into another file.
func (tx *WriteTx) KeepBlob(ref BlobRef, object ID) error {
	if err := tx.tenant.blobStays(ref); err != nil {
		return err
	}
	return tx.keepAs(ref.ID[:], blobUse{Ref: ref, Object: object})
}

// blobStays refuses a blob that was begun before a re-encryption of the tenant and under a key that it is about to destroy.
func (t *Tenant) blobStays(ref BlobRef) error {
	leaving := false
	dir, err := t.db.blobs(t.id)
	if err != nil {
		return err
	}
	from, err := dir.Open(ref, func(id envelope.KeyID) (*envelope.Key, error) {
		leaving = t.db.isRetiring(id)
		return t.blobKey(id)
	}, t.db.place(t.id, uint16(purposeBlobs), nil))
	if err == nil {
		err = from.Close()
	}
	if leaving || errors.Is(err, keyring.ErrDestroyed) {
		return fmt.Errorf("blob %x was begun before the tenant's data was re-encrypted; write it again: %w", ref.ID, ErrConflict)
	}
	return err
}

func (db *DB) isRetiring(id envelope.KeyID) bool {
	db.folding.Lock()
	defer db.folding.Unlock()
	return db.retiring[id]
}

// retire marks keys that a re-encryption is about to destroy, or takes the marks away.
func (db *DB) retire(ids []envelope.KeyID, marked bool) {
	db.folding.Lock()
	defer db.folding.Unlock()
	for _, id := range ids {
		if marked {
			db.retiring[id] = true
		} else {
			delete(db.retiring, id)
		}
	}
}

func (tx *WriteTx) keepAs(key []byte, use blobUse) error {
	body, err := json.Marshal(use)
	if err != nil {
		return err
	}
	return tx.put(register["blobs"], key, 1, body)
}

// DropBlob notes that the record no longer refers to the blob, which the next Sweep removes.
func (tx *WriteTx) DropBlob(ref BlobRef) error { return tx.delete(register["blobs"], ref.ID[:]) }

// blobUse is the record of collection blobs, under the id of the reference that records hold.
type blobUse struct {
	Ref    BlobRef `json:"ref"` // where its bytes are now
	Object ID      `json:"object"`
}

// OpenBlob opens a blob that a record read in this transaction refers to; ErrNotFound if it was not kept. The reader may
// outlive the transaction.
func (tx *ReadTx) OpenBlob(ref BlobRef) (*BlobReader, error) { return openBlob(tx, tx.tenant, ref) }

// OpenBlob opens a blob as ReadTx.OpenBlob does.
func (tx *WriteTx) OpenBlob(ref BlobRef) (*BlobReader, error) { return openBlob(tx, tx.tenant, ref) }

func openBlob(tx Reader, t *Tenant, ref BlobRef) (*BlobReader, error) {
	b, found, err := tx.get(register["blobs"], ref.ID[:])
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("blob %x: %w", ref.ID, ErrNotFound)
	}
	use, err := t.blobUse(ref.ID[:], b)
	if err != nil {
		return nil, err
	}
	return t.openUse(ref.ID[:], use)
}

// openUse opens the file that a reference leads to. Since the reference was read, a re-encryption may have moved the bytes
// into another file: then the reference is read anew.
func (t *Tenant) openUse(key []byte, use blobUse) (*BlobReader, error) {
	for {
		from, err := t.openFile(use.Ref)
		if !errors.Is(err, blob.ErrMissing) {
			return from, err
		}
		now, found, failed := t.useNow(key)
		if failed != nil || !found || now.Ref.ID == use.Ref.ID {
			return nil, errors.Join(err, failed)
		}
		use = now
	}
}

// useNow reads a reference as it is at this moment.
func (t *Tenant) useNow(key []byte) (use blobUse, found bool, err error) {
	var b envelope.Box
	err = t.db.kv.View(context.Background(), func(from *kv.ReadTx) (err error) {
		b, found, err = from.Get(t.address(register["blobs"], key))
		return err
	})
	if err != nil || !found {
		return use, found, err
	}
	use, err = t.blobUse(key, b)
	return use, true, err
}

// openFile opens the file in which a blob's bytes are now.
func (t *Tenant) openFile(ref BlobRef) (*BlobReader, error) {
	dir, err := t.db.blobs(t.id)
	if err != nil {
		return nil, err
	}
	return dir.Open(ref, t.blobKey, t.db.place(t.id, uint16(purposeBlobs), nil))
}

func (t *Tenant) blobKey(id envelope.KeyID) (*envelope.Key, error) {
	return t.db.ring.Key(t.owner(), id)
}

// blobUse reads a reference.
func (t *Tenant) blobUse(key []byte, b envelope.Box) (use blobUse, err error) {
	plain, err := t.decrypt(register["blobs"], key, b)
	if err != nil {
		return use, err
	}
	return use, json.Unmarshal(plain, &use)
}

// SweepBlobs removes blobs to which no record refers and which are older than an hour, and unfinished ones. It reports
// how many, and their bytes. The store does it by itself when a tenant writes blobs, at most every two hours.
func (t *Tenant) SweepBlobs(ctx context.Context) (count int, bytes int64, err error) {
	a := Action{Verb: rights.StoreSweep}
	if err := t.permit(ctx, a); err != nil {
		return 0, 0, err
	}
	count, bytes, err = t.sweep(ctx)
	return count, bytes, t.settle(ctx, a, err)
}

func (t *Tenant) sweep(ctx context.Context) (count int, bytes int64, err error) {
	if t.db.isPinned() { // a backup may still need what the present state refers to no more; the next sweep takes it
		return 0, 0, nil
	}
	dir, err := t.db.blobs(t.id)
	if err != nil {
		return 0, 0, err
	}
	used := map[[16]byte]bool{}
	err = t.db.eachBox(ctx, t.id, register["blobs"], func(key []byte, b envelope.Box) error {
		use, err := t.blobUse(key, b)
		used[use.Ref.ID] = true
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	swept, err := dir.Sweep(func(id [16]byte) bool { return used[id] }, orphanAge)
	return swept.Blobs + swept.Parts, swept.Bytes, err
}

// sweepAgain is how long after a sweep of a tenant's blobs the next one may begin.
const sweepAgain = 2 * orphanAge

// sweepSoon asks for the tenant's orphans to be removed in the background, now and then while blobs are written: a run leaves many that
// it needs no more.
func (db *DB) sweepSoon(tenant ID) {
	db.folding.Lock()
	defer db.folding.Unlock()
	if last, ok := db.swept[tenant]; ok && db.now().Sub(last) < sweepAgain {
		return
	}
	select {
	case db.toSweep <- tenant:
		db.swept[tenant] = db.now()
	default: // many wait; the next blob asks again
	}
}

// sweepNow removes a tenant's orphans, as the appliance at work.
func (db *DB) sweepNow(ctx context.Context, tenant ID) error {
	t := &Tenant{db: db, id: tenant, principal: rights.System(Appliance)}
	count, _, err := t.sweep(ctx)
	if err != nil || count == 0 {
		return err
	}
	return db.audit(ctx, t.entry(Action{Verb: rights.StoreSweep}, Done))
}
