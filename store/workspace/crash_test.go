package workspace_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	watched := func(files []workspace.NewFile) []workspace.NewFile {
		for i, f := range files {
			files[i].Open = func() (ioReadCloser, error) {
				snap("files before " + f.Name)
				return f.Open()
			}
		}
		return files
	}
	snap("nothing")
	n := portfolio("Coastal book")
	n.Files = watched(n.Files)
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
	must(w.Finish(t.Context(), run, worker, watched(resultFiles())))(t)
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

// files are the tenant's blob files.
func (b *bench) files() (all []string) {
	b.Helper()
	walk(b, filepath.Join(b.dir, "blobs", b.tenant.String()), func(path string, _ []byte) { all = append(all, path) })
	return all
}
