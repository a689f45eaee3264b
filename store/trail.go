package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Query says which entries of an audit log are wanted. The zero Query wants all.
type Query struct {
	From, To time.Time // From included, To not; zero: open
	Actor    string    // user's id, "operator" or "qrsd"
	Action   string    // verb, or its part before the dot
	Object   string    // id
	Outcome  Outcome
	First    int64 // sequences from this one on
	Before   int64 // sequences below this one; 0: no bound
	Limit    int   // at most so many, 1 to 10,000; 0 is 1,000
	Newest   bool  // the last ones, newest first
}

// Next asks for what follows the last entry that was read: later ones, or with Newest earlier ones. It reports whether
// there can be any.
func (q Query) Next(last Entry) (next Query, more bool) {
	if !q.Newest {
		q.First = last.Sequence + 1
		return q, q.Before == 0 || q.First < q.Before
	}
	q.Before = last.Sequence
	return q, q.Before > q.First
}

const maxTrail = 10000

func (q Query) matches(e Entry) bool {
	switch {
	case !q.From.IsZero() && e.Time.Before(q.From), !q.To.IsZero() && !e.Time.Before(q.To):
	case q.Actor != "" && e.Actor != q.Actor, q.Object != "" && e.Object != q.Object, q.Outcome != "" && e.Outcome != q.Outcome:
	case q.Action != "" && e.Action != q.Action && !hasArea(e.Action, q.Action):
	default:
		return true
	}
	return false
}

func hasArea(action, area string) bool {
	return len(action) > len(area) && action[:len(area)] == area && action[len(area)] == '.'
}

// Read is an entry with what it says of a person, where that can still be decrypted.
type Read struct {
	Entry
	Person *Person `json:"person,omitempty"`
}

// Audit reads the audit log of the tenant, oldest first unless Query.Newest.
func (t *Tenant) Audit(ctx context.Context, q Query) (all []Read, err error) {
	if q.Limit == 0 {
		q.Limit = 1000
	}
	a := Action{Verb: t.own(rights.AuditRead, rights.AuditSystem)}
	if err := t.permit(ctx, a); err != nil {
		return nil, err
	}
	if q.Limit < 1 || q.Limit > maxTrail {
		return nil, t.settle(ctx, a, Invalid("limit", "audit: %d entries at a time are not between 1 and %d", q.Limit, maxTrail))
	}
	if q.First < 0 || q.Before < 0 {
		return nil, t.settle(ctx, a, Invalid("cursor", "audit: entries from %d and before %d: sequences begin at 0", q.First, q.Before))
	}
	l := t.db.logOf(t.id, AuditLog)
	from, to, err := t.db.span(ctx, l, q)
	if err == nil {
		err = t.db.eachLeaf(ctx, l, from, to, q.Newest, func(sequence int64, _ envelope.Box, plain []byte) (bool, error) {
			e, err := t.db.readEntry(l, sequence, plain)
			if err != nil || !q.matches(e.Entry) {
				return true, err
			}
			all = append(all, e)
			return len(all) < q.Limit, nil
		})
	}
	return all, t.settle(ctx, a, err)
}

// own chooses between a tenant's verb and the operator's, for the appliance's own log.
func (t *Tenant) own(tenants, appliance Verb) Verb {
	if t.id == Appliance {
		return appliance
	}
	return tenants
}

// readEntry decodes a leaf's text and opens its personal part, if that can be.
func (db *DB) readEntry(l log, sequence int64, plain []byte) (r Read, err error) {
	_, text, err := splitLeaf(plain)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r.Entry); err != nil {
		return r, fmt.Errorf("%s, leaf %d: %w", l, sequence, err)
	}
	if r.Personal != nil {
		r.Person, _, err = db.openPersonal(l, r.Entry)
	}
	return r, err
}

// openPersonal decrypts the personal part; of an erased tenant there is none.
func (db *DB) openPersonal(l log, e Entry) (*Person, []byte, error) {
	b, err := envelope.Parse(e.Personal.Box)
	if err != nil {
		return nil, nil, err
	}
	home := l.tenant
	if e.Home != "" {
		if home, err = ParseID(e.Home); err != nil {
			return nil, nil, err
		}
		if err := db.openOwner(dataOwner(home)); err != nil && !errors.Is(err, keyring.ErrErased) {
			return nil, nil, err
		}
	}
	key, err := db.ring.Key(dataOwner(home), b.KeyID())
	if errors.Is(err, keyring.ErrDestroyed) || errors.Is(err, keyring.ErrErased) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	plain, err := key.Decrypt(db.place(l.id, uint16(purposePersonal), l.at(leafCollection, e.Sequence).Key), b)
	if err != nil {
		return nil, nil, err
	}
	var person Person
	return &person, plain, json.Unmarshal(plain, &person)
}

// span narrows a query to sequences: the log is in order of time, so both ends are found by halving.
func (db *DB) span(ctx context.Context, l log, q Query) (from, to int64, err error) {
	err = db.kv.View(ctx, func(tx *kv.ReadTx) error {
		size, err := l.size(tx)
		if err != nil {
			return err
		}
		var failed error
		first := func(at time.Time) int64 {
			return int64(sort.Search(int(size), func(i int) bool {
				when, err := db.timeOf(tx, l, int64(i))
				failed = errors.Join(failed, err)
				return !when.Before(at)
			}))
		}
		from, to = 0, size
		if !q.From.IsZero() {
			from = first(q.From)
		}
		if !q.To.IsZero() {
			to = first(q.To)
		}
		from = max(from, q.First)
		if q.Before > 0 {
			to = min(to, q.Before)
		}
		return failed
	})
	return from, to, err
}

// timeOf reads the time of a leaf's text: of an entry or a lineage record.
func (db *DB) timeOf(from logReader, l log, sequence int64) (time.Time, error) {
	plain, err := db.openLogRecord(from, l, l.leafOwner, leafCollection, sequence)
	if err != nil {
		return time.Time{}, err
	}
	_, text, err := splitLeaf(plain)
	if err != nil {
		return time.Time{}, err
	}
	var stamped struct{ Time time.Time }
	return stamped.Time, json.Unmarshal(text, &stamped)
}

// timeOfLast is the time of the last leaf, zero of an empty log.
func (db *DB) timeOfLast(from logReader, l log, size int64) (time.Time, error) {
	if size == 0 {
		return time.Time{}, nil
	}
	return db.timeOf(from, l, size-1)
}

// leafPage is how many leaves one snapshot of a long reading holds.
const leafPage = 2000

// eachLeaf decrypts the leaves from (included) to (not), in pages. fn says whether to go on.
func (db *DB) eachLeaf(ctx context.Context, l log, from, to int64, newest bool, fn func(sequence int64, b envelope.Box, plain []byte) (bool, error)) error {
	for from < to {
		low, high := from, min(to, from+leafPage)
		if newest {
			low, high = max(from, to-leafPage), to
		}
		boxes, err := db.leaves(ctx, l, low, high)
		if err != nil {
			return err
		}
		for i := range boxes {
			at := i
			if newest {
				at = len(boxes) - 1 - i
			}
			sequence := low + int64(at)
			plain, err := db.decryptLogRecord(l, l.leafOwner, l.at(leafCollection, sequence), boxes[at])
			if err != nil {
				return err
			}
			more, err := fn(sequence, boxes[at], plain)
			if err != nil || !more {
				return err
			}
		}
		if newest {
			to = low
		} else {
			from = high
		}
	}
	return nil
}

// leaves reads the boxes of consecutive leaves in one snapshot.
func (db *DB) leaves(ctx context.Context, l log, low, high int64) (boxes []envelope.Box, err error) {
	err = db.kv.View(ctx, func(tx *kv.ReadTx) error {
		boxes = boxes[:0]
		return tx.Scan(l.id, leafCollection, l.at(leafCollection, low).Key, func(key []byte, b envelope.Box) (bool, error) {
			sequence, err := indexOf(key)
			if err != nil {
				return false, err
			}
			if want := low + int64(len(boxes)); sequence != want {
				return false, fmt.Errorf("%s: leaf %d is missing: %w", l, want, kv.ErrCorrupt)
			}
			boxes = append(boxes, b)
			return sequence+1 < high, nil
		})
	})
	if err == nil && int64(len(boxes)) < high-low {
		err = fmt.Errorf("%s: leaf %d is missing: %w", l, low+int64(len(boxes)), kv.ErrCorrupt)
	}
	return boxes, err
}

// LedgerLeaf is one leaf of a tenant's ledger as ledger list shows it.
type LedgerLeaf struct {
	Sequence int64
	Leaf     ledger.Hash
	Lineage  ledger.Lineage
}

// LedgerQuery says which leaves of a ledger are wanted. Limit is needed.
type LedgerQuery struct {
	First  int64  // sequences from this one on
	Before int64  // sequences below this one; 0: no bound
	Limit  int    // at most so many, 1 to 10,000
	Newest bool   // the last ones, newest first
	About  string // a run's or portfolio's id, a digest that a leaf names (64 hexadecimal digits), or the hash of a leaf (base64 or hexadecimal); "": any
}

// matches reports whether a leaf is about what was asked for. hit is the leaf with that hash, -1 where there is none.
func (q LedgerQuery) matches(l LedgerLeaf, hit int64) bool {
	if q.About == "" || l.Sequence == hit || l.Lineage.Subject.String() == q.About {
		return true
	}
	for _, digest := range l.Lineage.Digests {
		if digest.String() == q.About {
			return true
		}
	}
	return false
}

// Ledger reads leaves of the tenant's ledger after the given sequence (-1: from the first), at most limit.
func (t *Tenant) Ledger(ctx context.Context, after int64, limit int) (all []LedgerLeaf, err error) {
	return t.LedgerOf(ctx, LedgerQuery{First: after + 1, Limit: limit})
}

// LedgerOf reads leaves of the tenant's ledger, oldest first unless LedgerQuery.Newest.
func (t *Tenant) LedgerOf(ctx context.Context, q LedgerQuery) (all []LedgerLeaf, err error) {
	a := Action{Verb: rights.LedgerRead}
	if err := t.permit(ctx, a); err != nil {
		return nil, err
	}
	if q.Limit < 1 || q.Limit > maxTrail {
		return nil, t.settle(ctx, a, Invalid("limit", "ledger: %d leaves at a time are not between 1 and %d", q.Limit, maxTrail))
	}
	if q.First < 0 || q.Before < 0 {
		return nil, t.settle(ctx, a, Invalid("cursor", "ledger: leaves from %d and before %d: sequences begin at 0", q.First, q.Before))
	}
	all, err = t.leavesOf(ctx, t.db.logOf(t.id, Lineage), q)
	return all, t.settle(ctx, a, err)
}

func (t *Tenant) leavesOf(ctx context.Context, l log, q LedgerQuery) (all []LedgerLeaf, err error) {
	var size int64
	if err := t.db.kv.View(ctx, func(tx *kv.ReadTx) (err error) { size, err = l.size(tx); return err }); err != nil {
		return nil, err
	}
	hit, err := t.leafWith(ctx, l, size, q.About)
	if err != nil {
		return nil, err
	}
	to := size
	if q.Before > 0 {
		to = min(size, q.Before)
	}
	err = t.db.eachLeaf(ctx, l, q.First, to, q.Newest, func(sequence int64, _ envelope.Box, plain []byte) (bool, error) {
		_, text, err := splitLeaf(plain)
		if err != nil {
			return false, err
		}
		lineage, err := ledger.ParseLineage(text)
		if leaf := (LedgerLeaf{Sequence: sequence, Lineage: lineage}); err == nil && q.matches(leaf, hit) {
			all = append(all, leaf)
		}
		return len(all) < q.Limit, err
	})
	if err != nil {
		return nil, err
	}
	return all, t.leafHashes(ctx, l, all)
}

// leafWith finds the leaf with a hash, whose text is base64 or hexadecimal; -1 where there is none, or the text is no hash.
func (t *Tenant) leafWith(ctx context.Context, l log, size int64, text string) (found int64, err error) {
	want, err := ledger.ParseHash(text)
	if err != nil {
		return -1, nil //nolint:nilerr // the text is an id then, or nothing that a ledger has
	}
	for low := int64(0); low < size; low += leafPage {
		page := make([]LedgerLeaf, min(leafPage, size-low))
		for i := range page {
			page[i].Sequence = low + int64(i)
		}
		if err := t.leafHashes(ctx, l, page); err != nil {
			return -1, err
		}
		for _, leaf := range page {
			if leaf.Leaf == want {
				return leaf.Sequence, nil
			}
		}
		if err := ctx.Err(); err != nil {
			return -1, err
		}
	}
	return -1, nil
}

func (t *Tenant) leafHashes(ctx context.Context, l log, all []LedgerLeaf) error {
	indexes := make([]int64, len(all))
	for i := range all {
		indexes[i] = ledger.StoredIndex(0, all[i].Sequence)
	}
	return t.db.kv.View(ctx, func(tx *kv.ReadTx) error {
		hashes, err := t.db.hashes(tx, l).ReadHashes(indexes)
		for i := range hashes {
			all[i].Leaf = hashes[i]
		}
		return err
	})
}

// LedgerHead is the size of the tenant's ledger and its last leaf, which every leaf before it leads to.
func (t *Tenant) LedgerHead(ctx context.Context) (size int64, head ledger.Hash, err error) {
	l := t.db.logOf(t.id, Lineage)
	err = t.View(ctx, Action{Verb: rights.LedgerRead}, func(tx *ReadTx) error {
		if size, err = l.size(tx.from); err != nil || size == 0 {
			return err
		}
		hashes, err := t.db.hashes(tx.from, l).ReadHashes([]int64{ledger.StoredIndex(0, size-1)})
		if err != nil {
			return err
		}
		head = hashes[0]
		return nil
	})
	return size, head, err
}

// Checkpoint signs the head of one of the tenant's logs as it stands, and returns the signed note.
func (t *Tenant) Checkpoint(ctx context.Context, kind LogKind) ([]byte, error) {
	a := Action{Verb: t.own(rights.LedgerCheckpoint, rights.StoreCheckpoint)}
	if err := t.permit(ctx, a); err != nil {
		return nil, err
	}
	if err := t.db.sign(ctx, t.db.logOf(t.id, kind)); err != nil {
		return nil, t.settle(ctx, a, err)
	}
	signed, _, err := t.db.lastCheckpoint(ctx, t.db.logOf(t.id, kind))
	return signed, t.settle(ctx, a, err)
}

// lastCheckpoint is the newest checkpoint of a log, verified.
func (db *DB) lastCheckpoint(ctx context.Context, l log) (signed []byte, c ledger.Checkpoint, err error) {
	err = db.kv.View(ctx, func(tx *kv.ReadTx) error {
		key, b, ok, err := tx.Last(l.id, checkpointCollection)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s has no checkpoint yet: %w", l, ErrNotFound)
		}
		signed, err = db.decryptLogRecord(l, l.treeOwner, kv.Address{Space: l.id, Collection: checkpointCollection, Key: key}, b)
		return err
	})
	if err != nil {
		return nil, c, err
	}
	c, err = db.openCheckpoint(l, signed)
	return signed, c, err
}

// openCheckpoint verifies a checkpoint. The last one of each log is remembered, for many proofs are against the same.
func (db *DB) openCheckpoint(l log, signed []byte) (ledger.Checkpoint, error) {
	if known, ok := db.heads.Load(l.id); ok && string(known.(signedHead).note) == string(signed) {
		return known.(signedHead).Checkpoint, nil
	}
	verifiers, err := db.verifiers(l.origin(db))
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	c, err := ledger.OpenCheckpoint(signed, verifiers)
	if err == nil {
		db.heads.Store(l.id, signedHead{signed, c})
	}
	return c, err
}

// Proof shows that a leaf is in the log of a checkpoint. It is verified before it is given out.
type Proof struct {
	Sequence   int64         `json:"sequence"`
	Leaf       ledger.Hash   `json:"leaf"`
	Size       int64         `json:"size"`
	Root       ledger.Hash   `json:"root"`
	Path       []ledger.Hash `json:"path"`
	Checkpoint string        `json:"checkpoint"`
}

// Prove proves a leaf against the last checkpoint, or against one made now where the leaf is younger.
func (t *Tenant) Prove(ctx context.Context, kind LogKind, sequence int64) (p Proof, err error) {
	a := Action{Verb: t.own(rights.LedgerRead, rights.AuditSystem)}
	if kind == AuditLog {
		a.Verb = t.own(rights.AuditRead, rights.AuditSystem)
	}
	if err := t.permit(ctx, a); err != nil {
		return p, err
	}
	p, err = t.db.prove(ctx, t.db.logOf(t.id, kind), sequence)
	return p, t.settle(ctx, a, err)
}

func (db *DB) prove(ctx context.Context, l log, sequence int64) (p Proof, err error) {
	signed, c, err := db.lastCheckpoint(ctx, l)
	if errors.Is(err, ErrNotFound) || err == nil && sequence >= c.Size {
		if err := db.sign(ctx, l); err != nil {
			return p, err
		}
		signed, c, err = db.lastCheckpoint(ctx, l)
	}
	if err != nil {
		return p, err
	}
	if sequence < 0 || sequence >= c.Size {
		return p, fmt.Errorf("%s has leaves 0 to %d, not %d: %w", l, c.Size-1, sequence, ErrNotFound)
	}
	p = Proof{Sequence: sequence, Size: c.Size, Root: c.Root, Checkpoint: string(signed)}
	err = db.kv.View(ctx, func(tx *kv.ReadTx) error {
		reader := db.hashes(tx, l)
		leaf, err := reader.ReadHashes([]int64{ledger.StoredIndex(0, sequence)})
		if err != nil {
			return err
		}
		p.Leaf = leaf[0]
		p.Path, err = ledger.ProveInclusion(c.Size, sequence, reader)
		return err
	})
	if err != nil {
		return p, err
	}
	return p, ledger.CheckInclusion(p.Path, p.Size, p.Root, p.Sequence, p.Leaf)
}

// Export writes a log as JSON lines with a checkpoint, the public keys and a proof for each leaf: what audit verify FILE
// checks without the store. Leaves whose keys are destroyed are exported unread.
func (t *Tenant) Export(ctx context.Context, kind LogKind, w io.Writer) (count int64, err error) {
	a := Action{Verb: t.own(rights.AuditExport, rights.AuditSystem)}
	if err := t.permit(ctx, a); err != nil {
		return 0, err
	}
	count, err = t.db.export(ctx, t.db.logOf(t.id, kind), w)
	return count, t.settle(ctx, a, err)
}

func (db *DB) export(ctx context.Context, l log, w io.Writer) (int64, error) {
	if err := db.sign(ctx, l); err != nil {
		return 0, err
	}
	signed, c, err := db.lastCheckpoint(ctx, l)
	if err != nil {
		return 0, err
	}
	keys, err := db.publicKeys(l.origin(db))
	if err != nil {
		return 0, err
	}
	out, err := ledger.NewExport(w, l.id, signed, keys)
	if err != nil {
		return 0, err
	}
	var previous ledger.Hash
	for low := int64(0); low < c.Size; low += leafPage {
		boxes, err := db.leaves(ctx, l, low, min(c.Size, low+leafPage))
		if err != nil {
			return low, err
		}
		for i, b := range boxes {
			if previous, err = db.exportLeaf(ctx, out, l, low+int64(i), c.Size, previous, b); err != nil {
				return low + int64(i), err
			}
		}
	}
	return c.Size, out.Close()
}

func (db *DB) exportLeaf(ctx context.Context, out *ledger.ExportWriter, l log, sequence, size int64, previous ledger.Hash, b envelope.Box) (ledger.Hash, error) {
	h, err := l.header(sequence, previous, b)
	if err != nil {
		return previous, err
	}
	x := ledger.Exported{Header: h, Box: b.Bytes()}
	plain, err := db.decryptLogRecord(l, l.leafOwner, l.at(leafCollection, sequence), b)
	switch {
	case errors.Is(err, keyring.ErrDestroyed), errors.Is(err, keyring.ErrErased):
	case err != nil:
		return previous, err
	default:
		if x.Salt, x.Entry, err = splitLeaf(plain); err == nil && l.kind == AuditLog {
			x.Disclosed, err = db.disclosure(l, sequence, x.Entry)
		}
		if err != nil {
			return previous, err
		}
	}
	err = db.kv.View(ctx, func(tx *kv.ReadTx) (err error) {
		x.Proof, err = ledger.ProveInclusion(size, sequence, db.hashes(tx, l))
		return err
	})
	if err != nil {
		return previous, err
	}
	return ledger.LeafHash(h, x.Box), out.Add(x)
}

// disclosure is what an entry says of a person, to go with it; nil where it says nothing, or the tenant is erased.
func (db *DB) disclosure(l log, sequence int64, text []byte) ([]byte, error) {
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil || e.Personal == nil {
		return nil, err
	}
	_, plain, err := db.openPersonal(l, e)
	return plain, err
}

// ProveConsistency shows that a log only grew between two of its sizes: the path, and the roots at both.
func (t *Tenant) ProveConsistency(ctx context.Context, kind LogKind, earlier int64) (p Growth, err error) {
	a := Action{Verb: t.own(rights.LedgerRead, rights.AuditSystem)}
	if kind == AuditLog {
		a.Verb = t.own(rights.AuditRead, rights.AuditSystem)
	}
	if err := t.permit(ctx, a); err != nil {
		return p, err
	}
	p, err = t.db.proveGrowth(ctx, t.db.logOf(t.id, kind), earlier)
	return p, t.settle(ctx, a, err)
}

// Growth is a consistency proof (RFC 6962 §2.1.2). It is verified before it is given out.
type Growth struct {
	Earlier     int64         `json:"earlier"`
	EarlierRoot ledger.Hash   `json:"earlier_root"`
	Size        int64         `json:"size"`
	Root        ledger.Hash   `json:"root"`
	Path        []ledger.Hash `json:"path"`
	Checkpoint  string        `json:"checkpoint"`
}

func (db *DB) proveGrowth(ctx context.Context, l log, earlier int64) (p Growth, err error) {
	if err := db.sign(ctx, l); err != nil {
		return p, err
	}
	signed, c, err := db.lastCheckpoint(ctx, l)
	if err != nil {
		return p, err
	}
	if earlier < 1 || earlier > c.Size {
		return p, fmt.Errorf("%s has had sizes 1 to %d, not %d: %w", l, c.Size, earlier, ErrNotFound)
	}
	p = Growth{Earlier: earlier, Size: c.Size, Root: c.Root, Checkpoint: string(signed)}
	err = db.kv.View(ctx, func(tx *kv.ReadTx) (err error) {
		reader := db.hashes(tx, l)
		if p.EarlierRoot, err = ledger.Root(earlier, reader); err != nil {
			return err
		}
		p.Path, err = ledger.ProveConsistency(c.Size, earlier, reader)
		return err
	})
	if err != nil {
		return p, err
	}
	return p, ledger.CheckConsistency(p.Path, p.Size, p.Root, p.Earlier, p.EarlierRoot)
}

// PublicKeys are the keys that sign checkpoints, as C2SP verifier keys under the name of one of the tenant's logs.
func (t *Tenant) PublicKeys(kind LogKind) ([]string, error) {
	return t.db.publicKeys(t.db.logOf(t.id, kind).origin(t.db))
}
