package seal

import (
	"fmt"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// MetaVerdict is what verifying a meta-seal gave. Tag, Runs and Rollup are computed from the constituents, never read from what the
// meta-seal states.
type MetaVerdict struct {
	Tag    string
	Runs   int // constituents that verify
	Rollup ledger.Digest
	// SignOff is what a reader of the release's claims may rely on.
	SignOff SignOff
	// Predicate is what was signed; nil where the signature does not hold.
	Predicate *MetaPredicate
	Checks    []Check
}

// OK reports whether everything holds. A pending countersignature is no failure.
func (v *MetaVerdict) OK() bool { return AllOK(v.Checks) }

// SignOff says whether an independent laboratory stands behind the release's figures.
type SignOff struct {
	// Pending: nobody does, or the runs are not the protocol of record with every check passed.
	Pending bool `json:"pending"`
	// By are the laboratories whose countersignatures hold.
	By []string `json:"by"`
	// Reason says why it is pending.
	Reason string `json:"reason,omitempty"`
}

// String is the line for a model card: "pending independent K=30 signoff", or by whom it was signed off.
func (s SignOff) String() string {
	if s.Pending {
		return fmt.Sprintf("pending independent K=%d signoff", MetaRuns)
	}
	return fmt.Sprintf("independent K=%d signoff by %s", MetaRuns, strings.Join(s.By, ", "))
}

// VerifyMeta verifies a meta-seal: its envelope, every signature in it, each of the 30 run seals whole (Verify), that they are runs of one
// program, model, portfolio and spec with different seeds, and that tag and rollup computed from them are those that were
// signed. A seal that is missing, altered or out of place is named.
//
// keys are trusted, known from elsewhere. files are those at hand, plan and report say.
func VerifyMeta(f MetaFile, keys *Keys, files []File) *MetaVerdict {
	v := &MetaVerdict{SignOff: SignOff{Pending: true, By: []string{}, Reason: "the meta-seal does not verify"}}
	e, err := parseEnvelope(f.Envelope)
	v.add(holds("meta-seal envelope", fmt.Sprintf("%d bytes", len(f.Envelope)), err))
	if err != nil || !v.signatures(e, keys) {
		return v
	}
	d, err := decodeStatement[MetaPredicate](MetaPredicateType, e.Payload)
	if v.add(holds("meta-seal statement", MetaPredicateType, err)); err != nil {
		return v
	}
	v.Predicate = &d.Predicate
	v.periods(e, keys)
	v.add(holds("subjects", fmt.Sprint(len(d.Subject)), sameSubjects(subjectsOf(d.Subject), v.Predicate.subjects())))
	runs := v.constituents(f.Seals, keys)
	if runs == nil {
		return v
	}
	v.computed(f.Seals, runs)
	v.Checks = append(v.Checks, compareFiles([]Subject{v.Predicate.Plan, v.Predicate.Report}, files)...)
	v.SignOff = v.signOff(e, keys)
	return v
}

func (v *MetaVerdict) add(c Check) { v.Checks = append(v.Checks, c) }

// signatures wants the first to be by a seal key; those after it are by laboratories. All must hold.
func (v *MetaVerdict) signatures(e envelope, keys *Keys) bool {
	for i, s := range e.Signatures {
		role, prefix := SealKey, "meta-seal "
		if i > 0 {
			role, prefix = LaboratoryKey, fmt.Sprintf("countersignature %d ", i)
		}
		key, check := signingKey(s.KeyID, keys, role)
		check.Name = prefix + check.Name
		v.add(check)
		if !check.OK {
			return false
		}
		check = checkSignature(e, s, key)
		check.Name = prefix + check.Name
		v.add(check)
		if !check.OK {
			return false
		}
	}
	return true
}

func (v *MetaVerdict) periods(e envelope, keys *Keys) {
	for _, s := range e.Signatures {
		if key, found := keys.find(s.KeyID); found {
			if key.Role == LaboratoryKey {
				key.NotBefore = time.Time{} // it signs later than the statement's time, and the envelope does not say when
			}
			v.add(checkPeriod(string(key.Role)+" key in force", key, v.Predicate.Time))
		}
	}
}

func sameSubjects(got, want []Subject) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d subjects: plan, report and constituents make %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			return fmt.Errorf("subject %q is not the constituent, plan or report %q", got[i].Name, want[i].Name)
		}
	}
	return nil
}

// constituents verifies each seal, at its place; nil where one does not hold.
func (v *MetaVerdict) constituents(seals []Seal, keys *Keys) []*Predicate {
	want := v.Predicate.Constituents
	v.add(equal("constituents", fmt.Sprint(len(seals)), fmt.Sprint(len(want)), missing(seals, want)))
	v.add(equal("runs of the protocol", fmt.Sprint(len(want)), fmt.Sprint(MetaRuns), "a meta-seal binds exactly so many runs"))
	if !AllOK(v.Checks) {
		return nil
	}
	runs := make([]*Predicate, 0, len(seals))
	for i, s := range seals {
		c := v.constituent(s, want[i], keys)
		v.add(c.Check)
		if c.OK {
			runs = append(runs, c.run)
		}
	}
	v.Runs = len(runs)
	if len(runs) < len(seals) {
		return nil
	}
	return runs
}

// missing names the seals that were signed and are not there.
func missing(seals []Seal, want []Constituent) string {
	there := map[string]bool{}
	for _, s := range seals {
		there[s.Name] = true
	}
	var gone []string
	for _, w := range want {
		if !there[w.Name] {
			gone = append(gone, w.Name)
		}
	}
	if gone == nil {
		return "there are more seals than the meta-seal binds"
	}
	return "missing: " + strings.Join(gone, ", ")
}

// verified is a constituent that was looked at.
type verified struct {
	Check
	run *Predicate
}

func (v *MetaVerdict) constituent(s Seal, want Constituent, keys *Keys) verified {
	c := equal("constituent "+s.Name, digestOf(s.Envelope).String(), want.Digest.String(), "the seal was altered, or is another")
	if s.Name != want.Name {
		c.OK, c.Reason = false, fmt.Sprintf("at its place the meta-seal binds %s: the order was changed or a name", want.Name)
	}
	verdict := Verify(s.Envelope, keys, nil)
	for _, step := range verdict.Checks {
		if !step.OK && c.OK {
			c.OK, c.Reason = false, step.Name+": "+step.Reason
		}
	}
	if !c.OK {
		return verified{Check: c}
	}
	p := &verdict.Statement.Predicate
	if p.Run != want.Run || p.Seed != want.Seed {
		c.OK, c.Reason = false, fmt.Sprintf("it is of run %s with seed %d, the meta-seal says run %s with seed %d", p.Run, p.Seed, want.Run, want.Seed)
	}
	return verified{c, p}
}

// computed holds what follows from the runs to what was signed.
func (v *MetaVerdict) computed(seals []Seal, runs []*Predicate) {
	v.Checks = append(v.Checks, oneProtocol(seals, runs)...)
	v.Tag, v.Rollup = Tag(runs[0].Build.Engine), rollupOf(seals)
	v.add(equal("tag", v.Predicate.Tag, v.Tag, "the tag is not that of the engine which ran"))
	v.add(equal("rollup", v.Predicate.Rollup.String(), v.Rollup.String(), "the root is not that of the constituents in their order"))
}

// oneProtocol: the runs are MetaRuns of one program, model, portfolio and spec, with different seeds.
func oneProtocol(seals []Seal, runs []*Predicate) []Check {
	if len(runs) != MetaRuns {
		return []Check{equal("runs of the protocol", fmt.Sprint(len(runs)), fmt.Sprint(MetaRuns), "a meta-seal binds exactly so many runs")}
	}
	var checks []Check
	for _, what := range []struct {
		name string
		of   func(*Predicate) string
	}{
		{"one engine", func(p *Predicate) string { return p.Build.Engine }},
		{"one commit", func(p *Predicate) string { return p.Build.Commit }},
		{"one model", func(p *Predicate) string { return p.Model.String() }},
		{"one portfolio", func(p *Predicate) string { return p.Portfolio.String() }},
		{"one spec", func(p *Predicate) string { return specWithoutSeed(p.Spec) }},
	} {
		c := Check{Name: what.name, OK: true}
		for i, p := range runs {
			if x, first := what.of(p), what.of(runs[0]); x != first {
				c = Check{Name: what.name, Got: x, Want: first, Reason: seals[i].Name + " differs from " + seals[0].Name}
				break
			}
		}
		checks = append(checks, c)
	}
	return append(checks, different("different seeds", seals, runs, func(p *Predicate) string { return fmt.Sprint(p.Seed) }),
		different("different runs", seals, runs, func(p *Predicate) string { return p.Run.String() }))
}

func different(name string, seals []Seal, runs []*Predicate, of func(*Predicate) string) Check {
	first := map[string]int{}
	for i, p := range runs {
		x := of(p)
		if before, twice := first[x]; twice {
			return Check{Name: name, Got: x, Reason: seals[i].Name + " has the same as " + seals[before].Name}
		}
		first[x] = i
	}
	return Check{Name: name, OK: true, Got: fmt.Sprint(len(first))}
}

// signOff decides whether the release's figures may be called signed off: all verified, of the protocol of record, and
// countersigned by a laboratory's key.
func (v *MetaVerdict) signOff(e envelope, keys *Keys) SignOff {
	s := SignOff{Pending: true, By: []string{}}
	for _, signed := range e.Signatures {
		if key, found := keys.find(signed.KeyID); found && key.Role == LaboratoryKey {
			s.By = append(s.By, key.Holder)
		}
	}
	switch {
	case !v.OK():
		s.Reason = "the meta-seal does not verify"
	case !v.Predicate.SignOff:
		s.Reason = "the runs are not the protocol of record with every check passed"
	case len(s.By) == 0:
		s.Reason = "no independent laboratory has countersigned"
	default:
		s.Pending = false
	}
	return s
}
