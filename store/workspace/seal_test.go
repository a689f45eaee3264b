package workspace_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// sealable is a result as the runner leaves it: tables in two forms, manifest, estimate and the program that made it.
func sealable(t testing.TB) []workspace.NewFile {
	t.Helper()
	columns := sha256.Sum256([]byte("columns of elt"))
	csv, parquet := bytesFile("table", "elt.csv", "EventId,Loss\n1,2\n"), bytesFile("table", "elt.parquet", "PAR1")
	csv.Digest, parquet.Digest = columns, columns
	estimate := must(json.Marshal(quantum.Report{Format: quantum.Format, Currency: "USD"}))(t)
	build := must(json.Marshal(seal.Build{
		Commit: strings.Repeat("a", 40), Engine: "0.1.0", Go: "go1.26.0", Module: "github.com/qrsrisk/qrsd",
		Modules: []seal.Module{{Path: "example.com/m", Version: "v1.0.0", Sum: "h1:x"}},
	}))(t)
	return []workspace.NewFile{csv, parquet, bytesFile("manifest", "manifest.json", "{}\n"), bytesFile("estimate", "estimate.json", string(estimate)), bytesFile(workspace.RoleBuild, "build.json", string(build))}
}

// finished is a run that can be sealed.
func (b *bench) finished(w *workspace.Workspace) store.ID {
	b.Helper()
	id := b.running(w)
	must(w.Finish(b.Context(), id, worker, sealable(b)))(b)
	return id
}

// verifies wants a seal that holds under the keys that the store publishes, with all files of the result.
func (b *bench) verifies(w *workspace.Workspace, run store.ID, envelope []byte) *seal.Statement {
	b.Helper()
	var files []seal.File
	for _, f := range must(w.Result(b.Context(), run))(b).Files {
		from, err := w.OpenResult(b.Context(), run, f.Name)
		files = append(files, seal.File{Name: f.Name, Digest: sha256.Sum256([]byte(readAll(b, from, err)))})
	}
	keys := must(seal.ParseKeys(must(b.db.PublishedKeys())(b).JWKS()))(b)
	verdict := seal.Verify(envelope, keys, files)
	for _, c := range verdict.Checks {
		if !c.OK || c.Name == "files not given" {
			b.Errorf("%s: got %s, want %s: %s", c.Name, c.Got, c.Want, c.Reason)
		}
	}
	if verdict.Statement == nil {
		b.Fatal("the seal is of nothing")
	}
	return verdict.Statement
}

// TestSeal seals a run, once.
func TestSeal(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Analyst)
	admin := b.as(store.Admin)
	run := b.finished(admin)
	if r := must(w.Run(t.Context(), run))(t); r.Value.Seal != workspace.SealPending {
		t.Errorf("before: %q", r.Value.Seal)
	}
	_, err := w.SealOf(t.Context(), run)
	wantIs(t, err, store.ErrNotFound)
	before := len(b.entries())
	made := must(w.Seal(t.Context(), run))(t)
	if now := b.entries(); len(now) != before+1 || now[before].Action != "run.seal" || now[before].Outcome != store.Done || now[before].Object != run.String() || len(now[before].Lineage) != 1 {
		t.Errorf("audit entries: %+v", now[before:])
	}
	s := b.verifies(admin, run, made.Value.Envelope)
	r := must(w.Run(t.Context(), run))(t)
	if r.Value.Seal != workspace.Sealed || made.Value.Digest != sha256.Sum256(made.Value.Envelope) {
		t.Errorf("run %+v, seal %+v", r.Value, made.Value)
	}
	p := s.Predicate
	if p.Run != ledger.ID(run) || p.Model != modelDigest || p.Portfolio != exposureDigest || p.Seed != spec().Seed || p.Build.Commit == "" || len(p.Build.Modules) != 1 ||
		p.Estimate == nil || p.Estimate.File != "estimate.json" || len(p.Tables) != 1 || len(s.Subjects) != 5 || !p.Time.Equal(made.Value.Made) {
		t.Errorf("sealed: %+v", s)
	}
	leaves := must(b.admin.Ledger(t.Context(), -1, 1000))(t)
	last := leaves[len(leaves)-1].Lineage
	if last.Kind != ledger.SealIssued || last.Subject != ledger.ID(run) || last.Digests["seal"] != made.Value.Digest || last.Digests["key"] != made.Value.Key {
		t.Errorf("last leaf: %+v", last)
	}
	for _, l := range leaves {
		if l.Lineage.Kind == ledger.SpecAdded && l.Lineage.Digests["spec"] != p.SpecDigest {
			t.Errorf("the ledger has the spec %s, the seal %s", l.Lineage.Digests["spec"], p.SpecDigest)
		}
	}
	again := must(w.Seal(t.Context(), run))(t)
	kept := must(w.SealOf(t.Context(), run))(t)
	if again.Value.Digest != made.Value.Digest || kept.Value.Digest != made.Value.Digest || len(b.leaves()) != len(leaves) {
		t.Error("sealed twice")
	}
	if page := must(w.Seals(t.Context(), "", 10))(t); len(page.Records) != 1 || page.Records[0].ID != run {
		t.Errorf("%d seals", len(page.Records))
	}
}

func wantIs(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// TestSealRefuses has runs that cannot be sealed, and people who may not.
func TestSealRefuses(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	two := append(sealable(t), bytesFile("estimate", "second.json", "{}"))
	odd := append(sealable(t)[:4], bytesFile(workspace.RoleBuild, "build.json", `{"compiler": "unknown"}`))
	wrong := sealable(t)
	wrong[1].Digest = sha256.Sum256([]byte("other columns"))
	finish := func(files []workspace.NewFile) store.ID {
		id := b.running(w)
		must(w.Finish(t.Context(), id, worker, files))(t)
		return id
	}
	for name, c := range map[string]struct {
		run  store.ID
		want string
	}{
		"queued":           {b.queued(w), "it is queued"},
		"no program":       {b.done(w), "which program"},
		"two estimates":    {finish(two), "two files of the role estimate"},
		"unknown program":  {finish(odd), "unknown field"},
		"tables differ":    {finish(wrong), "tables in the ledger"},
		"no such run":      {store.ID{9}, "not found"},
		"estimate no JSON": {finish(append(sealable(t)[:3], bytesFile("estimate", "estimate.json", "{"), sealable(t)[4])), "reading the quantum estimate"},
	} {
		_, err := w.Seal(t.Context(), c.run)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	run := b.finished(w)
	for _, role := range []store.Role{store.Viewer, store.Approver} {
		_, err := b.as(role).Seal(t.Context(), run)
		var denied *store.DeniedError
		if !errors.As(err, &denied) {
			t.Errorf("%s: %v", role, err)
		}
		entries := b.entries()
		if last := entries[len(entries)-1]; last.Action != "run.seal" || last.Outcome != store.Denied {
			t.Errorf("%s: entered as %+v", role, last)
		}
	}
	sealed, err := w.SealPending(t.Context())
	if len(sealed) != 1 || sealed[0] != run || err == nil || strings.Count(err.Error(), "sealing run ") < 5 {
		t.Errorf("pending: %v, %v", sealed, err)
	}
}

// outside is a seal key of a service, which can do something before it signs.
type outside struct {
	key    *ecdsa.PrivateKey
	before func()
}

func newOutside(t testing.TB) *outside {
	t.Helper()
	return &outside{key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)}
}

func (o *outside) Public() *ecdsa.PublicKey { return &o.key.PublicKey }

func (o *outside) Sign(_ context.Context, digest []byte) ([]byte, error) {
	if o.before != nil {
		o.before()
	}
	return ecdsa.SignASN1(rand.Reader, o.key, digest)
}

// TestSealCrash takes an image of the directory between a run's end and its seal, while the seal is signed, and after. From each the
// run is sealed, once, and the store checks.
func TestSealCrash(t *testing.T) {
	b := newBench(t)
	user := storetest.User(b.tenant, store.Modeler)
	service := newOutside(t)
	images := map[string]string{}
	service.before = func() { images["signing"] = image(t, b.dir) }
	reopen := func(o store.Options) *workspace.Workspace {
		must(0, b.db.Close())(t)
		b.db = storetest.Open(t, b.dir, o)
		b.admin = b.handle(storetest.User(b.tenant, store.Admin))
		return workspace.Open(b.handle(user))
	}
	o := b.options()
	o.SealSigner = service
	w := reopen(o)
	must(b.db.RotateSealKey(t.Context(), storetest.Operator()))(t)
	run := b.finished(w)
	images["end"] = image(t, b.dir)
	must(w.Seal(t.Context(), run))(t)
	images["seal"] = image(t, b.dir)
	service.before = nil
	if len(images) != 3 {
		t.Fatalf("%d images", len(images))
	}
	for after, dir := range images {
		t.Run("after "+after, func(t *testing.T) {
			c := &bench{TB: t, dir: dir, tenant: b.tenant, clock: b.clock}
			c.db = storetest.Open(t, dir, o)
			c.admin = c.handle(storetest.User(b.tenant, store.Admin))
			w := workspace.Open(c.handle(user))
			sealed := must(w.SealPending(t.Context()))(t)
			if (len(sealed) == 1) != (after != "seal") {
				t.Errorf("sealed %v", sealed)
			}
			c.verifies(w, run, must(w.SealOf(t.Context(), run))(t).Value.Envelope)
			count := 0
			for _, k := range c.leaves() {
				if k == ledger.SealIssued {
					count++
				}
			}
			if r := must(w.Run(t.Context(), run))(t); r.Value.Seal != workspace.Sealed || count != 1 {
				t.Errorf("seal %q, %d leaves of seals", r.Value.Seal, count)
			}
		})
	}
}

// TestSealFails has a signer that fails: the run stays pending, the failure is entered, and the next attempt seals.
func TestSealFails(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	run := b.finished(w)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Seal(ctx, run); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if r := must(w.Run(t.Context(), run))(t); r.Value.Seal != workspace.SealPending {
		t.Errorf("seal %q", r.Value.Seal)
	}
	if pending := must(w.Unsealed(t.Context()))(t); len(pending) != 1 || pending[0] != run {
		t.Errorf("pending: %v", pending)
	}
	b.verifies(w, run, must(w.Seal(t.Context(), run))(t).Value.Envelope)
}

// TestSealClock sets the clock back between a run's end and its seal, and between the run's claim and its end.
func TestSealClock(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	for _, back := range []time.Duration{time.Hour, -time.Hour} {
		run := b.running(w)
		b.clock.pass(-back / 2)
		must(w.Finish(t.Context(), run, worker, sealable(t)))(t)
		b.clock.pass(-back)
		b.verifies(w, run, must(w.Seal(t.Context(), run))(t).Value.Envelope)
	}
}

// TestSealsAtOnce has one run sealed by many at once.
func TestSealsAtOnce(t *testing.T) {
	b := newBench(t)
	run := b.finished(b.as(store.Admin))
	const many = 8
	digests := make([]ledger.Digest, many)
	var all sync.WaitGroup
	for i := range many {
		w := b.as(store.Modeler)
		all.Go(func() {
			r, err := w.Seal(t.Context(), run)
			if err != nil {
				t.Error(err)
			}
			digests[i] = r.Value.Digest
		})
	}
	all.Wait()
	kept := must(b.as(store.Viewer).SealOf(t.Context(), run))(t)
	for i, d := range digests {
		if d != kept.Value.Digest {
			t.Errorf("%d was given seal %s, kept is %s", i, d, kept.Value.Digest)
		}
	}
}

// TestSealKeys rotates keys between seals, goes to a service's key and back. All seals verify with what is published at the end.
func TestSealKeys(t *testing.T) {
	b := newBench(t)
	user := storetest.User(b.tenant, store.Modeler)
	w := workspace.Open(b.handle(user))
	service, foreign := newOutside(t), newOutside(t)
	made := map[store.ID][]byte{}
	sealOne := func() {
		t.Helper()
		run := b.finished(w)
		made[run] = must(w.Seal(t.Context(), run))(t).Value.Envelope
	}
	refuses := func(when string) {
		t.Helper()
		run := b.finished(w)
		_, err := w.Seal(t.Context(), run)
		if !errors.Is(err, store.ErrSealKey) || !strings.Contains(err.Error(), "qrsd seal rotate") {
			t.Errorf("%s: %v", when, err)
		}
	}
	reopen := func(s seal.Signer) {
		t.Helper()
		must(0, b.db.Close())(t)
		o := b.options()
		o.SealSigner = s
		b.db = storetest.Open(t, b.dir, o)
		b.admin = b.handle(storetest.User(b.tenant, store.Admin))
		w = workspace.Open(b.handle(user))
	}
	rotate := func() {
		t.Helper()
		b.clock.pass(time.Minute)
		must(b.db.RotateSealKey(t.Context(), storetest.Operator()))(t)
	}
	sealOne()
	sealOne()
	rotate()
	sealOne()
	var denied *store.DeniedError
	if _, err := b.db.RotateSealKey(t.Context(), storetest.User(b.tenant, store.Admin)); !errors.As(err, &denied) {
		t.Errorf("rotated by an admin: %v", err)
	}
	reopen(service)
	refuses("a key that was not adopted")
	rotate()
	sealOne()
	reopen(foreign)
	refuses("another key")
	reopen(nil)
	refuses("without the service")
	rotate()
	sealOne()
	for run, envelope := range made {
		b.verifies(w, run, envelope)
	}
	keys := must(b.db.PublishedKeys())(t).All()
	if len(keys) != 5 {
		t.Fatalf("%d keys, want 4 seal keys and one checkpoint key", len(keys))
	}
	for i, k := range keys {
		if k.NotAfter.IsZero() != (i >= 3) || (k.Role == seal.CheckpointKey) != (i == 4) {
			t.Errorf("key %d: %+v", i, k)
		}
	}
	must(0, b.db.Close())(t)
	locked := must(store.Open(b.dir, b.options()))(t)
	if again := must(locked.PublishedKeys())(t); string(again.JWKS()) != string(must(seal.NewKeys(keys...))(t).JWKS()) {
		t.Error("other keys while locked")
	}
	must(0, locked.Close())(t)
	b.db = storetest.Open(t, b.dir, b.options())
}

// TestRetiredKeySignsNoMore: what a retired key would sign later is refused.
func TestRetiredKeySignsNoMore(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Admin)
	run := b.finished(w)
	envelope := must(w.Seal(t.Context(), run))(t).Value.Envelope
	keys := must(b.db.PublishedKeys())(t).All()
	keys[0].NotAfter = b.clock.Now().Add(-time.Hour)
	verdict := seal.Verify(envelope, must(seal.NewKeys(keys...))(t), nil)
	if verdict.OK() {
		t.Error("a seal of after the key's end")
	}
}

// BenchmarkSeal is the time from a finished run to its kept seal: two proofs, a checkpoint, a signature, a verification, and two
// transactions on the disk.
func BenchmarkSeal(b *testing.B) {
	s := newBench(b)
	w := s.as(store.Admin)
	for b.Loop() {
		b.StopTimer()
		run := s.finished(w)
		b.StartTimer()
		must(w.Seal(b.Context(), run))(b)
	}
}
