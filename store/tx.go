package store

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/blob"
	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// ReadTx reads one tenant's records as they stood at one moment. It lives as long as the function of Tenant.View, which
// should be short: bulk is read through blobs.
type ReadTx struct {
	tenant *Tenant
	from   *kv.ReadTx
}

// WriteTx reads and changes one tenant's records. It lives as long as the function of Tenant.Update. That function may
// be run a second time if what it read was changed meanwhile, so it must have no effects but on the transaction.
type WriteTx struct {
	tenant  *Tenant
	to      *kv.Tx
	now     time.Time
	object  string
	changes []Change
	lineage []ledger.Lineage
	parent  *WriteTx // of a transaction within another tenant: notes the changes
}

// Change is one thing that a transaction wrote, as its audit entry says it.
type Change struct {
	Collection string `json:"collection"`
	Digest     string `json:"digest,omitempty"` // SHA-256 of the encrypted value; "" when deleted
	Record     string `json:"record"`           // id, or the keyed hash of an index entry, in hexadecimal digits; of a signpost, the tenant
	// Replaced is the digest of the signpost that was there before; of other collections Record says which value that was.
	Replaced string `json:"replaced,omitempty"`
	// Tenant is whose record it is, where the entry is in another's log: the appliance writes the first of a new tenant.
	Tenant string `json:"tenant,omitempty"`
}

// Now is the transaction's time, the same one throughout.
func (tx *WriteTx) Now() time.Time { return tx.now }

// NewID makes an id whose order is that of creation.
func (tx *WriteTx) NewID() ID { return tx.tenant.db.newID(tx.now) }

// Of names what the action was about, where the caller learns it only inside the transaction (the id of a new record).
func (tx *WriteTx) Of(object ID) { tx.object = object.String() }

// Enter adds a leaf to the tenant's ledger, in the same transaction. The time and actor are filled in.
func (tx *WriteTx) Enter(l ledger.Lineage) {
	tx.lineage = append(tx.lineage, l)
}

func (tx *ReadTx) get(collection uint16, key []byte) (envelope.Box, bool, error) {
	return tx.from.Get(tx.tenant.address(collection, key))
}

func (tx *ReadTx) scan(collection uint16, from []byte, backwards bool, fn func([]byte, envelope.Box) (bool, error)) error {
	if backwards {
		return tx.from.ScanBack(tx.tenant.id, collection, from, fn)
	}
	return tx.from.Scan(tx.tenant.id, collection, from, fn)
}

func (tx *ReadTx) decrypt(collection uint16, key []byte, b envelope.Box) ([]byte, error) {
	return tx.tenant.decrypt(collection, key, b)
}

func (tx *WriteTx) get(collection uint16, key []byte) (envelope.Box, bool, error) {
	return tx.to.Get(tx.tenant.address(collection, key))
}

func (tx *WriteTx) scan(collection uint16, from []byte, backwards bool, fn func([]byte, envelope.Box) (bool, error)) error {
	if backwards {
		return tx.to.ScanBack(tx.tenant.id, collection, from, fn)
	}
	return tx.to.Scan(tx.tenant.id, collection, from, fn)
}

func (tx *WriteTx) decrypt(collection uint16, key []byte, b envelope.Box) ([]byte, error) {
	return tx.tenant.decrypt(collection, key, b)
}

// put encrypts a value for its place in the tenant, and notes the change.
func (tx *WriteTx) put(collection uint16, key []byte, schema uint16, plain []byte) error {
	t := tx.tenant
	return tx.putAs(t.owner(), t.id, collection, key, schema, plain)
}

// putAs is put with the space and owner given: signposts lie in the appliance's space.
func (tx *WriteTx) putAs(owner keyring.Owner, space ID, collection uint16, key []byte, schema uint16, plain []byte) error {
	db := tx.tenant.db
	dataKey, err := db.ring.DataKey(owner, keyring.Purpose(collection))
	if err != nil {
		return err
	}
	b := dataKey.Encrypt(db.place(space, collection, key), schema, nil, plain)
	at := kv.Address{Space: space, Collection: collection, Key: key}
	if err := tx.note(at, digestOf(b)); err != nil {
		return err
	}
	return tx.to.Put(at, b)
}

func (tx *WriteTx) delete(collection uint16, key []byte) error {
	return tx.deleteIn(tx.tenant.id, collection, key)
}

func (tx *WriteTx) deleteIn(space ID, collection uint16, key []byte) error {
	at := kv.Address{Space: space, Collection: collection, Key: key}
	if err := tx.note(at, ""); err != nil {
		return err
	}
	return tx.to.Delete(at)
}

// note keeps what is about to be written for the audit entry. Check replays these notes: every change of a stored value
// goes through here.
func (tx *WriteTx) note(at kv.Address, digest string) error {
	if tx.parent != nil {
		return tx.parent.note(at, digest)
	}
	if at.Collection == register["signposts"] {
		return tx.noteSignpost(at, digest)
	}
	c := Change{Collection: collectionName(at.Collection), Record: hex.EncodeToString(at.Key), Digest: digest}
	if ID(at.Space) != tx.tenant.id {
		c.Tenant = ID(at.Space).String()
	}
	tx.changes = append(tx.changes, c)
	return nil
}

// noteSignpost names a signpost by its tenant and the digest of what was there before, for its keyed hash is under a key of
// the appliance, which outlives the tenant.
func (tx *WriteTx) noteSignpost(at kv.Address, digest string) error {
	c := Change{Collection: "signposts", Record: hex.EncodeToString(at.Key[len(at.Key)-len(ID{}):]), Digest: digest}
	b, found, err := tx.to.Get(at)
	if err != nil {
		return err
	}
	if found {
		c.Replaced = digestOf(b)
	}
	tx.changes = append(tx.changes, c)
	return nil
}

// digestOf is how entries name a stored value.
func digestOf(b envelope.Box) string {
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// BlobRef names a blob: a record holds it, and the blob is kept as long as some record of its tenant does.
type BlobRef = blob.Ref
