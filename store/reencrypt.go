package store

import (
	"context"
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
	if tenant != Appliance {
		if err := db.openKeys(ctx, tenant); err != nil {
			return err
		}
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
	job := Record[intent]{ID: db.newID(db.now()), Version: 1, Value: intent{Verb: reencryption, Object: tenant, Keys: db.replaceable(tenant)}}
	err = db.appliance(p).changeKeys(ctx, keyChange{
		verb: rights.KeyReencrypt, intent: intent{Object: tenant},
		do:   func() ([]keyring.Event, error) { return db.ring.Roll(ctx, dataOwner(tenant)) },
		then: func(tx *WriteTx) error { return intents.Insert(tx, job.ID, job.Value) },
	})
	if err != nil {
		return err
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
	ids      []envelope.KeyID
	done     int64
	found    bool // something under an old key, in the pass at hand
	progress func(what string, done int64)
}

func (db *DB) goOnReencrypting(ctx context.Context, p Principal, job Record[intent], progress func(string, int64)) error {
	r := &reencrypter{db: db, tenant: &Tenant{db: db, id: job.Value.Object, principal: rights.System(Appliance)}, old: map[envelope.KeyID]bool{}, progress: progress}
	if progress == nil {
		r.progress = func(string, int64) {}
	}
	for _, text := range job.Value.Keys {
		var id envelope.KeyID
		if err := id.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		r.old[id], r.ids = true, append(r.ids, id)
	}
	// A change that was prepared under an old key can still commit behind the first pass.
	for r.found = true; r.found; {
		r.found = false
		if err := r.pass(ctx); err != nil {
			return fmt.Errorf("re-encrypt tenant %s: %w", job.Value.Object, err)
		}
	}
	return db.appliance(p).changeKeys(ctx, keyChange{
		verb: rights.KeyReencrypt, intent: intent{Object: job.Value.Object},
		do:   func() ([]keyring.Event, error) { return db.ring.Retire(ctx, dataOwner(job.Value.Object), r.ids) },
		then: func(tx *WriteTx) error { return intents.remove(tx, job.ID) },
	})
}

// pass walks everything of the tenant once.
func (r *reencrypter) pass(ctx context.Context) error {
	for _, name := range collectionNames() {
		if err := r.collection(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return r.blobs(ctx)
}

const reencryptAtOnce = 200

// collection writes the records of one collection anew, some hundred to a transaction.
func (r *reencrypter) collection(ctx context.Context, name string) error {
	var keys [][]byte
	flush := func() error {
		if len(keys) == 0 {
			return nil
		}
		part := keys
		keys = nil
		r.found = true
		err := r.db.kv.Update(ctx, kv.Op{Prepare: func(tx *kv.Tx) error {
			for _, key := range part {
				if err := r.record(tx, register[name], key); err != nil {
					return err
				}
			}
			return nil
		}})
		r.done += int64(len(part))
		r.progress("records", r.done)
		return err
	}
	err := r.db.eachBox(ctx, r.tenant.id, register[name], func(key []byte, b envelope.Box) error {
		if !r.old[b.KeyID()] {
			return nil
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
func (r *reencrypter) record(tx *kv.Tx, collection uint16, key []byte) error {
	at := r.tenant.address(collection, key)
	b, found, err := tx.Get(at)
	if err != nil || !found || !r.old[b.KeyID()] {
		return err
	}
	plain, err := r.tenant.decrypt(collection, key, b)
	if err != nil {
		return err
	}
	to := at
	if collection == register["indexes"] || collection == register["signposts"] {
		if to.Key, err = r.rehash(collection, key, b); err != nil {
			return err
		}
		if err := tx.Delete(at); err != nil {
			return err
		}
	}
	k, err := r.db.ring.DataKey(r.tenant.owner(), keyring.Purpose(collection))
	if err != nil {
		return err
	}
	return tx.Put(to, k.Encrypt(r.db.place(r.tenant.id, collection, to.Key), b.Schema(), b.Public(), plain))
}

// rehash is the key of an index entry under the current index key.
func (r *reencrypter) rehash(collection uint16, key []byte, b envelope.Box) ([]byte, error) {
	e, err := r.db.readIndexed(r.tenant.owner(), r.tenant.id, collection, key, b)
	if err != nil {
		return nil, err
	}
	keys, err := r.db.hashed(r.tenant.owner(), e.Name, e.Value)
	if err != nil {
		return nil, err
	}
	if collection == register["signposts"] {
		return append(keys[0], e.Tenant[:]...), nil
	}
	return keys[0], nil
}

// blobs copies blobs whose file keys are wrapped by an old key. The new file is referred to before the old one goes.
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
		r.found = true
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
		return dir.Remove(use.Ref.ID)
	})
}

// pointTo stores the new place of a blob. One that was dropped meanwhile leaves an orphan.
func (r *reencrypter) pointTo(ctx context.Context, key []byte, from, to BlobRef) error {
	return r.tenant.commit(ctx, r.tenant.entry(Action{Verb: rights.KeyReencrypt}, Done), func(tx *WriteTx) error {
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
		if _, err := db.ring.Open(dataOwner(j.Value.Object)); err != nil {
			return err
		}
		if err := db.goOnReencrypting(ctx, rights.System(Appliance), j, nil); err != nil {
			return err
		}
	}
	return nil
}
