package workspace

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// stocked is a tenant with something of everything that a workload counts: runs in every state, two portfolios and one that was deleted,
// an estimate and a refused import, all brought about by verbs.
func stocked(t *testing.T, w *Workspace) {
	t.Helper()
	ctx, model := t.Context(), [32]byte{1}
	none := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	file := func(role, name string) []NewFile {
		return []NewFile{{Role: role, Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(name)), nil }}}
	}
	var made []store.ID
	for _, name := range []string{"one", "two", "three"} {
		p, err := w.Import(ctx, NewPortfolio{Name: name, Digest: [32]byte{2}, Locations: 1, Files: file("location", name)})
		none(err)
		made = append(made, p)
	}
	none(w.DeletePortfolio(ctx, made[1], 1))
	_, err := w.RegisterModel(ctx, model, "1")
	none(err)
	submit := func() store.ID {
		t.Helper()
		s := engine.Spec{Years: 10, Samples: 1, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{5}}
		id, err := w.Submit(ctx, NewRun{Portfolio: made[0], Model: model, Spec: s})
		none(err)
		return id
	}
	claimed := func() store.ID {
		t.Helper()
		id := submit()
		_, err := w.Claim(ctx, id, "worker", time.Minute)
		none(err)
		return id
	}
	submit()
	none(w.Cancel(ctx, submit(), ""))
	claimed()
	none(w.Fail(ctx, claimed(), "worker", ""))
	done := claimed()
	_, err = w.Finish(ctx, done, "worker", file("table", "elt.csv"))
	none(err)
	_, err = w.SubmitEstimate(ctx, NewEstimate{Run: done, Question: "q", Device: "d", Shots: 1, Files: file("circuits", "circuits.json")})
	none(err)
	_, err = w.KeepRefused(ctx, NewRefusedImport{Name: "four", Faults: 1, Files: file("report", "report.json")})
	none(err)
}

// TestCountedAsKept: the workload that the verbs kept is the one that is counted where there is none, as in a store of before there were
// workloads; and the tenant's runs are found again with its first change.
func TestCountedAsKept(t *testing.T) {
	db := storetest.New(t, store.Options{})
	tenant := storetest.AddTenant(t, db, "Example Mutual")
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Admin), tenant)
	if err != nil {
		t.Fatal(err)
	}
	w := Open(h)
	stocked(t, w)
	behind := func(fn func(*store.WriteTx) error) {
		t.Helper()
		if err := h.Update(t.Context(), store.Action{Verb: rights.TenantChange}, fn); err != nil {
			t.Fatal(err)
		}
	}
	var kept workload
	behind(func(tx *store.WriteTx) error {
		r, err := workloads.Get(tx, tenant)
		if err != nil {
			return err
		}
		kept = r.Value
		kept.Started = time.Time{}
		counted, err := countWorkload(tx)
		if err != nil || !reflect.DeepEqual(counted, kept) {
			t.Errorf("counted %+v, %v\nkept    %+v", counted, err, kept)
		}
		if len(kept.Runs) != 3 || kept.Portfolios != 2 || kept.Bytes == 0 {
			t.Errorf("kept %+v", kept)
		}
		if err := workloads.Delete(tx, tenant, r.Version); err != nil {
			return err
		}
		return openWork.Remove(tx, openRuns)
	})
	k, err := OpenWorker(db, "appliance", nil)
	if err != nil {
		t.Fatal(err)
	}
	waits := func(want int) {
		t.Helper()
		if n, err := k.Waiting(t.Context()); err != nil || len(n) != want {
			t.Errorf("%d tenants wait, %v; want %d", len(n), err, want)
		}
	}
	waits(0)
	if _, u, err := w.Quotas(t.Context()); err != nil || u != (Usage{1, 1, kept.Portfolios, kept.Bytes}) {
		t.Errorf("used %+v, %v", u, err)
	}
	if err := w.Cancel(t.Context(), kept.Runs[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	waits(1)
}

// TestSignpostsStandAsLong: the signposts that lead the appliance to a tenant stand as long as there is something to do for it, so that it
// looks nowhere else.
func TestSignpostsStandAsLong(t *testing.T) {
	db := storetest.New(t, store.Options{})
	tenant := storetest.AddTenant(t, db, "Example Mutual")
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Admin), tenant)
	if err != nil {
		t.Fatal(err)
	}
	w := Open(h)
	leads := func(s store.Signpost, value string, want bool) {
		t.Helper()
		at, err := db.Follow(t.Context(), s, value)
		if err != nil || (len(at) == 1 && at[0].Tenant == tenant) != want || len(at) > 1 {
			t.Errorf("%s leads to %v, %v; want %t", value, at, err, want)
		}
	}
	if _, _, err := w.AddWebhook(t.Context(), NewWebhook{Name: "n", URL: "https://hooks.example.com", Events: []EventKind{RunQueued}}); err != nil {
		t.Fatal(err)
	}
	leads(openWork, openRuns, false)
	leads(outbox, outboxPending, false)
	stocked(t, w)
	leads(openWork, openRuns, true)
	leads(outbox, outboxPending, true)
	page, err := w.Runs(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Records {
		if !r.Value.State.Ended() {
			leads(openWork, openRuns, true)
			if err := w.Cancel(t.Context(), r.ID, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	leads(openWork, openRuns, true) // one is done and has no seal
	err = h.Update(t.Context(), store.Action{Verb: rights.TenantChange}, func(tx *store.WriteTx) error {
		return w.withWorkload(tx, func(l *workload) error {
			l.set(l.Runs[0].ID, Done, true)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	leads(openWork, openRuns, false)
	c := OpenCourier(db, nil)
	taken, err := c.Take(t.Context(), 1000)
	if err != nil || len(taken) == 0 {
		t.Fatal(taken, err)
	}
	for _, d := range taken {
		leads(outbox, outboxPending, true)
		if err := c.Mark(t.Context(), []Outcome{{Tenant: tenant, ID: d.ID, Delivered: true}}); err != nil {
			t.Fatal(err)
		}
	}
	leads(outbox, outboxPending, false)
}

// TestRefusedImportsAreFew: the oldest report goes when there are too many, and its bytes with it.
func TestRefusedImportsAreFew(t *testing.T) {
	db := storetest.New(t, store.Options{})
	tenant := storetest.AddTenant(t, db, "Example Mutual")
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Modeler), tenant)
	if err != nil {
		t.Fatal(err)
	}
	w := Open(h)
	var first store.ID
	var used Usage
	for i := range keptRefusals + 2 {
		id, err := w.KeepRefused(t.Context(), NewRefusedImport{Name: "P", Faults: 1, Files: []NewFile{
			{Role: "report", Name: "report.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("[]")), nil }},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = id
		}
		if _, now, err := w.Quotas(t.Context()); err != nil || i >= keptRefusals && now != used {
			t.Errorf("used %+v, %v, before %+v", now, err, used)
		} else {
			used = now
		}
	}
	page, err := w.RefusedImports(t.Context(), "", 1000)
	if err != nil || len(page.Records) != keptRefusals || page.Records[len(page.Records)-1].ID == first {
		t.Errorf("%d are kept, %v", len(page.Records), err)
	}
	if _, err := w.KeepRefused(t.Context(), NewRefusedImport{Name: "P"}); err == nil {
		t.Error("an import without faults was refused")
	}
}
