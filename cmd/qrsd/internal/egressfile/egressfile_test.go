package egressfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

func newJournal(t *testing.T) *egressfile.Journal {
	return &egressfile.Journal{Path: filepath.Join(t.TempDir(), "egress.jsonl"), Now: func() time.Time { return time.Unix(1.8e9, 0) }}
}

// entries verifies the record and lists it.
func entries(t *testing.T, j *egressfile.Journal) []egress.Entry {
	t.Helper()
	var all []egress.Entry
	if _, err := j.Verify(func(e egress.Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestWriteAhead: the request is on the disk when Begin has returned; the outcome joins it by its id.
func TestWriteAhead(t *testing.T) {
	j := newJournal(t)
	if all := entries(t, j); all != nil {
		t.Fatalf("a record that is not there has %d entries", len(all))
	}
	id, err := j.Begin(t.Context(), egress.Record{Purpose: "GetDevice", Destination: "example.com:443", Request: []byte("GET /\r\n\xff")})
	if err != nil {
		t.Fatal(err)
	}
	all := entries(t, j)
	if len(all) != 1 || all[0].Kind != egress.KindRequest || string(all[0].Bytes) != "GET /\r\n\xff" || all[0].ID != id || all[0].Destination != "example.com:443" {
		t.Fatalf("after Begin: %+v", all)
	}
	if err := j.Finish(t.Context(), id, egress.Record{Purpose: "GetDevice", Response: []byte("HTTP/1.1 200 OK"), Failure: ""}); err != nil {
		t.Fatal(err)
	}
	all = entries(t, j)
	if len(all) != 2 || all[1].Kind != egress.KindOutcome || string(all[1].Bytes) != "HTTP/1.1 200 OK" || all[1].ID != id || all[1].Time != "2027-01-15T08:00:00.000Z" {
		t.Fatalf("after Finish: %+v", all)
	}
	info, err := os.Stat(j.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

// TestTwoProcesses: two journals on one file, as two processes have them, make one chain.
func TestTwoProcesses(t *testing.T) {
	one := newJournal(t)
	two := &egressfile.Journal{Path: one.Path, Now: one.Now}
	var group sync.WaitGroup
	for i := range 20 {
		for _, j := range []*egressfile.Journal{one, two} {
			group.Go(func() {
				if _, err := j.Begin(t.Context(), egress.Record{Request: fmt.Append(nil, i)}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	if all := entries(t, one); len(all) != 40 {
		t.Fatalf("%d entries of 40", len(all))
	}
}

// TestInterruptedWrite cuts the last line at every byte: the record goes on, and says what was cut.
func TestInterruptedWrite(t *testing.T) {
	j := newJournal(t)
	for range 2 {
		if _, err := j.Begin(t.Context(), egress.Record{Request: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(j.Path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for cut := first + 1; cut < len(whole); cut += 7 {
		if err := os.WriteFile(j.Path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Begin(t.Context(), egress.Record{Request: []byte("y")}); err != nil {
			t.Fatal(err)
		}
		all := entries(t, j)
		if len(all) != 3 || all[1].Kind != egress.KindRepair || !bytes.Equal(all[1].Bytes, whole[first:cut]) || string(all[2].Bytes) != "y" {
			t.Fatalf("cut at %d: %+v", cut, all)
		}
	}
}

// TestBrokenRecordStopsEverything: nothing is recorded, and so nothing sent, behind a changed line.
func TestBrokenRecordStopsEverything(t *testing.T) {
	j := newJournal(t)
	for range 3 {
		if _, err := j.Begin(t.Context(), egress.Record{Purpose: "GetDevice"}); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(j.Path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(whole, []byte("GetDevice"), []byte("SetDevice"), 1)
	if err := os.WriteFile(j.Path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	j = &egressfile.Journal{Path: j.Path, Now: j.Now} // the next process
	_, err = j.Begin(t.Context(), egress.Record{Request: []byte("z")})
	var broken *egress.BrokenError
	if !errors.As(err, &broken) || broken.Line != 1 || !strings.Contains(err.Error(), "nothing is sent until") {
		t.Fatalf("got %v", err)
	}
	if now, err := os.ReadFile(j.Path); err != nil || !bytes.Equal(now, changed) {
		t.Fatalf("the file was changed, %v", err)
	}
}

// TestNoPlaceToWrite: Begin fails where the record cannot be kept.
func TestNoPlaceToWrite(t *testing.T) {
	j := newJournal(t)
	j.Path = filepath.Join(j.Path, "missing", "egress.jsonl")
	if _, err := j.Begin(t.Context(), egress.Record{}); err == nil || !strings.Contains(err.Error(), "opening the egress record") {
		t.Fatalf("got %v", err)
	}
}
