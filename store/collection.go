package store

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// maxRecord bounds a record's JSON: what is larger is bulk and belongs in a blob.
const maxRecord = 1 << 20

// maxPage bounds a page of a listing.
const maxPage = 1000

// Collection is a set of records of one type within a tenant, each under an ID, encrypted under the collection's data
// key for its one place. Define makes it.
type Collection[T any] struct {
	name     string
	number   uint16
	schema   uint16
	upgrades map[uint16]Upgrade
}

// Upgrade turns the JSON of a record of schema From into that of the next schema. It is pure.
type Upgrade struct {
	From uint16
	Do   func(old json.RawMessage) (json.RawMessage, error)
}

// Define makes the collection of a registered name whose records are of the given schema version (1 is the first).
// For every earlier schema there must be an upgrade: records are brought up when they are read, and written in the
// present schema when they are next changed.
func Define[T any](name string, schema uint16, upgrades ...Upgrade) Collection[T] {
	c := Collection[T]{name: name, number: number(name), schema: schema, upgrades: map[uint16]Upgrade{}}
	for _, u := range upgrades {
		c.upgrades[u.From] = u
	}
	for from := uint16(1); from < schema; from++ {
		if _, ok := c.upgrades[from]; !ok {
			panic(fmt.Sprintf("store: collection %s has no upgrade from schema %d", name, from))
		}
	}
	return c
}

// Record is a stored value with its id and version. The version begins at 1 and grows with every change.
type Record[T any] struct {
	ID      ID
	Version uint64
	Value   T
}

// Page is a part of a listing, in order of ids, which is that of creation.
type Page[T any] struct {
	Records []Record[T]
	Next    Cursor // "" when the listing is at its end
}

// Cursor is a place in a listing: the records after it are the same ones whatever was added or deleted before it.
type Cursor string

// Reader is a ReadTx or a WriteTx.
type Reader interface {
	get(collection uint16, key []byte) (envelope.Box, bool, error)
	scan(collection uint16, from []byte, backwards bool, fn func(key []byte, b envelope.Box) (bool, error)) error
	decrypt(collection uint16, key []byte, b envelope.Box) ([]byte, error)
}

// Get reads the record, or ErrNotFound.
func (c Collection[T]) Get(tx Reader, id ID) (Record[T], error) {
	b, found, err := tx.get(c.number, id[:])
	if err != nil {
		return Record[T]{}, err
	}
	if !found {
		return Record[T]{}, fmt.Errorf("%s %s: %w", c.name, id, ErrNotFound)
	}
	return c.open(tx, id, b)
}

// Insert writes a new record in version 1; ErrExists if the id is taken.
func (c Collection[T]) Insert(tx *WriteTx, id ID, value T) error {
	_, found, err := tx.get(c.number, id[:])
	if err != nil {
		return err
	}
	if found {
		return fmt.Errorf("%s %s: %w", c.name, id, ErrExists)
	}
	return c.write(tx, Record[T]{ID: id, Version: 1, Value: value})
}

// Put replaces a record that was read before: r.Version must be the one that is stored, else ErrConflict. It returns
// the record in its new version.
func (c Collection[T]) Put(tx *WriteTx, r Record[T]) (Record[T], error) {
	if err := c.expect(tx, r.ID, r.Version); err != nil {
		return Record[T]{}, err
	}
	r.Version++
	return r, c.write(tx, r)
}

// Delete removes a record that was read before; its version must be the one that is stored, else ErrConflict.
func (c Collection[T]) Delete(tx *WriteTx, id ID, version uint64) error {
	if err := c.expect(tx, id, version); err != nil {
		return err
	}
	return tx.delete(c.number, id[:])
}

// List reads up to limit records (1 to 1,000) after the cursor, oldest first. "" begins.
func (c Collection[T]) List(tx Reader, after Cursor, limit int) (Page[T], error) {
	return c.list(tx, after, limit, false)
}

// ListNewest reads up to limit records (1 to 1,000) before the cursor, newest first. "" begins.
func (c Collection[T]) ListNewest(tx Reader, after Cursor, limit int) (Page[T], error) {
	return c.list(tx, after, limit, true)
}

func (c Collection[T]) list(tx Reader, after Cursor, limit int, backwards bool) (page Page[T], err error) {
	if limit < 1 || limit > maxPage {
		return page, Invalid("limit", "list %s: a page of %d is not between 1 and %d", c.name, limit, maxPage)
	}
	last, err := after.key()
	if err != nil {
		return page, fmt.Errorf("list %s: %w", c.name, err)
	}
	err = tx.scan(c.number, last, backwards, func(key []byte, b envelope.Box) (bool, error) {
		if string(key) == string(last) {
			return true, nil
		}
		if len(page.Records) == limit {
			end := page.Records[limit-1].ID
			page.Next = Cursor(base64.RawURLEncoding.EncodeToString(end[:]))
			return false, nil
		}
		if len(key) != len(ID{}) {
			return false, fmt.Errorf("%s: key of %d bytes: %w", c.name, len(key), kv.ErrCorrupt)
		}
		r, err := c.open(tx, ID(key), b)
		page.Records = append(page.Records, r)
		return true, err
	})
	return page, err
}

func (c Cursor) key() ([]byte, error) {
	if c == "" {
		return nil, nil
	}
	key, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil || len(key) != len(ID{}) {
		return nil, Invalid("cursor", "cursor %.40q is not one that a listing gave", string(c))
	}
	return key, nil
}

// remove deletes whatever version is stored; nothing there is no error.
func (c Collection[T]) remove(tx *WriteTx, id ID) error {
	r, err := c.Get(tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.Delete(tx, id, r.Version)
}

// expect holds the stored record to the version that the caller had read.
func (c Collection[T]) expect(tx *WriteTx, id ID, version uint64) error {
	stored, err := c.Get(tx, id)
	if err != nil {
		return err
	}
	if stored.Version != version {
		return fmt.Errorf("%s %s stands at version %d, the change is to version %d: %w", c.name, id, stored.Version, version, ErrConflict)
	}
	return nil
}

// write encrypts version and JSON for the record's place.
func (c Collection[T]) write(tx *WriteTx, r Record[T]) error {
	body, err := json.Marshal(r.Value)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", c.name, r.ID, err)
	}
	if len(body) > maxRecord {
		return fmt.Errorf("%s %s: %d bytes are more than a record may have (%d); what is large belongs in a blob", c.name, r.ID, len(body), maxRecord)
	}
	plain := append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(body)), r.Version), body...)
	return tx.put(c.number, r.ID[:], c.schema, plain)
}

// open decrypts and brings the record up to the present schema.
func (c Collection[T]) open(tx Reader, id ID, b envelope.Box) (r Record[T], err error) {
	plain, err := tx.decrypt(c.number, id[:], b)
	if err != nil {
		return r, fmt.Errorf("%s %s: %w", c.name, id, err)
	}
	if len(plain) < 8 {
		return r, fmt.Errorf("%s %s: %d bytes: %w", c.name, id, len(plain), kv.ErrCorrupt)
	}
	body := json.RawMessage(plain[8:])
	if body, err = c.upgrade(b.Schema(), body); err != nil {
		return r, fmt.Errorf("%s %s: %w", c.name, id, err)
	}
	r = Record[T]{ID: id, Version: binary.BigEndian.Uint64(plain)}
	if err := json.Unmarshal(body, &r.Value); err != nil {
		return r, fmt.Errorf("%s %s: %w", c.name, id, err)
	}
	return r, nil
}

func (c Collection[T]) upgrade(schema uint16, body json.RawMessage) (_ json.RawMessage, err error) {
	if schema > c.schema {
		return nil, fmt.Errorf("written in schema %d by a later version of qrsd; this one knows %d", schema, c.schema)
	}
	for ; schema < c.schema; schema++ {
		if body, err = c.upgrades[schema].Do(body); err != nil {
			return nil, fmt.Errorf("upgrade from schema %d: %w", schema, err)
		}
	}
	return body, nil
}
