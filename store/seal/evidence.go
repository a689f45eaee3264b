package seal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// evidence holds the parts of a predicate to one another: all that needs neither keys nor files.
func evidence(p *Predicate, subjects []Subject) []Check {
	checks := []Check{
		equal("spec", digestOf(p.Spec).String(), p.SpecDigest.String(), "the spec is not the one with this digest"),
		checkSeed(p),
		checkEstimate(p.Estimate, subjects),
	}
	return append(checks, leafEvidence(p, subjects)...)
}

func checkSeed(p *Predicate) Check {
	var spec struct {
		Seed json.Number `json:"seed"`
	}
	if err := json.Unmarshal(p.Spec, &spec); err != nil {
		return holds("seed", "", fmt.Errorf("the spec: %w", err))
	}
	return equal("seed", strconv.FormatUint(p.Seed, 10), spec.Seed.String(), "the seed is not the spec's")
}

func checkEstimate(e *Estimate, subjects []Subject) Check {
	const name = "estimate"
	if e == nil {
		return Check{Name: name, OK: true, Got: "none"}
	}
	for _, s := range subjects {
		if s.Name == e.File {
			return equal(name, s.Digest.String(), e.Digest.String(), "the digest of "+e.File+" among the files is not that of the estimate")
		}
	}
	return Check{Name: name, Got: e.Digest.String(), Reason: fmt.Sprintf("file %.80q is not among the subjects", e.File)}
}

// leafEvidence goes from the entry's text to the root: text and salt, commitment, header and box, leaf, proof.
func leafEvidence(p *Predicate, subjects []Subject) []Check {
	l := p.Ledger
	record, err := ledger.ParseLineage(l.Entry)
	checks := []Check{holds("ledger entry", string(record.Kind), err)}
	if err == nil {
		checks = append(checks, checkEntry(p, record)...)
		checks = append(checks, checkRoles(p, record, subjects))
	}
	h, err := ledger.ParseHeader(l.Header)
	if err == nil && len(l.Salt) != 16 {
		err = fmt.Errorf("salt of %d bytes: it has 16", len(l.Salt))
	}
	if err != nil {
		return append(checks, holds("leaf header", fmt.Sprintf("%d bytes", len(l.Header)), err))
	}
	commitment := ledger.Commit([16]byte(l.Salt), l.Entry)
	leaf := ledger.LeafHash(h, l.Box)
	inclusion := ledger.CheckInclusion(l.Proof, l.Size, l.Root, l.Index, l.Leaf)
	return append(checks,
		equal("commitment", hexHash(commitment), hexHash(h.Commitment), "the leaf commits to another entry or salt"),
		equal("leaf", hexHash(leaf), hexHash(l.Leaf), "header and box are not those of the leaf"),
		equal("leaf index", strconv.FormatInt(l.Index, 10), strconv.FormatUint(h.Sequence, 10), "the header belongs to another place in the log"),
		Check{Name: "inclusion proof", OK: inclusion == nil, Got: fmt.Sprintf("leaf %d of %d, root %s", l.Index, l.Size, hexHash(l.Root)), Reason: reasonOf(inclusion)})
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// checkEntry holds the lineage record to the run and the time.
func checkEntry(p *Predicate, record ledger.Lineage) []Check {
	late := Check{Name: "entry's time", OK: true, Got: stamp(record.Time), Want: "not after " + stamp(p.Time)}
	if record.Time.After(p.Time) {
		late.OK, late.Reason = false, "the entry is younger than the seal that carries it"
	}
	return []Check{
		equal("entry's kind", string(record.Kind), string(ledger.OutputRecorded), "the entry is not of a run's output"),
		equal("entry's run", record.Subject.String(), p.Run.String(), "the entry is of another run"),
		late,
	}
}

// Roles of digests in an output's entry: "table/NAME.csv" is the canonical digest of table NAME, whatever the file's ending; of all
// other roles, "manifest/manifest.json", it is the SHA-256 of the file.
const tableRole = "table"

// checkRoles holds the digests in the entry to the tables and subjects of the seal, in both directions.
func checkRoles(p *Predicate, record ledger.Lineage, subjects []Subject) Check {
	c := Check{Name: "tables in the ledger", Want: fmt.Sprintf("%d tables", len(p.Tables))}
	files := map[string]ledger.Digest{}
	for _, s := range subjects {
		files[s.Name] = s.Digest
	}
	entered := map[string]bool{}
	for _, role := range slices.Sorted(maps.Keys(record.Digests)) {
		kind, name, _ := strings.Cut(role, "/")
		have, known := files[name]
		if kind == tableRole {
			name = strings.TrimSuffix(name, path.Ext(name))
			entered[name] = true
			have, known = p.Tables[name]
		}
		if !known || have != record.Digests[role] {
			c.Reason = fmt.Sprintf("%s: the ledger has %s, the seal %s", role, record.Digests[role], orNone(have, known))
			return c
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Tables)) {
		if !entered[name] {
			c.Reason = fmt.Sprintf("table %s is not in the ledger's entry", name)
			return c
		}
	}
	c.Got, c.OK = fmt.Sprintf("%d tables", len(entered)), true
	return c
}

func orNone(d ledger.Digest, known bool) string {
	if !known {
		return "none"
	}
	return d.String()
}

// specWithoutSeed is the spec with its seed taken out, by which runs of one protocol are compared.
func specWithoutSeed(spec json.RawMessage) string {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(spec, &members); err != nil {
		return string(spec)
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name != "seed" {
			fmt.Fprintf(&b, "%q:%s,", name, members[name])
		}
	}
	return b.String()
}
