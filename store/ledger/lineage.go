package ledger

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/internal/canonical"
)

// Kind is what happened, in a lineage ledger.
type Kind string

// The kinds of lineage records. The words are hashed into leaves: they are never reworded.
const (
	ExposureImported Kind = "exposure-imported"
	ModelRegistered  Kind = "model-registered"
	SpecAdded        Kind = "spec"
	ParameterChanged Kind = "parameter-change"
	RunStarted       Kind = "run-started"
	OutputRecorded   Kind = "output"
	EstimateRecorded Kind = "estimate"
	HardwareJob      Kind = "hardware-job"
	ApprovalDecided  Kind = "approval"
	SealIssued       Kind = "seal"
)

// Kinds are all kinds, in the order of a run's life.
func Kinds() []Kind {
	return []Kind{ExposureImported, ModelRegistered, SpecAdded, ParameterChanged, RunStarted, OutputRecorded,
		EstimateRecorded, HardwareJob, ApprovalDecided, SealIssued}
}

// ID is a random identity of 16 bytes, of a user, a portfolio, a run. Its text is 32 hexadecimal digits.
type ID [16]byte

// String is the identity in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText is String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads 32 lower-case hexadecimal digits.
func (id *ID) UnmarshalText(text []byte) error { return readHex(id[:], text) }

// Digest is the SHA-256 of what a record speaks of, such as a portfolio or a table. Its text is 64 hexadecimal digits, as
// sha256sum prints them.
type Digest [32]byte

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText is String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 64 lower-case hexadecimal digits.
func (d *Digest) UnmarshalText(text []byte) error { return readHex(d[:], text) }

func readHex(dst, text []byte) error {
	if len(text) != 2*len(dst) || bytes.ContainsAny(text, "ABCDEF") {
		return fmt.Errorf("%.80q: want %d lower-case hexadecimal digits", text, 2*len(dst))
	}
	if _, err := hex.Decode(dst, text); err != nil {
		return fmt.Errorf("%.80q: want %d lower-case hexadecimal digits", text, 2*len(dst))
	}
	return nil
}

// Lineage is a record of the lineage ledger: who made what from what. Which record came before is the leaf's
// business (Header.Previous), not the record's.
type Lineage struct {
	// Kind is what happened.
	Kind Kind
	// Time is when, in UTC.
	Time time.Time
	// Actor is who did it; zero: the appliance itself.
	Actor ID
	// Subject is what it is about: the portfolio, model, spec, run, job, approval.
	Subject ID
	// Digests are the contents that took part, by role, such as "portfolio", "model", "spec", "table/elt". May be empty.
	Digests map[string]Digest
	// Note is free text, such as an approver's reason; at most MaxNote bytes. May be empty.
	Note string
}

// MaxNote is the longest note of a lineage record in bytes.
const MaxNote = 4096

// lineageVersion is the layout of lineageJSON.
const lineageVersion = 1

// lineageJSON is a record as it is written; no field is optional.
type lineageJSON struct {
	Actor   ID                `json:"actor"`
	Digests map[string]Digest `json:"digests"`
	Kind    Kind              `json:"kind"`
	Note    string            `json:"note"`
	Subject ID                `json:"subject"`
	Time    string            `json:"time"`
	Version int               `json:"version"`
}

// Canonical is the record as canonical JSON (RFC 8785), the entry of its leaf. It refuses what ParseLineage
// would refuse.
func (l Lineage) Canonical() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	j := lineageJSON{Actor: l.Actor, Digests: l.Digests, Kind: l.Kind, Note: l.Note, Subject: l.Subject,
		Time: l.Time.UTC().Format(time.RFC3339Nano), Version: lineageVersion}
	if j.Digests == nil {
		j.Digests = map[string]Digest{}
	}
	out, err := canonical.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("lineage record of kind %s: %w", l.Kind, err)
	}
	return out, nil
}

func (l Lineage) check() error {
	if !slices.Contains(Kinds(), l.Kind) {
		return fmt.Errorf("lineage record of kind %.40q: the kinds are %v", l.Kind, Kinds())
	}
	if l.Subject == (ID{}) {
		return fmt.Errorf("lineage record of kind %s without a subject", l.Kind)
	}
	if year := l.Time.UTC().Year(); l.Time.IsZero() || year < 1 || year > 9999 {
		return fmt.Errorf("lineage record of kind %s at time %v: want a time in the years 1 to 9999", l.Kind, l.Time)
	}
	if len(l.Note) > MaxNote || !utf8.ValidString(l.Note) {
		return fmt.Errorf("lineage record of kind %s with a note of %d bytes: want UTF-8 of at most %d", l.Kind, len(l.Note), MaxNote)
	}
	for role := range l.Digests {
		if role == "" || len(role) > 256 || strings.ContainsFunc(role, func(r rune) bool { return r <= ' ' || r == utf8.RuneError }) {
			return fmt.Errorf("lineage record of kind %s with a digest named %.80q: want 1 to 256 bytes without spaces", l.Kind, role)
		}
	}
	return nil
}

// ParseLineage reads what Canonical wrote, and nothing that differs from it in a byte.
func ParseLineage(entry []byte) (Lineage, error) {
	var j lineageJSON
	if err := json.Unmarshal(entry, &j); err != nil {
		return Lineage{}, fmt.Errorf("lineage record: %w", err)
	}
	if j.Version != lineageVersion {
		return Lineage{}, fmt.Errorf("lineage record of version %d: this build knows version %d", j.Version, lineageVersion)
	}
	at, err := time.Parse(time.RFC3339Nano, j.Time)
	if err != nil {
		return Lineage{}, fmt.Errorf("lineage record: time: %w", err)
	}
	l := Lineage{Kind: j.Kind, Time: at.UTC(), Actor: j.Actor, Subject: j.Subject, Digests: j.Digests, Note: j.Note}
	// encoding/json passes over unknown names and lets the second of two equal ones win: the bytes decide.
	again, err := l.Canonical()
	if err != nil {
		return Lineage{}, err
	}
	if !bytes.Equal(again, entry) {
		return Lineage{}, errors.New("lineage record: not in its exact form: a field is missing, unknown or written otherwise")
	}
	return l, nil
}
