package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// trail is what the audit logs say must be stored: the last digest that was entered for each record, and nothing for those
// that were deleted. A record that was put back to an earlier state, taken away or brought in behind the log decrypts well,
// and is found by this alone.
//
// It holds one tenant's records at a time, and of all tenants the signposts, which lie together in the appliance's space.
type trail struct {
	db    *DB
	heads headList
	// records and read are of the tenant at hand. A record that was seen and is right is taken out.
	records  map[place]digest
	suspects map[place]digest // as they were seen; the zero digest: not at all
	// read is how many entries of a tenant's audit log were replayed.
	read map[ID]int64
	// given is what the appliance wrote for new tenants: it lies in the tenant's space, its entries in the appliance's log.
	given      map[ID]map[place]digest
	signposts  map[ID]map[digest]int // 1: there is such a one; of the entries of two logs, deletion may come first
	distrusted map[ID]bool           // tenants whose audit log is faulty: nothing is held to it
}

// place is a record's collection and key.
type place struct {
	collection uint16
	key        string
}

type digest [sha256.Size]byte

func newTrail(db *DB) *trail {
	return &trail{
		db: db, heads: headList{}, read: map[ID]int64{}, given: map[ID]map[place]digest{}, signposts: map[ID]map[digest]int{}, distrusted: map[ID]bool{},
	}
}

// begin forgets the records of the tenant before, and returns what takes the texts of this tenant's audit log, from its
// first entry on.
func (r *trail) begin(tenant ID) func(sequence int64, text []byte) error {
	r.records, r.suspects = map[place]digest{}, map[place]digest{}
	maps.Copy(r.records, r.given[tenant])
	delete(r.given, tenant)
	return func(sequence int64, text []byte) error {
		if tenant == Appliance {
			if err := r.heads.note(sequence, text); err != nil {
				return err
			}
		}
		return r.replay(tenant, sequence, text, func(at place, d digest) {
			if d == (digest{}) {
				delete(r.records, at)
			} else {
				r.records[at] = d
			}
		})
	}
}

// replay goes through the changes of one entry; record is told what was written, the zero digest for a deletion.
func (r *trail) replay(tenant ID, sequence int64, text []byte, record func(place, digest)) error {
	r.read[tenant] = sequence + 1
	if !bytes.Contains(text, []byte(`"changes":`)) {
		return nil
	}
	var e struct{ Changes []Change }
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	for _, c := range e.Changes {
		number, known := register[c.Collection]
		if !known {
			return fmt.Errorf("it names the collection %q, which this version of qrsd does not have", c.Collection)
		}
		key, err := hex.DecodeString(c.Record)
		if err != nil {
			return err
		}
		written, err := parseDigest(c.Digest)
		if err != nil {
			return err
		}
		switch {
		case c.Collection == "signposts":
			if err := r.signpost(key, written, c.Replaced); err != nil {
				return err
			}
		case c.Collection == "profile" && c.Tenant == "" && tenant == Appliance: // of a store from before entries said so
			if err := r.give(c.Record, place{number, string(key)}, written); err != nil {
				return err
			}
		case c.Tenant != "":
			if err := r.give(c.Tenant, place{number, string(key)}, written); err != nil {
				return err
			}
		default:
			record(place{number, string(key)}, written)
		}
	}
	return nil
}

// give takes note of a record that the appliance wrote for a tenant, before that one's own log begins to say of it.
func (r *trail) give(tenant string, at place, written digest) error {
	id, err := ParseID(tenant)
	if err != nil {
		return err
	}
	if r.given[id] == nil {
		r.given[id] = map[place]digest{}
	}
	r.given[id][at] = written
	return nil
}

func (r *trail) signpost(key []byte, written digest, replaced string) error {
	if len(key) != len(ID{}) {
		return fmt.Errorf("a signpost of %x: that is no tenant", key)
	}
	gone, err := parseDigest(replaced)
	if err != nil {
		return err
	}
	of := r.signposts[ID(key)]
	if of == nil {
		of = map[digest]int{}
		r.signposts[ID(key)] = of
	}
	count := func(d digest, n int) {
		if d == (digest{}) {
			return
		}
		if of[d] += n; of[d] == 0 {
			delete(of, d)
		}
	}
	count(written, 1)
	count(gone, -1)
	return nil
}

// parseDigest reads a digest of an entry; "" is the zero digest.
func parseDigest(text string) (d digest, err error) {
	if text == "" {
		return d, nil
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(d) {
		return d, fmt.Errorf("%q is no SHA-256", text)
	}
	return digest(b), nil
}

// distrust takes note that a tenant's audit log is faulty.
func (r *trail) distrust(tenant ID) { r.distrusted[tenant] = true }

// seen compares a stored record with what was entered. What differs is a suspect: it may have been changed since the log
// was read.
func (r *trail) seen(collection uint16, key []byte, b envelope.Box) {
	if collection == register["signposts"] {
		return
	}
	at, d := place{collection, string(key)}, digest(sha256.Sum256(b.Bytes()))
	if r.records[at] == d {
		delete(r.records, at)
	} else {
		r.suspects[at] = d
	}
}

// catchUp replays what was appended to a tenant's audit log since, in the snapshot at hand.
func (r *trail) catchUp(tx *kv.ReadTx, tenant ID, record func(place, digest)) error {
	l := r.db.logOf(tenant, AuditLog)
	size, err := l.size(tx)
	if err != nil {
		return err
	}
	for sequence := r.read[tenant]; sequence < size; sequence++ {
		plain, err := r.db.openLogRecord(tx, l, l.leafOwner, leafCollection, sequence)
		if err != nil {
			return err
		}
		_, text, err := splitLeaf(plain)
		if err != nil {
			return err
		}
		if err := r.replay(tenant, sequence, text, record); err != nil {
			return err
		}
	}
	return nil
}

// suspectsAtOnce bounds how long one snapshot is held.
const suspectsAtOnce = 500

// replaced reports the records of a tenant that are not those of its audit log. Records left over from the replay are
// missing. Every suspect is looked at once more, beside what was appended to the log in the same snapshot.
func (c *checker) replaced(ctx context.Context, tenant ID) error {
	r := c.trail
	if r.distrusted[tenant] || r.distrusted[Appliance] {
		return nil
	}
	for at := range r.records {
		if _, seen := r.suspects[at]; !seen {
			r.suspects[at] = digest{}
		}
	}
	order := slices.SortedFunc(maps.Keys(r.suspects), comparePlaces)
	for part := range slices.Chunk(order, suspectsAtOnce) {
		var faults []Fault
		err := c.db.kv.View(ctx, func(tx *kv.ReadTx) (err error) {
			faults, err = r.wrong(tx, tenant, part)
			return err
		})
		if err != nil {
			return c.found(fmt.Sprintf("tenant %s", tenant), err)
		}
		if c.db.isErased(tenant) { // since the check began
			return nil
		}
		for _, f := range faults {
			if err := c.fault(f.Where, f.Reason); err != nil {
				return err
			}
		}
	}
	return nil
}

func comparePlaces(a, b place) int {
	if a.collection != b.collection {
		return int(a.collection) - int(b.collection)
	}
	return bytes.Compare([]byte(a.key), []byte(b.key))
}

// wrong compares some records with the log, both as they are in one snapshot.
func (r *trail) wrong(tx *kv.ReadTx, tenant ID, places []place) (faults []Fault, err error) {
	err = r.catchUp(tx, tenant, func(at place, d digest) { r.records[at] = d })
	if err != nil {
		return nil, err
	}
	for _, at := range places {
		b, found, err := tx.Get(kv.Address{Space: tenant, Collection: at.collection, Key: []byte(at.key)})
		if err != nil {
			return nil, err
		}
		now, entered := digest{}, r.records[at]
		if found {
			now = sha256.Sum256(b.Bytes())
		}
		// A suspect that was right when it was seen has been taken out of the records, and is none.
		if now == entered {
			continue
		}
		faults = append(faults, Fault{fmt.Sprintf("tenant %s, %s %x", tenant, collectionName(at.collection), at.key), difference(entered, now)})
	}
	return faults, nil
}

// difference says how what is stored differs from what was entered.
func difference(entered, now digest) string {
	switch {
	case now == digest{}:
		return "is missing: by the audit log it was written and not deleted"
	case entered == digest{}:
		return "is there, and by the audit log it was never written, or deleted"
	}
	return "is not what the audit log says was written there last: it was put back to an earlier state"
}

// signposts compares the signposts of all tenants with the audit logs. They are walked once; only of tenants whose set
// differs, each is looked at.
func (c *checker) signposts(ctx context.Context) error {
	r := c.trail
	if r.distrusted[Appliance] {
		return nil
	}
	stored := map[ID]digest{}
	number := register["signposts"]
	err := c.db.eachBox(ctx, Appliance, number, func(key []byte, b envelope.Box) error {
		if len(key) < len(ID{}) {
			return c.fault(fmt.Sprintf("signpost %x", key), "its key names no tenant")
		}
		id := ID(key[len(key)-len(ID{}):])
		stored[id] = stored[id].with(sha256.Sum256(b.Bytes()))
		return nil
	})
	if err != nil {
		return c.found("signposts", err)
	}
	var suspects []ID
	for _, id := range slices.SortedFunc(maps.Keys(merged(stored, r.signposts)), func(a, b ID) int { return bytes.Compare(a[:], b[:]) }) {
		var entered digest
		for d := range r.signposts[id] {
			entered = entered.with(d)
		}
		if entered != stored[id] && !r.distrusted[id] {
			suspects = append(suspects, id)
		}
	}
	for _, id := range suspects {
		if err := c.signpostsOf(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// with adds a digest to a set's sum. No two values are encrypted alike, so none is in a set twice.
func (d digest) with(other digest) digest {
	for i := range d {
		d[i] ^= other[i]
	}
	return d
}

// merged are the tenants of both maps.
func merged(stored map[ID]digest, entered map[ID]map[digest]int) map[ID]bool {
	all := map[ID]bool{}
	for id := range stored {
		all[id] = true
	}
	for id := range entered {
		all[id] = true
	}
	return all
}

// signpostsOf compares those of one tenant, in one snapshot with the logs.
func (c *checker) signpostsOf(ctx context.Context, tenant ID) error {
	r := c.trail
	var extra, missing int
	err := c.db.kv.View(ctx, func(tx *kv.ReadTx) error {
		for _, id := range []ID{Appliance, tenant} {
			if err := r.catchUp(tx, id, func(place, digest) {}); err != nil {
				return err
			}
		}
		stored := map[digest]bool{}
		err := tx.Scan(Appliance, register["signposts"], nil, func(key []byte, b envelope.Box) (bool, error) {
			if bytes.HasSuffix(key, tenant[:]) {
				stored[sha256.Sum256(b.Bytes())] = true
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		extra, missing = 0, 0
		for d := range stored {
			if r.signposts[tenant][d] != 1 {
				extra++
			}
		}
		for d, n := range r.signposts[tenant] {
			if n > 0 && !stored[d] {
				missing++
			}
		}
		return nil
	})
	if err != nil {
		return c.found(fmt.Sprintf("signposts of tenant %s", tenant), err)
	}
	if extra == 0 && missing == 0 {
		return nil
	}
	return c.fault(fmt.Sprintf("signposts of tenant %s", tenant), fmt.Sprintf("%d are not in the audit logs, %d of those logs are missing", extra, missing))
}

// forgotten reports tenants that the appliance's log knows and the list of tenants does not.
func (c *checker) forgotten(tenants []ID) error {
	known := map[ID]bool{}
	for _, id := range tenants {
		known[id] = true
	}
	for at := range c.trail.heads {
		if known[at.tenant] {
			continue
		}
		known[at.tenant] = true
		if err := c.fault("tenant "+at.tenant.String(), "has logs by the appliance's audit log, and is not in the list of tenants"); err != nil {
			return err
		}
	}
	return nil
}
