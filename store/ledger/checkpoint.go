package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint states size and root of a log at a time (https://c2sp.org/tlog-checkpoint). Signed, it is what a
// witness keeps: two checkpoints of one log must have a consistency proof.
type Checkpoint struct {
	// Origin names the log, see the function Origin. It is also the name of the key that signs.
	Origin string
	// Size is the number of leaves.
	Size int64
	// Root is the hash of the tree of these leaves.
	Root Hash
	// Time is when it was made, in UTC; it travels in an extension line, "time " and RFC 3339.
	Time time.Time
}

// Origin is the name of a log of an installation: "qrsd/" installation "/" log, both in hexadecimal. It tells
// nothing of whose log it is.
func Origin(install, log [16]byte) string {
	return "qrsd/" + hex.EncodeToString(install[:]) + "/" + hex.EncodeToString(log[:])
}

// Text is the checkpoint as it is signed: origin, size, root in base64, time, each with a newline.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\ntime %s\n", c.Origin, c.Size, c.Root, c.Time.UTC().Format(time.RFC3339Nano))
}

// Sign is the checkpoint as a signed note (https://c2sp.org/signed-note). One signer at least bears the origin
// as its name; more are witnesses. It refuses a checkpoint that ParseCheckpoint would refuse.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	if _, err := ParseCheckpoint(c.Text()); err != nil {
		return nil, err
	}
	named := false
	for _, s := range signers {
		named = named || s.Name() == c.Origin
	}
	if !named {
		return nil, fmt.Errorf("checkpoint of %s: none of its %d signers has that name: sign with the log's own key", c.Origin, len(signers))
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint of %s: %w", c.Origin, err)
	}
	return signed, nil
}

// OpenCheckpoint verifies a signed checkpoint: one signature at least by a known key that bears the origin as
// its name, and none by a known key that does not hold. Signatures by unknown keys are ignored. Errors are ErrNotVerified.
func OpenCheckpoint(signed []byte, known note.Verifiers) (Checkpoint, error) {
	n, err := note.Open(signed, known)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint: %w", ErrNotVerified, noteFault(err))
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		// The library takes loose bits at the end: the same signature in other bytes.
		if _, err := strictBase64.DecodeString(s.Base64); err != nil {
			return Checkpoint{}, fmt.Errorf("%w: checkpoint of %s: signature by %s: %w", ErrNotVerified, c.Origin, s.Name, err)
		}
	}
	if slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == c.Origin }) {
		return c, nil
	}
	return Checkpoint{}, fmt.Errorf("%w: checkpoint of %s is signed by %s: its own key must sign", ErrNotVerified, c.Origin, n.Sigs[0].Name)
}

// noteFault says what a reader can do about an unverified note.
func noteFault(err error) error {
	var unsigned *note.UnverifiedNoteError
	if !errors.As(err, &unsigned) {
		return err
	}
	var by []string
	for _, s := range unsigned.Note.UnverifiedSigs {
		by = append(by, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	return fmt.Errorf("signed by %s, none of which is a known key: give the log's public key", strings.Join(by, ", "))
}

// ParseCheckpoint reads what Text wrote, whose exact form it demands. Signatures are OpenCheckpoint's. Errors are ErrNotVerified.
func ParseCheckpoint(text string) (Checkpoint, error) {
	fault := func(format string, args ...any) (Checkpoint, error) {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint: %s", ErrNotVerified, fmt.Sprintf(format, args...))
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[4] != "" {
		return fault("%d lines: it has four, origin, size, root and time, each with a newline", len(lines)-1)
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if !validOrigin(c.Origin) {
		return fault("origin %.60q: it is a name without spaces or plus signs", c.Origin)
	}
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || checkSize(c.Size) != nil {
		return fault("size %.30q: it is a number between 0 and %d", lines[1], int64(MaxSize))
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return fault("root %.60q: it is 32 bytes in base64", lines[2])
	}
	stamp, found := strings.CutPrefix(lines[3], "time ")
	if c.Time, err = time.Parse(time.RFC3339Nano, stamp); err != nil || !found {
		return fault("fourth line %.60q: it is \"time \" and a time of RFC 3339", lines[3])
	}
	c.Time = c.Time.UTC()
	if c.Text() != text {
		return fault("it is not in its exact form (leading zeros, offset of the time, or base64 with loose bits)")
	}
	if c.Size == 0 && c.Root != emptyRoot() {
		return fault("an empty log with root %s: the root of nothing is %s", c.Root, emptyRoot())
	}
	return c, nil
}

// validOrigin: what a signed note accepts as the name of a key.
func validOrigin(s string) bool {
	return s != "" && len(s) <= 256 && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsSpace) < 0 && !strings.Contains(s, "+")
}
