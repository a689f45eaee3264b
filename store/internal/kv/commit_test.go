package kv_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

func TestWritersShareABatch(t *testing.T) {
	f := create(t, small())
	release := f.holdCommitter()
	var writers sync.WaitGroup
	for i := range 50 {
		writers.Go(func() { f.put(at(1, "%02d", i), "x") })
	}
	f.waitForQueue(50)
	release()
	writers.Wait()
	if s := f.Stats(); s.Batches != 1 || s.Ops != 51 || s.Reruns != 0 {
		t.Errorf("%d ops in %d batches, %d run again", s.Ops, s.Batches, s.Reruns)
	}
}

// increments is an op that reads a number and puts the next.
func (f *file) increments(a kv.Address) kv.Op {
	return kv.Op{Prepare: func(tx *kv.Tx) error {
		old, err := f.value(tx, a)
		if err != nil {
			return err
		}
		return tx.Put(a, f.box(a, old+"+"))
	}}
}

func TestNoIncrementIsLost(t *testing.T) {
	f := create(t, small())
	const goroutines, each = 16, 10
	var writers sync.WaitGroup
	release := f.holdCommitter() // so that the first round is prepared against one state
	for i := range goroutines {
		writers.Go(func() {
			for range each {
				if err := f.Update(background, f.increments(at(1, "counter %d", i%2))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	f.waitForQueue(goroutines)
	release()
	writers.Wait()
	if a, b := f.get(at(1, "counter 0")), f.get(at(1, "counter 1")); len(a) != goroutines*each/2 || len(b) != goroutines*each/2 {
		t.Errorf("counters are %d and %d, want %d", len(a), len(b), goroutines*each/2)
	}
	if n := f.Stats().Reruns; n < goroutines-2 {
		t.Errorf("%d run again, need %d for a test", n, goroutines-2)
	}
}

// TestWhatWasReadIsCheckedAgain runs two ops in one batch, the second of which has read what the first changes.
func TestWhatWasReadIsCheckedAgain(t *testing.T) {
	a, b, c := at(1, "a"), at(1, "b"), at(1, "c")
	count := func(f *file, scan scanner, from string, most int) string {
		var seen []string
		var start []byte
		if from != "" {
			start = []byte(from)
		}
		err := scan(space, 1, start, func(k []byte, v envelope.Box) (bool, error) {
			plain, err := f.plain(kv.Address{Space: space, Collection: 1, Key: k}, v)
			seen = append(seen, string(k)+"="+plain)
			return len(seen) < most, err
		})
		if err != nil {
			return err.Error()
		}
		return strings.Join(seen, " ")
	}
	type read = func(f *file, tx *kv.Tx) string
	get := func(a kv.Address) read {
		return func(f *file, tx *kv.Tx) string { v, _ := f.value(tx, a); return v }
	}
	scan := func(from string, most int) read {
		return func(f *file, tx *kv.Tx) string { return count(f, tx.Scan, from, most) }
	}
	back := func(from string, most int) read {
		return func(f *file, tx *kv.Tx) string { return count(f, tx.ScanBack, from, most) }
	}
	put := func(a kv.Address) func(*file) kv.Op {
		return func(f *file) kv.Op { return f.puts(a, "new") }
	}
	deleteA := func(*file) kv.Op { return kv.Op{Prepare: func(tx *kv.Tx) error { return tx.Delete(a) }} }
	for name, test := range map[string]struct {
		read   func(f *file, tx *kv.Tx) string
		change func(f *file) kv.Op
		want   string
		again  bool
	}{
		"value changed":   {get(a), put(a), "new", true},
		"value same":      {get(a), put(b), "old", false},
		"deleted":         {get(a), deleteA, "", true},
		"appeared":        {get(b), put(b), "new", true},
		"elsewhere":       {get(a), put(at(2, "a")), "old", false},
		"in a scan":       {scan("", 9), put(b), "a=old b=new c=old", true},
		"changed in scan": {scan("", 9), put(c), "a=old c=new", true},
		"behind a scan":   {scan("", 1), put(b), "a=old", false},
		"before a scan":   {scan("b", 9), put(a), "c=old", false},
		"back":            {back("", 1), put(at(1, "d")), "d=new", true},
		"back, behind":    {back("", 1), put(b), "c=old", false},
		"end of a scan":   {scan("d", 9), put(at(1, "e")), "e=new", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := create(t, small())
			f.put(a, "old")
			f.put(c, "old")
			release := f.holdCommitter()
			var writers sync.WaitGroup
			writers.Go(func() {
				if err := f.Update(background, test.change(f)); err != nil {
					t.Error(err)
				}
			})
			f.waitForQueue(1)
			var runs atomic.Int32
			writers.Go(func() {
				err := f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error {
					runs.Add(1)
					saw := at(9, "saw")
					return tx.Put(saw, f.box(saw, "saw "+test.read(f, tx)))
				}})
				if err != nil {
					t.Error(err)
				}
			})
			f.waitForQueue(2)
			release()
			writers.Wait()
			if got := f.get(at(9, "saw")); got != "saw "+test.want {
				t.Errorf("%q, want %q", got, "saw "+test.want)
			}
			if (runs.Load() == 2) != test.again || (f.Stats().Reruns == 1) != test.again {
				t.Errorf("ran %d times, %d run again", runs.Load(), f.Stats().Reruns)
			}
		})
	}
}

// TestTxSeesItsOwnChanges merges puts and deletes into scans of both directions.
func TestTxSeesItsOwnChanges(t *testing.T) {
	f := create(t, small())
	for _, k := range []string{"b", "d", "f"} {
		f.put(at(1, "%s", k), "old")
	}
	err := f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error {
		for _, k := range []string{"g", "a", "d", "c"} {
			if err := tx.Put(at(1, "%s", k), f.box(at(1, "%s", k), "own")); err != nil {
				return err
			}
		}
		if err := errors.Join(tx.Delete(at(1, "f")), tx.Delete(at(1, "g")), tx.Delete(at(1, "never"))); err != nil {
			return err
		}
		for _, c := range []struct {
			scan scanner
			from []byte
			want string
		}{
			{tx.Scan, nil, "a:own b:old c:own d:own"}, {tx.Scan, []byte("b"), "b:old c:own d:own"}, {tx.Scan, []byte("cc"), "d:own"},
			{tx.ScanBack, nil, "d:own c:own b:old a:own"}, {tx.ScanBack, []byte("c"), "c:own b:old a:own"},
		} {
			var got []string
			err := c.scan(space, 1, c.from, func(k []byte, b envelope.Box) (bool, error) {
				plain, err := f.plain(at(1, "%s", k), b)
				got = append(got, string(k)+":"+plain)
				return true, err
			})
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("from %q: %v, want %s; %v", c.from, got, c.want, err)
			}
		}
		if key, _, ok, err := tx.Last(space, 1); string(key) != "d" || !ok || err != nil {
			t.Errorf("last %s %v %v", key, ok, err)
		}
		if v, err := f.value(tx, at(1, "c")); v != "own" || err != nil {
			t.Errorf("c is %q %v", v, err)
		}
		if v, err := f.value(tx, at(1, "f")); v != "" || err != nil {
			t.Errorf("f is %q %v", v, err)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.keys(1, "", false), " "); got != "a b c d" {
		t.Errorf("committed %s", got)
	}
}

// TestOneBadOpFailsAlone breaks a batch in each of the ways an op can.
func TestOneBadOpFailsAlone(t *testing.T) {
	bad := errors.New("bad")
	for name, spoil := range map[string]func(op *kv.Op, f *file){
		"Finish": func(op *kv.Op, _ *file) { op.Finish = func(*kv.Tail) error { return bad } },
		"a put of Finish's": func(op *kv.Op, _ *file) {
			op.Finish = func(t *kv.Tail) error { _ = t.Put(at(1, "x"), envelope.Box{}); return nil }
		},
		"Prepare run again": func(op *kv.Op, f *file) {
			runs := 0
			op.Prepare = func(tx *kv.Tx) error {
				if runs++; runs > 1 {
					return bad
				}
				_, _, err := tx.Get(at(1, "00"))
				return errors.Join(err, tx.Put(at(1, "bad"), f.box(at(1, "bad"), "bad")))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := create(t, small())
			release := f.holdCommitter()
			var writers sync.WaitGroup
			for i := range 20 {
				writers.Go(func() { f.put(at(1, "%02d", i), "good") })
			}
			f.waitForQueue(20)
			writers.Go(func() {
				op := f.puts(at(1, "bad"), "bad")
				spoil(&op, f)
				if err := f.Update(background, op); err == nil || name != "a put of Finish's" && !errors.Is(err, bad) {
					t.Errorf("the bad op: %v", err)
				}
			})
			f.waitForQueue(21)
			release()
			writers.Wait()
			if n := len(f.keys(1, "", false)); n != 20 {
				t.Errorf("%d of 20 good ones are there", n)
			}
			if got := f.get(at(1, "bad")); got != "" {
				t.Error("the bad one is there")
			}
			if s := f.Stats(); s.Ops != 21 || s.Batches != 1 {
				t.Errorf("%d ops in %d batches", s.Ops, s.Batches)
			}
		})
	}
}

// TestFinishThatFailsInCompanyOnly gets a batch of its own before it is given up.
func TestFinishThatFailsInCompanyOnly(t *testing.T) {
	f := create(t, small())
	release := f.holdCommitter()
	var writers sync.WaitGroup
	runs := 0
	for i := range 4 {
		op := f.puts(at(1, "%d", i), "x")
		if i == 2 {
			op.Finish = func(*kv.Tail) error {
				if runs++; runs == 1 {
					return errors.New("not in company")
				}
				return nil
			}
		}
		writers.Go(func() {
			if err := f.Update(background, op); err != nil {
				t.Error(err)
			}
		})
	}
	f.waitForQueue(4)
	release()
	writers.Wait()
	if s := f.Stats(); runs != 2 || s.Isolated != 1 || len(f.keys(1, "", false)) != 4 {
		t.Errorf("%d runs, %+v", runs, s)
	}
}

// TestPanicsReachTheirCaller and nobody else.
func TestPanicsReachTheirCaller(t *testing.T) {
	f := create(t, small())
	func() {
		defer func() {
			if r := fmt.Sprint(recover()); !strings.Contains(r, "boom") || !strings.Contains(r, "commit_test.go") {
				t.Errorf("recovered %s", r)
			}
		}()
		_ = f.Update(background, kv.Op{Finish: func(*kv.Tail) error { panic("boom") }})
		t.Error("no panic")
	}()
	f.put(at(1, "a"), "still works")
}

func TestCancelledBeforeTheQueue(t *testing.T) {
	f := create(t, small())
	ctx, cancel := context.WithCancel(background)
	cancel()
	if err := f.Update(ctx, f.puts(at(1, "a"), "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := f.get(at(1, "a")); got != "" {
		t.Errorf("a is %q", got)
	}
	// Once queued, the outcome counts, not the context.
	release := f.holdCommitter()
	ctx, cancel = context.WithCancel(background)
	done := make(chan error)
	go func() { done <- f.Update(ctx, f.puts(at(1, "a"), "queued")) }()
	f.waitForQueue(1)
	cancel()
	release()
	if err := <-done; err != nil {
		t.Errorf("queued: %v", err)
	}
	if got := f.get(at(1, "a")); got != "queued" {
		t.Errorf("a is %q", got)
	}
}

// chain is a journal that numbers what is committed, without gaps: each Finish leaves an entry, Flush writes them.
type chain struct {
	f         *file
	next      int
	pending   []string
	settled   []bool
	failFlush atomic.Int32
	flushes   int
}

func (c *chain) Flush(tail *kv.Tail) error {
	c.flushes++
	if c.failFlush.Load() > 0 && len(c.pending) > 0 {
		c.failFlush.Add(-1)
		return errors.New("flush")
	}
	for i, entry := range c.pending {
		a := at(100, "%06d", c.next+i)
		if err := tail.Put(a, c.f.box(a, entry)); err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) Settle(committed bool) {
	c.settled = append(c.settled, committed)
	if committed {
		c.next += len(c.pending)
	}
	c.pending = nil
}

// enters is an op that puts a value and leaves a line with the journal.
func (c *chain) enters(a kv.Address, line string, err error) kv.Op {
	op := c.f.puts(a, line)
	op.Finish = func(tail *kv.Tail) error {
		if v, ok, getErr := tail.Get(a); !ok || v.IsZero() || getErr != nil {
			return fmt.Errorf("Finish does not see its own put: %w", getErr)
		}
		c.pending = append(c.pending, line)
		return err
	}
	return op
}

func TestJournalIsSettled(t *testing.T) {
	o, c := small(), &chain{}
	o.Journal = c
	f := create(t, o)
	c.f = f
	bad := errors.New("bad")
	for round, failFlush := range []int32{0, 1, 2} {
		c.settled, c.flushes = nil, 0
		release := f.holdCommitter()
		var writers sync.WaitGroup
		for i := range 10 {
			writers.Go(func() {
				var err error
				if i == 5 {
					err = bad
				}
				name := fmt.Sprintf("%d-%d", round, i)
				_ = f.Update(background, c.enters(at(1, "%s", name), name, err))
			})
		}
		f.waitForQueue(10)
		c.failFlush.Store(failFlush)
		release()
		writers.Wait()
		lines := 0
		for i, key := range f.keys(100, "", false) {
			if key != fmt.Sprintf("%06d", i) {
				t.Errorf("entry %d has number %s", i, key)
			}
			line := f.get(at(100, "%s", key))
			if f.get(at(1, "%s", line)) != line {
				t.Errorf("journal has %s, which is not there", line)
			}
			lines++
		}
		if n := len(f.keys(1, "", false)); n != lines || lines != c.next {
			t.Errorf("%d values, %d lines, next number %d", n, lines, c.next)
		}
		if len(c.settled) < 2 || slices.Index(c.settled, true) < 0 {
			t.Errorf("settled %v", c.settled)
		}
	}
}
