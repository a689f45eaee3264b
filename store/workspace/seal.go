package workspace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
)

// Seal is the seal of a finished run, kept under the run's id. It never changes.
type Seal struct {
	Digest   ledger.Digest `json:"digest"`   // SHA-256 of Envelope
	Key      ledger.Digest `json:"key"`      // id of the key that signed: SHA-256 of its SubjectPublicKeyInfo
	Made     time.Time     `json:"made"`     // the time in the seal
	By       store.ID      `json:"by"`       // who had it made; zero: the appliance
	Envelope []byte        `json:"envelope"` // the DSSE envelope as it is given out (package seal)
}

// Sealed is Run.Seal of a run that has its seal.
const Sealed = "sealed"

// RoleBuild is the role of the result file that says which program carried the run out: a seal.Build as JSON. The seal takes
// it from there, because another program may seal the run than the one that ran it.
const RoleBuild = "build"

var seals = store.Define[Seal]("seals", 1)

// Bounds of what is read of a result to be sealed, in bytes.
const (
	maxBuild    = 1 << 20
	maxEstimate = 64 << 20
)

// Seal seals a finished run: it signs the evidence with the store's seal key, and in the same transaction keeps the seal, enters
// it in the ledger and sets Run.Seal. A run that has its seal keeps it: that one is returned. Cut off before its transaction, it leaves
// the run pending, for the next Seal or SealPending.
//
// Errors: *Invalid (the run is not done, or its result does not say which program made it), store.ErrNotFound, store.ErrSealKey,
// those of the signer.
func (w *Workspace) Seal(ctx context.Context, run store.ID) (store.Record[Seal], error) {
	s := sealing{workspace: w, id: run, by: w.tenant.Principal().User()}
	defer s.close()
	err := w.tenant.Seal(ctx, store.Sealing{Run: run, Read: s.read, Compose: s.compose, Keep: s.keep})
	return s.made, err
}

// sealing is a seal on its way.
type sealing struct {
	workspace *Workspace
	id        store.ID
	by        store.ID
	run       Run
	files     []File
	build     *store.BlobReader
	estimate  *store.BlobReader // nil: there is none
	made      store.Record[Seal]
}

func (s *sealing) close() {
	for _, b := range []*store.BlobReader{s.build, s.estimate} {
		if b != nil {
			_ = b.Close()
		}
	}
}

// read takes what the seal is about. It is not wanted where there is one.
func (s *sealing) read(tx *store.ReadTx) (ended time.Time, wanted bool, err error) {
	s.close()
	s.build, s.estimate = nil, nil
	r, err := runs.Get(tx, s.id)
	if err != nil {
		return ended, false, err
	}
	if r.Value.State != Done || r.Value.Ended == nil {
		return ended, false, &Invalid{"run", fmt.Sprintf("it is %s; only a run that is done is sealed", r.Value.State)}
	}
	if s.made, err = seals.Get(tx, s.id); err == nil || !errors.Is(err, store.ErrNotFound) {
		return ended, false, err
	}
	result, err := results.Get(tx, s.id)
	if err != nil {
		return ended, false, err
	}
	s.run, s.files = r.Value, result.Value.Files
	if s.build, err = s.open(tx, RoleBuild); err != nil {
		return ended, false, err
	}
	if s.build == nil {
		return ended, false, &Invalid{"run", "its result does not say which program carried it out, as results of before there were seals; run it again"}
	}
	s.estimate, err = s.open(tx, roleEstimate)
	return *s.run.Ended, true, err
}

// open opens the one file of a role, nil where there is none.
func (s *sealing) open(tx *store.ReadTx, role string) (from *store.BlobReader, err error) {
	for _, f := range s.files {
		switch {
		case f.Role != role:
		case from != nil:
			return from, &Invalid{"run", fmt.Sprintf("its result has two files of the role %s; a seal speaks of one", role)}
		default:
			if from, err = tx.OpenBlob(f.Blob.ref()); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	return from, nil
}

// Roles of result files that a seal has a place of its own for.
const (
	roleTable    = "table"
	roleEstimate = "estimate"
)

// compose is the statement, but for run, ledger and time.
func (s *sealing) compose() (out seal.Statement, err error) {
	p := &out.Predicate
	p.Model, p.Portfolio, p.Seed = s.run.Model, s.run.Exposure, s.run.Spec.Seed
	if p.Spec, err = specText(s.run.Spec); err != nil {
		return out, err
	}
	p.Tables = map[string]ledger.Digest{}
	for _, f := range s.files {
		out.Subjects = append(out.Subjects, seal.Subject{Name: f.Name, Digest: f.Blob.Digest})
		switch f.Role {
		case roleTable:
			p.Tables[strings.TrimSuffix(f.Name, path.Ext(f.Name))] = f.Digest
		case roleEstimate:
			if p.Estimate, err = s.sealedEstimate(f); err != nil {
				return out, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	p.Build, err = readBuild(s.build)
	return out, err
}

// readBuild reads the file of the role RoleBuild.
func readBuild(from io.Reader) (b seal.Build, err error) {
	text, err := io.ReadAll(io.LimitReader(from, maxBuild))
	if err == nil {
		strict := json.NewDecoder(bytes.NewReader(text))
		strict.DisallowUnknownFields()
		err = strict.Decode(&b)
	}
	if err != nil {
		return b, fmt.Errorf("reading which program carried the run out: %w", err)
	}
	return b, nil
}

// specText is what the ledger's digest of a spec is over, so that a seal and the ledger name a spec alike.
func specText(s engine.Spec) ([]byte, error) {
	return canonical.Marshal(struct {
		engine.Spec
		Seed string `json:"seed"`
	}{s, strconv.FormatUint(s.Seed, 10)})
}

// sealedEstimate says where the estimate's numbers come from.
func (s *sealing) sealedEstimate(f File) (*seal.Estimate, error) {
	report, err := quantum.ReadReport(io.LimitReader(s.estimate, maxEstimate))
	if err != nil {
		return nil, err
	}
	e := &seal.Estimate{Backends: []string{}, Digest: f.Blob.Digest, File: f.Name, Simulated: true}
	for _, p := range report.Panels {
		e.Qubits = max(e.Qubits, p.Qubits)
		e.Simulated = e.Simulated && p.Backend.Simulated
		if !slices.Contains(e.Backends, p.Backend.Name) {
			e.Backends = append(e.Backends, p.Backend.Name)
		}
	}
	return e, nil
}

// keep is the second transaction of a run's end.
func (s *sealing) keep(tx *store.WriteTx, m store.MadeSeal) error {
	r, err := runs.Get(tx, s.id)
	if err != nil {
		return err
	}
	if s.made, err = seals.Get(tx, s.id); err == nil || !errors.Is(err, store.ErrNotFound) {
		return err // somebody else was faster: theirs is the seal
	}
	err = s.workspace.withWorkload(tx, func(l *workload) error {
		l.set(s.id, Done, true)
		return nil
	})
	if err != nil {
		return err
	}
	v := Seal{Digest: m.Digest, Key: m.Key, Made: m.Time, By: s.by, Envelope: m.Envelope}
	if err := seals.Insert(tx, s.id, v); err != nil {
		return err
	}
	s.made = store.Record[Seal]{ID: s.id, Version: 1, Value: v}
	tx.Enter(leaf(ledger.SealIssued, s.id, map[string]ledger.Digest{"seal": v.Digest, "key": v.Key}, ""))
	r.Value.Seal = Sealed
	if _, err = runs.Put(tx, r); err != nil {
		return err
	}
	return s.workspace.announce(tx, RunSealed, s.id)
}

// SealPending seals all finished runs that have no seal, oldest first, and goes on after a run that cannot be sealed. It returns
// the runs that it sealed, and the errors joined, each with its run.
func (w *Workspace) SealPending(ctx context.Context) (sealed []store.ID, err error) {
	pending, err := w.Unsealed(ctx)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, run := range pending {
		if _, err := w.Seal(ctx, run); err != nil {
			faults = append(faults, fmt.Errorf("sealing run %s: %w", run, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		sealed = append(sealed, run)
	}
	return sealed, errors.Join(faults...)
}

// Unsealed lists the finished runs that have no seal, oldest first.
func (w *Workspace) Unsealed(ctx context.Context) (pending []store.ID, err error) {
	const atOnce = 1000
	for after := store.Cursor(""); ; {
		var page store.Page[Run]
		err := w.tenant.View(ctx, store.Action{Verb: rights.RunRead}, func(tx *store.ReadTx) (err error) {
			page, err = runs.List(tx, after, atOnce)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			if r.Value.Seal == SealPending {
				pending = append(pending, r.ID)
			}
		}
		if after = page.Next; after == "" {
			return pending, nil
		}
	}
}

// SealOf reads the seal of a run; store.ErrNotFound: it has none.
func (w *Workspace) SealOf(ctx context.Context, run store.ID) (r store.Record[Seal], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.SealRead, Object: run}, func(tx *store.ReadTx) (err error) {
		r, err = seals.Get(tx, run)
		return err
	})
	return r, err
}

// Seals lists the seals by their runs, newest run first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) Seals(ctx context.Context, after store.Cursor, limit int) (page store.Page[Seal], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.SealRead}, func(tx *store.ReadTx) (err error) {
		page, err = seals.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

// Sealed reads the seal of a run and opens the files that came out of it, to be held against it, in one reading. They must be closed.
// store.ErrNotFound: it has no seal; *UnfinishedError: it is not done.
func (w *Workspace) Sealed(ctx context.Context, run store.ID) (r store.Record[Seal], f *Finished, err error) {
	f = &Finished{open: map[string]*store.BlobReader{}}
	err = w.tenant.View(ctx, store.Action{Verb: rights.SealRead, Object: run}, func(tx *store.ReadTx) (err error) {
		if r, err = seals.Get(tx, run); err != nil {
			return err
		}
		return f.read(tx, run, func(File) bool { return true })
	})
	if err != nil {
		return r, nil, errors.Join(err, f.Close())
	}
	return r, f, nil
}
