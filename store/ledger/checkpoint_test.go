package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// TestGoldenCheckpoint fixes text and signature. Do not change it to fix a build: witnesses hold such notes.
func TestGoldenCheckpoint(t *testing.T) {
	s, key := signer(t, testOrigin, 1)
	c := entries(5).checkpoint()
	signed, err := c.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "checkpoint.txt", signed)
	got, err := ledger.OpenCheckpoint(signed, verifiers(t, key))
	if err != nil || got != c {
		t.Errorf("got %+v, %v, want %+v", got, err, c)
	}
}

func TestOpenCheckpointRefuses(t *testing.T) {
	own, key := signer(t, testOrigin, 1)
	other, otherKey := signer(t, testOrigin, 2)
	witness, witnessKey := signer(t, "witness.example.com", 3)
	c := entries(5).checkpoint()
	sign := func(text string, by ...note.Signer) []byte {
		signed, err := note.Sign(&note.Note{Text: text}, by...)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	good := string(sign(c.Text(), own))
	known := verifiers(t, key, witnessKey)
	if _, err := ledger.OpenCheckpoint(sign(c.Text(), witness, other, own), known); err != nil {
		t.Errorf("with a witness, and a key that is not known: %v", err)
	}
	if _, err := ledger.OpenCheckpoint(sign(c.Text(), own), verifiers(t, otherKey, key)); err != nil {
		t.Errorf("with a later key known too: %v", err)
	}
	for name, signed := range map[string][]byte{
		"another key":       sign(c.Text(), other),
		"witness alone":     sign(c.Text(), witness),
		"text changed":      []byte(strings.Replace(good, "\n5\n", "\n4\n", 1)),
		"signature changed": []byte(strings.Replace(good, "— "+testOrigin+" ", "— "+testOrigin+" A", 1)),
		"loose bits":        []byte(loosen(strings.TrimSuffix(good, "=\n")) + "=\n"),
		"cut off":           []byte(good[:len(good)-1]),
		"no signature":      []byte(c.Text()),
		"empty":             nil,
		"other text":        sign("go.sum database tree\n", own),
	} {
		if _, err := ledger.OpenCheckpoint(signed, known); !errors.Is(err, ledger.ErrNotVerified) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Sign(witness); err == nil {
		t.Error("a checkpoint was signed without the log's own key")
	}
	if _, err := (ledger.Checkpoint{Origin: "two words", Size: 5, Time: testTime}).Sign(own); err == nil {
		t.Error("a checkpoint with a bad origin was signed")
	}
}

func TestParseCheckpointWantsTheOneForm(t *testing.T) {
	c := entries(5).checkpoint()
	text := c.Text()
	replace := func(old, changed string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in %q", old, text)
		}
		return strings.Replace(text, old, changed, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"leading zero":     {replace("\n5\n", "\n05\n"), "exact form"},
		"plus":             {replace("\n5\n", "\n+5\n"), "exact form"},
		"negative":         {replace("\n5\n", "\n-5\n"), "size"},
		"beyond any log":   {replace("\n5\n", "\n9007199254740993\n"), "size"},
		"beyond int64":     {replace("\n5\n", "\n92233720368547758080\n"), "size"},
		"empty with root":  {replace("\n5\n", "\n0\n"), "empty log"},
		"short root":       {replace(c.Root.String(), "AAAA"), "root"},
		"time with offset": {replace("T12:00:00.123456789Z", "T14:00:00.123456789+02:00"), "exact form"},
		"no time":          {replace("time ", "tide "), "fourth line"},
		"time of no clock": {replace("T12:", "T25:"), "fourth line"},
		"spaces in origin": {replace("qrsd/", "qrs d/"), "origin"},
		"plus in origin":   {replace("qrsd/", "qrsd+"), "origin"},
		"no origin":        {replace(testOrigin, ""), "origin"},
		"line more":        {text + "more\n", "lines"},
		"line less":        {strings.Join(strings.SplitAfter(text, "\n")[:3], ""), "lines"},
		"no newline":       {strings.TrimSuffix(text, "\n"), "lines"},
		"carriage return":  {strings.Replace(text, "=\n", "=\r\n", 1), "exact form"},
	} {
		_, err := ledger.ParseCheckpoint(c.text)
		if !errors.Is(err, ledger.ErrNotVerified) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(entries(5).checkpoint().Text())
	f.Add(ledger.Checkpoint{Origin: "a", Root: new(ledger.Tree).Root(), Time: time.Unix(0, 0)}.Text())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ledger.ParseCheckpoint(text)
		if err != nil {
			if !errors.Is(err, ledger.ErrNotVerified) {
				t.Fatal(err)
			}
			return
		}
		if c.Text() != text {
			t.Fatalf("%q became %q", text, c.Text())
		}
	})
}

// FuzzOpenCheckpoint: whatever is opened was signed, so it is the one that was.
func FuzzOpenCheckpoint(f *testing.F) {
	s, key := signer(f, testOrigin, 1)
	c := entries(5).checkpoint()
	signed, err := c.Sign(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	known := verifiers(f, key)
	f.Fuzz(func(t *testing.T, signed []byte) {
		if got, err := ledger.OpenCheckpoint(signed, known); err == nil && got != c {
			t.Fatalf("%q was never signed", signed)
		}
	})
}
