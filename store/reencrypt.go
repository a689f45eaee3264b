package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// Reencrypt encrypts everything of a tenant anew under new data keys and destroys the old ones: the emergency measure when
// a data key may be known to others. Records, indexes and blobs are written again. Leaves of the audit log and of the
// ledger are not, since their hashes are over what was written: they stay under the keys they have, which stay.
// Interrupted, it goes on when it is called again, or in the background after the next unlock.
func (db *DB) Reencrypt(ctx context.Context, p Principal, tenant ID, progress func(what string, done int64)) error {
	if err := db.ready(); err != nil {
		return err
	}
	caller, a := db.appliance(p), Action{Verb: rights.KeyReencrypt, Object: tenant}
	if err := caller.permit(ctx, a); err != nil {
		return err
	}
	err := db.reencrypt(ctx, p, tenant, progress)
	var entered *enteredError
	if err == nil || errors.As(err, &entered) {
		return err
	}
	return caller.settle(ctx, a, err)
}

// enteredError is a failure whose entry is written.
type enteredError struct{ error }

func (e *enteredError) Unwrap() error { return e.error }

func (db *DB) reencrypt(ctx context.Context, p Principal, tenant ID, progress func(string, int64)) error {
	if err := db.openKeys(ctx, tenant); err != nil {
		return err
	}
	jobs, err := db.openIntents(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Value.Verb == reencryption && j.Value.Object == tenant {
			return db.goOnReencrypting(ctx, p, j, progress)
		}
	}
	old := db.replaceable(tenant)
	job := Record[intent]{ID: db.newID(db.now()), Version: 1, Value: intent{Verb: reencryption, Object: tenant, Keys: old}}
	err = db.appliance(p).changeKeys(ctx, keyChange{
		verb: rights.KeyReencrypt, intent: intent{Object: tenant, Keys: old},
		do:   func() ([]keyring.Event, error) { return db.ring.Roll(ctx, dataOwner(tenant)) },
		then: func(tx *WriteTx) error { return intents.Insert(tx, job.ID, job.Value) },
	})
	if err != nil {
		return &enteredError{err}
	}
	return db.goOnReencrypting(ctx, p, job, progress)
}

// reencryption is the verb of an intent whose new keys exist and whose values are being written anew.
const reencryption = "key.reencrypt.values"

// replaceable are the data keys of a tenant whose values can be written anew: all but those of leaves.
func (db *DB) replaceable(tenant ID) (all []string) {
	for _, s := range db.ring.Owners() {
		if s.Owner != dataOwner(tenant) {
			continue
		}
		for _, k := range s.DataKeys {
			if k.Purpose != leafCollection && k.Purpose != purposePersonal {
				all = append(all, k.KeyID.String())
			}
		}
	}
	return all
}

// reencrypter carries one job.
type reencrypter struct {
	db       *DB
	tenant   *Tenant // the store at work within it
	old      map[envelope.KeyID]bool
	done     int64
	moved    []BlobRef // files whose bytes are in another now
	progress func(what string, done int64)
}

// goOnReencrypting writes what is left under old keys anew, and then destroys them. At each end it waits for whatever was
// begun before: at first for changes that were prepared under an old key, at last for readings of a state in which some
// record was still under one. Nothing new can be under an old key in between, so one pass is enough.
func (db *DB) goOnReencrypting(ctx context.Context, p Principal, job Record[intent], progress func(string, int64)) error {
	r := &reencrypter{db: db, tenant: &Tenant{db: db, id: job.Value.Object, principal: rights.System(Appliance)}, old: map[envelope.KeyID]bool{}, progress: progress}
	if progress == nil {
		r.progress = func(string, int64) {}
	}
	var ids []envelope.KeyID
	for _, text := range job.Value.Keys {
		var id envelope.KeyID
		if err := id.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		r.old[id], ids = true, append(ids, id)
	}
	db.retire(ids, true)
	defer db.retire(ids, false)
	if err := db.fence.wait(ctx); err != nil {
		return err
	}
	if err := r.pass(ctx); err != nil {
		return fmt.Errorf("re-encrypt tenant %s: %w", job.Value.Object, err)
	}
	if err := db.fence.wait(ctx); err != nil {
		return err
	}
	if err := r.removeMoved(); err != nil {
		return err
	}
	err := db.appliance(p).changeKeys(ctx, keyChange{
		verb: rights.KeyReencrypt, intent: intent{Object: job.Value.Object},
		do:   func() ([]keyring.Event, error) { return db.ring.Retire(ctx, dataOwner(job.Value.Object), ids) },
		then: func(tx *WriteTx) error { return intents.remove(tx, job.ID) },
	})
	if err != nil {
		return &enteredError{err}
	}
	return nil
}

// pass walks everything of the tenant once.
func (r *reencrypter) pass(ctx context.Context) error {
	for _, name := range collectionNames() {
		if err := r.collection(ctx, r.tenant.id, name, func(_ []byte, b envelope.Box) (bool, error) { return r.old[b.KeyID()], nil }, r.record); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if r.tenant.id != Appliance {
		if err := r.collection(ctx, Appliance, "signposts", r.ownsOld, r.signpost); err != nil {
			return fmt.Errorf("signposts: %w", err)
		}
	}
	return r.blobs(ctx)
}

const reencryptAtOnce = 200

// collection writes those records of a collection anew that are to be, some hundred to a transaction, each with its entry.
func (r *reencrypter) collection(ctx context.Context, space ID, name string, wanted func(key []byte, b envelope.Box) (bool, error), write func(*WriteTx, uint16, []byte) error) error {
	var keys [][]byte
	flush := func() error {
		part := keys
		keys = nil
		if len(part) == 0 {
			return nil
		}
		entry := r.tenant.entry(Action{Verb: rights.KeyReencrypt, Object: r.tenant.id}, Done)
		entry.reason = "part of it"
		err := r.tenant.commit(ctx, entry, func(tx *WriteTx) error {
			for _, key := range part {
				if err := write(tx, register[name], key); err != nil {
					return err
				}
			}
			return nil
		})
		r.done += int64(len(part))
		r.progress("records", r.done)
		return err
	}
	err := r.db.eachBox(ctx, space, register[name], func(key []byte, b envelope.Box) error {
		yes, err := wanted(key, b)
		if err != nil || !yes {
			return err
		}
		if keys = append(keys, slices.Clone(key)); len(keys) < reencryptAtOnce {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// record writes one record anew, an index entry under its new hash.
func (r *reencrypter) record(tx *WriteTx, collection uint16, key []byte) error {
	b, found, err := tx.get(collection, key)
	if err != nil || !found || !r.old[b.KeyID()] {
		return err
	}
	plain, err := tx.decrypt(collection, key, b)
	if err != nil {
		return err
	}
	to := key
	if collection == register["indexes"] || collection == register["signposts"] {
		if to, err = r.rehash(collection, key, b); err != nil {
			return err
		}
		if err := tx.delete(collection, key); err != nil {
			return err
		}
	}
	return tx.put(collection, to, b.Schema(), plain)
}

// ownsOld reports whether a signpost is the tenant's and its value under an old key.
func (r *reencrypter) ownsOld(key []byte, b envelope.Box) (bool, error) {
	if !bytes.HasSuffix(key, r.tenant.id[:]) {
		return false, nil
	}
	e, err := r.db.readIndexed(dataOwner(Appliance), Appliance, register["signposts"], key, b)
	if err != nil {
		return false, err
	}
	own, err := envelope.Parse(e.Own)
	return err == nil && r.old[own.KeyID()], err
}

// signpost writes the value of one of the tenant's signposts anew, in its place.
func (r *reencrypter) signpost(tx *WriteTx, collection uint16, key []byte) error {
	b, found, err := tx.to.Get(kv.Address{Space: Appliance, Collection: collection, Key: key})
	if err != nil || !found {
		return err
	}
	e, err := r.db.readIndexed(dataOwner(Appliance), Appliance, collection, key, b)
	if err != nil {
		return err
	}
	value, err := r.db.valueOf(e)
	if err != nil {
		return err
	}
	if e.Own, err = r.db.ownValue(e.Tenant, e.Name, value); err != nil {
		return err
	}
	plain, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return tx.putAs(dataOwner(Appliance), Appliance, collection, key, b.Schema(), plain)
}

// rehash is the key of an index entry under the current index key.
func (r *reencrypter) rehash(collection uint16, key []byte, b envelope.Box) ([]byte, error) {
	e, err := r.db.readIndexed(r.tenant.owner(), r.tenant.id, collection, key, b)
	if err != nil {
		return nil, err
	}
	value, err := r.db.valueOf(e)
	if err != nil {
		return nil, err
	}
	keys, err := r.db.hashed(r.tenant.owner(), e.Name, value)
	if err != nil {
		return nil, err
	}
	if collection == register["signposts"] {
		return append(keys[0], e.Tenant[:]...), nil
	}
	return keys[0], nil
}

// blobs copies blobs whose file keys are wrapped by an old key. The new file is referred to before the old one goes, which
// stays until nobody can be about to open it.
func (r *reencrypter) blobs(ctx context.Context) error {
	dir, err := r.db.blobs(r.tenant.id)
	if err != nil {
		return err
	}
	place := r.db.place(r.tenant.id, uint16(purposeBlobs), nil)
	var count int64
	return r.db.eachBox(ctx, r.tenant.id, register["blobs"], func(key []byte, b envelope.Box) error {
		use, err := r.tenant.blobUse(key, b)
		if err != nil {
			return err
		}
		isOld := false
		keyOf := func(id envelope.KeyID) (*envelope.Key, error) {
			isOld = isOld || r.old[id]
			return r.tenant.blobKey(id)
		}
		open, err := dir.Open(use.Ref, keyOf, place)
		if err != nil {
			return err
		}
		if err := open.Close(); err != nil || !isOld {
			return err
		}
		k, err := r.db.ring.DataKey(r.tenant.owner(), purposeBlobs)
		if err != nil {
			return err
		}
		moved, err := dir.Reencrypt(use.Ref, keyOf, k, place)
		if err != nil {
			return err
		}
		if err := r.pointTo(ctx, key, use.Ref, moved); err != nil {
			return err
		}
		count++
		r.progress("blobs", count)
		r.moved = append(r.moved, use.Ref)
		return nil
	})
}

// removeMoved removes the files that nothing refers to any more. What a crash leaves of them is swept.
func (r *reencrypter) removeMoved() error {
	if r.db.isPinned() { // by a backup; they are swept later
		return nil
	}
	dir, err := r.db.blobs(r.tenant.id)
	if err != nil {
		return err
	}
	for _, ref := range r.moved {
		if err := dir.Remove(ref.ID); err != nil {
			return err
		}
	}
	return nil
}

// pointTo stores the new place of a blob. One that was dropped meanwhile leaves an orphan.
func (r *reencrypter) pointTo(ctx context.Context, key []byte, from, to BlobRef) error {
	entry := r.tenant.entry(Action{Verb: rights.KeyReencrypt, Object: r.tenant.id}, Done)
	entry.reason = "part of it"
	return r.tenant.commit(ctx, entry, func(tx *WriteTx) error {
		b, found, err := tx.get(register["blobs"], key)
		if err != nil || !found {
			return err
		}
		use, err := r.tenant.blobUse(key, b)
		if err != nil || use.Ref.ID != from.ID {
			return err
		}
		return tx.keepAs(key, blobUse{Ref: to, Object: use.Object})
	})
}

// resumeReencryptions goes on with jobs that were cut short.
func (db *DB) resumeReencryptions(ctx context.Context) error {
	jobs, err := db.openIntents(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Value.Verb != reencryption {
			continue
		}
		if err := db.openKeys(ctx, j.Value.Object); err != nil {
			return err
		}
		if err := db.goOnReencrypting(ctx, rights.System(Appliance), j, nil); err != nil {
			return err
		}
	}
	return nil
}
