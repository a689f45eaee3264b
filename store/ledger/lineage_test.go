package ledger_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/ledger"
)

func sampleLineage() ledger.Lineage {
	return ledger.Lineage{Kind: ledger.RunStarted, Time: testTime, Actor: ledger.ID{1}, Subject: ledger.ID{15: 2},
		Digests: map[string]ledger.Digest{"portfolio": {1}, "model": {31: 2}}, Note: "after the \"June\" update\n"}
}

// TestGoldenLineage fixes the record of a leaf. Do not change it to fix a build.
func TestGoldenLineage(t *testing.T) {
	got, err := sampleLineage().Canonical()
	const want = `{"actor":"01000000000000000000000000000000","digests":{` +
		`"model":"0000000000000000000000000000000000000000000000000000000000000002",` +
		`"portfolio":"0100000000000000000000000000000000000000000000000000000000000000"},` +
		`"kind":"run-started","note":"after the \"June\" update\n","subject":"00000000000000000000000000000002",` +
		`"time":"2026-06-01T12:00:00.123456789Z","version":1}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	var words []string
	for _, k := range ledger.Kinds() {
		words = append(words, string(k))
	}
	const kinds = "exposure-imported model-registered spec parameter-change run-started output estimate hardware-job approval seal"
	if got := strings.Join(words, " "); got != kinds {
		t.Errorf("kinds %s, want %s", got, kinds)
	}
}

func TestLineageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := ledger.Lineage{
			Kind:    rapid.SampledFrom(ledger.Kinds()).Draw(t, "kind"),
			Time:    time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			Actor:   ledger.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "actor")),
			Subject: ledger.ID{1},
			Note:    rapid.StringN(0, 50, 200).Draw(t, "note"),
		}
		entry, err := l.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ledger.ParseLineage(entry)
		if err != nil || got.Kind != l.Kind || !got.Time.Equal(l.Time) || got.Actor != l.Actor || got.Note != l.Note {
			t.Fatalf("%s became %+v, %v", entry, got, err)
		}
	})
}

func TestLineageRefuses(t *testing.T) {
	for name, change := range map[string]func(*ledger.Lineage){
		"kind":        func(l *ledger.Lineage) { l.Kind = "gossip" },
		"subject":     func(l *ledger.Lineage) { l.Subject = ledger.ID{} },
		"time":        func(l *ledger.Lineage) { l.Time = time.Time{} },
		"year":        func(l *ledger.Lineage) { l.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"long note":   func(l *ledger.Lineage) { l.Note = strings.Repeat("x", ledger.MaxNote+1) },
		"note":        func(l *ledger.Lineage) { l.Note = "\xff" },
		"empty role":  func(l *ledger.Lineage) { l.Digests = map[string]ledger.Digest{"": {}} },
		"spaced role": func(l *ledger.Lineage) { l.Digests = map[string]ledger.Digest{"a b": {}} },
		"bytes role":  func(l *ledger.Lineage) { l.Digests = map[string]ledger.Digest{"a\xff": {}} },
	} {
		l := sampleLineage()
		change(&l)
		if got, err := l.Canonical(); err == nil {
			t.Errorf("%s: got %s", name, got)
		}
	}
	good, _ := sampleLineage().Canonical()
	for name, c := range map[string][2]string{
		"unknown field": {`"version":1`, `"version":1,"zeal":2`},
		"missing field": {`"note":"after the \"June\" update\n",`, ``},
		"twice":         {`"version":1`, `"version":1,"version":1`},
		"version":       {`"version":1`, `"version":2`},
		"space":         {`{"actor"`, `{ "actor"`},
		"time":          {`.123456789Z`, `.1234567890Z`},
		"upper case":    {`"01000000000000000000000000000000"`, `"0100000000000000000000000000000A"`},
		"short id":      {`"01000000000000000000000000000000"`, `"01"`},
		"null digests":  {`"digests":{`, `"digests":null,"digestz":{`},
		"other case":    {`"actor"`, `"Actor"`},
	} {
		text := strings.Replace(string(good), c[0], c[1], 1)
		if text == string(good) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got, err := ledger.ParseLineage([]byte(text)); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestIdentitiesHaveOneText(t *testing.T) {
	var id ledger.ID
	var d ledger.Digest
	for text, ok := range map[string]bool{strings.Repeat("0a", 16): true, strings.Repeat("0A", 16): false, strings.Repeat("0g", 16): false,
		strings.Repeat("0a", 15): false, strings.Repeat("0a", 17): false, "": false} {
		if err := id.UnmarshalText([]byte(text)); (err == nil) != ok || ok && id.String() != text {
			t.Errorf("ID %q: %v, %v", text, id, err)
		}
		if err := d.UnmarshalText([]byte(text + text)); (err == nil) != ok || ok && d.String() != text+text {
			t.Errorf("Digest %q: %v, %v", text+text, d, err)
		}
	}
}

func FuzzParseLineage(f *testing.F) {
	good, _ := sampleLineage().Canonical()
	f.Add(good)
	f.Fuzz(func(t *testing.T, entry []byte) {
		l, err := ledger.ParseLineage(entry)
		if err != nil {
			return
		}
		if again, err := l.Canonical(); err != nil || string(again) != string(entry) {
			t.Fatalf("%s became %s, %v", entry, again, err)
		}
	})
}
