package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// LogReport is what verifying a log found. The log is good where Fault is nil.
type LogReport struct {
	Tenant      ID          `json:"tenant"`
	Log         string      `json:"log"`
	Leaves      int64       `json:"leaves"` // hashed anew from their stored bytes
	Opaque      int64       `json:"opaque"` // of these, whose text is gone with its key
	Checkpoints int         `json:"checkpoints"`
	Root        ledger.Hash `json:"root"`
	Fault       *Fault      `json:"fault,omitempty"` // the first
}

// VerifyLogs verifies the caller's logs, and for the operator those of all tenants, from every stored byte: each leaf is
// hashed anew and names its predecessor, its text fits its commitment, every stored hash of the tree is the one
// that follows from the leaves, every checkpoint is signed and has the root the tree had at its size, and so has the last
// head of the log that was entered in the appliance's log: a log whose end was cut off with its checkpoints is found.
// It reads no text to anyone. progress counts leaves; nil is nobody. kinds says which logs; none is every kind that the
// caller's role may verify.
func (db *DB) VerifyLogs(ctx context.Context, p Principal, progress func(done int64), kinds ...LogKind) (all []LogReport, err error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	t := &Tenant{db: db, id: p.Tenant(), principal: p}
	a := Action{Verb: rights.AuditVerify}
	if kinds = verifiable(p, kinds); !slices.Contains(kinds, AuditLog) {
		a.Verb = rights.LedgerVerify
	}
	for _, verb := range verifying(kinds) {
		if err := t.permit(ctx, Action{Verb: verb}); err != nil {
			return nil, err
		}
	}
	all, err = db.verifyLogs(ctx, p, progress, kinds)
	return all, t.settle(ctx, a, err)
}

// verifiable are the kinds of logs that are meant: those named, or those that a caller may verify; who may verify none is
// taken to mean the audit log, and refused.
func verifiable(p Principal, named []LogKind) (kinds []LogKind) {
	if len(named) > 0 {
		return named
	}
	for _, kind := range []LogKind{AuditLog, Lineage} {
		if p.May(verifying([]LogKind{kind})[0]) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return []LogKind{AuditLog}
	}
	return kinds
}

// verifying are the verbs that verifying logs of these kinds needs.
func verifying(kinds []LogKind) (verbs []Verb) {
	for _, kind := range kinds {
		verb := rights.AuditVerify
		if kind == Lineage {
			verb = rights.LedgerVerify
		}
		verbs = append(verbs, verb)
	}
	return verbs
}

func (db *DB) verifyLogs(ctx context.Context, p Principal, progress func(int64), kinds []LogKind) (all []LogReport, err error) {
	tenants := []ID{p.Tenant()}
	heads := headList{}
	if p.Role() == Operator {
		tenants, err = db.tenantIDs(ctx)
	}
	if err == nil && (p.Role() != Operator || !slices.Contains(kinds, AuditLog)) {
		err = db.lastHeads(ctx, tenants, heads)
	}
	if err != nil {
		return nil, err
	}
	for _, id := range tenants { // the appliance first, whose audit log has the heads of the others
		for _, kind := range kinds {
			each := heads.note
			if id != Appliance || kind != AuditLog {
				each = nil
			}
			r, err := db.verifyLog(ctx, db.logOf(id, kind), heads, each, progress)
			if err != nil {
				return all, err
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// headList are the last heads of logs that the appliance's audit log has, by tenant and name of the log.
type headList map[headOf]Head

type headOf struct {
	tenant ID
	log    string
}

// note takes the heads of an entry.
func (h headList) note(_ int64, text []byte) error {
	if !bytes.Contains(text, []byte(`"heads":`)) {
		return nil
	}
	var e struct{ Heads []Head }
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	for _, head := range e.Heads {
		h[headOf{head.Tenant, head.Log}] = head
	}
	return nil
}

func (h headList) of(l log) Head { return h[headOf{l.tenant, l.kind.String()}] }

// lastHeads looks for the heads of tenants' logs, from the end of the appliance's log backwards until all are found.
func (db *DB) lastHeads(ctx context.Context, tenants []ID, heads headList) error {
	l := db.logOf(Appliance, AuditLog)
	_, size, err := db.span(ctx, l, Query{})
	if err != nil {
		return err
	}
	return db.eachLeaf(ctx, l, 0, size, true, func(sequence int64, _ envelope.Box, plain []byte) (bool, error) {
		_, text, err := splitLeaf(plain)
		if err != nil {
			return false, err
		}
		entered := headList{}
		if err := entered.note(sequence, text); err != nil {
			return false, err
		}
		for at, head := range entered {
			if _, known := heads[at]; !known && slices.Contains(tenants, at.tenant) {
				heads[at] = head
			}
		}
		return len(heads) < 2*len(tenants), nil
	})
}

// tenantIDs are all tenants that the database knows, the appliance first, erased ones included.
func (db *DB) tenantIDs(ctx context.Context) ([]ID, error) {
	all := []ID{Appliance}
	err := db.eachKey(ctx, Appliance, register["tenants"], func(key []byte) {
		if len(key) == len(ID{}) {
			all = append(all, ID(key))
		}
	})
	return all, err
}

// verifyLog verifies one log, also against its head in heads. each is given the text of every leaf that can be read; nil is
// nobody. A fault is in the report; an error means that it could not be verified.
func (db *DB) verifyLog(ctx context.Context, l log, heads headList, each func(sequence int64, text []byte) error, progress func(int64)) (LogReport, error) {
	r := LogReport{Tenant: l.tenant, Log: l.kind.String()}
	if err := db.openLogKeys(l); err != nil {
		return r, err
	}
	v := logCheck{db: db, log: l, report: &r, entered: heads.of(l), each: each, chain: ledger.NewChain(l.id), tree: &ledger.Tree{}}
	err := v.run(ctx, progress)
	var fault *faultError
	if errors.As(err, &fault) {
		r.Fault = &fault.Fault
		return r, nil
	}
	if foundWrong(err) {
		r.Fault = &Fault{Where: l.String(), Reason: err.Error()}
		return r, nil
	}
	return r, err
}

// openLogKeys readies the keys of a log; of an erased tenant the ledger's texts have none.
func (db *DB) openLogKeys(l log) error {
	for _, owner := range []keyring.Owner{l.treeOwner, l.leafOwner} {
		if err := db.openOwner(owner); err != nil && !errors.Is(err, keyring.ErrErased) {
			return fmt.Errorf("%s: %w", l, err)
		}
	}
	return nil
}

// openOwner readies the keys of an owner in passing. It may run inside the committer, so the entry of a first use is left
// for tellUnwrapped.
func (db *DB) openOwner(o keyring.Owner) error {
	events, err := db.ring.Open(o)
	if err != nil || len(events) == 0 {
		return err
	}
	db.unwrapping.Lock()
	defer db.unwrapping.Unlock()
	id := ID(o.Space)
	db.unwrapped = append(db.unwrapped, record{
		log: db.logOf(id, AuditLog), principal: rights.System(Appliance), action: Action{Verb: rights.KeyUnwrap, Object: id},
		outcome: Done, keys: keyEvents(events),
	})
	return nil
}

// tellUnwrapped enters the first uses of keys that openLogKeys has left.
func (db *DB) tellUnwrapped(ctx context.Context) error {
	db.unwrapping.Lock()
	entries := db.unwrapped
	db.unwrapped = nil
	db.unwrapping.Unlock()
	if len(entries) == 0 {
		return nil
	}
	for _, r := range entries {
		if err := db.openOwner(r.log.treeOwner); err != nil { // what the entry itself is encrypted with
			return err
		}
	}
	return db.enterAll(ctx, entries)
}

// faultError carries a fault out of a walk.
type faultError struct{ Fault }

func (e *faultError) Error() string { return e.Fault.String() }

// logCheck walks one log.
type logCheck struct {
	db     *DB
	log    log
	report *LogReport
	chain  *ledger.Chain
	tree   *ledger.Tree // the same leaves again, for the hashes to be stored
	heads  []ledger.Checkpoint
	next   int // of heads
	// entered is the log's last head in the appliance's audit log; its size is 0 where there is none.
	entered Head
	each    func(sequence int64, text []byte) error
}

// leafPart is a page of leaves with the tree's hashes that came with them.
type leafPart struct {
	low   int64
	boxes []envelope.Box
	nodes []ledger.Hash // stored hashes from storage index ledger.StoredCount(low) on
}

func (v *logCheck) fault(where string, index int64, format string, arguments ...any) error {
	return &faultError{Fault{Where: fmt.Sprintf("%s, %s %d", v.log, where, index), Reason: fmt.Sprintf(format, arguments...)}}
}

// run reads, hashes and decrypts side by side; the chain itself is one after the other.
func (v *logCheck) run(ctx context.Context, progress func(int64)) error {
	size, err := v.begin(ctx)
	if err != nil {
		return err
	}
	group, within := errgroup.WithContext(ctx)
	parts, texts := make(chan leafPart, 2), make(chan leafPart, 2)
	group.Go(func() error {
		defer close(parts)
		for low := int64(0); low < size; low += leafPage {
			part, err := v.read(within, low, min(size, low+leafPage))
			if err != nil {
				return err
			}
			select {
			case parts <- part:
			case <-within.Done():
				return within.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		defer close(texts)
		for part := range parts {
			if err := v.hash(part); err != nil {
				return err
			}
			if progress != nil {
				progress(int64(len(part.boxes)))
			}
			select {
			case texts <- part:
			case <-within.Done():
				return within.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		for part := range texts {
			if err := v.text(part); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return v.end(ctx)
}

// begin reads size and checkpoints.
func (v *logCheck) begin(ctx context.Context) (size int64, err error) {
	err = v.db.kv.View(ctx, func(tx *kv.ReadTx) (err error) { size, err = v.log.size(tx); return err })
	if err != nil {
		return 0, err
	}
	verifiers, err := v.db.verifiers(v.log.origin(v.db))
	if err != nil {
		return 0, err
	}
	err = v.db.eachBox(ctx, v.log.id, checkpointCollection, func(key []byte, b envelope.Box) error {
		at, err := indexOf(key)
		if err != nil {
			return err
		}
		c, err := v.checkpoint(key, b, verifiers)
		switch {
		case err != nil:
			return v.fault("checkpoint", at, "%v", err)
		case c.Size != at:
			return v.fault("checkpoint", at, "states %d leaves", c.Size)
		case c.Size > size:
			return v.fault("checkpoint", at, "the log has only %d leaves: the last ones are missing", size)
		}
		v.heads = append(v.heads, c)
		return nil
	})
	v.report.Checkpoints = len(v.heads)
	if err == nil {
		err = v.hasEntered(size)
	}
	return size, err
}

// hasEntered holds the log to its head in the appliance's log: at least so long, and with that checkpoint. Root is compared
// on the way.
func (v *logCheck) hasEntered(size int64) error {
	if v.entered.Size == 0 {
		return nil
	}
	if v.entered.Size > size {
		return v.fault("checkpoint", v.entered.Size, "was entered in the appliance's log, and the log has only %d leaves: the last ones are missing", size)
	}
	if !slices.ContainsFunc(v.heads, func(c ledger.Checkpoint) bool { return c.Size == v.entered.Size }) {
		return v.fault("checkpoint", v.entered.Size, "is missing: the appliance's log has it")
	}
	return nil
}

func (v *logCheck) checkpoint(key []byte, b envelope.Box, verifiers note.Verifiers) (c ledger.Checkpoint, err error) {
	signed, err := v.db.decryptLogRecord(v.log, v.log.treeOwner, kv.Address{Space: v.log.id, Collection: checkpointCollection, Key: key}, b)
	if err != nil {
		return c, err
	}
	return ledger.OpenCheckpoint(signed, verifiers)
}

// read takes a page of leaves and the hashes stored with them.
func (v *logCheck) read(ctx context.Context, low, high int64) (part leafPart, err error) {
	part.low = low
	if part.boxes, err = v.db.leaves(ctx, v.log, low, high); err != nil {
		return part, err
	}
	first, last := ledger.StoredCount(low), ledger.StoredCount(high)
	part.nodes = make([]ledger.Hash, 0, last-first)
	err = v.db.kv.View(ctx, func(tx *kv.ReadTx) error {
		part.nodes = part.nodes[:0]
		return tx.Scan(v.log.id, nodeCollection, v.log.at(nodeCollection, first).Key, func(key []byte, b envelope.Box) (bool, error) {
			at, err := indexOf(key)
			if err != nil {
				return false, err
			}
			want := first + int64(len(part.nodes))
			if at != want {
				return false, v.fault("tree hash", want, "is missing")
			}
			plain, err := v.db.decryptLogRecord(v.log, v.log.treeOwner, kv.Address{Space: v.log.id, Collection: nodeCollection, Key: key}, b)
			if err != nil {
				return false, err
			}
			if len(plain) != len(ledger.Hash{}) {
				return false, v.fault("tree hash", at, "has %d bytes", len(plain))
			}
			part.nodes = append(part.nodes, ledger.Hash(plain))
			return at+1 < last, nil
		})
	})
	return part, err
}

// hash chains the leaves of a page and compares the tree's hashes and the checkpoints within it.
func (v *logCheck) hash(part leafPart) error {
	rest := part.nodes
	for i, b := range part.boxes {
		sequence := part.low + int64(i)
		h, err := v.log.header(sequence, v.chain.Head(), b)
		if err != nil {
			return err
		}
		leaf, err := v.chain.Next(h, b.Bytes())
		if err != nil {
			return v.fault("leaf", sequence, "%v", err)
		}
		first, hashes := v.tree.Append(leaf)
		if len(rest) < len(hashes) {
			return v.fault("tree hash", first+int64(len(rest)), "is missing")
		}
		for j := range hashes {
			if rest[j] == hashes[j] {
				continue
			}
			if j == 0 {
				return v.fault("leaf", sequence, "its bytes have another hash than the tree: the entry, or one before it, was changed")
			}
			return v.fault("tree hash", first+int64(j), "is not the one that follows from the leaves")
		}
		rest = rest[len(hashes):]
		if err := v.head(sequence + 1); err != nil {
			return err
		}
	}
	v.report.Leaves = v.chain.Size()
	return nil
}

// head compares the checkpoint of this size, if there is one.
func (v *logCheck) head(size int64) error {
	for v.next < len(v.heads) && v.heads[v.next].Size == size {
		if v.heads[v.next].Root != v.tree.Root() {
			return v.fault("checkpoint", size, "the tree has another root than was signed")
		}
		v.next++
	}
	if v.entered.Size == size && v.entered.Root != v.tree.Root() {
		return v.fault("checkpoint", size, "the tree has another root than was entered in the appliance's log")
	}
	return nil
}

// text decrypts the leaves of a page and holds each to its commitment.
func (v *logCheck) text(part leafPart) error {
	for i, b := range part.boxes {
		sequence := part.low + int64(i)
		plain, err := v.db.decryptLogRecord(v.log, v.log.leafOwner, v.log.at(leafCollection, sequence), b)
		if errors.Is(err, keyring.ErrDestroyed) || errors.Is(err, keyring.ErrErased) {
			v.report.Opaque++
			continue
		}
		if err != nil {
			return v.fault("leaf", sequence, "%v", err)
		}
		salt, text, err := splitLeaf(plain)
		if err != nil {
			return v.fault("leaf", sequence, "%v", err)
		}
		if c := ledger.Commit(salt, text); !slices.Equal(c[:], b.Public()) {
			return v.fault("leaf", sequence, "its text is not the one committed to")
		}
		if v.each == nil {
			continue
		}
		if err := v.each(sequence, text); err != nil {
			return v.fault("leaf", sequence, "%v", err)
		}
	}
	return nil
}

// end holds the last head and the tree's last hash to what is stored.
func (v *logCheck) end(ctx context.Context) error {
	v.report.Root = v.tree.Root()
	if v.next != len(v.heads) {
		return v.fault("checkpoint", v.heads[v.next].Size, "no tree of this size was passed")
	}
	return v.db.kv.View(ctx, func(tx *kv.ReadTx) error {
		key, _, ok, err := tx.Last(v.log.id, nodeCollection)
		if err != nil || !ok {
			return err
		}
		last, err := indexOf(key)
		if err != nil {
			return err
		}
		if count := ledger.StoredCount(v.chain.Size()); last >= count {
			// A log that grew while it was verified has more.
			if size, err := v.log.size(tx); err != nil || size > v.chain.Size() {
				return err
			}
			return v.fault("tree hash", last, "is one too many: the last leaves are missing")
		}
		return nil
	})
}
