package workspace

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// egressEntry is one entry of a tenant's egress record. Bytes of more than maxInline lie in a blob, and Entry has none.
type egressEntry struct {
	Entry egress.Entry `json:"entry"`
	Blob  *Blob        `json:"blob,omitempty"`
}

// maxInline is how many bytes of an exchange stand in its record; base64 makes a third more of them.
const maxInline = 256 << 10

var exchanges = store.Define[egressEntry]("egress", 1)

// Journal keeps the record of what leaves for an estimate in the tenant's store, as an egress.Journal: an entry is durable
// before Begin returns. The entries of all estimates of a tenant are one hash chain (egress.Chain). Nothing is added behind a
// record that does not verify. It is safe for many goroutines; several journals may write to one tenant.
type Journal struct {
	workspace *Workspace
	estimate  store.ID

	adding sync.Mutex // one entry at a time
	end    egress.Chain
}

var _ egress.Journal = (*Journal)(nil)

// Journal opens the egress record for what leaves for one estimate, and verifies it from its beginning (Egress).
func (w *Workspace) Journal(ctx context.Context, estimate store.ID) (*Journal, error) {
	end, err := w.Egress(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("egress record: %w; nothing is sent beside it", err)
	}
	return &Journal{workspace: w, estimate: estimate, end: end}, nil
}

// Begin enters the request; nothing may be sent unless it returns without error.
func (j *Journal) Begin(ctx context.Context, r egress.Record) (id egress.ID, err error) {
	err = j.Add(ctx, egress.Entry{Kind: egress.KindRequest, Purpose: r.Purpose, Destination: r.Destination, Bytes: r.Request}, &id)
	return id, err
}

// Finish enters the outcome of the request with that id, also when ctx is cancelled.
func (j *Journal) Finish(ctx context.Context, id egress.ID, r egress.Record) error {
	return j.Add(context.WithoutCancel(ctx), egress.Entry{
		Kind: egress.KindOutcome, ID: id, Purpose: r.Purpose, Destination: r.Destination, Bytes: r.Response, Failure: clip(r.Failure),
	}, nil)
}

// Add appends an entry of any kind, such as a connection about to be opened. It fills in time and place. With id, the entry's
// id is made and given there; without, it is e.ID.
func (j *Journal) Add(ctx context.Context, e egress.Entry, id *egress.ID) error {
	j.adding.Lock()
	defer j.adding.Unlock()
	w := j.workspace
	var large *Blob
	first := func() error {
		if len(e.Bytes) <= maxInline {
			return nil
		}
		ref, err := w.tenant.WriteBlob(ctx, store.Action{Verb: w.estimating()}, bytes.NewReader(e.Bytes))
		kept := blobOf(ref)
		large = &kept
		return err
	}
	var end egress.Chain
	err := w.change(ctx, store.Action{Verb: w.estimating(), Object: j.estimate}, first, func(tx *store.WriteTx) (err error) {
		if _, err := estimates.Get(tx, j.estimate); err != nil {
			return err
		}
		if end, err = j.stand(tx); err != nil {
			return err
		}
		if id != nil {
			e.ID = egress.ID(tx.NewID().String())
		}
		e.Time = stamp(tx.Now()).Format("2006-01-02T15:04:05.000Z")
		end, err = add(tx, end, e, large)
		return err
	})
	if err != nil {
		return fmt.Errorf("egress record: %w", err)
	}
	j.end = end
	if id != nil {
		*id = e.ID
	}
	return nil
}

// stand is where the record ends: where this journal left it, or behind what others have added since, which is verified.
func (j *Journal) stand(tx *store.WriteTx) (end egress.Chain, err error) {
	last, err := exchanges.ListNewest(tx, "", 1)
	if err != nil {
		return end, err
	}
	number, hash := uint64(0), egress.Chain{}.Head()
	if len(last.Records) == 1 {
		number, hash = last.Records[0].Value.Entry.Number, last.Records[0].Value.Entry.Hash
	}
	for end = j.end; end.Number < number; {
		kept, err := exchanges.Get(tx, placeOf(end.Number+1))
		if err != nil {
			return end, err
		}
		e, err := kept.Value.entry(tx.OpenBlob)
		if err != nil {
			return end, err
		}
		if end, err = follow(end, e); err != nil {
			return end, err
		}
	}
	if end.Number != number || end.Head() != hash {
		return end, broken(number)
	}
	return end, nil
}

// follow holds an entry that should come next to the rules of egress.Verify: its number, link, digest and hash are those
// that its content has at this place.
func follow(end egress.Chain, e egress.Entry) (egress.Chain, error) {
	want, after, err := end.Next(e)
	if err != nil {
		return end, err
	}
	got, err := canonical.Marshal(e)
	if err != nil {
		return end, err
	}
	if !bytes.Equal(want, append(got, '\n')) {
		return end, broken(end.Number + 1)
	}
	return after, nil
}

func broken(number uint64) error {
	return &egress.BrokenError{Line: int(number), Reason: "number, link, digest or hash are not those of its content at this place: it, or the one before, was changed"}
}

// placeOf is where the entry of a number is kept: the order of the record is not that of the clock.
func placeOf(number uint64) (place store.ID) {
	binary.BigEndian.PutUint64(place[8:], number)
	return place
}

// entry is the whole entry, with bytes that lie in a blob.
func (k egressEntry) entry(open func(store.BlobRef) (*store.BlobReader, error)) (egress.Entry, error) {
	if k.Blob == nil {
		return k.Entry, nil
	}
	from, err := open(k.Blob.ref())
	if err != nil {
		return k.Entry, err
	}
	k.Entry.Bytes, err = io.ReadAll(from)
	return k.Entry, errors.Join(err, from.Close())
}

// add links an entry to the chain's end and inserts it.
func add(tx *store.WriteTx, end egress.Chain, e egress.Entry, large *Blob) (egress.Chain, error) {
	line, after, err := end.Next(e)
	if err != nil {
		return end, err
	}
	kept := egressEntry{Blob: large}
	if err := json.Unmarshal(line, &kept.Entry); err != nil {
		return end, err
	}
	place := placeOf(after.Number)
	if large != nil {
		kept.Entry.Bytes = nil
		if err := tx.KeepBlob(large.ref(), place); err != nil {
			return end, err
		}
	}
	return after, exchanges.Insert(tx, place, kept)
}

// pageOfEgress is how many entries one snapshot reads, and how many blobs are open at once at most.
const pageOfEgress = 100

// Egress reads the tenant's record of what left, verifies it by the rules of egress.Verify and hands its entries, oldest first,
// to each, which may be nil and may take its time. The error is an *egress.BrokenError for a bad entry. It returns the end
// of the good part. The record is read in pages, each a reading with an audit entry of its own, so that a long one outlasts
// neither a snapshot nor the memory; what is added meanwhile is read too.
func (w *Workspace) Egress(ctx context.Context, each func(egress.Entry) error) (end egress.Chain, err error) {
	for after, more := store.Cursor(""), true; more; more = after != "" {
		page := egressPage{large: map[ledger.ID]*store.BlobReader{}}
		// Within the transaction it is only read: to verify takes longer than a snapshot should be held.
		verb := rights.EstimateRead
		if w.tenant.Principal().Role() == rights.Worker {
			verb = rights.EstimateWork
		}
		err := w.tenant.View(ctx, store.Action{Verb: verb}, func(tx *store.ReadTx) error { return page.read(tx, after) })
		if err == nil {
			end, err = page.follow(end, each)
		}
		if err = errors.Join(err, page.close()); err != nil {
			return end, err
		}
		after = page.next
	}
	return end, nil
}

// egressPage is a part of the record.
type egressPage struct {
	kept  []egressEntry
	large map[ledger.ID]*store.BlobReader // of entries whose bytes are in a blob
	next  store.Cursor
}

// read takes the page and opens its blobs.
func (p *egressPage) read(tx *store.ReadTx, after store.Cursor) error {
	page, err := exchanges.List(tx, after, pageOfEgress)
	if err != nil {
		return err
	}
	for _, r := range page.Records {
		if k := r.Value.Blob; k != nil {
			from, err := tx.OpenBlob(k.ref())
			if err != nil {
				return err
			}
			p.large[k.ID] = from
		}
		p.kept = append(p.kept, r.Value)
	}
	p.next = page.Next
	return nil
}

// follow verifies the page behind end, and hands its entries on.
func (p *egressPage) follow(end egress.Chain, each func(egress.Entry) error) (egress.Chain, error) {
	for _, k := range p.kept {
		if k.Blob != nil {
			var err error
			if k.Entry.Bytes, err = io.ReadAll(p.large[k.Blob.ID]); err != nil {
				return end, err
			}
		}
		after, err := follow(end, k.Entry)
		if err != nil {
			return end, err
		}
		if each != nil {
			if err := each(k.Entry); err != nil {
				return end, err
			}
		}
		end = after
	}
	return end, nil
}

func (p *egressPage) close() (err error) {
	for _, from := range p.large {
		err = errors.Join(err, from.Close())
	}
	return err
}

// Bounds of what EgressPage reads at once: so many entries, and no more of them when so many bytes are there.
const (
	MaxEgressPage   = pageOfEgress
	egressPageBytes = 8 << 20
)

// EgressPage reads up to limit entries (1 to MaxEgressPage) of the tenant's record of what left behind the one of that number, oldest first, in
// one reading, and verifies each from the one before it on. more: there are others behind them. The error is an *egress.BrokenError
// for a bad entry, *Invalid for a number that the record does not have.
func (w *Workspace) EgressPage(ctx context.Context, after uint64, limit int) (all []egress.Entry, more bool, err error) {
	page := egressPage{large: map[ledger.ID]*store.BlobReader{}}
	var begin egress.Chain
	err = w.tenant.View(ctx, store.Action{Verb: rights.EstimateRead}, func(tx *store.ReadTx) (err error) {
		begin, more, err = page.readBehind(tx, after, min(max(limit, 1), MaxEgressPage))
		return err
	})
	if err == nil {
		_, err = page.follow(begin, func(e egress.Entry) error { all = append(all, e); return nil })
	}
	if err = errors.Join(err, page.close()); err != nil {
		return nil, false, err
	}
	return all, more, nil
}

// readBehind takes the entries behind the one of a number and opens their blobs. begin is where that one ends.
func (p *egressPage) readBehind(tx *store.ReadTx, after uint64, limit int) (begin egress.Chain, more bool, err error) {
	if after > 0 {
		last, err := exchanges.Get(tx, placeOf(after))
		if errors.Is(err, store.ErrNotFound) {
			err = &Invalid{"cursor", fmt.Sprintf("the record has no entry %d", after)}
		}
		if err != nil {
			return begin, false, err
		}
		begin = egress.After(last.Value.Entry)
	}
	size := int64(0)
	for number := after + 1; ; number++ {
		r, err := exchanges.Get(tx, placeOf(number))
		if errors.Is(err, store.ErrNotFound) {
			return begin, false, nil
		}
		if err != nil {
			return begin, false, err
		}
		if len(p.kept) == limit || size > egressPageBytes {
			return begin, true, nil
		}
		k := r.Value
		size += int64(len(k.Entry.Bytes))
		if k.Blob != nil {
			size += k.Blob.Size
			if p.large[k.Blob.ID], err = tx.OpenBlob(k.Blob.ref()); err != nil {
				delete(p.large, k.Blob.ID)
				return begin, false, err
			}
		}
		p.kept = append(p.kept, k)
	}
}
