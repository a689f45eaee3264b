package workspace_test

import (
	"errors"
	"io"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

func all(workspace.File) bool { return true }

// TestFinished: runs that are done are read whole, with the files that were picked, in one reading with one entry; others are refused as what they are.
func TestFinished(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	p := must(w.Import(t.Context(), portfolio("Coast")))(t)
	n := workspace.NewRun{Portfolio: p, Model: modelDigest, ModelVersion: "1.0.0", Spec: spec()}
	ids := []store.ID{must(w.Submit(t.Context(), n))(t), must(w.Submit(t.Context(), n))(t)}
	if models := must(w.Models(t.Context(), "", 10))(t); len(models.Records) != 1 || models.Records[0].Value.Digest != modelDigest || models.Records[0].Value.Version != "1.0.0" {
		t.Errorf("two runs registered %+v", models.Records)
	}
	var unfinished *workspace.UnfinishedError
	if _, err := w.Finished(t.Context(), all, ids...); !errors.As(err, &unfinished) || unfinished.Is != workspace.Queued || !errors.Is(err, store.ErrConflict) {
		t.Errorf("of runs that wait: %v", err)
	}
	for _, id := range ids {
		must(w.Claim(t.Context(), id, worker, lease))(t)
		must(w.Finish(t.Context(), id, worker, resultFiles()))(t)
	}
	found := must(w.Finished(t.Context(), func(f workspace.File) bool { return f.Role == "table" }, ids...))(t)
	for i, f := range found {
		if f.Run.ID != ids[i] || f.Portfolio.Value.Name != "Coast" || len(f.Result.Files) != 3 || f.File("manifest.json") != nil || f.File("none") != nil {
			t.Errorf("run %d: %+v", i, f)
		}
		if content := must(io.ReadAll(f.File("elt.csv")))(t); string(content) != "EventId,Loss\n1,2\n" {
			t.Errorf("the table is %q", content)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	before := len(must(b.admin.Audit(t.Context(), store.Query{Action: "run.read"}))(t))
	last := must(w.Finished(t.Context(), all, ids...))(t)
	for _, f := range last {
		_ = f.Close()
	}
	if after := len(must(b.admin.Audit(t.Context(), store.Query{Action: "run.read"}))(t)); after != before+1 {
		t.Errorf("a reading of two runs left %d entries", after-before)
	}
	var denied *store.DeniedError
	if _, err := b.as(store.Viewer).ExportFinished(t.Context(), all, ids[0]); !errors.As(err, &denied) {
		t.Errorf("a viewer exports: %v", err)
	}
	f := must(b.as(store.Approver).ExportFinished(t.Context(), all, ids[0]))(t)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if got := must(b.admin.Audit(t.Context(), store.Query{Action: "run.export"}))(t); len(got) != 2 || got[0].Outcome != store.Denied || got[1].Outcome != store.Done {
		t.Errorf("exports left %+v", got)
	}
}

// TestFinishedWithExposure: a run comes with the files of its portfolio, in one reading with one entry, for those who may read or export.
func TestFinishedWithExposure(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	p := must(w.Import(t.Context(), portfolio("Coast")))(t)
	id := must(w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, ModelVersion: "1.0.0", Spec: spec()}))(t)
	must(w.Claim(t.Context(), id, worker, lease))(t)
	must(w.Finish(t.Context(), id, worker, resultFiles()))(t)
	want := must(w.PortfolioVersion(t.Context(), p, 0))(t).Value.Files
	for verb, export := range map[string]bool{"run.read": false, "run.export": true} {
		before := len(must(b.admin.Audit(t.Context(), store.Query{Action: verb}))(t))
		f := must(b.as(store.Approver).FinishedWithExposure(t.Context(), func(workspace.File) bool { return false }, export, id))(t)
		for _, file := range want {
			if content := must(io.ReadAll(f.Exposure(file.Role)))(t); int64(len(content)) != file.Blob.Size {
				t.Errorf("%s has %d bytes, want %d", file.Name, len(content), file.Blob.Size)
			}
		}
		if f.File("elt.csv") != nil || f.Exposure("none") != nil || len(want) == 0 {
			t.Errorf("%d files of exposure; others were opened", len(want))
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if after := len(must(b.admin.Audit(t.Context(), store.Query{Action: verb}))(t)); after != before+1 {
			t.Errorf("%s left %d entries", verb, after-before)
		}
	}
	var denied *store.DeniedError
	if _, err := b.as(store.Viewer).FinishedWithExposure(t.Context(), all, true, id); !errors.As(err, &denied) {
		t.Errorf("a viewer exports: %v", err)
	}
}

// TestExposureNeedsBothRights: a key that may read or export runs and not portfolios gets no exposure, and leaves the one entry that says so.
func TestExposureNeedsBothRights(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	p := must(w.Import(t.Context(), portfolio("Coast")))(t)
	id := must(w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, ModelVersion: "1.0.0", Spec: spec()}))(t)
	must(w.Claim(t.Context(), id, worker, lease))(t)
	must(w.Finish(t.Context(), id, worker, resultFiles()))(t)
	none := func(workspace.File) bool { return false }
	for name, export := range map[string]bool{"run.read": false, "run.export": true} {
		of := []store.Verb{must(store.ParseVerb(name))(t)}
		key := workspace.Open(b.handle(storetest.Scoped(b.tenant, store.Modeler, of)))
		var denied *store.DeniedError
		if _, err := key.FinishedWithExposure(t.Context(), none, export, id); !errors.As(err, &denied) || denied.Verb.String() != "portfolio.read" {
			t.Errorf("a key with %s alone: %v", name, err)
		}
		if got := must(b.admin.Audit(t.Context(), store.Query{Action: name}))(t); len(got) != 1 || got[0].Outcome != store.Denied {
			t.Errorf("%s left %+v", name, got)
		}
		key = workspace.Open(b.handle(storetest.Scoped(b.tenant, store.Modeler, append(of, must(store.ParseVerb("portfolio.read"))(t)))))
		f := must(key.FinishedWithExposure(t.Context(), none, export, id))(t)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFindRuns: what a filter takes is found over the parts of the list, each run once.
func TestFindRuns(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	coast, inland := must(w.Import(t.Context(), portfolio("Coast")))(t), must(w.Import(t.Context(), portfolio("Inland")))(t)
	must(w.RegisterModel(t.Context(), modelDigest, "1.0.0"))(t)
	want := 0
	for i := range 23 {
		n := workspace.NewRun{Portfolio: coast, Model: modelDigest, Spec: spec()}
		if i%3 == 0 {
			n.Portfolio = inland
		}
		id := must(w.Submit(t.Context(), n))(t)
		if i%2 == 0 {
			if err := w.Cancel(t.Context(), id, "not wanted"); err != nil {
				t.Fatal(err)
			}
		}
		if i%3 == 0 && i%2 == 0 {
			want++
		}
	}
	for _, limit := range []int{1, 2, 3, 100} {
		seen := map[store.ID]bool{}
		for cursor := store.Cursor(""); ; {
			page := must(w.FindRuns(t.Context(), workspace.RunFilter{Portfolio: inland, State: workspace.Cancelled}, cursor, limit))(t)
			for _, r := range page.Records {
				if seen[r.ID] || r.Value.Portfolio != inland || r.Value.State != workspace.Cancelled {
					t.Errorf("limit %d: %+v", limit, r)
				}
				seen[r.ID] = true
			}
			if len(page.Records) > limit {
				t.Errorf("limit %d: %d runs", limit, len(page.Records))
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("limit %d: %d runs, want %d", limit, len(seen), want)
		}
	}
	if page := must(w.FindRuns(t.Context(), workspace.RunFilter{By: coast}, "", 10))(t); len(page.Records) != 0 {
		t.Errorf("runs of nobody: %+v", page.Records)
	}
}
