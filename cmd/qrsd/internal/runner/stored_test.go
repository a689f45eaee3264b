package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// storedIn is a store with a tenant, opened with a clock that is ahead by some time.
func storedIn(t testing.TB, dir string, ahead time.Duration) *store.DB {
	t.Helper()
	return storetest.Open(t, dir, store.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
}

func workspaceOf(t testing.TB, db *store.DB, tenant store.ID) *workspace.Workspace {
	t.Helper()
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Modeler), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return workspace.Open(h)
}

func newStored(t *testing.T) (db *store.DB, tenant store.ID, s Stored) {
	t.Helper()
	db = storetest.New(t, store.Options{})
	tenant = storetest.AddTenant(t, db, "Example Mutual")
	return db, tenant, Stored{Workspace: workspaceOf(t, db, tenant), Worker: WorkerName()}
}

// TestStoredIsTheSameRun: through the store a run has the digests that it has without; so it has when the portfolio that was
// imported is run once more, and what is kept is what the manifest says.
func TestStoredIsTheSameRun(t *testing.T) {
	db, tenant, s := newStored(t)
	r := request(t)
	want := mustRun(t, r).Manifest
	r.Out = ""
	first, err := RunStored(t.Context(), r, s)
	if err != nil {
		t.Fatal(err)
	}
	s.Portfolio = first.Portfolio
	r.Files = Files{}
	second, err := RunStored(t.Context(), r, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []*StoredOutcome{first, second} {
		if !reflect.DeepEqual(out.Manifest.Digests, want.Digests) || out.Manifest.Estimate != want.Estimate {
			t.Errorf("another result than without a store")
		}
		if out.Run.Value.State != workspace.Done || out.Run.Value.Seal != workspace.Sealed || out.Unsealed != nil || out.Portfolio != first.Portfolio || len(out.Result.Files) != 2*len(want.Digests)+3 {
			t.Errorf("run %+v with %d files", out.Run.Value, len(out.Result.Files))
		}
		for _, f := range out.Result.Files {
			table, found := want.Digests[strings.TrimSuffix(f.Name, filepath.Ext(f.Name))]
			if found != (f.Role == "table") || found && table != "sha256:"+f.Digest.String() {
				t.Errorf("%s, %s, has digest %s, the manifest %s", f.Name, f.Role, f.Digest, table)
			}
		}
	}
	if first.Run.ID == second.Run.ID {
		t.Error("one run for two")
	}
	wantTrail(t, db, tenant, `portfolio.import model.read:failed model.register run.submit run.claim run.finish run.read
		run.read run.seal run.read
		portfolio.read portfolio.read model.read run.submit run.claim run.finish run.read run.read run.seal run.read`)
}

// wantTrail holds the entries of the tenant's audit log to the actions of its runs, in their order.
func wantTrail(t *testing.T, db *store.DB, tenant store.ID, want string) {
	t.Helper()
	h, err := db.Tenant(t.Context(), storetest.User(tenant, store.Approver), tenant)
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.Audit(t.Context(), store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		if e.Role != store.Modeler {
			continue
		}
		if e.Outcome != store.Done {
			e.Action += ":" + string(e.Outcome)
		}
		got = append(got, e.Action)
	}
	if fields := strings.Fields(want); !reflect.DeepEqual(got, fields) {
		t.Errorf("the audit log has %v, want %v", got, fields)
	}
}

// only is the one run of a workspace.
func only(t *testing.T, w *workspace.Workspace) store.Record[workspace.Run] {
	t.Helper()
	page, err := w.Runs(t.Context(), "", 10)
	if err != nil || len(page.Records) != 1 {
		t.Fatalf("%d runs, %v", len(page.Records), err)
	}
	return page.Records[0]
}

// TestStoredStopped: a run that is stopped by its user ends as cancelled.
func TestStoredStopped(t *testing.T) {
	_, _, s := newStored(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := request(t)
	r.Out, r.Progress = "", func(p engine.Progress) {
		if p.Stage == "years" && p.Done > 0 {
			cancel()
		}
	}
	if _, err := RunStored(ctx, r, s); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := only(t, s.Workspace); got.Value.State != workspace.Cancelled || got.Value.Reason == "" {
		t.Errorf("%+v", got.Value)
	}
}

// TestStoredCancelled: a run that somebody else cancels stops at its next sign of life, and stays cancelled.
func TestStoredCancelled(t *testing.T) {
	db, tenant, s := newStored(t)
	other := workspaceOf(t, db, tenant)
	s.renewal = 5 * time.Millisecond
	r := request(t)
	done := false
	r.Out, r.Spec.Years, r.Workers = "", 20000, 1
	r.Progress = func(p engine.Progress) {
		if p.Stage == "years" && p.Done > 0 && !done {
			done = true
			if err := other.Cancel(t.Context(), only(t, other).ID, "no longer wanted"); err != nil {
				t.Error(err)
			}
		}
	}
	var gone *workspace.StateError
	if _, err := RunStored(t.Context(), r, s); !errors.As(err, &gone) || gone.Is != workspace.Cancelled {
		t.Fatal(err)
	}
	if got := only(t, s.Workspace); got.Value.State != workspace.Cancelled || got.Value.Reason != "no longer wanted" {
		t.Errorf("%+v", got.Value)
	}
}

// TestStoredFails: a run that cannot be carried out ends as failed, with the reason; one whose exposure is bad is none.
func TestStoredFails(t *testing.T) {
	_, _, s := newStored(t)
	r := request(t)
	r.Out, r.Files.Location = "", fileOf(t, "location.csv", strings.ReplaceAll(locations, "33139", "999"))
	if _, err := RunStored(t.Context(), r, s); err == nil {
		t.Fatal("bad exposure was run")
	}
	page, err := s.Workspace.Portfolios(t.Context(), "", 10)
	if err != nil || len(page.Records) != 0 {
		t.Errorf("%d portfolios, %v", len(page.Records), err)
	}
}

// TestStoredKilled kills the process of a run (SIGKILL) while it computes. The run stays as running, nobody can take it up under
// its lease, and after that another process takes it up to the result that it would have had.
func TestStoredKilled(t *testing.T) {
	if dir := os.Getenv("QRSD_TEST_STORE"); dir != "" {
		beKilled(t, dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storedIn(t, dir, 0)
	tenant := storetest.AddTenant(t, db, "Example Mutual")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := request(t)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoredKilled$", "-test.v", fmt.Sprintf("-test.short=%t", testing.Short()))
	child.Env = append(os.Environ(), "QRSD_TEST_STORE="+dir, "QRSD_TEST_TENANT="+tenant.String(), "QRSD_TEST_LOCATION="+r.Files.Location)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "computing") {
		t.Log(lines.Text())
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the run was not killed: %v", err)
	}

	db = storedIn(t, dir, 0)
	w := workspaceOf(t, db, tenant)
	run := only(t, w)
	if run.Value.State != workspace.Running {
		t.Fatalf("%+v", run.Value)
	}
	s := Stored{Workspace: w, TakeUp: run.ID, Worker: WorkerName()}
	var held *workspace.StateError
	if _, err := RunStored(t.Context(), Request{}, s); !errors.As(err, &held) || held.Until == nil {
		t.Fatalf("taken up under its lease: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = storedIn(t, dir, 2*lease)
	s.Workspace = workspaceOf(t, db, tenant)
	taken, err := RunStored(t.Context(), Request{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if v := taken.Run.Value; v.State != workspace.Done || v.Claims != 2 || taken.Run.ID != run.ID {
		t.Errorf("taken up: %+v", v)
	}
	r.Out, r.Spec = "", killedSpec(r.Spec)
	if want := mustRun(t, r).Manifest; !reflect.DeepEqual(taken.Manifest.Digests, want.Digests) {
		t.Error("another result than that of a run that was not killed")
	}
}

// killedSpec is long enough to be killed in; -short is for the race detector, which takes its time.
func killedSpec(s engine.Spec) engine.Spec {
	s.Years = 6400
	if testing.Short() {
		s.Years = 1200
	}
	return s
}

// beKilled runs in the store until the process is killed.
func beKilled(t *testing.T, dir string) {
	tenant, err := store.ParseID(os.Getenv("QRSD_TEST_TENANT"))
	if err != nil {
		t.Fatal(err)
	}
	r := request(t)
	r.Out, r.Workers, r.Files.Location = "", 1, os.Getenv("QRSD_TEST_LOCATION")
	r.Spec = killedSpec(r.Spec)
	r.Progress = func(p engine.Progress) {
		if p.Stage == "years" && p.Done > 0 {
			fmt.Println("computing")
			time.Sleep(time.Minute) // the kill comes from outside
		}
	}
	w := workspaceOf(t, storedIn(t, dir, 0), tenant)
	_, err = RunStored(t.Context(), r, Stored{Workspace: w, Worker: WorkerName()})
	t.Fatalf("the run ended before it was killed: %v", err)
}
