package runner

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// insurer is a tenant with a portfolio and the model, and a user who submits runs.
type insurer struct {
	t         testing.TB
	tenant    store.ID
	w         *workspace.Workspace
	portfolio store.ID
	spec      engine.Spec
}

func newInsurer(t testing.TB, db *store.DB, name string) *insurer {
	t.Helper()
	in := &insurer{t: t, tenant: storetest.AddTenant(t, db, name)}
	in.w = workspaceOf(t, db, in.tenant)
	r := request(t)
	in.spec = r.Spec
	model, err := r.open()
	if err != nil {
		t.Fatal(err)
	}
	s := Stored{Workspace: in.w}
	if _, _, err := s.exposure(t.Context(), &r, model); err != nil {
		t.Fatal(err)
	}
	if err := s.register(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	in.portfolio = s.Portfolio
	return in
}

func (in *insurer) submit(s engine.Spec) store.ID {
	in.t.Helper()
	model, err := openModel(nil)
	if err != nil {
		in.t.Fatal(err)
	}
	run, err := in.w.Submit(in.t.Context(), workspace.NewRun{Portfolio: in.portfolio, Model: model.Digest, Spec: s})
	if err != nil {
		in.t.Fatal(err)
	}
	return run
}

func (in *insurer) run(id store.ID) workspace.Run {
	in.t.Helper()
	r, err := in.w.Run(in.t.Context(), id)
	if err != nil {
		in.t.Fatal(err)
	}
	return r.Value
}

// digests are those of the tables of a run that is done.
func (in *insurer) digests(run store.ID) map[string]string {
	in.t.Helper()
	result, err := in.w.Result(in.t.Context(), run)
	if err != nil {
		in.t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range result.Files {
		if f.Role == "table" {
			all[strings.TrimSuffix(f.Name, filepath.Ext(f.Name))] = "sha256:" + f.Digest.String()
		}
	}
	return all
}

// direct are the digests that a spec has without store or queue. They are computed once for all tests.
func direct(t *testing.T, s engine.Spec) map[string]string {
	t.Helper()
	key := fmt.Sprintf("%+v", s)
	if known, ok := directly.Load(key); ok {
		return known.(map[string]string)
	}
	r := request(t)
	r.Out, r.Spec = "", s
	digests := mustRun(t, r).Manifest.Digests
	directly.Store(key, digests)
	return digests
}

var directly sync.Map // of digests by spec

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// working is a queue at work until stop, or the end of the test.
type working struct {
	*Queue
	t    testing.TB
	log  *journal
	stop func()
}

func atWork(t testing.TB, o QueueOptions) *working {
	t.Helper()
	w := &working{t: t, log: &journal{}}
	o.Feed, o.Log = NewFeed(nil), hclog.New(&hclog.LoggerOptions{Output: w.log, Level: hclog.Info})
	if o.Every == 0 {
		o.Every = 50 * time.Millisecond
	}
	var err error
	if w.Queue, err = NewQueue(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	w.stop = func() { cancel(); running.Wait() }
	t.Cleanup(func() {
		w.stop()
		if t.Failed() {
			t.Log(w.log)
		}
	})
	return w
}

const patience = 2 * time.Minute

// await waits for an event of a tenant's run.
func (w *working) await(tenant, run store.ID, is func(Event) bool) Event {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	_, last, _ := w.o.Feed.Since(tenant, 0)
	l := w.o.Feed.Listen(tenant, last)
	defer l.Close()
	events, _, _ := w.o.Feed.Since(tenant, 0)
	for {
		for _, e := range events {
			if e.Run == run && is(e) {
				return e
			}
		}
		var err error
		if events, _, err = l.Next(ctx); err != nil {
			w.t.Fatalf("run %s: %v\n%s", run, err, w.log)
		}
	}
}

func sealed(e Event) bool                   { return e.Sealed }
func computing(e Event) bool                { return e.Stage == "years" && e.Done > 0 }
func is(s workspace.State) func(Event) bool { return func(e Event) bool { return e.State == s } }

// TestQueueIsTheSameRun: a run that waits is carried out to its seal, with the digests that it has without store or queue; the feed tells
// of it in order, and the tenant's log has what the appliance did.
func TestQueueIsTheSameRun(t *testing.T) {
	db := storetest.New(t, store.Options{})
	in := newInsurer(t, db, "Example Mutual")
	run := in.submit(in.spec)
	w := atWork(t, QueueOptions{DB: db, keepWorth: time.Hour})
	w.await(in.tenant, run, sealed)
	if got := in.run(run); got.State != workspace.Done || got.Seal != workspace.Sealed || got.Claims != 1 {
		t.Errorf("%+v", got)
	}
	if !maps.Equal(in.digests(run), direct(t, in.spec)) {
		t.Error("another result than without the queue")
	}
	events, _, gap := w.o.Feed.Since(in.tenant, 0)
	var told []string
	for _, e := range events {
		told = append(told, strings.TrimSpace(fmt.Sprint(e.State, " ", e.Stage)))
	}
	const want = "running|running exposure|running sites|running years|running figures|running estimate|running files|done|done"
	if got := strings.Join(told, "|"); gap || got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	if e := events[len(events)-1]; e.Done != in.spec.Years || e.Of != in.spec.Years {
		t.Errorf("%d of %d years", e.Done, e.Of)
	}
	w.stop()
	wantWork(t, db, in.tenant, "run.claim run.work run.work run.finish run.seal")
}

// wantWork holds what the appliance did in a tenant to its audit log.
func wantWork(t *testing.T, db *store.DB, tenant store.ID, want string) {
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
		if e.Role.String() == "worker" {
			got = append(got, e.Action)
		}
	}
	if !reflect.DeepEqual(got, strings.Fields(want)) {
		t.Errorf("the appliance did %v, want %s", got, want)
	}
}

// TestQueueAlternates: two tenants queue several runs each, one all of them first; starts alternate all the same.
func TestQueueAlternates(t *testing.T) {
	db := storetest.New(t, store.Options{})
	first, second := newInsurer(t, db, "First Mutual"), newInsurer(t, db, "Second Mutual")
	const each = 4
	for range each {
		first.submit(first.spec)
	}
	last := store.ID{}
	for range each {
		last = second.submit(second.spec)
	}
	w := atWork(t, QueueOptions{DB: db, AtOnce: 1})
	w.await(second.tenant, last, sealed)
	w.stop()
	var starts []string
	for _, line := range strings.Split(w.log.String(), "\n") {
		if _, of, found := strings.Cut(line, "run started"); found {
			starts = append(starts, map[bool]string{true: "1", false: "2"}[strings.Contains(of, first.tenant.String())])
		}
	}
	if got := strings.Join(starts, ""); got != strings.Repeat("12", each) {
		t.Errorf("starts of the two tenants: %s", got)
	}
}

// TestQueueCancelled: a run that is cancelled stops at once, and the next one begins.
func TestQueueCancelled(t *testing.T) {
	db := storetest.New(t, store.Options{})
	in := newInsurer(t, db, "Example Mutual")
	w := atWork(t, QueueOptions{DB: db, AtOnce: 1})
	long := in.spec
	long.Years = 50000
	run, next := in.submit(long), in.submit(in.spec)
	w.Submitted(in.tenant, run)
	w.await(in.tenant, run, computing)
	if err := in.w.Cancel(t.Context(), run, "no longer wanted"); err != nil {
		t.Fatal(err)
	}
	w.Cancelled(in.tenant, run, "no longer wanted")
	w.await(in.tenant, next, sealed)
	if got := in.run(run); got.State != workspace.Cancelled || got.Reason != "no longer wanted" {
		t.Errorf("%+v", got)
	}
	if e := w.await(in.tenant, run, is(workspace.Cancelled)); e.Reason != "no longer wanted" {
		t.Errorf("told %+v", e)
	}
	if !strings.Contains(w.log.String(), "run given back") {
		t.Error("it went on until its next sign of life")
	}
	if len(w.cores) != 0 {
		t.Errorf("%d cores were not given back", len(w.cores))
	}
}

// TestQueueStopped: the stop of the appliance gives a run back, and the next start goes on with its blocks, to the same digests.
func TestQueueStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storedIn(t, dir, 0)
	in := newInsurer(t, db, "Example Mutual")
	spec := killedSpec(in.spec)
	run := in.submit(spec)
	w := atWork(t, QueueOptions{DB: db, Cores: 1, keepWorth: 1})
	w.await(in.tenant, run, func(e Event) bool { return e.Stage == "years" && e.Done > e.Of/4 })
	w.stop()
	if got := in.run(run); got.State != workspace.Running || got.Lease != nil {
		t.Fatalf("stopped: %+v", got)
	}
	w = atWork(t, QueueOptions{DB: db, keepWorth: 1})
	w.await(in.tenant, run, sealed)
	if got := in.run(run); got.State != workspace.Done || got.Claims != 2 {
		t.Errorf("%+v", got)
	}
	if !maps.Equal(in.digests(run), direct(t, spec)) {
		t.Error("another result than that of a run that was not stopped")
	}
	if text := w.log.String(); !strings.Contains(text, "kept_blocks=") || strings.Contains(text, "kept_blocks=0") {
		t.Error("no kept block was taken")
	}
}

// TestQueueLocked: a run that the lock of the store cuts off goes on at once when it is unlocked.
func TestQueueLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	storetest.Create(t, dir, store.Options{})
	db := storedIn(t, dir, 0)
	in := newInsurer(t, db, "Example Mutual")
	spec := killedSpec(in.spec)
	run := in.submit(spec)
	w := atWork(t, QueueOptions{DB: db, Cores: 1, keepWorth: 1})
	w.await(in.tenant, run, computing)
	if err := db.Lock(t.Context(), storetest.Operator()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); w.busy(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the run does not stop")
		}
	}
	if err := db.Unlock(t.Context(), storetest.Operator(), storetest.Unlocker(dir)); err != nil {
		t.Fatal(err)
	}
	w.await(in.tenant, run, sealed)
	if got := workspaceOf(t, db, in.tenant); only(t, got).Value.Claims != 2 {
		t.Error("it was not taken up")
	}
}

func (w *working) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inHand) > 0
}

// TestQueueShortOfDisk: a run that needs more disk than there is waits and says so, and that of another tenant is not held up.
func TestQueueShortOfDisk(t *testing.T) {
	db := storetest.New(t, store.Options{})
	big, small := newInsurer(t, db, "Big Mutual"), newInsurer(t, db, "Small Mutual")
	spec := big.spec
	spec.Years, spec.Samples = 200_000, engine.MaxSamples
	waits := big.submit(spec)
	goes := small.submit(small.spec)
	w := atWork(t, QueueOptions{DB: db, AtOnce: 1})
	e := w.await(big.tenant, waits, func(e Event) bool { return e.Reason != "" })
	if e.State != workspace.Queued || !strings.Contains(e.Reason, "GB on the appliance's disk") {
		t.Errorf("%+v", e)
	}
	w.await(small.tenant, goes, sealed)
	if got := big.run(waits); got.State != workspace.Queued || got.Claims != 0 {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(w.log.String(), "a run waits"); n != 1 {
		t.Errorf("the log says so %d times", n)
	}
}

// TestQueueFails: a run that cannot be carried out ends with the reason.
func TestQueueFails(t *testing.T) {
	db := storetest.New(t, store.Options{})
	in := newInsurer(t, db, "Example Mutual")
	other := [32]byte{1}
	if _, err := in.w.RegisterModel(t.Context(), other, "0.0.1"); err != nil {
		t.Fatal(err)
	}
	run, err := in.w.Submit(t.Context(), workspace.NewRun{Portfolio: in.portfolio, Model: other, Spec: in.spec})
	if err != nil {
		t.Fatal(err)
	}
	w := atWork(t, QueueOptions{DB: db})
	e := w.await(in.tenant, run, is(workspace.Failed))
	if got := in.run(run); got.State != workspace.Failed || got.Reason != e.Reason || !strings.Contains(got.Reason, "submit it again") {
		t.Errorf("%+v, told %+v", got, e)
	}
}

// TestQueueSurvivesPanic: a run whose computation panics fails with an entry, is told and logged with its stack, and the next one is
// carried out.
func TestQueueSurvivesPanic(t *testing.T) {
	db := storetest.New(t, store.Options{})
	in := newInsurer(t, db, "Example Mutual")
	panicked := make(chan string, 1)
	w := atWork(t, QueueOptions{DB: db, Panicked: func(what string) { panicked <- what }})
	whole, err := openModel(nil)
	if err != nil {
		t.Fatal(err)
	}
	broken := *whole
	broken.Climate = nil // which no model is without
	w.models.mu.Lock()
	w.models.last = &broken
	w.models.mu.Unlock()
	run := in.submit(in.spec)
	w.Submitted(in.tenant, run)
	e := w.await(in.tenant, run, is(workspace.Failed))
	if got := in.run(run); got.State != workspace.Failed || !strings.Contains(e.Reason, "has a fault") || <-panicked != "run" {
		t.Errorf("%+v, told %+v", got, e)
	}
	if log := w.log.String(); !strings.Contains(log, "nil pointer") || !strings.Contains(log, "goroutine ") {
		t.Errorf("the log has no stack: %s", log)
	}
	w.models.mu.Lock()
	w.models.last = nil
	w.models.mu.Unlock()
	next := in.submit(in.spec)
	w.Submitted(in.tenant, next)
	w.await(in.tenant, next, is(workspace.Done))
}

// TestQueueSealsTheRest: a run whose seal was cut off is sealed at the next start.
func TestQueueSealsTheRest(t *testing.T) {
	db := storetest.New(t, store.Options{})
	in := newInsurer(t, db, "Example Mutual")
	run := in.submit(in.spec)
	if _, err := in.w.Claim(t.Context(), run, "worker 1", lease); err != nil {
		t.Fatal(err)
	}
	build, err := buildText()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.w.Finish(t.Context(), run, "worker 1", []workspace.NewFile{whole(BuildFile, workspace.RoleBuild, build)}); err != nil {
		t.Fatal(err)
	}
	w := atWork(t, QueueOptions{DB: db})
	w.await(in.tenant, run, sealed)
	if got := in.run(run); got.Seal != workspace.Sealed {
		t.Errorf("%+v", got)
	}
}

// TestQueueOptions: what is missing is named.
func TestQueueOptions(t *testing.T) {
	if _, err := NewQueue(QueueOptions{}); err == nil {
		t.Error("a queue without a store")
	}
	if _, err := os.Stat("/proc/meminfo"); err == nil && hostMemory() < 64<<20 {
		t.Errorf("%d bytes of memory", hostMemory())
	}
}
