package workspace_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

type ioReadCloser = io.ReadCloser

// image copies the directory of an open store, and its key file, as a crash at this moment would leave them: what was
// acknowledged is on the disk, and nothing else is being written.
func image(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "store")
	walk(t, dir, func(path string, content []byte) {
		at := filepath.Join(to, must(filepath.Rel(dir, path))(t))
		must(0, os.MkdirAll(filepath.Dir(at), 0o700))(t)
		must(0, os.WriteFile(at, content, 0o600))(t)
		// A sweep takes what has been an orphan for an hour, by the disk's own times.
		must(0, os.Chtimes(at, time.Time{}, time.Now().Add(-2*time.Hour)))(t)
	})
	must(0, os.WriteFile(storetest.KeyFile(to), must(os.ReadFile(storetest.KeyFile(dir)))(t), 0o600))(t)
	return to
}

// watched are files before each of which snap is called, with where that is.
func watched(files []workspace.NewFile, snap func(after string)) []workspace.NewFile {
	for i, f := range files {
		files[i].Open = func() (ioReadCloser, error) {
			snap("files before " + f.Name)
			return f.Open()
		}
	}
	return files
}

// TestCrash takes an image of the directory between every two steps of a run: before and after each transaction, and after
// each file that is written for one. Every image opens and checks, has the run in the state of the last transaction, can
// be taken up to the end after the lease, and has no blobs too many that a sweep does not take.
func TestCrash(t *testing.T) {
	b := newBench(t)
	user := storetest.User(b.tenant, store.Modeler)
	w := workspace.Open(b.handle(user))
	type crash struct {
		after string
		dir   string
		state workspace.State // of the run; "": there is none
		made  int             // portfolios
	}
	var crashes []crash
	state, made := workspace.State(""), 0
	snap := func(after string) { crashes = append(crashes, crash{after, image(t, b.dir), state, made}) }
	snap("nothing")
	n := portfolio("Coastal book")
	n.Files = watched(n.Files, snap)
	p := must(w.Import(t.Context(), n))(t)
	made = 1
	snap("import")
	must(w.RegisterModel(t.Context(), modelDigest, "0.1.0"))(t)
	snap("model")
	run := must(w.Submit(t.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()}))(t)
	state = workspace.Queued
	snap("submit")
	must(w.Claim(t.Context(), run, worker, lease))(t)
	state = workspace.Running
	snap("claim")
	must(0, w.Renew(t.Context(), run, worker, lease))(t)
	snap("renewal")
	must(w.Finish(t.Context(), run, worker, watched(resultFiles(), snap)))(t)
	state = workspace.Done
	snap("finish")
	if len(crashes) != 12 {
		t.Fatalf("%d images", len(crashes))
	}
	b.clock.pass(2 * lease)
	for i, c := range crashes {
		t.Run(fmt.Sprintf("%d after %s", i, c.after), func(t *testing.T) {
			crashed := &bench{TB: t, dir: c.dir, tenant: b.tenant, clock: b.clock}
			crashed.db = storetest.Open(t, c.dir, b.options())
			crashed.admin = crashed.handle(storetest.User(b.tenant, store.Admin))
			takenUp(crashed, workspace.Open(crashed.handle(user)), run, c.state, c.made)
		})
	}
}

// takenUp finds a store as a crash left it, and brings the run to its end.
func takenUp(b *bench, w *workspace.Workspace, run store.ID, state workspace.State, made int) {
	b.Helper()
	if page := must(w.Portfolios(b.Context(), "", 10))(b); len(page.Records) != made {
		b.Fatalf("%d portfolios, want %d", len(page.Records), made)
	}
	var states []workspace.State
	for _, r := range must(w.Runs(b.Context(), "", 10))(b).Records {
		states = append(states, r.Value.State)
	}
	if want := []workspace.State{state}; state != "" && !slices.Equal(states, want) || state == "" && states != nil {
		b.Fatalf("runs are %v, want %q", states, state)
	}
	switch state {
	case "":
		run = b.done(w)
	case workspace.Queued, workspace.Running:
		waiting := must(w.Waiting(b.Context(), b.clock.Now(), "", 10))(b)
		if len(waiting.Records) != 1 || waiting.Records[0].ID != run {
			b.Fatalf("%d runs wait", len(waiting.Records))
		}
		must(w.Claim(b.Context(), run, "worker 2", lease))(b)
		must(w.Finish(b.Context(), run, "worker 2", resultFiles()))(b)
	}
	from, err := w.OpenResult(b.Context(), run, "elt.csv")
	if got := readAll(b, from, err); got != "EventId,Loss\n1,2\n" {
		b.Errorf("table %q", got)
	}
	before := b.files()
	if _, _, err := b.admin.SweepBlobs(b.Context()); err != nil {
		b.Error(err)
	}
	portfolios := len(must(w.Portfolios(b.Context(), "", 10))(b).Records)
	if got, want := len(b.files()), 2*portfolios+3; got != want {
		b.Errorf("%d blobs are left of %d after the sweep, want %d", got, len(before), want)
	}
}

// TestCrashOfVersions takes images as TestCrash does around the import of a portfolio's next version and around its deletion. Every image has the
// versions that were acknowledged, the first as it was imported, or nothing of the portfolio, and goes on from there.
func TestCrashOfVersions(t *testing.T) {
	b := newBench(t)
	user := storetest.User(b.tenant, store.Modeler)
	w := workspace.Open(b.handle(user))
	type crash struct {
		after    string
		dir      string
		versions int
	}
	var crashes []crash
	p, made := must(w.Import(t.Context(), edition(1)))(t), 1
	snap := func(after string) { crashes = append(crashes, crash{after, image(t, b.dir), made}) }
	first := must(w.PortfolioVersion(t.Context(), p, 1))(t).Value
	snap("import")
	next := edition(2)
	next.Files = watched(next.Files, snap)
	must(w.ImportVersion(t.Context(), p, 0, next))(t)
	made = 2
	snap("next version")
	must(0, w.DeletePortfolio(t.Context(), p, 0))(t)
	made = 0
	snap("deletion")
	if len(crashes) != 5 {
		t.Fatalf("%d images", len(crashes))
	}
	for i, c := range crashes {
		t.Run(fmt.Sprintf("%d after %s", i, c.after), func(t *testing.T) {
			crashed := &bench{TB: t, dir: c.dir, tenant: b.tenant, clock: b.clock}
			crashed.db = storetest.Open(t, c.dir, b.options())
			crashed.admin = crashed.handle(storetest.User(b.tenant, store.Admin))
			goesOn(crashed, workspace.Open(crashed.handle(user)), p, first, c.versions)
		})
	}
}

// goesOn finds the versions of a portfolio, 0: none of it, in a store as a crash left it, and imports the next one.
func goesOn(b *bench, w *workspace.Workspace, p store.ID, first workspace.Portfolio, versions int) {
	b.Helper()
	if _, _, err := b.admin.SweepBlobs(b.Context()); err != nil {
		b.Error(err)
	}
	if got, want := len(b.files()), 2*versions; got != want {
		b.Errorf("%d blobs are left after the sweep, want %d", got, want)
	}
	if versions == 0 {
		_, err := w.PortfolioVersion(b.Context(), p, 1)
		_, used, failed := w.Quotas(b.Context())
		if !errors.Is(err, store.ErrNotFound) || failed != nil || used.Portfolios != 0 || used.Bytes != 0 {
			b.Errorf("of what was deleted: %v; used are %+v, %v", err, used, failed)
		}
		p = must(w.Import(b.Context(), edition(1)))(b)
		first, versions = must(w.PortfolioVersion(b.Context(), p, 0))(b).Value, 1
	}
	for number := versions; number <= versions+1; number++ {
		if got := must(w.PortfolioVersion(b.Context(), p, 0))(b).Value.Number; got != number {
			b.Errorf("the latest version is %d, want %d", got, number)
		}
		if kept := must(w.PortfolioVersion(b.Context(), p, 1))(b).Value; !reflect.DeepEqual(kept, first) {
			b.Errorf("the first version is %+v, was %+v", kept, first)
		}
		from, err := w.OpenFile(b.Context(), p, 1, "location")
		if got := readAll(b, from, err); got != "LocNumber\n1\n" {
			b.Errorf("the first version's file is %q", got)
		}
		if number == versions {
			must(w.ImportVersion(b.Context(), p, 0, edition(3)))(b)
		}
	}
}

// files are the tenant's blob files.
func (b *bench) files() (all []string) {
	b.Helper()
	walk(b, filepath.Join(b.dir, "blobs", b.tenant.String()), func(path string, _ []byte) { all = append(all, path) })
	return all
}
