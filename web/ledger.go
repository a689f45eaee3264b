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
		{Route{Method: "GET", Path: path + "/verification", Operation: "verifyLedger", Access: Permitted, Verb: "ledger.verify"}, do((*Server).verifyLedger)},
		{Route{Method: "GET", Path: path + "/export", Operation: "exportLedger", Access: Permitted, Verb: "audit.export", Bulk: true}, do((*Server).exportLedger)},
	}
}

// ledgerQuery says which leaves are wanted, in which order, and how many.
type ledgerQuery struct {
	About  string `query:"about"`
	Order  string `query:"order"`
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}

// query is the same as the store wants it. The cursor is the sequence of the last leaf that was given.
func (in ledgerQuery) query() (q store.LedgerQuery, err error) {
	q = store.LedgerQuery{About: in.About, Newest: in.Order == "newest"}
	if in.Order != "" && in.Order != "oldest" && in.Order != "newest" {
		return q, badParameter("order", fmt.Sprintf("%q is neither oldest nor newest", clipped(in.Order)))
	}
	if q.Limit, err = pageSize(in.Limit); err != nil || in.Cursor == "" {
		return q, err
	}
	last, err := readNumber(in.Cursor)
	switch {
	case err != nil:
		return q, err
	case !q.Newest:
		q.First = int64(last) + 1
	case last == 0: // nothing is before the first; the list ended there, and gave no cursor
		return q, badParameter("cursor", "is not one that this list gave")
	default:
		q.Before = int64(last)
	}
	return q, nil
}

// listLedgerEntries lists leaves oldest first, or newest first.
func (s *Server) listLedgerEntries(ctx context.Context, c *Call, in ledgerQuery) (wire.Page[wire.LedgerEntry], error) {
	var none wire.Page[wire.LedgerEntry]
	q, err := in.query()
	if err != nil {
		return none, err
	}
	t, err := s.own(ctx, c)
	if err != nil {
		return none, err
	}
	all, err := t.LedgerOf(ctx, q)
	if err != nil {
		return none, err
	}
	leaves, err := leafViews(all)
	if err != nil {
		return none, err
	}
	next := ""
	if len(all) == q.Limit {
		if last := all[len(all)-1].Sequence; !q.Newest || last > 0 {
			next = numberCursor(uint64(last))
		}
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

// verifyLedger verifies every stored byte of the ledger now; for operators the ledgers of all tenants.
func (s *Server) verifyLedger(ctx context.Context, c *Call, _ struct{}) (wire.LogVerification, error) {
	return s.verifyLogs(ctx, c, store.Lineage)
}
