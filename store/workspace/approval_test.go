package workspace_test

import (
	"errors"
	"flag"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// TestApprovalsAgainstModel runs random requests, decisions, edits and deletions by several people beside a model: nobody
// decides on a request of their own, an edit voids the request that is open, only what is requested is decided, and
// each decision leaves one leaf.
func TestApprovalsAgainstModel(t *testing.T) {
	if err := flag.Set("rapid.checks", "8"); err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	rapid.Check(t, func(r *rapid.T) {
		m := &approvalModel{bench: b, requests: map[store.ID]*request{}, decided: countApprovals(b)}
		for range 3 {
			p := storetest.User(b.tenant, store.Admin)
			m.people = append(m.people, person{p.User(), workspace.Open(b.handle(p))})
		}
		for range 2 {
			m.objects = append(m.objects, &object{id: b.imported(m.people[0].w), kind: workspace.OfPortfolio, version: 1})
		}
		m.objects = append(m.objects, &object{id: b.done(m.people[0].w), kind: workspace.OfRun})
		r.Repeat(map[string]func(*rapid.T){"request": m.request, "decide": m.decide, "edit": m.edit, "delete": m.remove, "": m.same})
	})
}

type person struct {
	id store.ID
	w  *workspace.Workspace
}

type object struct {
	id      store.ID
	kind    string
	version uint64
	edits   int
	deleted bool
	last    *request // for its approval
}

type request struct {
	id       store.ID
	of       *object
	by       store.ID
	edits    int // of the object when it was made
	decision workspace.Decision
	decider  store.ID
}

// approvalModel is how approvals must stand.
type approvalModel struct {
	*bench
	people   []person
	objects  []*object
	requests map[store.ID]*request
	order    []*request
	decided  int // leaves of decisions in the ledger
}

func (m *approvalModel) someone(r *rapid.T) person { return rapid.SampledFrom(m.people).Draw(r, "who") }
func (m *approvalModel) something(r *rapid.T) *object {
	return rapid.SampledFrom(m.objects).Draw(r, "object")
}

func (m *approvalModel) request(r *rapid.T) {
	who, o := m.someone(r), m.something(r)
	id, err := who.w.RequestApproval(r.Context(), o.kind, o.id, "please")
	switch {
	case o.deleted:
		if !errors.Is(err, store.ErrNotFound) {
			r.Fatalf("request for what was deleted: %v", err)
		}
	case o.last != nil && o.last.edits == o.edits && (o.last.decision == workspace.Requested || o.last.decision == workspace.Approved):
		if !errors.Is(err, store.ErrExists) {
			r.Fatalf("request for what is %s: %v", o.last.decision, err)
		}
	case err != nil:
		r.Fatal(err)
	default:
		o.last = &request{id, o, who.id, o.edits, workspace.Requested, store.ID{}}
		m.requests[id], m.order = o.last, append(m.order, o.last)
	}
}

func (m *approvalModel) decide(r *rapid.T) {
	if len(m.order) == 0 {
		r.Skip()
	}
	who, q, yes := m.someone(r), rapid.SampledFrom(m.order).Draw(r, "request"), rapid.Bool().Draw(r, "yes")
	err := who.w.Decide(r.Context(), q.id, yes, "because")
	var own *workspace.OwnRequestError
	switch {
	case q.decision == workspace.Void:
		if !errors.Is(err, workspace.ErrVoid) {
			r.Fatalf("decision on a void request: %v", err)
		}
	case q.decision != workspace.Requested:
		if !errors.Is(err, store.ErrConflict) {
			r.Fatalf("second decision: %v", err)
		}
	case q.by == who.id:
		var denied *store.DeniedError
		if !errors.As(err, &own) || !errors.As(err, &denied) {
			r.Fatalf("decision on one's own request: %v", err)
		}
	case err != nil:
		r.Fatal(err)
	default:
		q.decision, q.decider = workspace.Rejected, who.id
		if yes {
			q.decision = workspace.Approved
		}
		m.decided++
	}
}

func (m *approvalModel) edit(r *rapid.T) {
	o := m.something(r)
	if o.kind == workspace.OfRun || o.deleted {
		r.Skip()
	}
	if _, err := m.someone(r).w.ImportVersion(r.Context(), o.id, o.version, portfolio(fmt.Sprint("edit ", o.edits))); err != nil {
		r.Fatal(err)
	}
	o.version++
	o.edits++
	o.void()
}

func (m *approvalModel) remove(r *rapid.T) {
	o := m.something(r)
	if o.kind == workspace.OfRun || o.deleted || rapid.IntRange(0, 3).Draw(r, "rarely") > 0 {
		r.Skip()
	}
	if err := m.someone(r).w.DeletePortfolio(r.Context(), o.id, o.version); err != nil {
		r.Fatal(err)
	}
	o.deleted = true
	o.void()
}

func (o *object) void() {
	if o.last != nil && o.last.decision == workspace.Requested {
		o.last.decision = workspace.Void
	}
}

// same compares what is stored with the model.
func (m *approvalModel) same(r *rapid.T) {
	if got := countApprovals(m.bench); got != m.decided {
		r.Fatalf("%d leaves of decisions, want %d", got, m.decided)
	}
	page, err := m.people[0].w.Approvals(r.Context(), "", 1000)
	if err != nil {
		r.Fatal(err)
	}
	found := 0
	for _, a := range page.Records {
		q := m.requests[a.ID]
		if q == nil {
			continue // of an earlier check
		}
		found++
		if a.Value.Decision != q.decision || a.Value.Decider != q.decider || a.Value.By != q.by || a.Value.By == a.Value.Decider {
			r.Fatalf("request %s is %s by %s, want %s by %s", a.ID, a.Value.Decision, a.Value.Decider, q.decision, q.decider)
		}
	}
	if found != len(m.requests) {
		r.Fatalf("%d requests of %d", found, len(m.requests))
	}
	for _, o := range m.objects {
		a, current, err := m.people[0].w.ApprovalOf(r.Context(), o.id)
		if o.last == nil {
			if !errors.Is(err, store.ErrNotFound) {
				r.Fatal(err)
			}
			continue
		}
		if err != nil || a.ID != o.last.id || current != (o.last.edits == o.edits && !o.deleted) {
			r.Fatalf("last request of %s: %s, current %v, %v", o.id, a.ID, current, err)
		}
	}
}

func countApprovals(b *bench) (n int) {
	for _, k := range b.leaves() {
		if k == ledger.ApprovalDecided {
			n++
		}
	}
	return n
}

// TestApprovalOfUnfinishedRun: only a run that is done can be approved.
func TestApprovalOfUnfinishedRun(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Analyst)
	id := b.running(b.as(store.Modeler))
	if _, err := w.RequestApproval(t.Context(), workspace.OfRun, id, ""); !isInvalid(err, "run") {
		t.Error(err)
	}
}

// TestApprovalOfARun: the leaf of a decision says what was approved, and a denial by the requester is in the audit log as one.
func TestApprovalOfARun(t *testing.T) {
	b := newBench(t)
	p := storetest.User(b.tenant, store.Admin)
	w := workspace.Open(b.handle(p))
	run := b.done(w)
	id := must(w.RequestApproval(t.Context(), workspace.OfRun, run, ""))(t)
	if err := w.Decide(t.Context(), id, true, ""); err == nil {
		t.Fatal("approved by its requester")
	}
	all := b.entries()
	if e := all[len(all)-1]; e.Outcome != store.Denied || e.Action != "approval.decide" || e.Changes != nil {
		t.Errorf("entry %+v", e)
	}
	must(0, b.as(store.Approver).Decide(t.Context(), id, true, "as agreed"))(t)
	a, current, err := w.ApprovalOf(t.Context(), run)
	if err != nil || !current || a.Value.Decision != workspace.Approved || a.Value.Reason != "as agreed" {
		t.Fatalf("%+v, %v, %v", a.Value, current, err)
	}
	leaves := must(b.admin.Ledger(t.Context(), -1, 100))(t)
	l := leaves[len(leaves)-1].Lineage
	if l.Kind != ledger.ApprovalDecided || l.Subject != ledger.ID(run) || l.Digests["run"] != a.Value.Digest || l.Note != "approved" {
		t.Errorf("leaf %+v", l)
	}
}

// TestWithdraw: a request is withdrawn by who made it, and by nobody else; a leaf says so, and another can be made. One that was decided
// stays.
func TestWithdraw(t *testing.T) {
	b := newBench(t)
	requester, other := b.as(store.Modeler), b.as(store.Admin)
	id := b.imported(requester)
	request := func() store.ID {
		t.Helper()
		return must(requester.RequestApproval(t.Context(), workspace.OfPortfolio, id, ""))(t)
	}
	first := request()
	var denied *store.DeniedError
	var own *workspace.NotOwnRequestError
	before := len(b.entries())
	if err := other.Withdraw(t.Context(), first, ""); !errors.As(err, &denied) || !errors.As(err, &own) {
		t.Errorf("withdrawn by another: %v", err)
	}
	if after := b.entries(); len(after) != before+1 || after[before].Outcome != store.Denied {
		t.Errorf("%d entries, the last %+v", len(after)-before, after[len(after)-1])
	}
	must(0, requester.Withdraw(t.Context(), first, "a column was missing"))(t)
	r := must(other.Approval(t.Context(), first))(t).Value
	if r.Decision != workspace.Withdrawn || r.Decider != r.By || r.Decided == nil || r.Reason != "a column was missing" {
		t.Errorf("request %+v", r)
	}
	leaves := must(b.admin.Ledger(t.Context(), -1, 100))(t)
	if last := leaves[len(leaves)-1].Lineage; last.Kind != ledger.ApprovalDecided || last.Note != "withdrawn" {
		t.Errorf("leaf %+v", last)
	}
	for _, err := range []error{requester.Withdraw(t.Context(), first, ""), other.Decide(t.Context(), first, true, "")} {
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("what is withdrawn is decided: %v", err)
		}
	}
	second := request()
	must(0, other.Decide(t.Context(), second, true, ""))(t)
	if err := requester.Withdraw(t.Context(), second, ""); !errors.Is(err, store.ErrConflict) {
		t.Errorf("what is approved is withdrawn: %v", err)
	}
}
