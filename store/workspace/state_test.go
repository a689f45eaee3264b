package workspace_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// TestStates holds the state machine to its table, every pair of it.
func TestStates(t *testing.T) {
	table := map[workspace.State]string{ // what follows: queued running done failed cancelled
		workspace.Queued:    ". R . . C",
		workspace.Running:   ". R D F C",
		workspace.Done:      ". . . . .",
		workspace.Failed:    ". . . . .",
		workspace.Cancelled: ". . . . .",
	}
	for from, row := range table {
		for i, mark := range strings.Fields(row) {
			if to := workspace.States()[i]; from.CanBecome(to) != (mark != ".") {
				t.Errorf("%s can become %s: %v", from, to, from.CanBecome(to))
			}
		}
		if want := from == workspace.Done || from == workspace.Failed || from == workspace.Cancelled; from.Ended() != want {
			t.Errorf("%s has ended: %v", from, from.Ended())
		}
	}
}

// TestVerbsOfStates brings runs into every state and calls every verb that leads to another: it does what the table says,
// or refuses with a *StateError, a conflict, and changes nothing.
func TestVerbsOfStates(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	reach := map[workspace.State]func() store.ID{
		workspace.Queued:  func() store.ID { return b.queued(w) },
		workspace.Running: func() store.ID { return b.running(w) },
		workspace.Done:    func() store.ID { return b.done(w) },
		workspace.Failed: func() store.ID {
			id := b.running(w)
			must(0, w.Fail(t.Context(), id, worker, "why"))(t)
			return id
		},
		workspace.Cancelled: func() store.ID {
			id := b.queued(w)
			must(0, w.Cancel(t.Context(), id, "why"))(t)
			return id
		},
	}
	lead := map[workspace.State]func(store.ID) error{
		workspace.Running: func(id store.ID) error {
			b.clock.pass(2 * lease) // so that a running one can be taken over
			_, err := w.Claim(t.Context(), id, "worker 2", lease)
			return err
		},
		workspace.Done:      func(id store.ID) error { _, err := w.Finish(t.Context(), id, worker, resultFiles()); return err },
		workspace.Failed:    func(id store.ID) error { return w.Fail(t.Context(), id, worker, "why") },
		workspace.Cancelled: func(id store.ID) error { return w.Cancel(t.Context(), id, "why") },
	}
	for from, bring := range reach {
		for to, verb := range lead {
			id := bring()
			before := must(w.Run(t.Context(), id))(t)
			err := verb(id)
			after := must(w.Run(t.Context(), id))(t)
			var refused *workspace.StateError
			switch {
			case from.CanBecome(to) && (err != nil || after.Value.State != to || after.Version != before.Version+1):
				t.Errorf("%s to %s: %v, is %s", from, to, err, after.Value.State)
			case !from.CanBecome(to) && (!errors.As(err, &refused) || !errors.Is(err, store.ErrConflict) || refused.Is != from || refused.Want != to || after.Version != before.Version):
				t.Errorf("%s to %s: %v, is %s in version %d after %d", from, to, err, after.Value.State, after.Version, before.Version)
			}
			if err := w.ChangeSpec(t.Context(), id, after.Version, spec()); (err == nil) != (after.Value.State == workspace.Queued) {
				t.Errorf("change of the spec of a run that is %s: %v", after.Value.State, err)
			}
		}
	}
}

// TestLease: a claimed run is its worker's until the lease ends; then another may take it over, and the first learns of it
// whatever it does next.
func TestLease(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Analyst)
	id := b.queued(b.as(store.Modeler))
	r := must(w.Claim(t.Context(), id, worker, lease))(t)
	until := *r.Value.Lease
	var taken *workspace.StateError
	if _, err := w.Claim(t.Context(), id, "worker 2", lease); !errors.As(err, &taken) || !taken.Until.Equal(until) || !strings.Contains(err.Error(), until.Format(time.RFC3339)) {
		t.Fatalf("claimed twice: %v", err)
	}
	b.clock.pass(lease - 10*time.Second)
	if err := w.Renew(t.Context(), id, worker, lease); err != nil {
		t.Fatal(err)
	}
	b.clock.pass(lease - 10*time.Second)
	if _, err := w.Claim(t.Context(), id, "worker 2", lease); !errors.As(err, &taken) {
		t.Fatalf("claimed under a renewed lease: %v", err)
	}
	if page := must(w.Waiting(t.Context(), b.clock.Now(), "", 100))(t); len(page.Records) != 0 {
		t.Errorf("%d runs wait", len(page.Records))
	}
	b.clock.pass(10 * time.Second)
	if page := must(w.Waiting(t.Context(), b.clock.Now(), "", 100))(t); len(page.Records) != 1 || page.Records[0].ID != id {
		t.Errorf("%d runs wait, want the one whose lease has ended", len(page.Records))
	}
	r = must(w.Claim(t.Context(), id, "worker 2", lease))(t)
	if r.Value.Claims != 2 || r.Value.Worker != "worker 2" {
		t.Errorf("taken over: %+v", r.Value)
	}
	for name, step := range map[string]func() error{
		"renew":  func() error { return w.Renew(t.Context(), id, worker, lease) },
		"finish": func() error { _, err := w.Finish(t.Context(), id, worker, resultFiles()); return err },
		"fail":   func() error { return w.Fail(t.Context(), id, worker, "") },
	} {
		if err := step(); !errors.As(err, &taken) {
			t.Errorf("%s by the worker whose run was taken over: %v", name, err)
		}
	}
	must(w.Finish(t.Context(), id, "worker 2", resultFiles()))(t)
}

// TestCancelWhileRunning: the worker learns of it at its next step, and what it had written is kept by no record.
func TestCancelWhileRunning(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	id := b.running(w)
	files := resultFiles()
	open := files[2].Open
	files[2].Open = func() (r ioReadCloser, err error) { // when the first two are written
		if err := w.Cancel(t.Context(), id, "no longer wanted"); err != nil {
			t.Error(err)
		}
		return open()
	}
	var refused *workspace.StateError
	if _, err := w.Finish(t.Context(), id, worker, files); !errors.As(err, &refused) || refused.Is != workspace.Cancelled {
		t.Fatalf("finish of a cancelled run: %v", err)
	}
	if err := w.Renew(t.Context(), id, worker, lease); !errors.As(err, &refused) {
		t.Errorf("renewal of a cancelled run: %v", err)
	}
	r := must(w.Run(t.Context(), id))(t)
	if r.Value.State != workspace.Cancelled || r.Value.Reason != "no longer wanted" || r.Value.Ended == nil {
		t.Errorf("%+v", r.Value)
	}
	if _, err := w.Result(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("result of a cancelled run: %v", err)
	}
}

// TestPages: listings go through everything once, whatever the size of the pages.
func TestPages(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	var want []store.ID
	for range 5 {
		want = append(want, b.queued(w))
	}
	var waiting, newest []store.ID
	for after, more := store.Cursor(""), true; more; more = after != "" {
		page := must(w.Waiting(t.Context(), b.clock.Now(), after, 2))(t)
		for _, r := range page.Records {
			waiting = append(waiting, r.ID)
		}
		after = page.Next
	}
	for after, more := store.Cursor(""), true; more; more = after != "" {
		page := must(w.Runs(t.Context(), after, 2))(t)
		for _, r := range page.Records {
			newest = append(newest, r.ID)
		}
		after = page.Next
	}
	slices.Reverse(newest)
	if !slices.Equal(waiting, want) || !slices.Equal(newest, want) {
		t.Errorf("waiting %v, newest %v, want %v", waiting, newest, want)
	}
}

// TestChangeSpec: a change of a version that is no longer there is refused.
func TestChangeSpec(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Analyst)
	id := b.queued(b.as(store.Admin))
	s := spec()
	s.Seed = 7
	if err := w.ChangeSpec(t.Context(), id, 1, s); err != nil {
		t.Fatal(err)
	}
	if err := w.ChangeSpec(t.Context(), id, 1, spec()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a change of an old version: %v", err)
	}
	if r := must(w.Run(t.Context(), id))(t); r.Value.Spec.Seed != 7 {
		t.Errorf("seed %d", r.Value.Spec.Seed)
	}
	l := must(b.admin.Ledger(t.Context(), 2, 10))(t)[0].Lineage
	if before := must(b.admin.Ledger(t.Context(), 1, 10))(t)[0].Lineage; l.Digests["spec/before"] != before.Digests["spec"] || l.Digests["spec"] == l.Digests["spec/before"] {
		t.Errorf("leaf %+v after %+v", l, before)
	}
}
