package web

import (
	"context"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// ledgerRoutes are the lineage of the caller's tenant. The appliance has none, and operators read nobody's.
func ledgerRoutes() []route {
	const path = api + "/ledger"
	return []route{
		{Route{Method: "GET", Path: path + "/entries", Operation: "listLedgerEntries", Access: Permitted, Verb: "ledger.read"}, do((*Server).listLedgerEntries)},
		{Route{Method: "GET", Path: path + "/entries/{sequence}/proof", Operation: "proveLedgerEntry", Access: Permitted, Verb: "ledger.read"}, do((*Server).proveLedgerEntry)},
		{Route{Method: "GET", Path: path + "/checkpoint", Operation: "getLedgerCheckpoint", Access: Permitted, Verb: "ledger.checkpoint", OperatorVerb: "ledger.read"}, do((*Server).getLedgerCheckpoint)},
		{Route{Method: "GET", Path: path + "/export", Operation: "exportLedger", Access: Permitted, Verb: "audit.export", Bulk: true}, do((*Server).exportLedger)},
	}
}

// listLedgerEntries lists leaves oldest first. The cursor is the sequence of the last one that was given.
func (s *Server) listLedgerEntries(ctx context.Context, c *Call, in struct {
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}) (wire.Page[wire.LedgerEntry], error) {
	var none wire.Page[wire.LedgerEntry]
	limit, err := pageSize(in.Limit)
	if err != nil {
		return none, err
	}
	after := int64(-1)
	if in.Cursor != "" {
		last, err := readNumber(in.Cursor)
		if err != nil {
			return none, err
		}
		after = int64(last)
	}
	t, err := s.own(ctx, c)
	if err != nil {
		return none, err
	}
	all, err := t.Ledger(ctx, after, limit)
	if err != nil {
		return none, err
	}
	leaves, err := leafViews(all)
	if err != nil {
		return none, err
	}
	next := ""
	if len(all) == limit {
		next = numberCursor(uint64(all[limit-1].Sequence))
	}
	return pageOf(c, leaves, next, func(l wire.LedgerEntry) wire.LedgerEntry { return l }), nil
}

// leafViews gives each leaf with the text that it commits to.
func leafViews(all []store.LedgerLeaf) (out []wire.LedgerEntry, err error) {
	for _, l := range all {
		text, err := l.Lineage.Canonical()
		if err != nil {
			return nil, fmt.Errorf("leaf %d: %w", l.Sequence, err)
		}
		out = append(out, wire.LedgerEntry{Sequence: l.Sequence, Leaf: l.Leaf.String(), Lineage: text})
	}
	return out, nil
}

func (s *Server) proveLedgerEntry(ctx context.Context, c *Call, in bySequence) (wire.Proof, error) {
	return s.prove(ctx, c, store.Lineage, in)
}

func (s *Server) getLedgerCheckpoint(ctx context.Context, c *Call, _ struct{}) (wire.Checkpoint, error) {
	return s.checkpoint(ctx, c, store.Lineage)
}

// exportLedger streams the whole ledger, in the form that qrsd ledger verify FILE checks without the store.
func (s *Server) exportLedger(ctx context.Context, c *Call, _ struct{}) (*Stream, error) {
	return s.export(ctx, c, store.Lineage, "ledger.jsonl")
}
