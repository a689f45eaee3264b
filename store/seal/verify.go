package seal

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store/ledger"
)

// File is a file that a reader holds, to be compared with a subject.
type File struct {
	Name   string // without folders
	Digest ledger.Digest
}

// Verdict is what verifying a seal gave.
type Verdict struct {
	// Statement is what was signed; nil where the signature does not hold: it must not be used then.
	Statement *Statement
	// KeyID is the key that signed; "" where the envelope cannot be read.
	KeyID string
	// Checks are the steps in order. After one without which the rest means nothing, it is the last.
	Checks []Check
}

// OK reports whether everything holds.
func (v *Verdict) OK() bool { return AllOK(v.Checks) }

func (v *Verdict) add(c Check) bool {
	v.Checks = append(v.Checks, c)
	return c.OK
}

// Verify verifies a run seal step by step: its form, the key, the signature, the statement, the key's period, the build, the spec, the
// files, and the way from the output's entry over commitment, leaf and inclusion proof to the signed checkpoint.
//
// keys are trusted, known from elsewhere. files are those at hand; a subject of which there is none is not checked, and a line says so.
// It ends at the first step without which nothing after it means anything (form, key, signature, statement) and else
// looks at all. It never fails otherwise: whatever the bytes are, the verdict says what is wrong with them.
func Verify(envelope []byte, keys *Keys, files []File) *Verdict {
	v := new(Verdict)
	e, err := parseEnvelope(envelope)
	if err == nil && len(e.Signatures) != 1 {
		err = fmt.Errorf("%d signatures: a run seal has one", len(e.Signatures))
	}
	if !v.add(holds("envelope", fmt.Sprintf("%d bytes", len(envelope)), err)) {
		return v
	}
	v.KeyID = e.Signatures[0].KeyID
	key, check := signingKey(e.Signatures[0].KeyID, keys, SealKey)
	if !v.add(check) || !v.add(checkSignature(e, e.Signatures[0], key)) {
		return v
	}
	document, err := decodeStatement[Predicate](PredicateType, e.Payload)
	if !v.add(holds("statement", PredicateType, err)) {
		return v
	}
	p := &document.Predicate
	v.Statement = &Statement{subjectsOf(document.Subject), *p}
	v.add(checkPeriod("key in force", key, p.Time))
	v.add(checkBuild(p.Build))
	v.Checks = append(v.Checks, evidence(p, v.Statement.Subjects)...)
	v.Checks = append(v.Checks, checkpoint(p, keys)...)
	v.Checks = append(v.Checks, compareFiles(v.Statement.Subjects, files)...)
	return v
}

// Unsigned reads a seal without looking at its signature and checkpoint, for a reader without keys who wants to recompute: form,
// statement and what its parts say of one another are checked, and a line says that nothing shows who made it. The statement
// is nil where it cannot be read.
func Unsigned(envelope []byte, files []File) (*Statement, []Check) {
	e, err := parseEnvelope(envelope)
	checks := []Check{holds("envelope", fmt.Sprintf("%d bytes", len(envelope)), err)}
	if err != nil {
		return nil, checks
	}
	document, err := decodeStatement[Predicate](PredicateType, e.Payload)
	checks = append(checks, holds("statement", PredicateType, err))
	if err != nil {
		return nil, checks
	}
	s := &Statement{subjectsOf(document.Subject), document.Predicate}
	checks = append(checks, Check{Name: "signature", OK: true, Reason: "not verified: no keys were given; who made this seal is not known"}, checkBuild(s.Predicate.Build))
	checks = append(checks, evidence(&s.Predicate, s.Subjects)...)
	return s, append(checks, compareFiles(s.Subjects, files)...)
}

// signingKey finds the key that signed. Unknown, and of another role, are different refusals.
func signingKey(id string, keys *Keys, role Role) (Key, Check) {
	c := Check{Name: "signing key", Got: id}
	key, found := keys.find(id)
	switch {
	case !found:
		c.Reason = fmt.Sprintf("the key is unknown: it is none of the %d keys given; get the appliance's published keys, old ones among them", len(keys.All()))
	case key.Role != role:
		c.Reason = fmt.Sprintf("the key is known as a %s key: a %s key must sign", key.Role, role)
	default:
		c.OK = true
	}
	return key, c
}

func checkSignature(e envelope, s signature, key Key) Check {
	c := Check{Name: "signature", Got: "ECDSA P-256 over SHA-256 " + hex.EncodeToString(e.digest())}
	if err := checkForm(s.Sig); err != nil {
		c.Reason = err.Error()
		return c
	}
	if c.OK = ecdsa.VerifyASN1(key.ecdsa, e.digest(), s.Sig); !c.OK {
		c.Reason = "the signature is not of this key over this statement: one of the two was changed"
	}
	return c
}

func checkPeriod(name string, key Key, at time.Time) Check {
	reason := key.period(at)
	return Check{Name: name, OK: reason == "", Got: stamp(at), Reason: reason}
}

// checkBuild never fails: it says what a reader cannot build again.
func checkBuild(b Build) Check {
	c := Check{Name: "build", OK: true, Got: strings.TrimSpace(fmt.Sprintf("engine %s, %s, commit %s", b.Engine, b.Go, b.Commit))}
	switch {
	case b.Commit == "":
		c.Got, c.Reason = fmt.Sprintf("engine %s, %s", b.Engine, b.Go), "dirty: the program does not say its commit; nobody can build it again from the source"
	case b.Dirty:
		c.Reason = "dirty: the program was built from a changed work tree or with a module from a folder; nobody can build it again from the commit"
	}
	return c
}

// compareFiles holds the files at hand to the subjects.
func compareFiles(subjects []Subject, files []File) (checks []Check) {
	named := map[string]ledger.Digest{}
	for _, s := range subjects {
		named[s.Name] = s.Digest
	}
	given := map[string]bool{}
	for _, f := range files {
		want, ok := named[f.Name]
		if !ok {
			checks = append(checks, Check{Name: "file " + f.Name, Got: f.Digest.String(), Reason: "the seal speaks of no file with this name"})
			continue
		}
		given[f.Name] = true
		checks = append(checks, equal("file "+f.Name, f.Digest.String(), want.String(), "the content is not what was sealed: the file was changed, or is another's"))
	}
	if missing := len(subjects) - len(given); missing > 0 {
		checks = append(checks, Check{Name: "files not given", OK: true, Got: fmt.Sprintf("%d of %d", missing, len(subjects)), Reason: "not checked: name them on the command line"})
	}
	return checks
}

var errNoOrigin = errors.New("checkpoint without a first line")

// checkpoint opens the signed tree head and holds position, time and key to it.
func checkpoint(p *Predicate, keys *Keys) []Check {
	origin, _, found := strings.Cut(p.Ledger.Checkpoint, "\n")
	if !found {
		return []Check{holds("checkpoint", "", errNoOrigin)}
	}
	known, err := keys.checkpointVerifiers(origin)
	if err != nil {
		return []Check{holds("checkpoint", origin, err)}
	}
	c, err := ledger.OpenCheckpoint([]byte(p.Ledger.Checkpoint), known)
	if err != nil {
		return []Check{holds("checkpoint", origin, err)}
	}
	checks := []Check{{Name: "checkpoint", OK: true, Got: origin}}
	h, err := ledger.ParseHeader(p.Ledger.Header)
	if err == nil {
		checks = append(checks, equal("checkpoint's log", lastPart(c.Origin), ledger.ID(h.Log).String(), "the checkpoint is of another log than the leaf"))
	}
	checks = append(checks,
		equal("checkpoint's size", fmt.Sprint(c.Size), fmt.Sprint(p.Ledger.Size), "the checkpoint is of another tree than the proof"),
		equal("checkpoint's root", hexHash(c.Root), hexHash(p.Ledger.Root), "the checkpoint is of another tree than the proof"),
		checkpointPeriod(c, []byte(p.Ledger.Checkpoint), keys))
	late := Check{Name: "times", OK: true, Got: stamp(c.Time), Want: "not after " + stamp(p.Time)}
	if c.Time.After(p.Time) {
		late.OK, late.Reason = false, "the checkpoint is younger than the seal that carries it"
	}
	return append(checks, late)
}

// checkpointPeriod wants one checkpoint key that signed and was in force.
func checkpointPeriod(c ledger.Checkpoint, signed []byte, keys *Keys) Check {
	last := Check{Name: "checkpoint key in force", Got: stamp(c.Time), Reason: "no checkpoint key is known"}
	for _, key := range keys.All() {
		if key.Role != CheckpointKey {
			continue
		}
		alone := &Keys{list: []Key{key}}
		known, err := alone.checkpointVerifiers(c.Origin)
		if err != nil {
			continue
		}
		if _, err := ledger.OpenCheckpoint(signed, known); err != nil {
			continue
		}
		if last = checkPeriod(last.Name, key, c.Time); last.OK {
			return last
		}
	}
	return last
}

func lastPart(origin string) string { return origin[strings.LastIndexByte(origin, '/')+1:] }

func hexHash(h ledger.Hash) string { return hex.EncodeToString(h[:]) }

func digestOf(b []byte) ledger.Digest { return sha256.Sum256(b) }
