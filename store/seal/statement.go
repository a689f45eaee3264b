package seal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// The types that a statement names. A change of a predicate's meaning or fields is a new version.
const (
	StatementType     = "https://in-toto.io/Statement/v1"
	PredicateType     = "https://github.com/qrsrisk/qrsd/run-seal/v1"
	MetaPredicateType = "https://github.com/qrsrisk/qrsd/meta-seal/v1"
)

// Statement is what a run seal signs.
type Statement struct {
	// Subjects are the result files. Sign sorts them by name.
	Subjects  []Subject
	Predicate Predicate
}

// Subject is a file by name and SHA-256 of its bytes.
type Subject struct {
	Digest ledger.Digest `json:"digest"`
	Name   string        `json:"name"` // without folders
}

// Predicate is the evidence of a run. All digests are SHA-256.
type Predicate struct {
	// Build is the program that ran.
	Build Build `json:"build"`
	// Estimate is the quantum estimate beside the result; nil: the run has none.
	Estimate *Estimate `json:"estimate"`
	// Ledger is where and as what the output stands in the tenant's ledger.
	Ledger Position `json:"ledger"`
	// Model is the digest of the model pack.
	Model ledger.Digest `json:"model"`
	// Portfolio is the digest of the exposure.
	Portfolio ledger.Digest `json:"portfolio"`
	// Run is the run's id.
	Run ledger.ID `json:"run"`
	// Seed is the spec's seed; a string in JSON.
	Seed uint64 `json:"seed,string"`
	// Spec is what the run was asked to do: an engine.Spec as canonical JSON. Its seed may stand as a text of digits, because it
	// can have more of them than a JSON number keeps.
	Spec json.RawMessage `json:"spec"`
	// SpecDigest is the digest of Spec, the one in the ledger. Sign fills it in.
	SpecDigest ledger.Digest `json:"spec_sha256"`
	// Tables are the canonical digests (engine/results.Digest) by table.
	Tables map[string]ledger.Digest `json:"tables"`
	// Time is when the seal was made, in UTC.
	Time time.Time `json:"time"`
}

// Estimate is the quantum estimate's file and where it comes from.
type Estimate struct {
	// Backends are the names of what measured, in order, without doubles.
	Backends []string `json:"backends"`
	// Digest is the SHA-256 of File.
	Digest ledger.Digest `json:"digest"`
	// File is the name of its file, which is one of the subjects.
	File string `json:"file"`
	// Qubits make 2^n bins.
	Qubits int `json:"qubits"`
	// Simulated: every number was computed on the host; no device was asked.
	Simulated bool `json:"simulated"`
}

// Position is the output's leaf in the ledger with its proof, after RFC 6962. Binary values are base64 in JSON.
type Position struct {
	// Box is the encrypted entry as stored, which the leaf covers.
	Box []byte `json:"box"`
	// Checkpoint is the signed note whose tree has Size leaves and this Root.
	Checkpoint string `json:"checkpoint"`
	// Entry is the lineage record of kind "output" (ledger.Lineage.Canonical), to which the header commits.
	Entry json.RawMessage `json:"entry"`
	// Header is ledger.Header.Canonical of the leaf.
	Header []byte `json:"header"`
	// Index is the leaf's place, from 0; the same as the header's sequence.
	Index int64 `json:"index"`
	// Leaf is the leaf's hash.
	Leaf ledger.Hash `json:"leaf"`
	// Proof is the audit path from leaf to root.
	Proof []ledger.Hash `json:"proof"`
	// Root is the hash of the tree of the first Size leaves.
	Root ledger.Hash `json:"root"`
	// Salt is that of the commitment, 16 bytes.
	Salt []byte `json:"salt"`
	// Size is the number of leaves of the tree.
	Size int64 `json:"size"`
}

// document is an in-toto Statement v1 as JSON, its members in canonical order.
type document[P any] struct {
	Type          string        `json:"_type"`
	Predicate     P             `json:"predicate"`
	PredicateType string        `json:"predicateType"`
	Subject       []subjectJSON `json:"subject"`
}

// subjectJSON is a ResourceDescriptor of in-toto: name and digest.
type subjectJSON struct {
	Digest struct {
		SHA256 ledger.Digest `json:"sha256"`
	} `json:"digest"`
	Name string `json:"name"`
}

func subjectsJSON(subjects []Subject) []subjectJSON {
	list := make([]subjectJSON, len(subjects))
	for i, s := range subjects {
		list[i].Name, list[i].Digest.SHA256 = s.Name, s.Digest
	}
	slices.SortFunc(list, func(a, b subjectJSON) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func subjectsOf(list []subjectJSON) []Subject {
	subjects := make([]Subject, len(list))
	for i, s := range list {
		subjects[i] = Subject{s.Digest.SHA256, s.Name}
	}
	return subjects
}

// encodeStatement is the payload of an envelope.
func encodeStatement[P any](predicateType string, predicate P, subjects []Subject) ([]byte, error) {
	d := document[P]{StatementType, predicate, predicateType, subjectsJSON(subjects)}
	if err := checkSubjects(d.Subject); err != nil {
		return nil, err
	}
	text, err := canonical.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	return text, nil
}

// decodeStatement reads what encodeStatement wrote, and nothing that differs from it in a byte: encoding/json passes over
// missing members, spellings in other cases and loose base64.
func decodeStatement[P any](predicateType string, payload []byte) (d document[P], err error) {
	if err := canonical.Check(payload); err != nil {
		return d, fmt.Errorf("statement: %w", err)
	}
	var kind struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(payload, &kind); err != nil {
		return d, fmt.Errorf("statement: %w", err)
	}
	if kind.Type != StatementType {
		return d, fmt.Errorf("statement of type %.100q: want %q", kind.Type, StatementType)
	}
	if kind.PredicateType != predicateType {
		return d, fmt.Errorf("predicate of type %.100q: this program reads %q here", kind.PredicateType, predicateType)
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("statement: %w", err)
	}
	again, err := canonical.Marshal(d)
	if err != nil {
		return d, fmt.Errorf("statement: %w", err)
	}
	if !bytes.Equal(again, payload) {
		return d, fmt.Errorf("statement: not in its exact form: a member is missing or written otherwise, from byte %d on", differsAt(again, payload))
	}
	if err := checkTime(any(d.Predicate)); err != nil {
		return d, err
	}
	return d, checkSubjects(d.Subject)
}

// checkTime: JSON times may have any offset; ours have one form.
func checkTime(predicate any) error {
	var at time.Time
	switch p := predicate.(type) {
	case Predicate:
		at = p.Time
	case MetaPredicate:
		at = p.Time
	}
	if at.Location() != time.UTC || at.IsZero() {
		return fmt.Errorf("statement: time %s: want a time in UTC", at)
	}
	return nil
}

func differsAt(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// maxSubjects bounds what a reader has to keep.
const maxSubjects = 10_000

func checkSubjects(list []subjectJSON) error {
	if len(list) == 0 || len(list) > maxSubjects {
		return fmt.Errorf("statement of %d subjects: it has 1 to %d", len(list), maxSubjects)
	}
	for i, s := range list {
		if err := checkName(s.Name); err != nil {
			return fmt.Errorf("subject %d: %w", i+1, err)
		}
		if i > 0 && s.Name <= list[i-1].Name {
			return fmt.Errorf("subject %q after %q: subjects have different names, in order", s.Name, list[i-1].Name)
		}
	}
	return nil
}

// checkName: a name that is safe to print and as a file in one folder.
func checkName(name string) error {
	bad := func(r rune) bool { return unicode.IsControl(r) || r == '/' || r == '\\' || r == utf8.RuneError }
	if name == "" || name == "." || name == ".." || len(name) > 255 || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("file name %.80q: want 1 to 255 bytes of UTF-8 without folders and control characters", name)
	}
	return nil
}
