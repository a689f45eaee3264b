package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// ExportFormat is the first line's "format". An export is JSON lines, each canonical JSON (RFC 8785) and so with
// its names sorted; binary fields are padded base64:
//
//	{"checkpoint":…,"format":"qrsd-log-export/1","keys":[…],"log":…,"origin":…}
//	{"box":…,"commitment":…,"disclosed":…,"entry":{…},"hash":…,"previous":…,"proof":[…],"salt":…,"sequence":…}    one per entry
//	{"complete":…,"count":…}
//
// checkpoint is the signed note as a string, keys are verifier keys in the form of signed-note, log is
// hexadecimal. entry is null, and salt with it, where the key was destroyed: the leaf remains proven. disclosed is there
// only where what the entry says of a person is given with it: JSON that fits the commitment in the entry's member "personal".
// complete says that entries 0 to the checkpoint's size are all there.
const ExportFormat = "qrsd-log-export/1"

// MaxExportLine is the longest line of an export in bytes, its newline included.
const MaxExportLine = 1 << 20

// exportHead is the first line.
type exportHead struct {
	Checkpoint string   `json:"checkpoint"`
	Format     string   `json:"format"`
	Keys       []string `json:"keys"`
	Log        ID       `json:"log"`
	Origin     string   `json:"origin"`
}

// exportFoot is the last line.
type exportFoot struct {
	Complete bool  `json:"complete"`
	Count    int64 `json:"count"`
}

// Exported is one entry of an export.
type Exported struct {
	// Header is the entry's header; its log is the export's.
	Header Header
	// Box is the encrypted entry, as it is hashed into the leaf.
	Box []byte
	// Entry is the plaintext, canonical JSON. Nil: its key was destroyed, and Salt is not used.
	Entry []byte
	// Salt is the commitment's salt.
	Salt [16]byte
	// Disclosed is what the entry says of a person, JSON with the salt of its commitment in the member "salt"; nil: not disclosed.
	Disclosed []byte
	// Proof is the inclusion proof in the tree of the export's checkpoint.
	Proof []Hash
}

// ExportWriter writes an export. It verifies as it writes, so that what it wrote verifies. Not for concurrent use.
type ExportWriter struct {
	w     io.Writer
	check *exportCheck
	line  []byte
	err   error
}

// NewExport begins an export of a log under a signed checkpoint. keys are the public keys (verifier keys, see
// note.NewVerifier) that a reader may need, one of which signed it. Whoever reads compares them with keys
// known from elsewhere.
func NewExport(w io.Writer, log [16]byte, checkpoint []byte, keys []string) (*ExportWriter, error) {
	head := exportHead{Checkpoint: string(checkpoint), Format: ExportFormat, Keys: keys, Log: log}
	if c, err := openWith(head.Checkpoint, keys); err == nil {
		head.Origin = c.Origin
	}
	line, err := canonical.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("exporting log %x: %w", log, err)
	}
	check, err := newExportCheck(line, nil)
	if err != nil {
		return nil, fmt.Errorf("exporting log %x: %w", log, err)
	}
	e := &ExportWriter{w: w, check: check}
	return e, e.write(line)
}

// Add writes the next entry; sequences rise. An entry that would not verify is refused as *EntryError, which
// says that the store itself is damaged.
func (e *ExportWriter) Add(x Exported) error {
	if e.err != nil {
		return e.err
	}
	if x.Header.Log != e.check.report.Log {
		return &EntryError{Sequence: int64(x.Header.Sequence), Field: "log", Reason: fmt.Sprintf("is %x, the export's is %s", x.Header.Log, e.check.report.Log)}
	}
	e.line = x.appendLine(e.line[:0])
	leaf, fault := e.check.leaf(e.line)
	if fault == nil {
		fault = e.check.follow(leaf)
	}
	if fault != nil {
		return fault
	}
	return e.write(e.line)
}

// Close writes the last line. It does not close the writer.
func (e *ExportWriter) Close() error {
	if e.err != nil {
		return e.err
	}
	line, err := canonical.Marshal(e.check.foot())
	if err != nil {
		panic("ledger: " + err.Error())
	}
	if err := e.write(line); err != nil {
		return err
	}
	e.err = errors.New("the export is already closed")
	return nil
}

func (e *ExportWriter) write(line []byte) error {
	if _, err := e.w.Write(append(line, '\n')); err != nil {
		e.err = fmt.Errorf("writing the export: %w", err)
		return e.err
	}
	return nil
}

// appendLine is the entry's line without newline.
func (x Exported) appendLine(dst []byte) []byte {
	b64 := base64.StdEncoding
	quoted := func(name string, value []byte) {
		dst = append(append(dst, name...), `":"`...)
		dst = append(b64.AppendEncode(dst, value), '"')
	}
	leaf := LeafHash(x.Header, x.Box)
	quoted(`{"box`, x.Box)
	quoted(`,"commitment`, x.Header.Commitment[:])
	if x.Disclosed != nil {
		quoted(`,"disclosed`, x.Disclosed)
	}
	dst = append(dst, `,"entry":`...)
	if x.Entry == nil {
		dst = append(dst, "null"...)
	}
	dst = append(dst, x.Entry...)
	quoted(`,"hash`, leaf[:])
	quoted(`,"previous`, x.Header.Previous[:])
	dst = append(dst, `,"proof":[`...)
	for i, h := range x.Proof {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(b64.AppendEncode(append(dst, '"'), h[:]), '"')
	}
	dst = append(dst, ']')
	if x.Entry == nil {
		dst = append(dst, `,"salt":null`...)
	} else {
		quoted(`,"salt`, x.Salt[:])
	}
	dst = append(dst, `,"sequence":`...)
	return append(strconv.AppendUint(dst, x.Header.Sequence, 10), '}')
}

// Report is what a verified export proves.
type Report struct {
	// Log is the log's identity, Origin its name.
	Log    ID
	Origin string
	// Checkpoint is the signed head against which every entry was proven.
	Checkpoint Checkpoint
	// Keys are the public keys that the export names. Trusted: the checkpoint's signature was verified with keys given by
	// the caller. Otherwise it was only with these, and the export proves no more than that it was not damaged.
	Keys    []string
	Trusted bool
	// Count is the number of entries; First and Last are their lowest and highest sequence (-1 if there are none).
	Count, First, Last int64
	// Opaque counts the entries whose plaintext is gone.
	Opaque int64
	// Complete: all entries of the checkpoint are there.
	Complete bool
	// Head is the leaf of the last entry in the export.
	Head Hash
}

// openWith opens a checkpoint with the keys that an export names.
func openWith(signed string, keys []string) (Checkpoint, error) {
	var known []note.Verifier
	for _, k := range keys {
		v, err := parseKey(k)
		if err != nil {
			return Checkpoint{}, fmt.Errorf("%w: key %.120q: %w", ErrNotVerified, k, err)
		}
		known = append(known, v)
	}
	return OpenCheckpoint([]byte(signed), note.VerifierList(known...))
}

// parseKey reads a verifier key, in its one form: the library also takes upper-case digits and loose base64.
func parseKey(key string) (note.Verifier, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	encoded, found := strings.CutPrefix(key, fmt.Sprintf("%s+%08x+", v.Name(), v.KeyHash()))
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || base64.StdEncoding.EncodeToString(raw) != encoded {
		return nil, errors.New("not in the form in which signed-note writes it")
	}
	return v, nil
}

// newExportCheck verifies the first line.
func newExportCheck(line []byte, trusted note.Verifiers) (*exportCheck, error) {
	fault := func(field, reason string) (*exportCheck, error) {
		return nil, &EntryError{Line: 1, Sequence: -1, Field: field, Reason: reason}
	}
	var head exportHead
	if err := exactLine(line, &head); err != nil {
		return fault("first line", err.Error())
	}
	if head.Format != ExportFormat {
		return fault("format", fmt.Sprintf("is %.60q, this build knows %q", head.Format, ExportFormat))
	}
	for i, k := range head.Keys {
		v, err := parseKey(k)
		if err == nil && trusted != nil {
			_, err = trusted.Verifier(v.Name(), v.KeyHash())
		}
		if err != nil {
			return fault("keys", fmt.Sprintf("key %d, %.120q: %v", i+1, k, err))
		}
	}
	c, err := openWith(head.Checkpoint, head.Keys)
	if err == nil && trusted != nil {
		c, err = OpenCheckpoint([]byte(head.Checkpoint), trusted)
	}
	if err != nil {
		return fault("checkpoint or keys", err.Error())
	}
	if c.Origin != head.Origin {
		return fault("origin", fmt.Sprintf("is %.120q, the checkpoint's is %q", head.Origin, c.Origin))
	}
	if !strings.HasSuffix(c.Origin, "/"+hex.EncodeToString(head.Log[:])) {
		return fault("log", fmt.Sprintf("is %s, the checkpoint is of %q: an origin ends in its log", head.Log, c.Origin))
	}
	return &exportCheck{report: Report{Log: head.Log, Origin: c.Origin, Checkpoint: c, Keys: head.Keys,
		Trusted: trusted != nil, First: -1, Last: -1}}, nil
}

// exactLine decodes a line that must be what canonical.Marshal makes of the value: no name too many, none missing.
func exactLine(line []byte, v any) error {
	if err := canonical.Check(line); err != nil {
		return err
	}
	if err := json.Unmarshal(line, v); err != nil {
		return err
	}
	again, err := canonical.Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, line) {
		return fmt.Errorf("is not in its exact form: a field is missing, unknown or written otherwise: want %.200s", again)
	}
	return nil
}
