package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

var errPlanted = errors.New("planted fault")

// faultyDisk fails the step of this number, without or with effect. With crash it does nothing from then on,
// as after a kill; what was written and not synced is then cut in half, as after a power failure.
type faultyDisk struct {
	osDisk
	fail   int // 1 is the first step; 0: none
	effect bool
	crash  bool

	steps    int
	unsynced map[string]int64 // size that is surely on disk
	dead     bool
}

func (d *faultyDisk) step(do func() error) error {
	d.steps++
	if d.unsynced == nil {
		d.unsynced = map[string]int64{}
	}
	switch {
	case d.dead:
		return errPlanted
	case d.steps != d.fail:
		return do()
	}
	if d.effect {
		if err := do(); err != nil {
			return err
		}
	}
	if d.crash {
		d.dead = true
		for path, size := range d.unsynced {
			if info, err := os.Stat(path); err == nil && info.Size() > size {
				_ = os.Truncate(path, size+(info.Size()-size)/2)
			}
		}
	}
	return errPlanted
}

func (d *faultyDisk) create(path string) (f *os.File, err error) {
	err = d.step(func() error {
		f, err = d.osDisk.create(path)
		return err
	})
	if err != nil && f != nil {
		_ = f.Close()
	}
	d.unsynced[path] = 0
	return f, err
}

// write writes half when it fails with effect, as a full disk does.
func (d *faultyDisk) write(f *os.File, data []byte) error {
	half := data
	if d.steps+1 == d.fail {
		half = data[:len(data)/2]
	}
	return d.step(func() error { return d.osDisk.write(f, half) })
}

func (d *faultyDisk) sync(f *os.File) error {
	return d.step(func() error {
		if info, err := f.Stat(); err == nil {
			d.unsynced[f.Name()] = info.Size()
		}
		return d.osDisk.sync(f)
	})
}

func (d *faultyDisk) link(from, to string) error {
	return d.step(func() error {
		delete(d.unsynced, to) // it is the file itself, which is durable
		return d.osDisk.link(from, to)
	})
}

func (d *faultyDisk) rename(from, to string) error {
	return d.step(func() error {
		d.unsynced[to] = d.unsynced[from]
		delete(d.unsynced, from)
		return d.osDisk.rename(from, to)
	})
}
func (d *faultyDisk) remove(path string) error {
	return d.step(func() error { return d.osDisk.remove(path) })
}
func (d *faultyDisk) syncDir(path string) error {
	return d.step(func() error { return d.osDisk.syncDir(path) })
}

// subject is a ring with something of everything in it, made anew for each fault from the same bytes.
type subject struct {
	f       *fixture
	r       *Ring
	a, b    Owner
	boxA    envelope.Box // of an old epoch
	boxB    envelope.Box
	initial []byte
}

func newSubject(t *testing.T) *subject {
	t.Helper()
	s := &subject{a: owner(Data, 1), b: owner(Audit, 2)}
	s.f, s.r, _ = newFixture(t)
	add(t, s.r, s.a, 1, 2)
	add(t, s.r, s.b, 1)
	s.boxA, s.boxB = encrypt(t, s.r, s.a, 1, "alpha"), encrypt(t, s.r, s.b, 1, "beta")
	must[[]Event](t)(s.r.Rotate(ctx, []Owner{s.a}))
	s.r.Lock()
	s.initial = must[[]byte](t)(os.ReadFile(s.f.path))
	return s
}

// reset puts the first bytes back and opens them on the disk.
func (s *subject) reset(t *testing.T, d *faultyDisk) {
	t.Helper()
	for _, name := range []string{"", ".new", ".old"} {
		_ = os.Remove(s.f.path + name)
	}
	if err := os.WriteFile(s.f.path, s.initial, 0o600); err != nil {
		t.Fatal(err)
	}
	s.r = s.f.reopen()
	must[[]Event](t)(s.r.Open(s.a))
	must[[]Event](t)(s.r.Open(s.b))
	*d = faultyDisk{fail: d.fail, effect: d.effect, crash: d.crash}
	s.r.file.disk = d
}

// operations are all changes of the file, each with what it must have done when it says so.
func operations(s *subject) map[string]struct {
	do    func(*Ring) error
	erase bool
} {
	type operation = struct {
		do    func(*Ring) error
		erase bool
	}
	only := func(_ []Event, err error) error { return err }
	c := Owner{Data, [16]byte{3}}
	return map[string]operation{
		"add":        {do: func(r *Ring) error { return only(r.Add(ctx, []Grant{{c, []Purpose{1}}})) }},
		"rotate":     {do: func(r *Ring) error { return only(r.Rotate(ctx, []Owner{s.a, s.b})) }},
		"roll":       {do: func(r *Ring) error { return only(r.Roll(ctx, s.b)) }},
		"rewrap":     {do: func(r *Ring) error { return only(r.Rewrap(ctx, nil)) }},
		"erase":      {do: func(r *Ring) error { return only(r.Erase(ctx, []Owner{s.a})) }, erase: true},
		"add slot":   {do: func(r *Ring) error { return only(r.AddSlot(ctx, s.f.unlock)) }},
		"recovery":   {do: func(r *Ring) error { _, _, err := r.ReplaceRecovery(ctx); return err }},
		"signer":     {do: func(r *Ring) error { return only(r.AddSigner(ctx, CheckpointSeries)) }},
		"seal key":   {do: func(r *Ring) error { return only(r.AddSealKey(ctx)) }},
		"encrypting": {do: func(r *Ring) error { _, err := r.DataKey(s.b, 1); return err }},
		"lock": {do: func(r *Ring) error {
			if _, err := r.DataKey(s.b, 1); err != nil {
				return err
			}
			r.Lock()
			return nil
		}},
	}
}

// TestEveryStep fails every step of every change: without and with effect, and as a crash at that place. Afterwards the
// file opens, is the one before or the one after, everything not erased is readable, and nothing lies about.
func TestEveryStep(t *testing.T) {
	s := newSubject(t)
	faults, again := 0, 0
	for name, op := range operations(s) {
		d := &faultyDisk{}
		s.reset(t, d)
		if err := op.do(s.r); err != nil {
			t.Fatalf("%s without faults: %v", name, err)
		}
		steps := d.steps
		if steps < 8 {
			t.Fatalf("%s has %d steps", name, steps)
		}
		for n := 1; n <= steps; n++ {
			for _, effect := range []bool{false, true} {
				for _, crash := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/step %d effect %v crash %v", name, n, effect, crash), func(t *testing.T) {
						d := &faultyDisk{fail: n, effect: effect, crash: crash}
						s.reset(t, d)
						generation := s.r.Generation()
						err := op.do(s.r)
						s.look(t, d, op.erase, generation, err)
						if !crash && !errors.Is(err, ErrUncertain) && !s.r.Locked() {
							s.r.file.disk = osDisk{}
							if err := op.do(s.r); err != nil {
								t.Errorf("once more, without the fault: %v", err)
							}
							again++
						}
						s.check(t)
					})
					faults++
				}
			}
		}
	}
	t.Logf("%d faults, %d changes made after all", faults, again)
}

// look holds what a change said against what the fault left on disk, without touching it.
func (s *subject) look(t *testing.T, d *faultyDisk, erase bool, generation uint64, err error) {
	t.Helper()
	r := must[*Ring](t)(Open(s.f.path, s.f.options()))
	now, known := r.Generation(), d.crash || errors.Is(err, ErrUncertain)
	switch {
	case now < generation:
		t.Errorf("generation %d after %d", now, generation)
	case err == nil && now == generation:
		t.Error("reported as done and not on disk")
	case err != nil && !known && !errors.Is(err, ErrResidue) && now > generation+1:
		t.Errorf("an error, and generation %d after %d: %v", now, generation, err)
	case erase && (err == nil || errors.Is(err, ErrResidue)) != (len(r.Erased()) > 0) && !known:
		t.Errorf("erased: %v, reported %v", r.Erased(), err)
	case erase && err == nil && len(r.Erased()) == 0:
		t.Error("reported as erased and is not")
	}
}

// check unlocks and uses what there is.
func (s *subject) check(t *testing.T) {
	t.Helper()
	r := s.f.reopen()
	s.f.wantTidy()
	text, err := decrypt(r, s.a, s.boxA)
	switch erased := len(r.Erased()) > 0; {
	case erased && !errors.Is(err, ErrErased):
		t.Errorf("erased, and decrypts with %v", err)
	case !erased && (err != nil || text != "alpha"):
		t.Errorf("%q, %v", text, err)
	}
	wantText(t, r, s.b, s.boxB, "beta")
	wantText(t, r, s.b, encrypt(t, r, s.b, 1, "new"), "new")
	r.Lock()
}

// TestUncertain wants no further change where it is not known which file survives, until it is opened again.
func TestUncertain(t *testing.T) {
	s := newSubject(t)
	d := &faultyDisk{}
	s.reset(t, d)
	must[[]Event](t)(s.r.Add(ctx, []Grant{{owner(Data, 9), []Purpose{1}}}))
	d.fail = d.steps + 6 // create, write, sync, link, rename, sync of the folder
	_, err := s.r.Rotate(ctx, []Owner{s.b})
	wantError(t, err, ErrUncertain)
	d.fail = 0
	_, err = s.r.Rotate(ctx, []Owner{s.b})
	wantError(t, err, ErrUncertain)
	wantText(t, s.r, s.b, s.boxB, "beta") // reading goes on
	s.r.Lock()
	if err := s.r.Unlock(ctx, s.f.unlock); err != nil {
		t.Fatal(err)
	}
	must[[]Event](t)(s.r.Rotate(ctx, []Owner{s.b}))
}

// TestUnlockSyncsFirst wants the file of before kept until it is sure which one the folder names after a power failure.
func TestUnlockSyncsFirst(t *testing.T) {
	s := newSubject(t)
	s.reset(t, &faultyDisk{})
	must[[]Event](t)(s.r.Rotate(ctx, []Owner{s.b}))
	if err := os.WriteFile(s.f.path+".old", s.initial, 0o600); err != nil { // as after a kill behind the rename
		t.Fatal(err)
	}
	r := must[*Ring](t)(Open(s.f.path, s.f.options()))
	d := &faultyDisk{fail: 1}
	r.file.disk = d
	if err := r.Unlock(ctx, s.f.unlock); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(must[[]byte](t)(os.ReadFile(s.f.path+".old")), s.initial) {
		t.Error("the file of before was overwritten, and the folder may still name it")
	}
	wantText(t, r, s.b, s.boxB, "beta")
	_, err := r.Rotate(ctx, []Owner{s.b})
	wantError(t, err, ErrUncertain)
	r.Lock()
	if err := r.Unlock(ctx, s.f.unlock); err != nil {
		t.Fatal(err)
	}
	s.f.wantTidy()
}

// TestOldBytesOverwritten keeps a second name of the file before, which a change must have filled with zeros.
func TestOldBytesOverwritten(t *testing.T) {
	s := newSubject(t)
	for name, op := range operations(s) {
		if name == "lock" {
			continue // two changes
		}
		s.reset(t, &faultyDisk{})
		saved := filepath.Join(t.TempDir(), "before")
		if err := os.Link(s.f.path, saved); err != nil {
			t.Fatal(err)
		}
		if err := op.do(s.r); err != nil {
			t.Fatal(err)
		}
		if b := must[[]byte](t)(os.ReadFile(saved)); !bytes.Equal(b, make([]byte, len(s.initial))) {
			t.Errorf("%s: the file before is still readable", name)
		}
	}
}

// TestResidue erases while the old file cannot be overwritten: it says so, and the next try ends it.
func TestResidue(t *testing.T) {
	s := newSubject(t)
	d := &faultyDisk{}
	s.reset(t, d)
	d.fail = 7 // the first step after the commit
	events, err := s.r.Erase(ctx, []Owner{s.a})
	wantError(t, err, ErrResidue)
	if len(events) == 0 || len(s.r.Erased()) != 1 {
		t.Errorf("events %+v, erased %+v", events, s.r.Erased())
	}
	d.fail = d.steps + 1
	_, err = s.r.Erase(ctx, []Owner{s.a})
	wantError(t, err, ErrResidue)
	if _, err = s.r.Erase(ctx, []Owner{s.a}); err != nil {
		t.Error(err)
	}
	s.f.wantTidy()
}

// TestRewrapResumes stops a rewrap of many owners after every step of the disk and ends it in a new process.
func TestRewrapResumes(t *testing.T) {
	f, r, _ := newFixture(t)
	const owners = 2*rewrapStep + 3
	boxes := fill(t, r, owners, 1)
	r.Lock()
	initial := must[[]byte](t)(os.ReadFile(f.path))
	for _, fail := range []int{5, 9 + 3, 2*9 + 6, 3*9 + 1, 3*9 + 7} {
		for _, name := range []string{"", ".new", ".old"} {
			_ = os.Remove(f.path + name)
		}
		if err := os.WriteFile(f.path, initial, 0o600); err != nil {
			t.Fatal(err)
		}
		r := f.reopen()
		d := &faultyDisk{fail: fail, crash: true}
		r.file.disk = d
		before, err := r.Rewrap(ctx, nil)
		if fail < 3*9 && err == nil {
			t.Fatalf("fault %d of %d steps changed nothing", fail, d.steps)
		}
		r = f.reopen()
		left, total := r.RewrapPending()
		var after []Event
		for last := -1; ; {
			if after, err = r.Rewrap(ctx, func(done, all int) {
				if done <= last || all != owners {
					t.Errorf("progress %d of %d after %d", done, all, last)
				}
				last = done
			}); err != nil {
				t.Fatal(err)
			}
			break
		}
		if total != 0 && countEvents(after, Created, RootKey) != 0 {
			t.Errorf("fault %d: begun anew, %d of %d were left", fail, left, total)
		}
		if left != 0 && countEvents(after, Created, OwnerKey) != left {
			t.Errorf("fault %d: %d owners rewrapped, %d were left", fail, countEvents(after, Created, OwnerKey), left)
		}
		if left, total := r.RewrapPending(); left != 0 || total != 0 {
			t.Errorf("%d of %d left", left, total)
		}
		for _, s := range r.Owners() {
			if s.Version < 2 {
				t.Fatalf("%v has still version %d", s.Owner, s.Version)
			}
		}
		for _, n := range []int{0, rewrapStep, owners - 1} {
			wantText(t, r, space(n), boxes[n], fmt.Sprint(n))
		}
		t.Logf("fault %d: %d events before, %d owners left of %d", fail, len(before), left, total)
	}
}

func countEvents(all []Event, kind EventKind, object Object) (n int) {
	for _, e := range all {
		if e.Kind == kind && e.Object == object {
			n++
		}
	}
	return n
}

func space(n int) Owner { return Owner{Data, [16]byte{byte(n >> 16), byte(n >> 8), byte(n), 1}} }

// fill makes owners with data keys and encrypts one box for some of them.
func fill(t testing.TB, r *Ring, owners, purposes int) map[int]envelope.Box {
	t.Helper()
	var all []Purpose
	for p := range purposes {
		all = append(all, Purpose(p+1))
	}
	var grants []Grant
	for n := range owners {
		grants = append(grants, Grant{space(n), all})
	}
	must[[]Event](t)(r.Add(ctx, grants))
	boxes := map[int]envelope.Box{}
	for _, n := range []int{0, rewrapStep, owners - 1} {
		if n < owners {
			must[[]Event](t)(r.Open(space(n)))
			boxes[n] = encrypt(t, r, space(n), 1, fmt.Sprint(n))
		}
	}
	return boxes
}

// TestCancelled wants nothing changed by a context that is over.
func TestCancelled(t *testing.T) {
	_, r, _ := newFixture(t)
	over, cancel := context.WithCancel(ctx)
	cancel()
	generation := r.Generation()
	_, err := r.Add(over, []Grant{{owner(Data, 1), []Purpose{1}}})
	wantError(t, err, context.Canceled)
	_, err = r.Rewrap(over, nil)
	wantError(t, err, context.Canceled)
	if r.Generation() != generation {
		t.Error("changed")
	}
}
