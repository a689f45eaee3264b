package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// exportCheck verifies the lines of an export. leaf is what can be said of a line alone, and may run concurrently;
// follow is what takes their order.
type exportCheck struct {
	report Report
}

// exportLeaf is a line verified by itself.
type exportLeaf struct {
	sequence       int64
	previous, hash Hash
	opaque         bool
}

// leaf verifies an entry's line, given without newline: its form, its leaf, its proof, its commitment.
func (c *exportCheck) leaf(line []byte) (exportLeaf, *EntryError) {
	if len(line) >= MaxExportLine {
		return exportLeaf{}, &EntryError{Sequence: -1, Field: "line", Reason: fmt.Sprintf("is longer than %d bytes", MaxExportLine)}
	}
	x, hash, fault := parseLeafLine(line)
	if fault != nil {
		return exportLeaf{}, fault
	}
	x.Header.Log = c.report.Log
	if field, reason := c.judge(x, hash); field != "" {
		return exportLeaf{}, &EntryError{Sequence: int64(x.Header.Sequence), Field: field, Reason: reason}
	}
	return exportLeaf{int64(x.Header.Sequence), x.Header.Previous, hash, x.Entry == nil}, nil
}

// judge names the field that does not hold, as narrowly as the evidence allows.
func (c *exportCheck) judge(x Exported, hash Hash) (field, reason string) {
	if err := x.Header.check(); err != nil {
		return "previous or sequence", err.Error()
	}
	at := int64(x.Header.Sequence)
	if at >= c.report.Checkpoint.Size {
		return "sequence", fmt.Sprintf("is not below the checkpoint's size, %d", c.report.Checkpoint.Size)
	}
	proven := func(leaf Hash) bool {
		return tlog.CheckRecord(x.Proof, c.report.Checkpoint.Size, c.report.Checkpoint.Root, at, leaf) == nil
	}
	computed := LeafHash(x.Header, x.Box)
	committed := x.Entry == nil || Commit(x.Salt, x.Entry) == x.Header.Commitment
	switch {
	case computed == hash && !proven(hash):
		return "proof", "does not lead from the leaf to the checkpoint's root: the proof, the whole entry or its place is another's"
	case computed == hash && !committed:
		return "entry or salt", "the commitment in the leaf is to another text"
	case computed == hash && x.Disclosed != nil:
		return disclosed(x)
	case computed == hash:
		return "", ""
	case proven(hash) && !committed:
		return "commitment", "is not what the leaf was made of, nor that of entry and salt"
	case proven(hash):
		return "box or previous", fmt.Sprintf("the leaf in the tree is %s, of this line it would be %s", hash, computed)
	case proven(computed):
		return "hash", fmt.Sprintf("is %s, the leaf of this line is %s", hash, computed)
	}
	return "hash or proof or sequence", fmt.Sprintf("the leaf of this line is %s, and nothing leads from it to the checkpoint's root", computed)
}

// disclosed holds what is said of a person to the commitment in the entry.
func disclosed(x Exported) (field, reason string) {
	var entry struct {
		Personal *struct{ Commitment Hash }
	}
	if json.Unmarshal(x.Entry, &entry) != nil || entry.Personal == nil {
		return "disclosed", "the entry has no commitment to anything personal"
	}
	var person struct{ Salt string }
	var salt [16]byte
	if err := json.Unmarshal(x.Disclosed, &person); err != nil {
		return "disclosed", err.Error()
	}
	if n, err := hex.Decode(salt[:], []byte(person.Salt[:min(len(person.Salt), 2*len(salt))])); err != nil || n != len(salt) || len(person.Salt) != 2*len(salt) {
		return "disclosed", "has no salt of 32 hexadecimal digits"
	}
	if Commit(salt, x.Disclosed) != entry.Personal.Commitment {
		return "disclosed", "is not what the entry committed to"
	}
	return "", ""
}

// follow verifies that a line comes after those before it, and counts it.
func (c *exportCheck) follow(l exportLeaf) *EntryError {
	r := &c.report
	fault := func(field, reason string) *EntryError {
		return &EntryError{Sequence: l.sequence, Field: field, Reason: reason}
	}
	if l.sequence <= r.Last {
		return fault("sequence", fmt.Sprintf("comes after %d: sequences rise", r.Last))
	}
	if l.sequence == r.Last+1 && r.Count > 0 && l.previous != r.Head {
		return fault("previous", fmt.Sprintf("is %s, the leaf before is %s", l.previous, r.Head))
	}
	if r.Count == 0 {
		r.First = l.sequence
	}
	r.Count++
	r.Last, r.Head = l.sequence, l.hash
	if l.opaque {
		r.Opaque++
	}
	return nil
}

// foot is what the last line must say.
func (c *exportCheck) foot() exportFoot {
	// Sequences rise below the size: as many as that are all of them.
	return exportFoot{Complete: c.report.Count == c.report.Checkpoint.Size, Count: c.report.Count}
}

// last verifies the last line.
func (c *exportCheck) last(line []byte) *EntryError {
	var foot exportFoot
	if err := exactLine(line, &foot); err != nil {
		return &EntryError{Sequence: -1, Field: "last line", Reason: err.Error()}
	}
	want := c.foot()
	if foot.Count != want.Count {
		return &EntryError{Sequence: -1, Field: "count", Reason: fmt.Sprintf("is %d, there are %d entries: lines are missing or added", foot.Count, want.Count)}
	}
	if foot.Complete != want.Complete {
		return &EntryError{Sequence: -1, Field: "complete", Reason: fmt.Sprintf("is %t, with %d entries of the checkpoint's %d", foot.Complete, want.Count, c.report.Checkpoint.Size)}
	}
	c.report.Complete = foot.Complete
	return nil
}

// leafLine reads the fields of an entry's line in their fixed order.
type leafLine struct {
	rest  []byte
	fault *EntryError
}

// parseLeafLine reads an entry's line, which has one form only; all but the entry's content is decoded.
func parseLeafLine(line []byte) (x Exported, hash Hash, fault *EntryError) {
	l := &leafLine{rest: line}
	x.Box = l.binary("box", `{"box":`)
	l.fixed("commitment", `,"commitment":`, x.Header.Commitment[:])
	if bytes.HasPrefix(l.rest, []byte(`,"disclosed"`)) {
		x.Disclosed = l.binary("disclosed", `,"disclosed":`)
	}
	x.Entry = l.entry()
	l.fixed("hash", `,"hash":`, hash[:])
	l.fixed("previous", `,"previous":`, x.Header.Previous[:])
	x.Proof = l.proof()
	if x.Entry == nil {
		l.literal("salt", `,"salt":null`)
	} else {
		l.fixed("salt", `,"salt":`, x.Salt[:])
	}
	x.Header.Sequence = l.sequence()
	return x, hash, l.fault
}

// strictBase64 refuses loose bits at the end.
var strictBase64 = base64.StdEncoding.Strict()

// fail keeps the first fault.
func (l *leafLine) fail(field, reason string) {
	if l.fault == nil {
		l.fault = &EntryError{Sequence: -1, Field: field, Reason: reason}
	}
}

func (l *leafLine) literal(field, want string) bool {
	if l.fault != nil {
		return false
	}
	if !bytes.HasPrefix(l.rest, []byte(want)) {
		l.fail(field, fmt.Sprintf("found %.40q in place of %q: fields have one order and no spaces", l.rest, want))
		return false
	}
	l.rest = l.rest[len(want):]
	return true
}

// encoded is the text of a string that comes, in which base64 leaves nothing to escape.
func (l *leafLine) encoded(field, name string) []byte {
	if !l.literal(field, name) || !l.literal(field, `"`) {
		return nil
	}
	end := bytes.IndexByte(l.rest, '"')
	if end < 0 {
		l.fail(field, "the line ends within it")
		return nil
	}
	text := l.rest[:end]
	l.rest = l.rest[end+1:]
	return text
}

func (l *leafLine) decode(field string, dst, text []byte) int {
	n, err := strictBase64.Decode(dst, text) // it skips line breaks, which the length shows
	if l.fault == nil && (err != nil || len(text) != base64.StdEncoding.EncodedLen(n)) {
		l.fail(field, fmt.Sprintf("%.60q is not base64", text))
	}
	return n
}

func (l *leafLine) binary(field, name string) []byte {
	text := l.encoded(field, name)
	dst := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	return dst[:l.decode(field, dst, text)]
}

func (l *leafLine) fixed(field, name string, dst []byte) {
	text := l.encoded(field, name)
	if l.fault == nil && len(text) != base64.StdEncoding.EncodedLen(len(dst)) {
		l.fail(field, fmt.Sprintf("%.60q: want %d bytes in base64", text, len(dst)))
		return
	}
	var buffer [48]byte
	n := l.decode(field, buffer[:base64.StdEncoding.DecodedLen(len(text))], text)
	if l.fault == nil && copy(dst, buffer[:n]) != len(dst) {
		l.fail(field, fmt.Sprintf("%.60q: want %d bytes in base64", text, len(dst)))
	}
}

// entry is the canonical JSON of the entry as it stands; nil for null.
func (l *leafLine) entry() []byte {
	if !l.literal("entry", `,"entry":`) {
		return nil
	}
	end, err := canonical.Scan(l.rest)
	if err != nil {
		l.fail("entry", err.Error())
		return nil
	}
	entry := l.rest[:end]
	l.rest = l.rest[end:]
	if string(entry) == "null" {
		return nil
	}
	return entry
}

func (l *leafLine) proof() (proof []Hash) {
	l.literal("proof", `,"proof":[`)
	for l.fault == nil && !bytes.HasPrefix(l.rest, []byte("]")) {
		separator := ","
		if len(proof) == 0 {
			separator = ""
			proof = make([]Hash, 0, 24)
		}
		var h Hash
		l.fixed("proof", separator, h[:])
		proof = append(proof, h)
	}
	l.literal("proof", "]")
	return proof
}

func (l *leafLine) sequence() uint64 {
	if !l.literal("sequence", `,"sequence":`) {
		return 0
	}
	digits, found := bytes.CutSuffix(l.rest, []byte("}"))
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if !found || err != nil || strconv.FormatUint(n, 10) != string(digits) {
		l.fail("sequence", fmt.Sprintf("%.40q: want a number, and the end of the line", l.rest))
	}
	return n
}
