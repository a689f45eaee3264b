package ledger_test

import (
	"bytes"
	"encoding/base64"
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

// change replaces the value of a field in a line, as text.
func change(line, field, value string) string {
	before, rest, found := strings.Cut(line, `"`+field+`":`)
	if !found {
		panic("no field " + field + " in " + line)
	}
	var old json.RawMessage
	if err := json.NewDecoder(strings.NewReader(rest)).Decode(&old); err != nil {
		panic(err)
	}
	return before + `"` + field + `":` + value + rest[len(old):]
}

// field is the value of a field in a line.
func field(line, name string) string {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &all); err != nil {
		panic(err)
	}
	return string(all[name])
}

// TestTamperedExport changes each field once, and does what else a forger would. Line 6 of a file is entry 4.
func TestTamperedExport(t *testing.T) {
	const bad = 5 // index of line 6
	text, key := export(t, 9, nil)
	otherText, _ := export(t, 8, nil)
	other := strings.Split(string(otherText), "\n")
	_, stranger := signer(t, testOrigin, 9)
	b64 := func(n int) string { return `"` + base64.StdEncoding.EncodeToString(make([]byte, n)) + `"` }
	swap := func(name string) func(l []string) {
		return func(l []string) { l[bad] = change(l[bad], name, field(l[bad+1], name)) }
	}
	set := func(line int, name, value string) func(l []string) {
		return func(l []string) { l[line] = change(l[line], name, value) }
	}
	for name, c := range map[string]struct {
		do    func(l []string)
		line  int
		entry int64
		field string
	}{
		"head: checkpoint":    {func(l []string) { l[0] = change(l[0], "checkpoint", field(other[0], "checkpoint")) }, 2, 0, "proof"},
		"head: root":          {func(l []string) { l[0] = strings.Replace(l[0], `\n9\n`, `\n8\n`, 1) }, 1, -1, "checkpoint"},
		"head: format":        {set(0, "format", `"qrsd-log-export/2"`), 1, -1, "format"},
		"head: keys":          {set(0, "keys", `["`+stranger+`"]`), 1, -1, "keys"},
		"head: key added":     {set(0, "keys", `["`+key+`","`+stranger+`"]`), 1, -1, "keys"},
		"head: no keys":       {set(0, "keys", `[]`), 1, -1, "keys"},
		"head: keys null":     {set(0, "keys", `null`), 1, -1, "keys"},
		"head: log":           {set(0, "log", `"22222222222222222222222222222223"`), 1, -1, "log"},
		"head: origin":        {set(0, "origin", `"qrsd/x"`), 1, -1, "origin"},
		"head: unknown field": {func(l []string) { l[0] = strings.Replace(l[0], `}`, `,"x":1}`, 1) }, 1, -1, "first line"},
		"head: twice":         {func(l []string) { l[0] = strings.Replace(l[0], `,"log"`, `,"keys":[],"log"`, 1) }, 1, -1, "first line"},
		"head: missing":       {func(l []string) { l[0] = dropped }, 1, -1, "first line"},

		"box":                 {swap("box"), 6, 4, "box"},
		"commitment":          {swap("commitment"), 6, 4, "commitment"},
		"entry":               {swap("entry"), 6, 4, "entry"},
		"entry by a letter":   {func(l []string) { l[bad] = strings.Replace(l[bad], "portfolio.import", "portfolio.export", 1) }, 6, 4, "entry"},
		"entry null":          {set(bad, "entry", "null"), 6, -1, "salt"},
		"entry not canonical": {func(l []string) { l[bad] = strings.Replace(l[bad], `"sequence":4}`, `"sequence":4.0}`, 1) }, 6, -1, "entry"},
		"entry deep":          {set(bad, "entry", strings.Repeat("[", 70)+strings.Repeat("]", 70)), 6, -1, "entry"},
		"entry twice":         {func(l []string) { l[bad] = strings.Replace(l[bad], `"action"`, `"action":1,"action"`, 1) }, 6, -1, "entry"},
		"hash":                {swap("hash"), 6, 4, "hash"},
		"previous":            {swap("previous"), 6, 4, "previous"},
		"proof":               {swap("proof"), 6, 4, "proof"},
		"proof empty":         {set(bad, "proof", `[]`), 6, 4, "proof"},
		"proof too long":      {set(bad, "proof", "["+strings.Repeat(b64(32)+",", 70)+b64(32)+"]"), 6, -1, "proof"},
		"salt":                {swap("salt"), 6, 4, "salt"},
		"salt null":           {set(bad, "salt", "null"), 6, -1, "salt"},
		"salt short":          {set(bad, "salt", b64(15)), 6, -1, "salt"},
		"sequence":            {func(l []string) { l[bad] = strings.TrimSuffix(l[bad], "4}") + "5}" }, 6, 5, "sequence"},
		"sequence back":       {func(l []string) { l[bad] = strings.TrimSuffix(l[bad], "4}") + "3}" }, 6, 3, "sequence"},
		"sequence beyond":     {func(l []string) { l[bad] = strings.TrimSuffix(l[bad], "4}") + "99}" }, 6, 99, "sequence"},
		"sequence zero":       {func(l []string) { l[bad] = strings.TrimSuffix(l[bad], "4}") + "0}" }, 6, 0, "sequence"},
		"sequence as 04":      {func(l []string) { l[bad] = strings.TrimSuffix(l[bad], "4}") + "04}" }, 6, -1, "sequence"},
		"base64 loose bits":   {func(l []string) { l[bad] = looseBits(l[bad], "commitment") }, 6, -1, "commitment"},
		"space":               {func(l []string) { l[bad] = strings.Replace(l[bad], `,"hash"`, `, "hash"`, 1) }, 6, -1, "hash"},
		"field missing":       {func(l []string) { l[bad] = strings.Replace(l[bad], `"salt"`, `"sault"`, 1) }, 6, -1, "salt"},
		"field after the end": {func(l []string) { l[bad] = strings.TrimSuffix(l[bad], "}") + `,"x":1}` }, 6, -1, "sequence"},
		"not JSON":            {func(l []string) { l[bad] = "entry" }, 6, -1, "box"},
		"line empty":          {func(l []string) { l[bad] = "" }, 6, -1, "box"},
		"line too long":       {func(l []string) { l[bad] = strings.Repeat("x", ledger.MaxExportLine) }, 6, -1, "line"},
		"line of another log": {func(l []string) { l[bad] = other[bad] }, 6, 4, "proof"},
		"line dropped":        {func(l []string) { l[bad] = dropped }, 10, -1, "count"},
		"line twice":          {func(l []string) { l[bad+1] = l[bad] }, 7, 4, "sequence"},
		"lines swapped":       {func(l []string) { l[bad], l[bad+1] = l[bad+1], l[bad] }, 7, 4, "sequence"},
		"made up throughout":  {func(l []string) { l[bad] = forge(l[bad]) }, 6, 4, "proof"},

		"foot: count":    {set(10, "count", "8"), 11, -1, "count"},
		"foot: complete": {set(10, "complete", "false"), 11, -1, "complete"},
		"foot: missing":  {func(l []string) { l[10] = dropped }, 10, -1, "last line"},
		"foot: unknown":  {func(l []string) { l[10] = strings.Replace(l[10], "}", `,"x":1}`, 1) }, 11, -1, "last line"},
	} {
		lines := strings.Split(string(text), "\n")
		c.do(lines)
		changed := strings.ReplaceAll(strings.Join(lines, "\n"), dropped+"\n", "")
		if changed == string(text) {
			t.Fatalf("%s: nothing was changed", name)
		}
		_, err := ledger.VerifyExport(strings.NewReader(changed), verifiers(t, key))
		checkFault(t, name, err, c.line, c.entry, c.field)
	}
}

// dropped stands for a line that is taken away.
const dropped = "DROPPED"

// looseBits changes the last bits of a base64 value that stand for nothing.
func looseBits(line, name string) string {
	value := strings.Trim(field(line, name), `"`)
	return change(line, name, `"`+loosen(strings.TrimSuffix(value, "="))+`="`)
}

// loosen sets the lowest bit of the last digit of base64.
func loosen(digits string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(digits) - 1
	return digits[:last] + string(alphabet[strings.IndexByte(alphabet, digits[last])+1])
}

// forge makes a line that fits together and was never in the log.
func forge(line string) string {
	entry := []byte(strings.Replace(field(line, "entry"), "import", "delete", 1))
	h := ledger.Header{Log: testLog, Sequence: 4, Commitment: ledger.Commit([16]byte{}, entry)}
	previous, _ := base64.StdEncoding.DecodeString(strings.Trim(field(line, "previous"), `"`))
	copy(h.Previous[:], previous)
	box, _ := base64.StdEncoding.DecodeString(strings.Trim(field(line, "box"), `"`))
	line = change(line, "entry", string(entry))
	line = change(line, "salt", `"`+base64.StdEncoding.EncodeToString(make([]byte, 16))+`"`)
	line = change(line, "commitment", `"`+h.Commitment.String()+`"`)
	return change(line, "hash", `"`+ledger.LeafHash(h, box).String()+`"`)
}

// TestEveryByteOfAnExport: no byte can change, and no length be cut off, unnoticed.
func TestEveryByteOfAnExport(t *testing.T) {
	text, key := export(t, 3, nil)
	known := verifiers(t, key)
	for i := range text {
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(text)
			changed[i] ^= flip
			if _, err := ledger.VerifyExport(bytes.NewReader(changed), known); !errors.Is(err, ledger.ErrNotVerified) {
				t.Fatalf("byte %d, %q for %q: %v", i, changed[i], text[i], err)
			}
		}
		if _, err := ledger.VerifyExport(bytes.NewReader(text[:i]), known); !errors.Is(err, ledger.ErrNotVerified) {
			t.Fatalf("cut off at %d: %v", i, err)
		}
	}
	if _, err := ledger.VerifyExport(bytes.NewReader(append(bytes.Clone(text), '\n')), known); !errors.Is(err, ledger.ErrNotVerified) {
		t.Errorf("a line more: %v", err)
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
