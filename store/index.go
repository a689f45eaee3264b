package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// Index finds a tenant's records by a value that is unique within the tenant, without the value being readable on disk:
// its keys are keyed hashes. Values are normalised by the caller. Low-entropy values have no place in an index.
type Index struct{ name string }

// DefineIndex makes an index. The name is hashed with the values; it need not be registered, but must be unique.
func DefineIndex(name string) Index { return Index{name} }

// indexed is what stands under a keyed hash, of an Index or Signpost: enough to make the entry again under another index key.
type indexed struct {
	Name   string `json:"name"`            // of the index
	Value  string `json:"value,omitempty"` // of an Index
	Own    []byte `json:"own,omitempty"`   // of a Signpost: the value, encrypted under the tenant's own key
	Tenant ID     `json:"tenant"`
	Record ID     `json:"record"`
}

// Set enters the value for the record; ErrExists if another record has it.
func (x Index) Set(tx *WriteTx, value string, id ID) error {
	found, err := x.Find(tx, value)
	if err == nil && found != id {
		return fmt.Errorf("%s: %w", x.name, ErrExists)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := x.Remove(tx, value); err != nil { // of an earlier index key
		return err
	}
	keys, err := x.keys(tx.tenant, value)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(indexed{Name: x.name, Value: value, Tenant: tx.tenant.id, Record: id})
	if err != nil {
		return err
	}
	return tx.put(register["indexes"], keys[0], 1, plain)
}

// Find returns the record of the value, or ErrNotFound.
func (x Index) Find(tx Reader, value string) (ID, error) {
	keys, err := x.keys(tenantOf(tx), value)
	if err != nil {
		return ID{}, err
	}
	for _, key := range keys {
		b, found, err := tx.get(register["indexes"], key)
		if err != nil {
			return ID{}, err
		}
		if !found {
			continue
		}
		plain, err := tx.decrypt(register["indexes"], key, b)
		if err != nil {
			return ID{}, err
		}
		var e indexed
		if err := json.Unmarshal(plain, &e); err != nil {
			return ID{}, fmt.Errorf("%s: %w", x.name, err)
		}
		return e.Record, nil
	}
	return ID{}, fmt.Errorf("%s: %w", x.name, ErrNotFound)
}

// Remove takes the value out.
func (x Index) Remove(tx *WriteTx, value string) error {
	keys, err := x.keys(tx.tenant, value)
	if err != nil {
		return err
	}
	return tx.deleteFound(tx.tenant.id, register["indexes"], keys)
}

// keys are the value's keyed hashes, the current index key first. There is more than one only while a re-encryption runs.
func (x Index) keys(t *Tenant, value string) ([][]byte, error) {
	return t.db.hashed(t.owner(), x.name, value)
}

func (db *DB) hashed(owner keyring.Owner, name, value string) (keys [][]byte, err error) {
	all, err := db.ring.Indexes(owner, name)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		sum := x.Sum(value)
		keys = append(keys, sum[:])
	}
	return keys, nil
}

// deleteFound deletes those of the keys that are there.
func (tx *WriteTx) deleteFound(space ID, collection uint16, keys [][]byte) error {
	for _, key := range keys {
		_, found, err := tx.to.Get(kv.Address{Space: space, Collection: collection, Key: key})
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := tx.deleteIn(space, collection, key); err != nil {
			return err
		}
	}
	return nil
}

func tenantOf(tx Reader) *Tenant {
	switch tx := tx.(type) {
	case *ReadTx:
		return tx.tenant
	case *WriteTx:
		return tx.tenant
	}
	panic(fmt.Sprintf("store: a reader of type %T", tx))
}

// Signpost tells which tenants know a value, before anyone is signed in: an e-mail address, an API key's id, a session. It
// lies in the appliance's space under a key of the appliance, as keyed hash and tenant; the value itself is under the
// tenant's key, so that of an erased tenant none can be read, in no old copy of the database either. A tenant can set and
// remove its own; only DB.Follow reads them, and it gives ids.
type Signpost struct{ name string }

// DefineSignpost makes a signpost. The name is hashed with the values.
func DefineSignpost(name string) Signpost { return Signpost{name} }

// Pointer is what a signpost points to: a record of a tenant.
type Pointer struct {
	Tenant ID `json:"tenant"`
	Record ID `json:"record"`
}

// Set points from the value to a record of the transaction's tenant, one for each tenant and value.
func (s Signpost) Set(tx *WriteTx, value string, record ID) error {
	if err := s.Remove(tx, value); err != nil { // of an earlier index key
		return err
	}
	keys, err := s.keys(tx.tenant.db, value, tx.tenant.id)
	if err != nil {
		return err
	}
	own, err := tx.tenant.db.ownValue(tx.tenant.id, s.name, value)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(indexed{Name: s.name, Own: own, Tenant: tx.tenant.id, Record: record})
	if err != nil {
		return err
	}
	return tx.putAs(dataOwner(Appliance), Appliance, register["signposts"], keys[0], 1, plain)
}

// Remove takes the tenant's pointer from the value.
func (s Signpost) Remove(tx *WriteTx, value string) error {
	keys, err := s.keys(tx.tenant.db, value, tx.tenant.id)
	if err != nil {
		return err
	}
	return tx.deleteFound(Appliance, register["signposts"], keys)
}

// Follow returns where a value points to, in any tenant. It gives no right to anything.
func (db *DB) Follow(ctx context.Context, s Signpost, value string) (all []Pointer, err error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	prefixes, err := db.hashed(dataOwner(Appliance), s.name, value)
	if err != nil {
		return nil, err
	}
	err = db.kv.View(ctx, func(from *kv.ReadTx) error {
		all = nil
		for _, prefix := range prefixes {
			err := from.Scan(Appliance, register["signposts"], prefix, func(key []byte, b envelope.Box) (bool, error) {
				if !bytes.HasPrefix(key, prefix) {
					return false, nil
				}
				e, err := db.readIndexed(dataOwner(Appliance), Appliance, register["signposts"], key, b)
				all = append(all, Pointer{e.Tenant, e.Record})
				return true, err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// readIndexed decrypts an entry of an index or signpost.
func (db *DB) readIndexed(owner keyring.Owner, space ID, collection uint16, key []byte, b envelope.Box) (e indexed, err error) {
	k, err := db.ring.Key(owner, b.KeyID())
	if err != nil {
		return e, err
	}
	plain, err := k.Decrypt(db.place(space, collection, key), b)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(plain, &e)
}

// keys are the keyed hashes of the value, each with the tenant behind it.
func (s Signpost) keys(db *DB, value string, tenant ID) ([][]byte, error) {
	keys, err := db.hashed(dataOwner(Appliance), s.name, value)
	for i := range keys {
		keys[i] = append(keys[i], tenant[:]...)
	}
	return keys, err
}

// ownValue encrypts a signpost's value under the key of the tenant that set it.
func (db *DB) ownValue(tenant ID, name, value string) ([]byte, error) {
	key, err := db.ring.DataKey(dataOwner(tenant), keyring.Purpose(register["signposts"]))
	if err != nil {
		return nil, err
	}
	return key.Encrypt(db.place(tenant, register["signposts"], []byte(name)), 1, nil, []byte(value)).Bytes(), nil
}

// valueOf reads the value of an entry of an index or signpost.
func (db *DB) valueOf(e indexed) (string, error) {
	if e.Own == nil {
		return e.Value, nil
	}
	b, err := envelope.Parse(e.Own)
	if err != nil {
		return "", err
	}
	if err := db.openOwner(dataOwner(e.Tenant)); err != nil {
		return "", err
	}
	key, err := db.ring.Key(dataOwner(e.Tenant), b.KeyID())
	if err != nil {
		return "", err
	}
	value, err := key.Decrypt(db.place(e.Tenant, register["signposts"], []byte(e.Name)), b)
	return string(value), err
}
