package egress

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// Kinds of entries.
const (
	KindRequest = "request" // what is about to leave
	KindOutcome = "outcome" // what came back for the entry with the same id, or why nothing did
	// KindOpening is a connection about to be opened, KindConnection one that has ended or was refused; Bytes are its JSON.
	KindOpening    = "opening"
	KindConnection = "connection"

	KindRepair = "repair" // an incomplete last line was cut off; Bytes are what was cut. Nothing had been sent for it
)

// Entry is one line of an egress record: canonical JSON (RFC 8785), each line with the hash of the line before. Changing,
// removing or swapping lines breaks the chain from there on; cutting lines off the end does not, and shows
// only against a Head that was kept elsewhere.
type Entry struct {
	Number      uint64 `json:"number"` // from 1
	Time        string `json:"time"`   // RFC 3339, UTC, by the clock of the host
	Kind        string `json:"kind"`
	ID          ID     `json:"id"`
	Purpose     string `json:"purpose,omitempty"`
	Destination string `json:"destination,omitempty"`
	Bytes       []byte `json:"bytes"`  // base64
	SHA256      string `json:"sha256"` // of Bytes, lower-case hexadecimal
	Failure     string `json:"failure,omitempty"`
	Previous    string `json:"previous"`       // Hash of the entry before; 64 zeros in the first
	Hash        string `json:"hash,omitempty"` // SHA-256 of this entry's canonical JSON without the member hash
}

// Chain is where an egress record ends. The zero Chain is the empty record.
type Chain struct {
	Number uint64 // of the last entry
	head   string
}

// After is where a record ends whose last entry is e, for reading on behind it. Whether e is what was written, only reading from
// before it says.
func After(e Entry) Chain { return Chain{e.Number, e.Hash} }

// Head is the hash of the last entry; 64 zeros for the empty record.
func (c Chain) Head() string {
	if c.head == "" {
		return strings.Repeat("0", 2*sha256.Size)
	}
	return c.head
}

// Next gives the entry its number, digest, link and hash, and is the line to append, with its line end, and the chain after it.
// Nothing is changed if the line is never written.
func (c Chain) Next(e Entry) (line []byte, after Chain, err error) {
	digest := sha256.Sum256(e.Bytes)
	e.Number, e.Previous, e.SHA256, e.Hash = c.Number+1, c.Head(), hex.EncodeToString(digest[:]), ""
	if e.Bytes == nil {
		e.Bytes = []byte{} // "" and not null
	}
	if e.Hash, err = e.hash(); err != nil {
		return nil, c, err
	}
	if line, err = canonical.Marshal(e); err != nil {
		return nil, c, fmt.Errorf("writing entry %d of the egress record: %w", e.Number, err)
	}
	return append(line, '\n'), Chain{e.Number, e.Hash}, nil
}

func (e Entry) hash() (string, error) {
	e.Hash = ""
	text, err := canonical.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("hashing entry %d of the egress record: %w", e.Number, err)
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:]), nil
}

// BrokenError is an egress record that is not what was written.
type BrokenError struct {
	Line       int // the first bad line, from 1
	Reason     string
	Incomplete bool // it is the last line and has no end: a write was interrupted
}

// Error names the first bad line.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("egress record: line %d: %s; from here on the record proves nothing", e.Line, e.Reason)
}

// Verify reads an egress record, checks every line against its hash and against the line before, and hands the entries to each
// (which may be nil) in order. It returns the end of the good part; the error is a *BrokenError for a bad record,
// otherwise that of reading or of each.
func Verify(r io.Reader, each func(Entry) error) (Chain, error) {
	var chain Chain
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return chain, nil
		}
		if errors.Is(err, io.EOF) {
			return chain, &BrokenError{n, "it is incomplete: a write was interrupted", true}
		}
		if err != nil {
			return chain, fmt.Errorf("reading line %d of the egress record: %w", n, err)
		}
		e, next, reason := chain.follow(line)
		if reason != "" {
			return chain, &BrokenError{n, reason, false}
		}
		if each != nil {
			if err := each(e); err != nil {
				return chain, err
			}
		}
		chain = next
	}
}

// follow reads a line that should come next.
func (c Chain) follow(line []byte) (e Entry, next Chain, reason string) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, c, fmt.Sprintf("it is no entry (%v)", err)
	}
	if e.Number != c.Number+1 {
		return e, c, fmt.Sprintf("it has number %d, and %d is due: a line is missing or out of place", e.Number, c.Number+1)
	}
	if e.Previous != c.Head() {
		return e, c, "its link is not the hash of the line before: that line or this one was changed"
	}
	want, next, err := c.Next(e)
	if err != nil || !bytes.Equal(want, line) {
		return e, c, "its hash or digest is not that of its content: it was changed"
	}
	return e, next, ""
}
