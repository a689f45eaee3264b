package workspace_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// appliance is the one at work on the bench's store.
func (b *bench) appliance(name string) *workspace.Worker {
	b.Helper()
	return must(workspace.OpenWorker(b.db, name, b.clock.Now))(b)
}

// another is the same store seen by another tenant.
func (b *bench) another(name string) *bench {
	b.Helper()
	o := *b
	o.tenant = storetest.AddTenant(b, b.db, name)
	o.admin = o.handle(storetest.User(o.tenant, store.Admin))
	return &o
}

// queue submits so many runs of one portfolio.
func (b *bench) queue(n int) (all []store.ID) {
	b.Helper()
	w := b.as(store.Admin)
	p := b.imported(w)
	must(w.RegisterModel(b.Context(), modelDigest, "0.1.0"))(b)
	for range n {
		all = append(all, must(w.Submit(b.Context(), workspace.NewRun{Portfolio: p, Model: modelDigest, Spec: spec()}))(b))
	}
	return all
}

// claimFirst claims the first of what waits.
func claimFirst(t testing.TB, k *workspace.Worker) *workspace.Job {
	t.Helper()
	waiting := must(k.Waiting(t.Context()))(t)
	if len(waiting) == 0 {
		t.Fatal("nothing waits")
	}
	return must(k.Claim(t.Context(), waiting[0].Tenant, waiting[0].Run, lease))(t)
}

// TestStartsAlternate queues 20 runs of each of two tenants, the second's after all of the first's: starts alternate between them, each
// tenant's in the order of submission. A third that comes late is next.
func TestStartsAlternate(t *testing.T) {
	one := newBench(t)
	two := one.another("Storm Re")
	queued := map[store.ID][]store.ID{one.tenant: one.queue(20), two.tenant: two.queue(20)}
	k := one.appliance("worker 1")
	started := map[store.ID][]store.ID{}
	var late *bench
	var tenants []store.ID
	for range 41 {
		if len(tenants) == 9 {
			late = one.another("Late Mutual")
			queued[late.tenant] = late.queue(1)
		}
		j := claimFirst(t, k)
		tenants = append(tenants, j.Tenant())
		started[j.Tenant()] = append(started[j.Tenant()], j.Run().ID)
		must(j.Finish(t.Context(), resultFiles()))(t)
	}
	if waiting := must(k.Waiting(t.Context()))(t); len(waiting) != 0 {
		t.Errorf("%d runs wait at the end", len(waiting))
	}
	if !reflect.DeepEqual(started, queued) {
		t.Error("runs of a tenant are not started in the order of their submission, or not all")
	}
	if tenants[9] != late.tenant {
		t.Error("a tenant that comes late waits behind those that had their turn")
	}
	tenants = slices.Delete(tenants, 9, 10)
	for i, tenant := range tenants {
		if want := []store.ID{one.tenant, two.tenant}[i%2]; tenant != want {
			t.Fatalf("start %d is not the other tenant's", i)
		}
	}
}

// TestWorkerIsAudited: what the appliance does for a tenant stands in the tenant's log, one entry each, by the appliance, about the run.
// That it looks for something to do leaves none.
func TestWorkerIsAudited(t *testing.T) {
	b := newBench(t)
	run := b.queue(1)[0]
	k := b.appliance("worker 1")
	before := len(b.entries())
	must(k.Waiting(t.Context()))(t)
	must(k.Unsealed(t.Context()))(t)
	if got := len(b.entries()); got != before {
		t.Fatalf("looking left %d entries", got-before)
	}
	var j *workspace.Job
	for _, step := range []struct {
		action string
		do     func() error
	}{
		{"run.claim", func() (err error) { j, err = k.Claim(t.Context(), b.tenant, run, lease); return err }},
		{"run.work", func() error { from, err := j.OpenFile(t.Context(), "location"); return errors.Join(err, from.Close()) }},
		{"run.claim", func() error { return j.Renew(t.Context(), lease) }},
		{"run.work", func() error {
			blocks, err := j.OpenBlocks(t.Context(), computation())
			return errors.Join(err, blocks.Close())
		}},
		{"run.claim", func() error { return j.Release(t.Context()) }},
		{"run.claim", func() (err error) { j, err = k.Claim(t.Context(), b.tenant, run, lease); return err }},
		{"run.finish", func() error { _, err := j.Finish(t.Context(), sealable(t)); return err }},
		{"run.seal", func() error { _, err := j.Seal(t.Context()); return err }},
	} {
		before := len(b.entries())
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.action, err)
		}
		after := b.entries()
		if len(after) != before+1 {
			t.Fatalf("%s: %d entries", step.action, len(after)-before)
		}
		if e := after[before]; e.Action != step.action || e.Actor != "qrsd" || e.Role != store.Worker || e.Outcome != store.Done || e.Object != run.String() || e.Personal != nil {
			t.Errorf("%s: entry %+v", step.action, e)
		}
	}
	if r := must(b.as(store.Viewer).Run(t.Context(), run))(t).Value; r.State != workspace.Done || r.Seal != workspace.Sealed || r.Claims != 2 {
		t.Errorf("the run is %+v", r)
	}
	if left := must(k.Unsealed(t.Context()))(t); left != nil {
		t.Errorf("unsealed: %v", left)
	}
}

// TestUnsealed: a run that ended without its seal is found, and sealed, by the appliance that comes next.
func TestUnsealed(t *testing.T) {
	b := newBench(t)
	b.queue(1)
	j := claimFirst(t, b.appliance("worker 1"))
	must(j.Finish(t.Context(), sealable(t)))(t)
	k := b.appliance("worker 2")
	if waiting := must(k.Waiting(t.Context()))(t); waiting != nil {
		t.Errorf("a run that is done waits: %v", waiting)
	}
	want := workspace.RunOf{Tenant: b.tenant, Run: j.Run().ID}
	if left := must(k.Unsealed(t.Context()))(t); !slices.Equal(left, []workspace.RunOf{want}) {
		t.Fatalf("unsealed: %v", left)
	}
	must(k.Seal(t.Context(), want))(t)
	if left := must(k.Unsealed(t.Context()))(t); left != nil {
		t.Errorf("still unsealed: %v", left)
	}
}

// TestWorkerDoorIsNarrow holds the doors of the appliance to these verbs: whoever adds one gives web and cmd one more way to tenants' data.
func TestWorkerDoorIsNarrow(t *testing.T) {
	for _, door := range []struct {
		of    any
		verbs []string
	}{
		{&workspace.Worker{}, []string{"Claim", "Seal", "Unsealed", "Waiting"}},
		{&workspace.Job{}, []string{"Fail", "Finish", "OpenBlocks", "OpenFile", "Portfolio", "Release", "Renew", "Run", "Seal", "Tenant"}},
		{&workspace.Blocks{}, []string{"Close", "Keep", "Numbers", "Read"}},
		{&workspace.Courier{}, []string{"Mark", "Take"}},
	} {
		var got []string
		of := reflect.TypeOf(door.of)
		for m := range of.Methods() {
			got = append(got, m.Name)
		}
		if !slices.Equal(got, door.verbs) {
			t.Errorf("%s has %v", of, got)
		}
		for i := range of.Elem().NumField() {
			if f := of.Elem().Field(i); f.IsExported() {
				t.Errorf("%s shows its %s", of, f.Name)
			}
		}
	}
}

// TestWorkerStopsWhereItMayNot: a job gives nothing any more once the run is cancelled or somebody else's, and a run of another
// tenant is not found.
func TestWorkerStopsWhereItMayNot(t *testing.T) {
	b := newBench(t)
	k := b.appliance("worker 1")
	ids := b.queue(3)
	other := b.another("Storm Re")
	if _, err := k.Claim(t.Context(), other.tenant, ids[0], lease); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant's run: %v", err)
	}
	refuses := func(what string, j *workspace.Job) {
		t.Helper()
		_, noFile := j.OpenFile(t.Context(), "location")
		_, noBlocks := j.OpenBlocks(t.Context(), computation())
		_, noResult := j.Finish(t.Context(), resultFiles())
		for i, err := range []error{noFile, noBlocks, noResult, j.Renew(t.Context(), lease), j.Release(t.Context()), j.Fail(t.Context(), "why")} {
			var gone *workspace.StateError
			if !errors.As(err, &gone) {
				t.Errorf("%s: verb %d: %v", what, i, err)
			}
		}
	}
	cancelled := must(k.Claim(t.Context(), b.tenant, ids[0], lease))(t)
	if err := b.as(store.Analyst).Cancel(t.Context(), ids[0], "not needed"); err != nil {
		t.Fatal(err)
	}
	refuses("cancelled", cancelled)

	// Another process has the store: whoever held the run is gone, whatever its lease says.
	lost := must(k.Claim(t.Context(), b.tenant, ids[1], lease))(t)
	if _, err := k.Claim(t.Context(), b.tenant, ids[1], lease); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second claim of the same worker: %v", err)
	}
	next := b.appliance("worker 2")
	if n := must(next.Waiting(t.Context()))(t); len(n) != 1 || n[0].Run != ids[1] || n[0].Claims != 1 || n[0].Locations != 2 || n[0].Years != 100 {
		t.Fatalf("waiting: %+v", n)
	}
	taken := must(next.Claim(t.Context(), b.tenant, ids[1], lease))(t)
	refuses("taken over", lost)
	must(taken.Finish(t.Context(), resultFiles()))(t)

	// The same process claims again what it could not renew: the goroutine of before stops too.
	late := must(next.Claim(t.Context(), b.tenant, ids[2], lease))(t)
	b.clock.pass(2 * lease)
	again := must(next.Claim(t.Context(), b.tenant, ids[2], lease))(t)
	refuses("claimed again", late)
	if err := again.Fail(t.Context(), "no memory"); err != nil {
		t.Fatal(err)
	}
	if r := must(b.as(store.Viewer).Run(t.Context(), ids[2]))(t).Value; r.State != workspace.Failed || r.Reason != "no memory" {
		t.Errorf("the run is %+v", r)
	}
	if n := must(next.Waiting(t.Context()))(t); n != nil {
		t.Errorf("waiting at the end: %+v", n)
	}
}

// TestReleased: a run that the appliance put down when it stopped is the next of its tenant, before those that are queued.
func TestReleased(t *testing.T) {
	b := newBench(t)
	b.queue(2)
	k := b.appliance("worker 1")
	j := claimFirst(t, k)
	if err := j.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := must(k.Waiting(t.Context()))(t); len(n) != 1 || n[0].Run != j.Run().ID {
		t.Errorf("waiting: %+v", n)
	}
	if got := must(b.appliance("worker 2").Waiting(t.Context()))(t); len(got) != 1 || got[0].Run != j.Run().ID {
		t.Errorf("waiting for another process: %+v", got)
	}
}

// TestWorkerErased: a tenant that was erased has nothing for the appliance to do, and keeps nobody else waiting.
func TestWorkerErased(t *testing.T) {
	one := newBench(t)
	two := one.another("Storm Re")
	one.queue(1)
	two.queue(1)
	if _, err := one.db.EraseTenant(t.Context(), storetest.Operator(), one.tenant, storetest.Unlocker(one.dir)); err != nil {
		t.Fatal(err)
	}
	if n := must(one.appliance("worker 1").Waiting(t.Context()))(t); len(n) != 1 || n[0].Tenant != two.tenant {
		t.Errorf("waiting: %v", fmt.Sprint(n))
	}
}

// TestWorkerNames: a worker without a name is refused.
func TestWorkerNames(t *testing.T) {
	b := newBench(t)
	if _, err := workspace.OpenWorker(b.db, "", nil); !isInvalid(err, "worker") {
		t.Error(err)
	}
}
