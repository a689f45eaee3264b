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

	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger/canonical"
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

// Journal is the egress record, for what leaves for one estimate.
func (w *Workspace) Journal(estimate store.ID) *Journal {
	return &Journal{workspace: w, estimate: estimate}
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
		ref, err := w.tenant.WriteBlob(ctx, bytes.NewReader(e.Bytes))
		kept := blobOf(ref)
		large = &kept
		return err
	}
	var end egress.Chain
	err := w.change(ctx, store.Action{Verb: rights.EstimateSubmit, Object: j.estimate}, first, func(tx *store.WriteTx) (err error) {
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

// stand is where the record ends. As long as that is where this journal left it, it is not verified from its beginning.
func (j *Journal) stand(tx *store.WriteTx) (egress.Chain, error) {
	last, err := exchanges.ListNewest(tx, "", 1)
	if err != nil {
		return egress.Chain{}, err
	}
	if len(last.Records) == 0 && j.end.Number == 0 {
		return j.end, nil
	}
	if len(last.Records) == 1 {
		if e := last.Records[0].Value.Entry; e.Number == j.end.Number && e.Hash == j.end.Head() {
			return j.end, nil
		}
	}
	return readEgress(tx, tx.OpenBlob, nil)
}

// add links an entry to the chain's end and inserts it under its number: the order of the record is not that of the clock.
func add(tx *store.WriteTx, end egress.Chain, e egress.Entry, large *Blob) (egress.Chain, error) {
	line, after, err := end.Next(e)
	if err != nil {
		return end, err
	}
	kept := egressEntry{Blob: large}
	if err := json.Unmarshal(line, &kept.Entry); err != nil {
		return end, err
	}
	var place store.ID
	binary.BigEndian.PutUint64(place[8:], after.Number)
	if large != nil {
		kept.Entry.Bytes = nil
		if err := tx.KeepBlob(large.ref(), place); err != nil {
			return end, err
		}
	}
	return after, exchanges.Insert(tx, place, kept)
}

// Egress reads the tenant's record of what left, verifies it (egress.Verify) and hands its entries, oldest first, to each,
// which may be nil. The error is an *egress.BrokenError for a bad entry. It returns the end of the good part.
func (w *Workspace) Egress(ctx context.Context, each func(egress.Entry) error) (end egress.Chain, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.EstimateRead}, func(tx *store.ReadTx) error {
		end, err = readEgress(tx, tx.OpenBlob, each)
		return err
	})
	return end, err
}

func readEgress(tx store.Reader, open func(store.BlobRef) (*store.BlobReader, error), each func(egress.Entry) error) (egress.Chain, error) {
	return egress.Verify(&egressLines{tx: tx, open: open}, each)
}

// egressLines reads a tenant's record as the lines that egress.Chain wrote.
type egressLines struct {
	tx   store.Reader
	open func(store.BlobRef) (*store.BlobReader, error)
	page store.Page[egressEntry]
	read bool   // a page was read
	line []byte // what is left of it
}

// Read implements io.Reader.
func (l *egressLines) Read(p []byte) (int, error) {
	if len(l.line) == 0 {
		if err := l.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.line)
	l.line = l.line[n:]
	return n, nil
}

// next makes the next line, or is io.EOF.
func (l *egressLines) next() (err error) {
	if len(l.page.Records) == 0 {
		if l.read && l.page.Next == "" {
			return io.EOF
		}
		if l.page, err = exchanges.List(l.tx, l.page.Next, 100); err != nil {
			return err
		}
		if l.read = true; len(l.page.Records) == 0 {
			return io.EOF
		}
	}
	kept := l.page.Records[0].Value
	l.page.Records = l.page.Records[1:]
	if kept.Blob != nil {
		if kept.Entry.Bytes, err = l.whole(kept.Blob.ref()); err != nil {
			return err
		}
	}
	text, err := canonical.Marshal(kept.Entry)
	l.line = append(text, '\n')
	return err
}

func (l *egressLines) whole(ref store.BlobRef) ([]byte, error) {
	from, err := l.open(ref)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(from)
	return text, errors.Join(err, from.Close())
}
