package keyring

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// modelOwner is what must be true of an owner.
type modelOwner struct {
	version  uint32
	epochs   map[Purpose]uint32
	retired  map[envelope.KeyID]bool
	boxes    []modelBox
	used     map[envelope.KeyID]uint64 // encryptions that have really happened
	acquired time.Time
}

type modelBox struct {
	purpose Purpose
	box     envelope.Box
	text    string
}

// machine runs random changes on a ring and on the model; faults of the disk and crashes come in between.
type machine struct {
	f      *fixture
	r      *Ring
	d      *faultyDisk
	owners map[Owner]*modelOwner
	erased map[Owner]bool
	root   uint32
	next   byte
	texts  int
}

// TestRandomChanges compares a ring with a model of it, with faults and crashes between any two steps of the disk.
func TestRandomChanges(t *testing.T) {
	base := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		dir := filepath.Join(base, fmt.Sprint(runs))
		if err := os.Mkdir(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := os.RemoveAll(dir); err != nil {
				rt.Error(err)
			}
		}()
		m := newMachine(rt, t, dir)
		rt.Repeat(map[string]func(*rapid.T){
			"": m.check, "add": m.add, "encrypt": m.encrypt, "rotate": m.rotate, "roll": m.roll, "retire": m.retire,
			"erase": m.erase, "rewrap": m.rewrap, "restart": m.restart, "crash": m.crash, "tick": m.tick, "purpose": m.purpose,
		})
	})
}

func newMachine(rt *rapid.T, t *testing.T, dir string) *machine {
	key := filepath.Join(dir, "unlock.key")
	if err := NewKeyFile(key, newRing("", Options{}).rand); err != nil {
		rt.Fatal(err)
	}
	m := &machine{owners: map[Owner]*modelOwner{}, erased: map[Owner]bool{}, root: 1}
	m.f = &fixture{t: t, dir: filepath.Join(dir, "store"), unlock: KeyFile(key), clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	m.f.path = filepath.Join(m.f.dir, "keys.qrk")
	if err := os.Mkdir(m.f.dir, 0o700); err != nil {
		rt.Fatal(err)
	}
	r, _, err := Create(ctx, m.f.path, m.f.install, m.f.options(), m.f.unlock)
	if err != nil {
		rt.Fatal(err)
	}
	m.take(r)
	return m
}

func (m *machine) take(r *Ring) {
	m.r, m.d = r, &faultyDisk{}
	r.file.disk = m.d
}

// plant perhaps makes one of the next steps of the disk fail, and clears that afterwards.
func (m *machine) plant(t *rapid.T) func() {
	m.d.fail = 0
	if rapid.IntRange(0, 2).Draw(t, "fault") == 0 {
		m.d.fail = m.d.steps + rapid.IntRange(1, 10).Draw(t, "step")
		m.d.effect = rapid.Bool().Draw(t, "effect")
		m.d.crash = rapid.Bool().Draw(t, "kill")
	}
	return func() { m.d.fail = 0 }
}

// settle decides from the disk whether a change that failed has happened after all.
func (m *machine) settle(t *rapid.T, before uint64, err error) (happened bool) {
	if err == nil || errors.Is(err, ErrResidue) {
		if m.d.dead {
			m.start(t)
		}
		return true
	}
	if !errors.Is(err, errPlanted) {
		t.Fatalf("an error that nobody planted: %v", err)
	}
	if !m.d.dead && !errors.Is(err, ErrUncertain) {
		if m.r.Generation() != before {
			t.Fatalf("%v, and generation %d after %d", err, m.r.Generation(), before)
		}
		return false
	}
	m.start(t)
	return m.r.Generation() > before
}

func (m *machine) start(t *rapid.T) {
	r, err := Open(m.f.path, m.f.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Unlock(ctx, m.f.unlock); err != nil {
		t.Fatal(err)
	}
	m.take(r)
}

func (m *machine) pick(t *rapid.T) (Owner, *modelOwner) {
	if len(m.owners) == 0 {
		t.Skip("no owners")
	}
	o := rapid.SampledFrom(slices.SortedFunc(maps.Keys(m.owners), compareOwners)).Draw(t, "owner")
	return o, m.owners[o]
}

func (m *machine) add(t *rapid.T) {
	if len(m.owners) > 4 {
		t.Skip("enough")
	}
	m.next++
	o := Owner{Data + Hierarchy(m.next%2), [16]byte{m.next}}
	before := m.r.Generation()
	defer m.plant(t)()
	_, err := m.r.Add(ctx, []Grant{{o, []Purpose{1, PurposeIndex}}})
	if m.settle(t, before, err) {
		m.owners[o] = &modelOwner{version: 1, epochs: map[Purpose]uint32{1: 1, PurposeIndex: 1}, retired: map[envelope.KeyID]bool{},
			used: map[envelope.KeyID]uint64{}, acquired: m.f.clock}
	}
}

func (m *machine) purpose(t *rapid.T) {
	o, w := m.pick(t)
	p := Purpose(rapid.IntRange(2, 3).Draw(t, "purpose"))
	before := m.r.Generation()
	defer m.plant(t)()
	_, err := m.r.Add(ctx, []Grant{{o, []Purpose{p}}})
	if m.settle(t, before, err) && w.epochs[p] == 0 {
		w.epochs[p] = 1
	}
}

func (m *machine) encrypt(t *rapid.T) {
	o, w := m.pick(t)
	p := rapid.SampledFrom(slices.Sorted(maps.Keys(w.epochs))).Draw(t, "purpose")
	if _, err := m.r.Open(o); err != nil {
		t.Fatal(err)
	}
	before := m.r.Generation()
	defer m.plant(t)()
	k, err := m.r.DataKey(o, p)
	if err != nil {
		m.settle(t, before, err)
		return
	}
	m.texts++
	text := fmt.Sprint("text ", m.texts)
	w.boxes = append(w.boxes, modelBox{p, k.Encrypt(at(o), 1, nil, []byte(text)), text})
	w.used[k.ID()]++
	if m.d.dead {
		m.start(t)
	}
}

func (m *machine) rotate(t *rapid.T) {
	o, w := m.pick(t)
	before := m.r.Generation()
	defer m.plant(t)()
	_, err := m.r.Rotate(ctx, []Owner{o})
	if m.settle(t, before, err) {
		w.version++
		w.acquired = m.f.clock
		for p := range w.epochs {
			if p != PurposeIndex {
				w.epochs[p]++
			}
		}
	}
}

func (m *machine) roll(t *rapid.T) {
	o, w := m.pick(t)
	before := m.r.Generation()
	defer m.plant(t)()
	_, err := m.r.Roll(ctx, o)
	if m.settle(t, before, err) {
		for p := range w.epochs {
			w.epochs[p]++
		}
	}
}

func (m *machine) retire(t *rapid.T) {
	o, w := m.pick(t)
	var old []envelope.KeyID
	for _, s := range m.r.Owners() {
		for _, k := range s.DataKeys {
			if s.Owner == o && !k.Current {
				old = append(old, k.KeyID)
			}
		}
	}
	if len(old) == 0 {
		t.Skip("no old epochs")
	}
	id := rapid.SampledFrom(old).Draw(t, "key")
	before := m.r.Generation()
	defer m.plant(t)()
	_, err := m.r.Retire(ctx, o, []envelope.KeyID{id})
	if m.settle(t, before, err) {
		w.retired[id] = true
	}
}

func (m *machine) erase(t *rapid.T) {
	o, _ := m.pick(t)
	before := m.r.Generation()
	defer m.plant(t)()
	_, err := m.r.Erase(ctx, []Owner{o})
	if m.settle(t, before, err) {
		m.root++
		delete(m.owners, o)
		m.erased[o] = true
	}
}

// rewrap is two changes of the file: the root, then the owners.
func (m *machine) rewrap(t *rapid.T) {
	before, _ := m.r.RewrapPending()
	root := m.r.Root().Generation
	defer m.plant(t)()
	_, err := m.r.Rewrap(ctx, nil)
	if err != nil && !errors.Is(err, errPlanted) {
		t.Fatal(err)
	}
	if m.d.dead || errors.Is(err, ErrUncertain) {
		m.start(t)
	}
	if m.r.Root().Generation > root+1 || before > 0 && m.r.Root().Generation != root {
		t.Fatalf("root %d after %d", m.r.Root().Generation, root)
	}
	m.root = m.r.Root().Generation
	versions := map[Owner]uint32{}
	for _, s := range m.r.Owners() {
		versions[s.Owner] = s.Version
	}
	left, _ := m.r.RewrapPending()
	for o, w := range m.owners {
		switch v := versions[o]; {
		case v == w.version+1:
			w.version++
			w.acquired = m.f.clock
		case v != w.version || err == nil && left == 0 && before == 0:
			t.Fatalf("%v has version %d after %d", o, v, w.version)
		}
	}
}

func (m *machine) restart(t *rapid.T) { m.r.Lock(); m.start(t) }
func (m *machine) crash(t *rapid.T)   { m.start(t) }
func (m *machine) tick(*rapid.T)      { m.f.clock = m.f.clock.Add(23 * 24 * time.Hour) }

// check compares everything that can be seen.
func (m *machine) check(t *rapid.T) {
	m.d.fail = 0
	if got := m.r.Root().Generation; got != m.root {
		t.Fatalf("root %d, model %d", got, m.root)
	}
	m.checkOwners(t)
	for o := range m.erased {
		if _, err := m.r.Open(o); !errors.Is(err, ErrErased) {
			t.Fatalf("%v is erased and opens with %v", o, err)
		}
	}
	if got := len(m.r.Erased()); got != len(m.erased) {
		t.Fatalf("%d erasures, model %d", got, len(m.erased))
	}
	due := map[Owner]bool{}
	for _, o := range m.r.Due(m.f.clock) {
		due[o] = true
	}
	for o, w := range m.owners {
		if due[o] != (m.f.clock.Sub(w.acquired) >= RotateAfter) {
			t.Fatalf("%v due: %v, made %v, now %v", o, due[o], w.acquired, m.f.clock)
		}
		for _, b := range w.boxes {
			text, err := decrypt(m.r, o, b.box)
			if w.retired[b.box.KeyID()] {
				if !errors.Is(err, ErrDestroyed) {
					t.Fatalf("a retired key gives %q, %v", text, err)
				}
			} else if err != nil || text != b.text {
				t.Fatalf("%q, %v; want %q", text, err, b.text)
			}
		}
	}
}

func (m *machine) checkOwners(t *rapid.T) {
	all := m.r.Owners()
	if len(all) != len(m.owners) {
		t.Fatalf("%d owners, model %d", len(all), len(m.owners))
	}
	for _, s := range all {
		w := m.owners[s.Owner]
		if w == nil || s.Version != w.version || len(s.Retired) != len(w.retired) {
			t.Fatalf("%+v, model %+v", s, w)
		}
		current := map[Purpose]uint32{}
		for _, k := range s.DataKeys {
			if k.Current {
				current[k.Purpose] = k.Epoch
			}
			if k.Used < w.used[k.KeyID] || k.Used > w.used[k.KeyID]+64*freeBlock {
				t.Fatalf("key %v is counted as used %d times, was %d times", k.KeyID, k.Used, w.used[k.KeyID])
			}
		}
		if !maps.Equal(current, w.epochs) {
			t.Fatalf("%v: epochs %v, model %v", s.Owner, current, w.epochs)
		}
	}
}
