package store

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// TestExport writes an audit log out and verifies the file with nothing but the public keys: as it is, with a person's
// address changed, and after the tenant's erasure, when it says nothing of persons any more.
func TestExport(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	for i := range 20 {
		if err := write(t, h, ID{1: byte(i), 2: 1}, "text"); err != nil {
			t.Fatal(err)
		}
	}
	export := func() (file string, keys note.Verifiers) {
		t.Helper()
		l := db.logOf(h.id, AuditLog)
		var out bytes.Buffer
		if _, err := db.export(t.Context(), l, &out); err != nil {
			t.Fatal(err)
		}
		keys, err := db.verifiers(l.origin(db))
		if err != nil {
			t.Fatal(err)
		}
		return out.String(), keys
	}
	file, keys := export()
	report, err := ledger.VerifyExport(strings.NewReader(file), keys)
	if err != nil || !report.Trusted || !report.Complete || report.Count < 21 {
		t.Fatalf("%+v, %v", report, err)
	}
	at, end, person := personOf(t, file, "192.0.2.7")
	forged := base64.StdEncoding.EncodeToString(bytes.Replace(person, []byte("192.0.2.7"), []byte("192.0.2.8"), 1))
	var fault *ledger.EntryError
	if _, err := ledger.VerifyExport(strings.NewReader(file[:at]+forged+file[end:]), keys); !errors.As(err, &fault) || fault.Field != "disclosed" {
		t.Errorf("with another address: %v", err)
	}
	if _, err := db.EraseTenant(t.Context(), operator(), h.id); err != nil {
		t.Fatal(err)
	}
	file, keys = export()
	if report, err = ledger.VerifyExport(strings.NewReader(file), keys); err != nil || !report.Complete {
		t.Fatalf("after erasure: %+v, %v", report, err)
	}
	for _, line := range strings.Split(file, "\n") {
		// What remains disclosed is of the operator, who is nobody of the tenant's.
		if at := strings.Index(line, `"disclosed":"`); at >= 0 {
			_, _, person := personOf(t, line, "account")
			if strings.Contains(string(person), "192.0.2.7") {
				t.Errorf("after erasure a person of the tenant is disclosed: %s", person)
			}
		}
	}
}

// personOf finds the disclosed text that holds some words, and where its base64 stands.
func personOf(t *testing.T, file, words string) (at, end int, person []byte) {
	t.Helper()
	const name = `"disclosed":"`
	for at = strings.Index(file, name); at >= 0; {
		at += len(name)
		end = at + strings.IndexByte(file[at:], '"')
		person, err := base64.StdEncoding.DecodeString(file[at:end])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(person), words) {
			return at, end, person
		}
		next := strings.Index(file[end:], name)
		if next < 0 {
			break
		}
		at = end + next
	}
	t.Fatalf("%s is nowhere disclosed", words)
	return 0, 0, nil
}

// TestGrowth proves that a log only grew, from every size that it has had.
func TestGrowth(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	for i := range 9 {
		if err := write(t, h, ID{1: byte(i), 2: 1}, "text"); err != nil {
			t.Fatal(err)
		}
	}
	for earlier := range int64(9) {
		if _, err := h.ProveConsistency(t.Context(), Lineage, earlier+1); err != nil {
			t.Errorf("from size %d: %v", earlier+1, err)
		}
	}
	if _, err := h.ProveConsistency(t.Context(), Lineage, 10); !errors.Is(err, ErrNotFound) {
		t.Errorf("from a size that was never: %v", err)
	}
}

// TestPages reads an audit log in pages of every size, from both ends: each entry once, in order, and an end.
func TestPages(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	for i := range 7 {
		if err := write(t, h, ID{1: byte(i), 2: 1}, "text"); err != nil {
			t.Fatal(err)
		}
	}
	whole := Query{Action: "tenant"} // not those of reading the log itself
	all, err := h.Audit(t.Context(), whole)
	if err != nil || len(all) != 8 || all[0].Sequence != 0 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for limit := 1; limit <= 9; limit++ {
		for _, newest := range []bool{false, true} {
			q := whole
			q.Limit, q.Newest = limit, newest
			var got []int64
			for more := true; more && len(got) < 20; {
				page, err := h.Audit(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				for _, e := range page {
					got = append(got, e.Sequence)
				}
				q, more = q.Next(page[len(page)-1].Entry)
			}
			if newest {
				slices.Reverse(got)
			}
			var want []int64
			for _, e := range all {
				want = append(want, e.Sequence)
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d, newest %v: %v", limit, newest, got)
			}
		}
	}
	between, err := h.Audit(t.Context(), Query{First: 2, Before: 4})
	if err != nil || len(between) != 2 || between[0].Sequence != 2 {
		t.Errorf("entries from 2 and before 4: %d, %v", len(between), err)
	}
	if _, err := h.Audit(t.Context(), Query{First: -1}); err == nil {
		t.Error("entries from -1 were read")
	}
}
