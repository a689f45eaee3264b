package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Index makes blind index entries of one field of one owner: the same text gives the same entry, and without the key an
// entry tells nothing but whether two are equal. Never index a field with few possible values.
type Index struct {
	_       [0]func()
	key     *[sha256.Size]byte
	version byte
}

// Sum is the entry: the version of the index key, then 15 bytes of HMAC-SHA-256. The caller has normalised the text (for an e-mail
// address: trimmed, NFKC, small letters).
func (x *Index) Sum(normalised string) (entry [16]byte) {
	mac := hmac.New(sha256.New, x.key[:])
	_, _ = io.WriteString(mac, normalised) // a hash never errs
	sum := mac.Sum(nil)
	entry[0] = x.version
	copy(entry[1:], sum)
	return entry
}

// Version is the first byte of every entry: the epoch of the owner's index key, modulo 256.
func (x *Index) Version() byte { return x.version }

// Format prints the same words for every verb.
func (x *Index) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "keyring.Index(redacted)") }

// MarshalText refuses.
func (x *Index) MarshalText() ([]byte, error) {
	return nil, errors.New("a blind index cannot be written as text or JSON")
}

// Index is the current blind index of an owner's field, for writing. The owner must be open and have a key for
// PurposeIndex. Errors as [Ring.Key].
func (r *Ring) Index(o Owner, field string) (*Index, error) {
	all, err := r.Indexes(o, field)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Indexes is every version of an owner's blind index, the current one first: while an index is made again after
// [Ring.Roll], entries of the old versions are still to be found. Errors as [Ring.Key].
func (r *Ring) Indexes(o Owner, field string) ([]*Index, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	live, err := r.live(o)
	if err != nil {
		return nil, err
	}
	record, err := r.state.owner(o)
	if err != nil {
		return nil, err
	}
	var all []*Index
	for i := len(record.keys) - 1; i >= 0 && record.keys[i].purpose == PurposeIndex; i-- { // the last purpose there is
		x := &Index{key: new([sha256.Size]byte), version: byte(record.keys[i].epoch)}
		err := live.byID[record.keys[i].id].key.Expose(func(secret []byte) error {
			key := derive(secret, "qrsd blind index: "+field)
			defer clear(key)
			copy(x.key[:], key)
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the index key of %v: %w", o, ErrUnknownKey)
	}
	return all, nil
}
