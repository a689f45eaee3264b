package store

import (
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

// Set enters the value for the record; ErrExists if another record has it.
func (x Index) Set(tx *WriteTx, value string, id ID) error {
	found, err := x.Find(tx, value)
	if err == nil && found != id {
		return fmt.Errorf("%s: %w", x.name, ErrExists)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	key, err := x.key(tx.tenant, value)
	if err != nil {
		return err
	}
	return tx.put(register["indexes"], key, 1, id[:])
}

// Find returns the record of the value, or ErrNotFound.
func (x Index) Find(tx Reader, value string) (ID, error) {
	key, err := x.key(tenantOf(tx), value)
	if err != nil {
		return ID{}, err
	}
	b, found, err := tx.get(register["indexes"], key)
	if err != nil {
		return ID{}, err
	}
	if !found {
		return ID{}, fmt.Errorf("%s: %w", x.name, ErrNotFound)
	}
	plain, err := tx.decrypt(register["indexes"], key, b)
	if err != nil {
		return ID{}, err
	}
	if len(plain) != len(ID{}) {
		return ID{}, fmt.Errorf("%s: entry of %d bytes: %w", x.name, len(plain), kv.ErrCorrupt)
	}
	return ID(plain), nil
}

// Remove takes the value out.
func (x Index) Remove(tx *WriteTx, value string) error {
	key, err := x.key(tx.tenant, value)
	if err != nil {
		return err
	}
	return tx.delete(register["indexes"], key)
}

func (x Index) key(t *Tenant, value string) ([]byte, error) {
	index, err := t.db.ring.Index(t.owner(), x.name)
	if err != nil {
		return nil, err
	}
	sum := index.Sum(value)
	return sum[:], nil
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
// lies in the appliance's space under a key of the appliance, as keyed hash and tenant. A tenant can set and remove
// its own; only DB.Follow reads them, and it gives ids.
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
	key, err := s.key(tx.tenant.db, value, tx.tenant.id)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(Pointer{tx.tenant.id, record})
	if err != nil {
		return err
	}
	return tx.putAs(applianceOwner(), Appliance, register["signposts"], key, 1, plain)
}

// Remove takes the tenant's pointer from the value.
func (s Signpost) Remove(tx *WriteTx, value string) error {
	key, err := s.key(tx.tenant.db, value, tx.tenant.id)
	if err != nil {
		return err
	}
	return tx.deleteIn(Appliance, register["signposts"], key)
}

// Follow returns where a value points to, in any tenant. It gives no right to anything.
func (db *DB) Follow(ctx context.Context, s Signpost, value string) (all []Pointer, err error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	prefix, err := s.key(db, value, ID{})
	if err != nil {
		return nil, err
	}
	prefix = prefix[:len(prefix)-len(ID{})]
	err = db.kv.View(ctx, func(from *kv.ReadTx) error {
		all = nil
		return from.Scan(Appliance, register["signposts"], prefix, func(key []byte, b envelope.Box) (bool, error) {
			if len(key) < len(prefix) || string(key[:len(prefix)]) != string(prefix) {
				return false, nil
			}
			p, err := db.readSignpost(key, b)
			all = append(all, p)
			return true, err
		})
	})
	return all, err
}

func (db *DB) readSignpost(key []byte, b envelope.Box) (p Pointer, err error) {
	k, err := db.ring.Key(applianceOwner(), b.KeyID())
	if err != nil {
		return p, err
	}
	plain, err := k.Decrypt(db.place(Appliance, register["signposts"], key), b)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(plain, &p)
}

// key is the keyed hash of the value, and the tenant.
func (s Signpost) key(db *DB, value string, tenant ID) ([]byte, error) {
	index, err := db.ring.Index(applianceOwner(), s.name)
	if err != nil {
		return nil, err
	}
	sum := index.Sum(value)
	return append(sum[:], tenant[:]...), nil
}

func applianceOwner() keyring.Owner { return keyring.Owner{Hierarchy: keyring.Data, Space: Appliance} }
