package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// auditRoutes are the audit log of the caller's tenant; for operators that of the appliance itself.
func auditRoutes() []route {
	const trail = "/audit/trail" // where auditors were promised it
	read := func(path, operation string, e endpoint) route {
		return route{Route{Method: "GET", Path: path, Operation: operation, Access: Permitted, Verb: "audit.read", OperatorVerb: "audit.system"}, e}
	}
	export := func(path, operation string) route {
		return route{Route{Method: "GET", Path: path, Operation: operation, Access: Permitted, Verb: "audit.export", OperatorVerb: "audit.system", Bulk: true}, do((*Server).exportAudit)}
	}
	return []route{
		read(api+"/audit/entries", "listAuditEntries", do((*Server).listAuditEntries)),
		read(api+"/audit/entries/{sequence}/proof", "proveAuditEntry", do((*Server).proveAuditEntry)),
		{Route{Method: "GET", Path: api + "/audit/checkpoint", Operation: "getAuditCheckpoint", Access: Permitted, Verb: "ledger.checkpoint", OperatorVerb: "store.checkpoint"}, do((*Server).getAuditCheckpoint)},
		read(api+"/audit/consistency", "proveAuditConsistency", do((*Server).proveAuditConsistency)),
		{Route{Method: "GET", Path: api + "/audit/verification", Operation: "verifyAudit", Access: Permitted, Verb: "audit.verify"}, do((*Server).verifyAudit)},
		export(api+"/audit/export", "exportAudit"),
		read(trail, "listAuditTrail", do((*Server).listAuditEntries)),
		export(trail+"/export", "exportAuditTrail"),
	}
}

// auditQuery says which entries are wanted, in which order, and how many.
type auditQuery struct {
	From    *time.Time `query:"from"`
	To      *time.Time `query:"to"`
	Actor   string     `query:"actor"`
	Action  string     `query:"action"`
	Object  *store.ID  `query:"object"`
	Outcome string     `query:"outcome"`
	Order   string     `query:"order"`
	Cursor  string     `query:"cursor"`
	Limit   *int       `query:"limit"`
}

// query is the same as the store wants it. The cursor is the sequence of the last entry that was given, so that a walk gives
// each entry once, whatever is added meanwhile.
func (in auditQuery) query() (q store.Query, err error) {
	q = store.Query{Actor: in.Actor, Action: in.Action, Outcome: store.Outcome(in.Outcome), Newest: in.Order == "newest"}
	if in.From != nil {
		q.From = *in.From
	}
	if in.To != nil {
		q.To = *in.To
	}
	if in.Object != nil {
		q.Object = in.Object.String()
	}
	switch q.Outcome {
	case "", store.Done, store.Denied, store.Failed, store.Intent:
	default:
		return q, badParameter("outcome", fmt.Sprintf("%q is none of done, denied, failed, intent", clipped(in.Outcome)))
	}
	if in.Order != "" && in.Order != "oldest" && in.Order != "newest" {
		return q, badParameter("order", fmt.Sprintf("%q is neither oldest nor newest", clipped(in.Order)))
	}
	if q.Limit, err = pageSize(in.Limit); err != nil || in.Cursor == "" {
		return q, err
	}
	last, err := readNumber(in.Cursor)
	if err != nil {
		return q, err
	}
	if q.Newest && last == 0 { // nothing is before the first; the list ended there, and gave no cursor
		return q, badParameter("cursor", "is not one that this list gave")
	}
	q, _ = q.Next(store.Entry{Sequence: int64(last)})
	return q, nil
}

func (s *Server) listAuditEntries(ctx context.Context, c *Call, in auditQuery) (wire.Page[wire.AuditEntry], error) {
	var none wire.Page[wire.AuditEntry]
	q, err := in.query()
	if err != nil {
		return none, err
	}
	t, err := s.own(ctx, c)
	if err != nil {
		return none, err
	}
	all, err := t.Audit(ctx, q)
	if err != nil {
		return none, err
	}
	next := ""
	if len(all) == q.Limit {
		last := all[len(all)-1].Entry
		if _, more := q.Next(last); more {
			next = numberCursor(uint64(last.Sequence))
		}
	}
	return pageOf(c, all, next, entryView), nil
}

// own is the caller's own tenant; of an operator the appliance.
func (s *Server) own(ctx context.Context, c *Call) (*store.Tenant, error) {
	return s.db.Tenant(ctx, c.Principal, c.Principal.Tenant())
}

func (s *Server) proveAuditEntry(ctx context.Context, c *Call, in bySequence) (wire.Proof, error) {
	return s.prove(ctx, c, store.AuditLog, in)
}

func (s *Server) getAuditCheckpoint(ctx context.Context, c *Call, _ struct{}) (wire.Checkpoint, error) {
	return s.checkpoint(ctx, c, store.AuditLog)
}

// exportAudit streams the whole log, in the form that qrsd audit verify FILE checks without the store.
func (s *Server) exportAudit(ctx context.Context, c *Call, _ struct{}) (*Stream, error) {
	return s.export(ctx, c, store.AuditLog, "audit.jsonl")
}

// proveAuditConsistency shows that the log only grew since it had the earlier size.
func (s *Server) proveAuditConsistency(ctx context.Context, c *Call, in struct {
	Earlier *int64 `query:"earlier"`
}) (wire.Growth, error) {
	if in.Earlier == nil || *in.Earlier < 1 {
		return wire.Growth{}, badParameter("earlier", "give a size of before, in entries: 1 or more")
	}
	t, err := s.own(ctx, c)
	if err != nil {
		return wire.Growth{}, err
	}
	g, err := t.ProveConsistency(ctx, store.AuditLog, *in.Earlier)
	if err != nil {
		return wire.Growth{}, err
	}
	return wire.Growth{
		Earlier: g.Earlier, EarlierRoot: g.EarlierRoot.String(), Size: g.Size, Root: g.Root.String(), Path: hashTexts(g.Path), Checkpoint: g.Checkpoint,
	}, nil
}

// verifyAudit verifies every stored byte of the audit log now; for operators the audit logs of all tenants.
func (s *Server) verifyAudit(ctx context.Context, c *Call, _ struct{}) (wire.LogVerification, error) {
	return s.verifyLogs(ctx, c, store.AuditLog)
}

// verifyLogs says what verifying found. It keeps nothing: whoever asks again is answered from the bytes again.
func (s *Server) verifyLogs(ctx context.Context, c *Call, kind store.LogKind) (out wire.LogVerification, err error) {
	place, err := s.heavy.enter(c.Principal.Tenant())
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	out.Began = s.now().UTC()
	all, err := s.db.VerifyLogs(ctx, c.Principal, nil, kind)
	if err != nil {
		return out, err
	}
	out.Ended, out.Valid, out.Logs = s.now().UTC(), true, viewed(all, logReportView)
	for _, r := range out.Logs {
		out.Valid = out.Valid && r.Fault == ""
	}
	return out, nil
}

func logReportView(r store.LogReport) wire.LogReport {
	v := wire.LogReport{Tenant: r.Tenant.String(), Log: r.Log, Leaves: r.Leaves, Opaque: r.Opaque, Checkpoints: r.Checkpoints, Root: r.Root.String()}
	if r.Fault != nil {
		v.Fault = r.Fault.String()
	}
	return v
}

// bySequence is the input of a route about one leaf of a log.
type bySequence struct {
	Sequence int64 `path:"sequence"`
}

// prove shows that a leaf is in the log.
func (s *Server) prove(ctx context.Context, c *Call, kind store.LogKind, in bySequence) (wire.Proof, error) {
	t, err := s.own(ctx, c)
	if err != nil {
		return wire.Proof{}, err
	}
	p, err := t.Prove(ctx, kind, in.Sequence)
	if err != nil {
		return wire.Proof{}, err
	}
	return wire.Proof{
		Sequence: p.Sequence, Leaf: p.Leaf.String(), Size: p.Size, Root: p.Root.String(), Path: hashTexts(p.Path), Checkpoint: p.Checkpoint,
	}, nil
}

// checkpoint signs the log's head as it stands.
func (s *Server) checkpoint(ctx context.Context, c *Call, kind store.LogKind) (wire.Checkpoint, error) {
	t, err := s.own(ctx, c)
	if err != nil {
		return wire.Checkpoint{}, err
	}
	signed, err := t.Checkpoint(ctx, kind)
	if err != nil {
		return wire.Checkpoint{}, err
	}
	keys, err := t.PublicKeys(kind)
	return wire.Checkpoint{Log: kind.String(), Checkpoint: string(signed), Keys: keys}, err
}

// export streams a log while it is read. Its entry in the log is written at the end, and says when the client did not take all.
func (s *Server) export(ctx context.Context, c *Call, kind store.LogKind, name string) (*Stream, error) {
	t, err := s.own(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Stream{Type: "application/jsonl", Name: name, Write: func(ctx context.Context, w io.Writer) error {
		_, err := t.Export(ctx, kind, w)
		return err
	}}, nil
}

func hashTexts[H fmt.Stringer](all []H) []string { return viewed(all, H.String) }

// entryView leaves out what only a verifier needs, which is in the export.
func entryView(r store.Read) wire.AuditEntry {
	e := wire.AuditEntry{
		Sequence: r.Sequence, Time: r.Time.UTC(), Clock: momentOf(r.Clock), Tenant: r.Tenant.String(), Actor: r.Actor, Home: r.Home,
		Action: r.Action, Object: r.Object, Outcome: string(r.Outcome), Reason: r.Reason, Request: r.Request, Lineage: r.Lineage,
	}
	if r.Role != 0 {
		e.Role = r.Role.String()
	}
	for _, x := range r.Changes {
		e.Changes = append(e.Changes, wire.AuditChange{Collection: x.Collection, Record: x.Record, Digest: x.Digest, Replaced: x.Replaced, Tenant: x.Tenant})
	}
	for _, k := range r.Keys {
		e.Keys = append(e.Keys, wire.AuditKeys{Kind: k.Kind, Of: k.Of, Keys: k.Keys})
	}
	for _, h := range r.Heads {
		e.Heads = append(e.Heads, wire.AuditHead{Tenant: h.Tenant.String(), Log: h.Log, Size: h.Size, Root: h.Root.String()})
	}
	if r.Person != nil {
		e.Person = &wire.AuditPerson{Address: r.Person.Address, UserAgent: r.Person.UserAgent, Account: r.Person.Account}
	}
	return e
}
