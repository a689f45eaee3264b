package keyring

import (
	"crypto/rand"
	"errors"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
)

// used is the count of the current data key of a purpose, as the file bounds it.
func usedOf(t *testing.T, r *Ring, o Owner, p Purpose) uint64 {
	t.Helper()
	for _, s := range r.Owners() {
		for _, k := range s.DataKeys {
			if s.Owner == o && k.Purpose == p && k.Current {
				return k.Used
			}
		}
	}
	t.Fatalf("%v has no key for %d", o, p)
	return 0
}

// TestCountSessions wants true counts after a clean end, and a block more for every crash, for all keys.
func TestCountSessions(t *testing.T) {
	f, r, _ := newFixture(t)
	o := owner(Data, 1)
	add(t, r, o, 1, 2)
	for range 5 {
		encrypt(t, r, o, 1, "x")
	}
	r.Lock()
	for range 3 { // clean: neither counts nor sessions grow
		r = f.reopen()
		must[[]Event](t)(r.Open(o))
		encrypt(t, r, o, 2, "x")
		r.Lock()
	}
	if a, b := usedOf(t, r, o, 1), usedOf(t, r, o, 2); a != 5 || b != 3 {
		t.Errorf("used %d and %d times, want 5 and 3", a, b)
	}
	reading := r.Generation()
	r = f.reopen()
	must[[]Event](t)(r.Open(o))
	r.Lock()
	if r.Generation() != reading {
		t.Error("reading was counted")
	}
	for range 2 { // crashes
		r = f.reopen()
		must[[]Event](t)(r.Open(o))
		encrypt(t, r, o, 1, "x")
	}
	r = f.reopen()
	if a, b := usedOf(t, r, o, 1), usedOf(t, r, o, 2); a != 5+2*freeBlock || b != 3+2*freeBlock {
		t.Errorf("used %d and %d times, want two blocks more than 5 and 3", a, b)
	}
}

// TestCountAhead drives a key through its blocks: what is on disk is never behind what was encrypted.
func TestCountAhead(t *testing.T) {
	f, r, _ := newFixture(t)
	o := owner(Data, 1)
	add(t, r, o, 1)
	writes := r.Generation()
	for range 50 {
		k := must[*envelope.Key](t)(r.DataKey(o, 1))
		k.CountFrom(k.Used() + margin) // what a holder may do between two calls
		s := must[*Ring](t)(Open(f.path, f.options()))
		if bound := s.state.owners[0].keys[0].bound(s.state.sessions); bound < k.Used() {
			t.Fatalf("the file covers %d encryptions of %d", bound, k.Used())
		}
	}
	if n := r.Generation() - writes; n > 4 {
		t.Errorf("%d rewrites for %d encryptions", n, 50*margin)
	}
	k := must[*envelope.Key](t)(r.DataKey(o, 1))
	used := k.Used()
	crashed := f.reopen()
	must[[]Event](t)(crashed.Open(o))
	if again := must[*envelope.Key](t)(crashed.DataKey(o, 1)).Used(); again < used {
		t.Errorf("a key used %d times comes back with %d", used, again)
	}
	r.Lock()
	if n := usedOf(t, r, o, 1); n != used {
		t.Errorf("settled %d, used %d", n, used)
	}
}

// TestExhausted stops giving out a key that nobody rotates, and gives the next one.
func TestExhausted(t *testing.T) {
	_, r, _ := newFixture(t)
	o := owner(Data, 1)
	add(t, r, o, 1)
	must[*envelope.Key](t)(r.DataKey(o, 1)).CountFrom(stopAt)
	_, err := r.DataKey(o, 1)
	wantError(t, err, ErrExhausted)
	must[[]Event](t)(r.Rotate(ctx, []Owner{o}))
	if n := must[*envelope.Key](t)(r.DataKey(o, 1)).Used(); n != 0 {
		t.Errorf("a new key, used %d times", n)
	}
}

// TestConcurrent encrypts, decrypts and asks while keys are rotated, rewrapped and locked.
func TestConcurrent(t *testing.T) {
	_, r, _ := newFixture(t)
	o := owner(Data, 1)
	add(t, r, o, 1, PurposeIndex)
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := useOnce(r, o); err != nil && !errors.Is(err, ErrLocked) {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		must[[]Event](t)(r.Rotate(ctx, []Owner{o}))
		must[[]Event](t)(r.Rewrap(ctx, nil))
		must[[]Event](t)(r.Add(ctx, []Grant{{owner(Audit, 2), []Purpose{1}}}))
	}
	r.Lock()
	close(stop)
	group.Wait()
}

func useOnce(r *Ring, o Owner) error {
	k, err := r.DataKey(o, 1)
	if err != nil {
		return err
	}
	b := k.Encrypt(at(o), 1, nil, []byte("x"))
	if k, err = r.Key(o, b.KeyID()); err != nil {
		return err
	}
	if _, err := k.Decrypt(at(o), b); err != nil {
		return err
	}
	if _, err := r.Index(o, "email"); err != nil {
		return err
	}
	if _, err := r.Signer(CheckpointSeries, "example.com/log"); err != nil {
		return err
	}
	r.Owners()
	r.Slots()
	return nil
}

// big is a ring of 10,000 owners with 20 data keys each.
func big(b *testing.B) (*fixture, *Ring) {
	b.Helper()
	f, r, _ := newFixture(b)
	fill(b, r, 10_000, 20)
	return f, r
}

// BenchmarkRewrap replaces the root and all KEKs of 10,000 owners and wraps their 200,000 data keys anew.
func BenchmarkRewrap(b *testing.B) {
	_, r := big(b)
	for b.Loop() {
		must[[]Event](b)(r.Rewrap(ctx, nil))
	}
}

// BenchmarkRotateOne rotates one of 10,000 owners: one rewrite of the file.
func BenchmarkRotateOne(b *testing.B) {
	_, r := big(b)
	for b.Loop() {
		must[[]Event](b)(r.Rotate(ctx, []Owner{space(17)}))
	}
}

// BenchmarkEraseOne erases one of 10,000 owners: a new root and one rewrite of the file.
func BenchmarkEraseOne(b *testing.B) {
	_, r := big(b)
	n := 0
	for b.Loop() {
		must[[]Event](b)(r.Erase(ctx, []Owner{space(n)}))
		n++
	}
}

// BenchmarkUnlock opens a file of 10,000 owners with 20 data keys each.
func BenchmarkUnlock(b *testing.B) {
	f, r := big(b)
	r.Lock()
	for b.Loop() {
		f.reopen()
	}
}

// BenchmarkOpenOwner unwraps one owner's 20 data keys.
func BenchmarkOpenOwner(b *testing.B) {
	f, r, _ := newFixture(b)
	fill(b, r, 1, 20)
	r.Lock()
	r = f.reopen()
	for b.Loop() {
		must[[]Event](b)(r.Open(space(0)))
		delete(r.opened, space(0))
	}
}

// BenchmarkDataKey is what every encryption asks first.
func BenchmarkDataKey(b *testing.B) {
	_, r, _ := newFixture(b)
	add(b, r, owner(Data, 1), 1)
	for b.Loop() {
		must[*envelope.Key](b)(r.DataKey(owner(Data, 1), 1))
	}
}

// BenchmarkPassphrase unlocks with Argon2id as new slots have it.
func BenchmarkPassphrase(b *testing.B) {
	u := Passphrase([]byte("correct horse battery staple"))
	if _, err := newSlot(rand.Reader, [16]byte{}, 0, u); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_, _ = u.seed([16]byte{}, argonOfNewSlots, false)
	}
}
