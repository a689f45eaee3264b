package seal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// MetaRuns is how many runs a meta-seal binds: K of the benchmark protocol.
const MetaRuns = 30

// MetaPredicate is the evidence of a release: its runs, plan and report. The subjects of its statement are the files of the
// constituents, the plan and the report.
type MetaPredicate struct {
	// Constituents are the run seals, in the order of the rollup.
	Constituents []Constituent `json:"constituents"`
	// Plan is the file that was registered before the runs, Report what they gave.
	Plan   Subject `json:"plan"`
	Report Subject `json:"report"`
	// Rollup is Rollup of the constituents' digests.
	Rollup ledger.Digest `json:"rollup"`
	// SignOff: the runs are the protocol of record and every check of their report passed. Others are never signed off, whoever
	// countersigns.
	SignOff bool `json:"sign_off"`
	// Tag is the release's, "engine-v" and the engine's version.
	Tag string `json:"tag"`
	// Time is when the meta-seal was made, in UTC.
	Time time.Time `json:"time"`
}

// Constituent is one run seal.
type Constituent struct {
	// Digest is the SHA-256 of the seal's bytes.
	Digest ledger.Digest `json:"digest"`
	Name   string        `json:"name"` // of its file
	Run    ledger.ID     `json:"run"`
	Seed   uint64        `json:"seed,string"`
}

// Seal is a run seal and its file's name.
type Seal struct {
	Name     string
	Envelope []byte
}

// Tag is the tag of a release of an engine version.
func Tag(engineVersion string) string { return "engine-v" + engineVersion }

// Rollup is the Merkle root (RFC 6962 §2.1) of the seals' digests: the leaf of a seal is SHA-256(0x00 || digest), digest being the 32
// bytes of SHA-256 over the envelope as it is kept.
func Rollup(digests []ledger.Digest) ledger.Digest {
	var tree ledger.Tree
	for _, d := range digests {
		tree.Append(tlog.RecordHash(d[:]))
	}
	return ledger.Digest(tree.Root())
}

// NewMeta makes the predicate over run seals that are verified already, in their order. It refuses seals that are not of one release
// and one protocol (see VerifyMeta), naming the seal.
func NewMeta(seals []Seal, plan, report Subject, signOff bool, at time.Time) (MetaPredicate, error) {
	m := MetaPredicate{Plan: plan, Report: report, SignOff: signOff, Time: at.UTC(), Constituents: []Constituent{}}
	runs := make([]*Predicate, 0, len(seals))
	for _, s := range seals {
		p, err := unverified(s.Envelope)
		if err != nil {
			return m, fmt.Errorf("%s: %w", s.Name, err)
		}
		runs = append(runs, p)
		m.Constituents = append(m.Constituents, Constituent{Digest: digestOf(s.Envelope), Name: s.Name, Run: p.Run, Seed: p.Seed})
	}
	for _, c := range oneProtocol(seals, runs) {
		if !c.OK {
			return m, fmt.Errorf("meta-seal: %s: %s", c.Name, c.Reason)
		}
	}
	m.Rollup, m.Tag = rollupOf(seals), Tag(runs[0].Build.Engine)
	return m, nil
}

// unverified reads a predicate without looking at the signature.
func unverified(text []byte) (*Predicate, error) {
	e, err := parseEnvelope(text)
	if err != nil {
		return nil, err
	}
	d, err := decodeStatement[Predicate](PredicateType, e.Payload)
	if err != nil {
		return nil, err
	}
	return &d.Predicate, nil
}

func rollupOf(seals []Seal) ledger.Digest {
	digests := make([]ledger.Digest, len(seals))
	for i, s := range seals {
		digests[i] = digestOf(s.Envelope)
	}
	return Rollup(digests)
}

// subjects are the files of a meta-seal.
func (m *MetaPredicate) subjects() []Subject {
	list := []Subject{m.Plan, m.Report}
	for _, c := range m.Constituents {
		list = append(list, Subject{c.Digest, c.Name})
	}
	slices.SortFunc(list, func(a, b Subject) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// SignMeta signs a meta-seal with the appliance's seal key.
func SignMeta(ctx context.Context, m MetaPredicate, signer Signer) ([]byte, error) {
	payload, err := encodeStatement(MetaPredicateType, m, m.subjects())
	if err != nil {
		return nil, fmt.Errorf("meta-seal: %w", err)
	}
	e := envelope{Payload: payload, PayloadType: PayloadType}
	if err := e.sign(ctx, signer); err != nil {
		return nil, fmt.Errorf("meta-seal: %w", err)
	}
	return e.encode(), nil
}

// Countersign adds a signature over the same statement, such as an independent laboratory's with its own key. What was signed before
// must be verified before (VerifyMeta): this only refuses what is no meta-seal.
func Countersign(ctx context.Context, meta []byte, signer Signer) ([]byte, error) {
	e, err := parseEnvelope(meta)
	if err != nil {
		return nil, fmt.Errorf("countersigning: envelope: %w", err)
	}
	if _, err := decodeStatement[MetaPredicate](MetaPredicateType, e.Payload); err != nil {
		return nil, fmt.Errorf("countersigning: %w", err)
	}
	if err := e.sign(ctx, signer); err != nil {
		return nil, fmt.Errorf("countersigning: %w", err)
	}
	return e.encode(), nil
}

// MetaFormat is MetaFile's format.
const MetaFormat = "qrsd-meta-seal/1"

// MaxMetaFile is the largest meta-seal file in bytes.
const MaxMetaFile = 64 << 20

// MetaFile is what a release ships: the meta-seal and all it binds, so that one file verifies. The seals in it are in the
// order of the rollup.
type MetaFile struct {
	// Envelope is the meta-seal (SignMeta, Countersign).
	Envelope []byte
	Seals    []Seal
	// Keys are those that verify it, for a reader who has none: they show that the parts fit, not whose they are.
	Keys *Keys
}

// metaFileJSON is a MetaFile; envelopes and keys stand in it as they are, being canonical themselves.
type metaFileJSON struct {
	Constituents []sealJSON      `json:"constituents"`
	Format       string          `json:"format"`
	Keys         json.RawMessage `json:"keys"`
	MetaSeal     json.RawMessage `json:"meta_seal"`
}

type sealJSON struct {
	Name string          `json:"name"`
	Seal json.RawMessage `json:"seal"`
}

// Encode is the file, canonical JSON.
func (f MetaFile) Encode() ([]byte, error) {
	j := metaFileJSON{Constituents: []sealJSON{}, Format: MetaFormat, Keys: f.Keys.JWKS(), MetaSeal: f.Envelope}
	for _, s := range f.Seals {
		if err := canonical.Check(s.Envelope); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		j.Constituents = append(j.Constituents, sealJSON{s.Name, s.Envelope})
	}
	text, err := canonical.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("meta-seal file: %w", err)
	}
	return text, nil
}

// ParseMetaFile reads what Encode wrote, and nothing that differs from it in a byte.
func ParseMetaFile(text []byte) (f MetaFile, err error) {
	if len(text) > MaxMetaFile {
		return f, fmt.Errorf("meta-seal file: more than %d bytes: none is so long", MaxMetaFile)
	}
	if err := canonical.Check(text); err != nil {
		return f, fmt.Errorf("meta-seal file: %w", err)
	}
	var j metaFileJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return f, fmt.Errorf("meta-seal file: %w", err)
	}
	if j.Format != MetaFormat {
		return f, fmt.Errorf("meta-seal file of format %.40q: this program reads %q", j.Format, MetaFormat)
	}
	if len(j.Constituents) > 10*MetaRuns {
		return f, fmt.Errorf("meta-seal file with %d seals: it has %d", len(j.Constituents), MetaRuns)
	}
	if f.Keys, err = ParseKeys(j.Keys); err != nil {
		return f, fmt.Errorf("meta-seal file: %w", err)
	}
	f.Envelope = j.MetaSeal
	for _, s := range j.Constituents {
		f.Seals = append(f.Seals, Seal{s.Name, s.Seal})
	}
	again, err := f.Encode()
	if err != nil {
		return f, err
	}
	if string(again) != string(text) {
		return f, errors.New("meta-seal file: not in its exact form: a member is missing, unknown or written otherwise")
	}
	return f, nil
}
