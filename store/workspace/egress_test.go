package workspace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

func record(purpose, request string) egress.Record {
	return egress.Record{Purpose: purpose, Destination: "example.com:443", Request: []byte(request)}
}

// walk reads every file under a folder.
func walk(t testing.TB, dir string, each func(path string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		each(path, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func entriesOf(t testing.TB, w *workspace.Workspace) (all []egress.Entry, end egress.Chain) {
	t.Helper()
	end, err := w.Egress(t.Context(), func(e egress.Entry) error { all = append(all, e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return all, end
}

// TestJournal: a request is on record when Begin returns, in the one chain of the tenant, whatever its size; its outcome joins
// it by its id, also when the caller is cancelled; a restart with the clock gone back goes on behind it.
func TestJournal(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	job := b.submitted(w)
	if all, end := entriesOf(t, w); all != nil || end.Number != 0 {
		t.Fatalf("a new record has %d entries", len(all))
	}
	j := must(w.Journal(t.Context(), job))(t)
	large := strings.Repeat("qreg;\xff", 400_000) // more than a record may have
	first := must(j.Begin(t.Context(), record("GetDevice", "GET /\r\n\xff")))(t)
	second := must(j.Begin(t.Context(), record("CreateQuantumTask", large)))(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Begin(gone, record("GetDevice", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin of a cancelled caller: %v", err)
	}
	if err := j.Finish(gone, first, egress.Record{Purpose: "GetDevice", Failure: "no answer"}); err != nil {
		t.Fatal(err)
	}
	other := must(w.Journal(t.Context(), b.submitted(w)))(t) // of another estimate: the same record
	must(other.Begin(t.Context(), record("GetDevice", "x")))(t)
	must(j.Begin(t.Context(), record("GetDevice", "y")))(t)

	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	b.clock.pass(-1000 * 3600e9)
	b.db = storetest.Open(t, b.dir, b.options())
	w = b.as(store.Modeler)
	must(must(w.Journal(t.Context(), job))(t).Begin(t.Context(), record("GetDevice", "z")))(t)

	all, end := entriesOf(t, w)
	if len(all) != 6 || end.Number != 6 || first == second {
		t.Fatalf("%d entries, end %d", len(all), end.Number)
	}
	if e := all[0]; e.Kind != egress.KindRequest || e.ID != first || string(e.Bytes) != "GET /\r\n\xff" || e.Destination != "example.com:443" || e.Purpose != "GetDevice" {
		t.Errorf("first %+v", e)
	}
	if string(all[1].Bytes) != large {
		t.Errorf("large request of %d bytes reads as %d", len(large), len(all[1].Bytes))
	}
	if e := all[2]; e.Kind != egress.KindOutcome || e.ID != first || e.Failure != "no answer" {
		t.Errorf("outcome %+v", e)
	}
	for i, want := range []string{"x", "y", "z"} {
		if string(all[3+i].Bytes) != want {
			t.Errorf("entry %d is %q", 4+i, all[3+i].Bytes)
		}
	}
}

// TestJournalTogether: goroutines of two journals on one tenant make one chain.
func TestJournalTogether(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	job := b.submitted(w)
	journals := []*workspace.Journal{must(w.Journal(t.Context(), job))(t), must(w.Journal(t.Context(), job))(t)}
	var group sync.WaitGroup
	for i := range 10 {
		for _, j := range journals {
			group.Go(func() {
				if _, err := j.Begin(t.Context(), record("GetDevice", fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	if all, _ := entriesOf(t, w); len(all) != 20 {
		t.Errorf("%d entries of 20", len(all))
	}
}

// TestJournalSameAsFile: the record, written out line by line, is what egress.Verify reads from a file.
func TestJournalSameAsFile(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	j := must(w.Journal(t.Context(), b.submitted(w)))(t)
	for i := range 3 {
		must(j.Begin(t.Context(), record("GetDevice", strings.Repeat("q", i))))(t)
	}
	var file bytes.Buffer
	chain := egress.Chain{}
	all, end := entriesOf(t, w)
	for _, e := range all {
		line, after, err := chain.Next(e)
		if err != nil {
			t.Fatal(err)
		}
		file.Write(line)
		chain = after
	}
	if read, err := egress.Verify(&file, nil); err != nil || read.Head() != end.Head() || chain.Head() != end.Head() {
		t.Errorf("as a file: %v, %s and %s", err, read.Head(), end.Head())
	}
}

// TestJournalSteps: whoever may not submit estimates gets no entry into the record; each entry is one entry of the audit log.
func TestJournalSteps(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	job := b.submitted(w)
	for _, role := range []store.Role{store.Analyst, store.Viewer, store.Approver} {
		j := must(b.as(role).Journal(t.Context(), job))(t)
		var denied *store.DeniedError
		if _, err := j.Begin(t.Context(), record("GetDevice", "GET /")); !errors.As(err, &denied) {
			t.Errorf("%s: %v", role, err)
		}
	}
	j := must(w.Journal(t.Context(), job))(t)
	before := len(b.entries())
	id := must(j.Begin(t.Context(), record("GetDevice", "GET /")))(t)
	must(0, j.Finish(t.Context(), id, record("GetDevice", "")))(t)
	all := b.entries()
	if len(all) != before+2 || all[before].Action != "estimate.submit" || all[before].Object != job.String() || all[before].Outcome != store.Done {
		t.Errorf("%d entries, the last %+v", len(all)-before, all[len(all)-1])
	}
	if all, _ := entriesOf(t, w); len(all) != 2 {
		t.Errorf("%d entries of what left", len(all))
	}
}

// TestEgressInPages: a record of more than one page is read whole and in order.
func TestEgressInPages(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	j := must(w.Journal(t.Context(), b.submitted(w)))(t)
	const many = 205
	for i := range many {
		must(j.Begin(t.Context(), record("GetDevice", fmt.Sprint(i))))(t)
	}
	all, end := entriesOf(t, w)
	if len(all) != many || end.Number != many {
		t.Fatalf("%d entries, the end is %d, of %d", len(all), end.Number, many)
	}
	for i, e := range all {
		if string(e.Bytes) != fmt.Sprint(i) {
			t.Fatalf("entry %d is of request %s", i, e.Bytes)
		}
	}
}

// TestEgressPage: parts of the record join to the whole, one with large bytes is shorter, each is one reading in the log; a number behind the
// end is refused.
func TestEgressPage(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Modeler)
	j := must(w.Journal(t.Context(), b.submitted(w)))(t)
	large := strings.Repeat("x", 5<<20)
	for _, request := range []string{"a", large, large, "b", "c"} {
		must(j.Begin(t.Context(), record("GetDevice", request)))(t)
	}
	want, _ := entriesOf(t, w)
	var got []egress.Entry
	var sizes []int
	for after, more := uint64(0), true; more; after = got[len(got)-1].Number {
		all, left, err := w.EgressPage(t.Context(), after, 4)
		if err != nil {
			t.Fatal(err)
		}
		got, sizes, more = append(got, all...), append(sizes, len(all)), left
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(sizes) != "[3 2]" {
		t.Errorf("%d entries in parts of %v, want %d", len(got), sizes, len(want))
	}
	var invalid *workspace.Invalid
	if _, _, err := w.EgressPage(t.Context(), 6, 4); !errors.As(err, &invalid) || invalid.Field != "cursor" {
		t.Errorf("behind the end: %v", err)
	}
	if all, more, err := w.EgressPage(t.Context(), 5, 4); err != nil || more || len(all) != 0 {
		t.Errorf("at the end: %d, %v, %v", len(all), more, err)
	}
}
