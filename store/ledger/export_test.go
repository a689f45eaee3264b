package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/ledger"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s changed:\n%s\nwant\n%s", name, got, want)
	}
}

// checkFault wants an EntryError of a line, an entry and a field; -1 and "" are not looked at.
func checkFault(t *testing.T, name string, err error, line int, entry int64, field string) {
	t.Helper()
	var fault *ledger.EntryError
	if !errors.As(err, &fault) || !errors.Is(err, ledger.ErrNotVerified) {
		t.Errorf("%s: got %v, want an EntryError", name, err)
		return
	}
	if line >= 0 && fault.Line != line || entry >= 0 && fault.Sequence != entry || !strings.Contains(fault.Field, field) {
		t.Errorf("%s: got %v, want line %d, entry %d, field %q", name, fault, line, entry, field)
	}
}

// export writes the chosen entries (nil: all) of a log of n.
func export(t testing.TB, n int, chosen []int) (text []byte, key string) {
	t.Helper()
	l := entries(n)
	l.prove(t)
	s, key := signer(t, testOrigin, 1)
	signed, err := l.checkpoint().Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	if chosen == nil {
		for i := range n {
			chosen = append(chosen, i)
		}
	}
	var out bytes.Buffer
	w, err := ledger.NewExport(&out, testLog, signed, []string{key})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range chosen {
		if err := w.Add(l.entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), key
}

// TestGoldenExport fixes the format. Do not change it to fix a build: customers keep exports for seven years.
func TestGoldenExport(t *testing.T) {
	text, key := export(t, 5, nil)
	checkGolden(t, "export.jsonl", text)
	r, err := ledger.VerifyExport(bytes.NewReader(text), verifiers(t, key))
	if err != nil {
		t.Fatal(err)
	}
	l := entries(5)
	if r.Count != 5 || r.First != 0 || r.Last != 4 || !r.Complete || !r.Trusted || r.Opaque != 0 || r.Head != l.tree.Head() ||
		r.Checkpoint != l.checkpoint() || r.Origin != testOrigin || r.Log != testLog || len(r.Keys) != 1 {
		t.Errorf("report %+v", r)
	}
	for line := range bytes.Lines(text) {
		if !json.Valid(line) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

// TestVerifyExportOfAnyChoice: complete or not, all is proven, and completeness is said as it is.
func TestVerifyExportOfAnyChoice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(rt, "n")
		chosen := []int{}
		for i := range n {
			if n < 5 || rapid.IntRange(0, 9).Draw(rt, "take") > 0 {
				chosen = append(chosen, i)
			}
		}
		text, key := export(t, n, chosen)
		r, err := ledger.VerifyExport(iotest.HalfReader(bytes.NewReader(text)), verifiers(t, key))
		if err != nil {
			rt.Fatal(err)
		}
		if r.Count != int64(len(chosen)) || r.Complete != (len(chosen) == n) {
			rt.Fatalf("report %+v of %d out of %d", r, len(chosen), n)
		}
		if len(chosen) > 0 && (r.First != int64(chosen[0]) || r.Last != int64(chosen[len(chosen)-1])) {
			rt.Fatalf("report %+v of %v", r, chosen)
		}
	})
}

func TestUntrustedExport(t *testing.T) {
	text, _ := export(t, 3, nil)
	if r, err := ledger.VerifyExport(bytes.NewReader(text), nil); err != nil || r.Trusted || !r.Complete {
		t.Errorf("with its own keys: %+v, %v", r, err)
	}
	_, other := signer(t, testOrigin, 9)
	_, err := ledger.VerifyExport(bytes.NewReader(text), verifiers(t, other))
	checkFault(t, "other key", err, 1, -1, "keys")
}

// impostors are verifiers that know every name and number of a key, and another key by it: a number has 32 bits only.
type impostors struct{}

func (impostors) Verifier(name string, hash uint32) (note.Verifier, error) {
	return impostor{name, hash}, nil
}

type impostor struct {
	name string
	hash uint32
}

func (v impostor) Name() string          { return v.name }
func (v impostor) KeyHash() uint32       { return v.hash }
func (impostor) Verify(_, _ []byte) bool { return false }

// TestTrustedKeysVerify: the key in the export only has to be named like a trusted one; the signature has to be by it.
func TestTrustedKeysVerify(t *testing.T) {
	text, _ := export(t, 3, nil)
	_, err := ledger.VerifyExport(bytes.NewReader(text), impostors{})
	checkFault(t, "another key of that number", err, 1, -1, "checkpoint")
}

// TestBrokenChain: a log that was signed although an entry does not name its predecessor.
func TestBrokenChain(t *testing.T) {
	l, broken := entries(5), &testEntries{}
	for i, x := range l.entries {
		x.Header.Previous = broken.tree.Head()
		if i == 3 {
			x.Header.Previous[0] ^= 1
		}
		_, hashes := broken.tree.Append(ledger.LeafHash(x.Header, x.Box))
		broken.stored = append(broken.stored, hashes...)
		broken.entries = append(broken.entries, x)
	}
	broken.prove(t)
	s, key := signer(t, testOrigin, 1)
	signed, err := broken.checkpoint().Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ledger.NewExport(io.Discard, testLog, signed, []string{key})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range broken.entries[:3] {
		if err := w.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	checkFault(t, "broken chain", w.Add(broken.entries[3]), -1, 3, "previous")
}

// TestExportOfErasedEntries: where the key is gone the leaf is still proven, and the report says so.
func TestExportOfErasedEntries(t *testing.T) {
	l := entries(4)
	l.prove(t)
	s, key := signer(t, testOrigin, 1)
	signed, _ := l.checkpoint().Sign(s)
	var out bytes.Buffer
	w, err := ledger.NewExport(&out, testLog, signed, []string{key})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range l.entries {
		if i%2 == 1 {
			x.Entry = nil
		}
		if err := w.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := ledger.VerifyExport(&out, verifiers(t, key)); err != nil || r.Opaque != 2 || !r.Complete {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestFirstBadLineIsNamed in a file of many batches, whatever is wrong behind it.
func TestFirstBadLineIsNamed(t *testing.T) {
	text, key := export(t, 2000, nil)
	for _, bad := range []int{1, 64, 65, 66, 1000, 1999, 2000} {
		lines := strings.Split(string(text), "\n")
		for i := bad; i <= 2000; i += 97 {
			lines[i] = change(lines[i], "salt", `"AAAAAAAAAAAAAAAAAAAAAA=="`)
		}
		_, err := ledger.VerifyExport(strings.NewReader(strings.Join(lines, "\n")), verifiers(t, key))
		checkFault(t, fmt.Sprint(bad), err, bad+1, int64(bad-1), "salt")
	}
}

func TestReadingErrorsAreNotFindings(t *testing.T) {
	text, key := export(t, 300, nil)
	broken := errors.New("disk on fire")
	for _, n := range []int{0, 10, 2000, len(text) / 2, len(text)} {
		r := io.MultiReader(bytes.NewReader(text[:n]), iotest.ErrReader(broken))
		if _, err := ledger.VerifyExport(r, verifiers(t, key)); !errors.Is(err, broken) || errors.Is(err, ledger.ErrNotVerified) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// TestExportWriterRefuses: it writes nothing that would not verify.
func TestExportWriterRefuses(t *testing.T) {
	l := entries(5)
	l.prove(t)
	s, key := signer(t, testOrigin, 1)
	_, otherKey := signer(t, testOrigin, 2)
	signed, _ := l.checkpoint().Sign(s)
	if _, err := ledger.NewExport(io.Discard, testLog, signed, []string{otherKey}); !errors.Is(err, ledger.ErrNotVerified) {
		t.Errorf("without the key that signed: %v", err)
	}
	if _, err := ledger.NewExport(io.Discard, [16]byte{1}, signed, []string{key}); !errors.Is(err, ledger.ErrNotVerified) {
		t.Errorf("of another log: %v", err)
	}
	for name, c := range map[string]struct {
		do    func(x *ledger.Exported)
		field string
	}{
		"other log":     {func(x *ledger.Exported) { x.Header.Log[0]++ }, "log"},
		"entry":         {func(x *ledger.Exported) { x.Entry = []byte(`{"a":1}`) }, "entry"},
		"loose entry":   {func(x *ledger.Exported) { x.Entry = []byte(`{"a": 1}`) }, "entry"},
		"entry of line": {func(x *ledger.Exported) { x.Entry = []byte("1\n") }, "hash"},
		"no entry":      {func(x *ledger.Exported) { x.Entry = []byte{} }, "entry"},
		"box":           {func(x *ledger.Exported) { x.Box = []byte("other") }, "proof"},
		"long":          {func(x *ledger.Exported) { x.Box = make([]byte, ledger.MaxExportLine) }, "line"},
		"salt":          {func(x *ledger.Exported) { x.Salt[0]++ }, "salt"},
		"proof":         {func(x *ledger.Exported) { x.Proof = x.Proof[1:] }, "proof"},
		"sequence":      {func(x *ledger.Exported) { *x = l.entries[1] }, "sequence"},
	} {
		var out bytes.Buffer
		w, err := ledger.NewExport(&out, testLog, signed, []string{key})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{1, 2} {
			if err := w.Add(l.entries[i]); err != nil {
				t.Fatal(err)
			}
		}
		before := out.Len()
		x := l.entries[3]
		c.do(&x)
		checkFault(t, name, w.Add(x), -1, -1, c.field)
		if out.Len() != before {
			t.Errorf("%s: it was written all the same", name)
		}
	}
}

func TestExportWriterPassesOnErrors(t *testing.T) {
	l := entries(1)
	l.prove(t)
	s, key := signer(t, testOrigin, 1)
	signed, _ := l.checkpoint().Sign(s)
	full := errors.New("no space left")
	w, err := ledger.NewExport(&limited{1000, full}, testLog, signed, []string{key})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(l.entries[0]); !errors.Is(err, full) {
		t.Errorf("Add: %v", err)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Errorf("Close after a failed Add: %v", err)
	}
}

// limited takes so many bytes.
type limited struct {
	left int
	err  error
}

func (w *limited) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}

// FuzzVerifyExport: whatever verifies is made of entries that were in the log.
func FuzzVerifyExport(f *testing.F) {
	text, key := export(f, 3, nil)
	part, _ := export(f, 3, []int{1})
	f.Add(text)
	f.Add(part)
	known := verifiers(f, key)
	l := entries(3)
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ledger.VerifyExport(bytes.NewReader(text), known)
		if err != nil {
			if !errors.Is(err, ledger.ErrNotVerified) {
				t.Fatal(err)
			}
			return
		}
		if r.Checkpoint != l.checkpoint() || r.Complete && r.Head != l.tree.Head() {
			t.Fatalf("verified: %+v", r)
		}
	})
}

// FuzzExportLine goes past the first line, which a fuzzer cannot sign.
func FuzzExportLine(f *testing.F) {
	text, key := export(f, 3, nil)
	lines := bytes.SplitAfter(text, []byte("\n"))
	for _, l := range lines[1:4] {
		f.Add(bytes.TrimSuffix(l, []byte("\n")))
	}
	known := verifiers(f, key)
	f.Fuzz(func(t *testing.T, line []byte) {
		file := bytes.Join([][]byte{lines[0], line, []byte("\n{\"complete\":false,\"count\":1}\n")}, nil)
		r, err := ledger.VerifyExport(bytes.NewReader(file), known)
		if err != nil {
			return
		}
		if r.Opaque == 0 && (r.Count != 1 || !bytes.Equal(append(line, '\n'), lines[1+r.First])) {
			t.Fatalf("%s verifies as entry %d", line, r.First)
		}
	})
}

// BenchmarkVerify: the goal is 200,000 leaves per second, of an export and of raw leaves.
func BenchmarkVerify(b *testing.B) {
	const n = 20_000
	l := entries(n)
	for i := range l.entries { // of the size of real ones
		l.entries[i].Box = append(l.entries[i].Box, make([]byte, 500)...)
	}
	b.Run("raw", func(b *testing.B) {
		h := ledger.Header{Log: testLog}
		for b.Loop() {
			chain := ledger.NewChain(testLog)
			for i := range n {
				h.Sequence, h.Previous = uint64(i), chain.Head()
				if _, err := chain.Next(h, l.entries[i].Box); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	})
	b.Run("export", func(b *testing.B) {
		text, key := largeExport(b, n)
		known := verifiers(b, key)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := ledger.VerifyExport(bytes.NewReader(text), known); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	})
}

// largeExport has entries of 460 bytes, as audit entries have.
func largeExport(b *testing.B, n int) ([]byte, string) {
	l := &testEntries{}
	entry := fmt.Appendf(nil, `{"action":"portfolio.import","agent":"%s"}`, strings.Repeat("Mozilla/5.0 ", 35))
	for i := range n {
		x := ledger.Exported{Entry: entry, Box: append(make([]byte, 54), entry...),
			Header: ledger.Header{Log: testLog, Sequence: uint64(i), Previous: l.tree.Head(), Commitment: ledger.Commit([16]byte{}, entry)}}
		_, hashes := l.tree.Append(ledger.LeafHash(x.Header, x.Box))
		l.stored = append(l.stored, hashes...)
		l.entries = append(l.entries, x)
	}
	l.prove(b)
	s, key := signer(b, testOrigin, 1)
	signed, err := l.checkpoint().Sign(s)
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	w, err := ledger.NewExport(&out, testLog, signed, []string{key})
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range l.entries {
		if err := w.Add(x); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes(), key
}
