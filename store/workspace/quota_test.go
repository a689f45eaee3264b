package workspace_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

func (b *bench) limit(q workspace.Quotas) {
	b.Helper()
	if err := workspace.SetQuotas(b.Context(), b.db, storetest.Operator(), b.tenant, q); err != nil {
		b.Fatal(err)
	}
}

// exceeds wants the refusal, and one entry of it that says why.
func (b *bench) exceeds(of string, most int64, do func() error) {
	b.Helper()
	before := len(b.entries())
	var e *workspace.QuotaError
	if err := do(); !errors.As(err, &e) || e.Of != of || e.Most != most || e.Has <= most || !strings.Contains(e.Error(), "quota is") {
		b.Errorf("%s: %v", of, err)
	}
	after := b.entries()
	if len(after) != before+1 || after[before].Outcome != store.Failed || after[before].Reason != "quota" || after[before].Changes != nil {
		b.Errorf("%s: %d entries, the last %+v", of, len(after)-before, after[len(after)-1])
	}
}

// used wants the usage as it is told to users and to the operator.
func (b *bench) used(want workspace.Usage) {
	b.Helper()
	_, got, err := b.as(store.Viewer).Quotas(b.Context())
	if err != nil || got != want {
		b.Errorf("used are %+v, %v; want %+v", got, err, want)
	}
	q, got, err := workspace.QuotasOf(b.Context(), b.db, storetest.Operator(), b.tenant)
	if err != nil || got != want || q.Queued == 0 || q.Bytes == 0 {
		b.Errorf("for the operator: %+v of %+v, %v", got, q, err)
	}
}

// bytes are what the tenant's blobs take on the disk.
func (b *bench) bytes() (n int64) {
	b.Helper()
	walk(b, b.dir+"/blobs", func(_ string, content []byte) { n += int64(len(content)) })
	return n
}

// TestQueuedQuota: a run beyond the quota is refused, of many at once exactly those beyond it; when one has started or is cancelled
// there is room for one.
func TestQueuedQuota(t *testing.T) {
	b := newBench(t)
	b.limit(workspace.Quotas{Queued: 5})
	w := b.as(store.Analyst)
	p := b.imported(b.as(store.Admin))
	must(b.as(store.Admin).RegisterModel(t.Context(), modelDigest, "0.1.0"))(t)
	submit := func() error {
		_, err := w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()})
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		all.Go(func() { errs[i] = submit() })
	}
	all.Wait()
	refused := 0
	for _, err := range errs {
		var e *workspace.QuotaError
		if errors.As(err, &e) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if queued := len(must(w.Runs(t.Context(), "", 100))(t).Records); refused != 7 || queued != 5 {
		t.Errorf("%d of 12 were refused, %d wait; 5 may", refused, queued)
	}
	b.exceeds("queued", 5, submit)
	b.used(workspace.Usage{Queued: 5, Portfolios: 1, Bytes: b.bytes()})
	if err := w.Cancel(t.Context(), must(w.Runs(t.Context(), "", 1))(t).Records[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	must(0, submit())(t)
	b.exceeds("queued", 5, submit)
	claimFirst(t, b.appliance("worker 1"))
	must(0, submit())(t)
	b.used(workspace.Usage{Queued: 5, Running: 1, Portfolios: 1, Bytes: b.bytes()})
	other := b.another("Storm Re")
	other.queue(6) // the quota is the tenant's own
}

// TestRunningQuota: of a tenant as many runs are started as may run, the next when one of them has ended. One whose process is gone is
// taken up in its own place.
func TestRunningQuota(t *testing.T) {
	b := newBench(t)
	b.limit(workspace.Quotas{Running: 2})
	ids := b.queue(4)
	k := b.appliance("worker 1")
	one := claimFirst(t, k)
	claimFirst(t, k)
	if n := must(k.Waiting(t.Context()))(t); n != nil {
		t.Errorf("a third run is offered: %+v", n)
	}
	b.exceeds("running", 2, func() error { _, err := k.Claim(t.Context(), b.tenant, ids[2], lease); return err })
	must(one.Finish(t.Context(), resultFiles()))(t)
	if j := claimFirst(t, k); j.Run().ID != ids[2] {
		t.Error("the next run is not that which was queued first")
	}
	next := b.appliance("worker 2")
	for _, want := range ids[1:3] {
		if j := claimFirst(t, next); j.Run().ID != want {
			t.Errorf("run %s is taken up, want %s", j.Run().ID, want)
		}
	}
	if n := must(next.Waiting(t.Context()))(t); n != nil {
		t.Errorf("a third run is offered: %+v", n)
	}
}

// TestStockQuotas: portfolios and bytes beyond the quota are refused; what is deleted makes room; results are kept whatever the quota.
func TestStockQuotas(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	b.limit(workspace.Quotas{Portfolios: 2})
	b.imported(w)
	second := b.imported(w)
	imports := func() error { _, err := w.Import(t.Context(), portfolio("P")); return err }
	b.exceeds("portfolios", 2, imports)
	must(0, w.DeletePortfolio(t.Context(), second, 1))(t)
	must(0, imports())(t)
	_, u, err := w.Quotas(t.Context())
	if err != nil || u.Portfolios != 2 {
		t.Fatalf("used are %+v, %v", u, err)
	}

	b.limit(workspace.Quotas{Bytes: u.Bytes})
	b.exceeds("bytes", u.Bytes, imports)
	b.exceeds("bytes", u.Bytes, func() error {
		_, err := w.KeepRefused(t.Context(), workspace.NewRefusedImport{Name: "P", Faults: 1, Files: []workspace.NewFile{bytesFile("report", "r", "{}")}})
		return err
	})
	large := portfolio("P")
	large.Files[0] = bytesFile("location", "l.csv", strings.Repeat("LocNumber\n1\n2\n", 10))
	portfolios := must(w.Portfolios(t.Context(), "", 10))(t).Records
	b.exceeds("bytes", u.Bytes, func() error { _, err := w.ImportVersion(t.Context(), portfolios[0].ID, 1, large); return err })

	must(w.RegisterModel(t.Context(), modelDigest, "0.1.0"))(t)
	submit := workspace.NewRun{Portfolio: portfolios[0].ID, Model: modelDigest, Spec: spec()}
	run := must(w.Submit(t.Context(), submit))(t)
	must(w.Claim(t.Context(), run, worker, lease))(t)
	must(w.Finish(t.Context(), run, worker, resultFiles()))(t) // beyond the quota, and kept
	b.exceeds("bytes", u.Bytes, func() error { _, err := w.Submit(t.Context(), submit); return err })
	b.exceeds("bytes", u.Bytes, func() error { _, err := w.SubmitEstimate(t.Context(), estimate(run)); return err })
	must(0, w.DeletePortfolio(t.Context(), portfolios[1].ID, 1))(t)
	_, after, err := w.Quotas(t.Context())
	if err != nil || after.Portfolios != 1 || after.Bytes <= u.Bytes/2 {
		t.Errorf("used are %+v, %v", after, err)
	}
}

// TestSetQuotas: only an operator sets them, the change is in the tenant's log, and what is no quota is refused.
func TestSetQuotas(t *testing.T) {
	b := newBench(t)
	var denied *store.DeniedError
	err := workspace.SetQuotas(t.Context(), b.db, storetest.User(b.tenant, store.Admin), b.tenant, workspace.Quotas{Queued: 1000})
	if !errors.As(err, &denied) {
		t.Errorf("an administrator raises the tenant's quotas: %v", err)
	}
	if _, _, err := workspace.QuotasOf(t.Context(), b.db, storetest.User(b.another("Storm Re").tenant, store.Admin), b.tenant); !errors.As(err, &denied) {
		t.Errorf("another tenant reads them: %v", err)
	}
	for field, q := range map[string]workspace.Quotas{"queued": {Queued: -1}, "running": {Running: 5001}, "portfolios": {Portfolios: -2}, "bytes": {Bytes: -1}} {
		if err := workspace.SetQuotas(t.Context(), b.db, storetest.Operator(), b.tenant, q); !isInvalid(err, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	before := len(b.entries())
	b.limit(workspace.Quotas{Queued: 7})
	b.limit(workspace.Quotas{Queued: 8, Bytes: 1 << 20})
	entries := b.entries()
	if e := entries[len(entries)-1]; len(entries) != before+2 || e.Action != "quota.change" || e.Role != store.Operator {
		t.Errorf("entry %+v", e)
	}
	want := workspace.DefaultQuotas()
	want.Queued, want.Bytes = 8, 1<<20
	if q, _, err := b.as(store.Viewer).Quotas(t.Context()); err != nil || q != want {
		t.Errorf("quotas are %+v, %v", q, err)
	}
}

// TestDefaultQuotas: twenty runs may wait without anything being set.
func TestDefaultQuotas(t *testing.T) {
	if d := workspace.DefaultQuotas(); d.Queued < 20 || d.Running < 1 || d.Portfolios < 1 || d.Bytes < 1<<30 {
		t.Errorf("%+v", d)
	}
}
