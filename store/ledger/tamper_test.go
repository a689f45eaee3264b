package ledger_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/ledger"
)

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
		"base64 with a break": {func(l []string) { l[bad] = strings.Replace(l[bad], `{"box":"`, `{"box":"`+"\r", 1) }, 6, -1, "box"},
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
	for _, more := range []string{"\n", "x", "{}\n", "{\"complete\":true,\"count\":3}"} {
		if _, err := ledger.VerifyExport(strings.NewReader(string(text)+more), known); !errors.Is(err, ledger.ErrNotVerified) {
			t.Errorf("with %q behind it: %v", more, err)
		}
	}
}
