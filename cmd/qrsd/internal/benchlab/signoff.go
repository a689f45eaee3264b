package benchlab

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/store/seal"
)

// MetaSealFile is the name of the release's meta-seal in the output folder.
const MetaSealFile = "meta.seal.json"

// ReleaseKeysFile is the name of the public keys that verify the meta-seal and the seals in it (JWK Set), beside it.
const ReleaseKeysFile = "release.keys.json"

// PendingSignoff is what a claim about a model's figures reads as long as no independent laboratory has signed for them.
const PendingSignoff = "pending independent K=30 signoff"

// Evidence is the files of a finished benchmark that a meta-seal binds.
type Evidence struct {
	Plan, Report seal.Subject
	Evaluation   *Evaluation
	Replicates   []*Replicate
}

// ReadEvidence judges a folder again and wants the report in it to be what it judges, to the byte. Errors: those of
// Evaluate, a report that is missing (ErrUnfinished) or other (ErrAltered).
func ReadEvidence(folder string, m *modelpack.Model) (*Evidence, error) {
	p, e, err := Evaluate(folder, m)
	if err != nil {
		return nil, err
	}
	ev := &Evidence{Evaluation: e}
	want, _, err := Marshal(e)
	if err != nil {
		return nil, err
	}
	there := filepath.Join(folder, ReportFile)
	text, err := os.ReadFile(there)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing; write it with qrsd benchlab report", ErrUnfinished, there)
	}
	if err != nil {
		return nil, err
	}
	if string(text) != string(want) {
		return nil, fmt.Errorf("%w: %s is not what the replicates give; write it again with qrsd benchlab report", ErrAltered, there)
	}
	ev.Report = seal.Subject{Name: ReportFile, Digest: sha256.Sum256(text)}
	if text, err = os.ReadFile(filepath.Join(folder, PlanFile)); err != nil {
		return nil, err
	}
	ev.Plan = seal.Subject{Name: PlanFile, Digest: sha256.Sum256(text)}
	digest, err := Digest(p)
	if err != nil {
		return nil, err
	}
	ev.Replicates, err = loadAll(folder, p, digest)
	return ev, err
}

// Bind makes the predicate of the release's meta-seal, and puts the run seals into the order of the replicates. Every seal must
// verify with the keys, and be of the run that a replicate made: the same seed, model, portfolio and digests of all result tables.
// The runs count as the protocol of record only where the plan is for sign-off and every check passed.
//
// Errors name the seal and what is wrong with it, or the replicate that no seal is of.
func (ev *Evidence) Bind(seals []seal.Seal, keys *seal.Keys, at time.Time) (seal.MetaPredicate, []seal.Seal, error) {
	bySeed := map[uint64]seal.Seal{}
	runs := map[uint64]*seal.Predicate{}
	for _, s := range seals {
		verdict := seal.Verify(s.Envelope, keys, nil)
		for _, c := range verdict.Checks {
			if !c.OK {
				return seal.MetaPredicate{}, nil, fmt.Errorf("%s: does not verify: %s: %s", s.Name, c.Name, c.Reason)
			}
		}
		p := &verdict.Statement.Predicate
		if other, twice := bySeed[p.Seed]; twice {
			return seal.MetaPredicate{}, nil, fmt.Errorf("%s has the seed %d, as %s has; give one seal for each replicate", s.Name, p.Seed, other.Name)
		}
		bySeed[p.Seed], runs[p.Seed] = s, p
	}
	var ordered []seal.Seal
	for _, r := range ev.Replicates {
		s, found := bySeed[r.Spec.Seed]
		if !found {
			return seal.MetaPredicate{}, nil, fmt.Errorf("replicate %d: no seal of a run with its seed %d; run and seal it, and give its seal", r.Number, r.Spec.Seed)
		}
		if err := sameRun(r, runs[r.Spec.Seed]); err != nil {
			return seal.MetaPredicate{}, nil, fmt.Errorf("%s: is not of replicate %d: %w", s.Name, r.Number, err)
		}
		ordered = append(ordered, s)
		delete(bySeed, r.Spec.Seed)
	}
	for seed, s := range bySeed {
		return seal.MetaPredicate{}, nil, fmt.Errorf("%s: no replicate of the plan has its seed %d; leave it out", s.Name, seed)
	}
	m, err := seal.NewMeta(ordered, ev.Plan, ev.Report, ev.Evaluation.ForSignoff && ev.Evaluation.Passed, at)
	return m, ordered, err
}

// sameRun holds what a seal says of its run to the replicate.
func sameRun(r *Replicate, p *seal.Predicate) error {
	for _, x := range []struct{ what, got, want string }{
		{"model", "sha256:" + p.Model.String(), r.Model},
		{"portfolio", "sha256:" + p.Portfolio.String(), r.Portfolio},
		{"engine", p.Build.Engine, r.Engine},
		{"number of result tables", fmt.Sprint(len(p.Tables)), fmt.Sprint(len(r.Tables))},
	} {
		if x.got != x.want {
			return fmt.Errorf("its %s is %s, the replicate's %s", x.what, x.got, x.want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Tables)) {
		if got := "sha256:" + p.Tables[name].String(); got != r.Tables[name] {
			return fmt.Errorf("its table %s has digest %s, the replicate's %s; run it with the plan's return periods", name, got, r.Tables[name])
		}
	}
	return nil
}

// Standing says what may be said of the figures of a benchmark: PendingSignoff, or who signed. The verdict is that of the
// release's meta-seal, verified with keys that are trusted; nil where there is none. It counts only for this plan and this
// report, of a plan that is for sign-off, with every check passed. No text that somebody writes decides this.
func (ev *Evidence) Standing(v *seal.MetaVerdict) string {
	if v == nil || !v.OK() || v.SignOff.Pending || v.Predicate == nil || v.Predicate.Plan != ev.Plan || v.Predicate.Report != ev.Report ||
		!ev.Evaluation.ForSignoff || !ev.Evaluation.Passed {
		return PendingSignoff
	}
	return v.SignOff.String()
}

// Files are plan and report as a verifier of the meta-seal takes them.
func (ev *Evidence) Files() []seal.File {
	return []seal.File{{Name: ev.Plan.Name, Digest: ev.Plan.Digest}, {Name: ev.Report.Name, Digest: ev.Report.Digest}}
}
