package kv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

var background = context.Background()

func TestValuesStay(t *testing.T) {
	f := create(t, small())
	f.put(at(1, "a"), "one")
	f.put(at(1, "a"), "two")
	f.put(at(2, "b"), "three")
	f.put(kv.Address{Space: other, Collection: 1, Key: []byte("a")}, "elsewhere")
	if err := f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error { return tx.Delete(at(2, "b")) }}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	f = open(t, f.path, small())
	defer f.Close()
	if got := f.get(at(1, "a")); got != "two" {
		t.Errorf("a is %q", got)
	}
	if got := f.get(at(2, "b")); got != "" {
		t.Errorf("b was deleted and is %q", got)
	}
	if got := f.get(kv.Address{Space: other, Collection: 1, Key: []byte("a")}); got != "elsewhere" {
		t.Errorf("other space: %q", got)
	}
	if o := f.Stats().Opened; o.Records != 2 || o.Spaces != 2 || o.Collections != 3 || !o.Settled || o.SpareMetaDamaged {
		t.Errorf("inventory %+v", o)
	}
	if err := f.Check(background); err != nil {
		t.Error(err)
	}
}

func TestScansAndNames(t *testing.T) {
	f := create(t, small())
	for _, k := range []string{"b", "d", "a", "c"} {
		f.put(at(3, "%s", k), "value "+k)
	}
	f.put(at(4, "z"), "z")
	for _, c := range []struct {
		from string
		back bool
		want string
	}{
		{"", false, "a b c d"}, {"b", false, "b c d"}, {"bb", false, "c d"}, {"e", false, ""},
		{"", true, "d c b a"}, {"b", true, "b a"}, {"bb", true, "b a"}, {"A", true, ""}, {"e", true, "d c b a"},
	} {
		if got := strings.Join(f.keys(3, c.from, c.back), " "); got != c.want {
			t.Errorf("from %q, back %v: %q, want %q", c.from, c.back, got, c.want)
		}
	}
	err := f.View(background, func(tx *kv.ReadTx) error {
		if key, b, ok, err := tx.Last(space, 3); string(key) != "d" || !ok || err != nil || b.IsZero() {
			t.Errorf("last: %s %v %v", key, ok, err)
		}
		if _, _, ok, err := tx.Last(space, 77); ok || err != nil {
			t.Errorf("last of nothing: %v %v", ok, err)
		}
		var names []string
		err := tx.Spaces(func(s [16]byte) (bool, error) {
			names = append(names, fmt.Sprintf("%x", s[:3]))
			return true, tx.Collections(s, func(number uint16, records uint64) (bool, error) {
				names = append(names, fmt.Sprintf("%d:%d", number, records))
				return true, nil
			})
		})
		if got := strings.Join(names, " "); got != "010203 3:4 4:1" {
			t.Errorf("names: %s", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestReturnedValuesOutliveTheTransaction overwrites what was read, page by page.
func TestReturnedValuesOutliveTheTransaction(t *testing.T) {
	f := create(t, small())
	f.put(at(1, "a"), "first")
	var kept envelope.Box
	var key []byte
	err := f.View(background, func(tx *kv.ReadTx) error {
		return tx.Scan(space, 1, nil, func(k []byte, b envelope.Box) (bool, error) {
			key, kept = k, b
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		f.put(at(1, "a"), fmt.Sprint("later ", i))
	}
	if got, err := f.plain(at(1, "a"), kept); got != "first" || err != nil || string(key) != "a" {
		t.Errorf("kept %q %v, key %q", got, err, key)
	}
}

func TestRefusals(t *testing.T) {
	f := create(t, small())
	long := strings.Repeat("k", 1025)
	for name, prepare := range map[string]func(tx *kv.Tx) error{
		"empty key": func(tx *kv.Tx) error { return tx.Put(at(1, ""), f.box(at(1, ""), "x")) },
		"long key":  func(tx *kv.Tx) error { return tx.Put(at(1, "%s", long), f.box(at(1, "a"), "x")) },
		"no value":  func(tx *kv.Tx) error { return tx.Put(at(1, "a"), envelope.Box{}) },
		"large":     func(tx *kv.Tx) error { return tx.Put(at(1, "a"), f.box(at(1, "a"), strings.Repeat("x", 17<<20))) },
		"get":       func(tx *kv.Tx) error { _, _, err := tx.Get(at(1, "")); return err },
	} {
		if err := f.Update(background, kv.Op{Prepare: prepare}); err == nil || !strings.Contains(err.Error(), "collection 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var kept *kv.Tx
	if err := f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error { kept = tx; return nil }}); err != nil {
		t.Error(err)
	}
	if _, _, err := kept.Get(at(1, "a")); err == nil {
		t.Error("a Tx answered after its Prepare")
	}
}

func TestCreateAndOpenTouchNothingElse(t *testing.T) {
	path := filepath.Join(tempDir(t), "main.db")
	if _, err := kv.Open(path, small()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open made a file: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Open(path, small()); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("empty: %v", err)
	}
	if err := kv.Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("existing: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the empty file was touched: %v %v", info, err)
	}
}

// TestCreateAfterACrash finds an unfinished file of every length.
func TestCreateAfterACrash(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "main.db")
	if err := os.WriteFile(path+".new", bytes.Repeat([]byte{0xaa}, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	f := createIn(t, dir, small())
	f.put(at(1, "a"), "x")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left over: %v %v", left, err)
	}
}

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
	count := func(f *file, scan func([16]byte, uint16, []byte, func([]byte, envelope.Box) (bool, error)) error, from string, most int) string {
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
	for name, test := range map[string]struct {
		read   func(f *file, tx *kv.Tx) string
		change func(f *file) kv.Op
		want   string
		again  bool
	}{
		"value changed":   {func(f *file, tx *kv.Tx) string { v, _ := f.value(tx, a); return v }, func(f *file) kv.Op { return f.puts(a, "new") }, "new", true},
		"value same":      {func(f *file, tx *kv.Tx) string { v, _ := f.value(tx, a); return v }, func(f *file) kv.Op { return f.puts(b, "new") }, "old", false},
		"deleted":         {func(f *file, tx *kv.Tx) string { v, _ := f.value(tx, a); return v }, func(f *file) kv.Op { return kv.Op{Prepare: func(tx *kv.Tx) error { return tx.Delete(a) }} }, "", true},
		"appeared":        {func(f *file, tx *kv.Tx) string { v, _ := f.value(tx, b); return v }, func(f *file) kv.Op { return f.puts(b, "new") }, "new", true},
		"elsewhere":       {func(f *file, tx *kv.Tx) string { v, _ := f.value(tx, a); return v }, func(f *file) kv.Op { return f.puts(at(2, "a"), "new") }, "old", false},
		"in a scan":       {func(f *file, tx *kv.Tx) string { return count(f, tx.Scan, "", 9) }, func(f *file) kv.Op { return f.puts(b, "new") }, "a=old b=new c=old", true},
		"changed in scan": {func(f *file, tx *kv.Tx) string { return count(f, tx.Scan, "", 9) }, func(f *file) kv.Op { return f.puts(c, "new") }, "a=old c=new", true},
		"behind a scan":   {func(f *file, tx *kv.Tx) string { return count(f, tx.Scan, "", 1) }, func(f *file) kv.Op { return f.puts(b, "new") }, "a=old", false},
		"before a scan":   {func(f *file, tx *kv.Tx) string { return count(f, tx.Scan, "b", 9) }, func(f *file) kv.Op { return f.puts(a, "new") }, "c=old", false},
		"back":            {func(f *file, tx *kv.Tx) string { return count(f, tx.ScanBack, "", 1) }, func(f *file) kv.Op { return f.puts(at(1, "d"), "new") }, "d=new", true},
		"back, behind":    {func(f *file, tx *kv.Tx) string { return count(f, tx.ScanBack, "", 1) }, func(f *file) kv.Op { return f.puts(b, "new") }, "c=old", false},
		"end of a scan":   {func(f *file, tx *kv.Tx) string { return count(f, tx.Scan, "d", 9) }, func(f *file) kv.Op { return f.puts(at(1, "e"), "new") }, "e=new", true},
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
			scan func([16]byte, uint16, []byte, func([]byte, envelope.Box) (bool, error)) error
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
			if r := fmt.Sprint(recover()); !strings.Contains(r, "boom") || !strings.Contains(r, "kv_test.go") {
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

func TestClosed(t *testing.T) {
	f := create(t, small())
	f.put(at(1, "a"), "x")
	var writers sync.WaitGroup
	acknowledged := make([]bool, 40)
	for i := range acknowledged {
		writers.Go(func() {
			err := f.Update(background, f.puts(at(2, "%02d", i), "x"))
			if err != nil && !errors.Is(err, kv.ErrClosed) {
				t.Error(err)
			}
			acknowledged[i] = err == nil
		})
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	writers.Wait()
	for name, err := range map[string]error{
		"Close":   f.Close(),
		"Update":  f.Update(background, f.puts(at(1, "a"), "x")),
		"Finish":  f.Update(background, kv.Op{Finish: func(*kv.Tail) error { return nil }}),
		"View":    f.View(background, func(*kv.ReadTx) error { return nil }),
		"Check":   f.Check(background),
		"Compact": f.Compact(background),
		"Purge":   f.Purge(background, space),
	} {
		if !errors.Is(err, kv.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.Stats()
	f = open(t, f.path, small())
	defer f.Close()
	for i, ok := range acknowledged {
		if ok && f.get(at(2, "%02d", i)) == "" {
			t.Errorf("%d was acknowledged and is missing", i)
		}
	}
}

func TestLongReadsEnd(t *testing.T) {
	o := small()
	o.ReadBudget = 30 * time.Millisecond
	told := make(chan time.Duration, 1)
	o.OnLongRead = func(held time.Duration) { told <- held }
	f := create(t, o)
	f.put(at(1, "a"), "x")
	err := f.View(background, func(tx *kv.ReadTx) error {
		if _, _, err := tx.Get(at(1, "a")); err != nil {
			t.Errorf("within the budget: %v", err)
		}
		if held := <-told; held < o.ReadBudget {
			t.Errorf("held %v", held)
		}
		if n := f.Stats().OpenReads; n != 0 {
			t.Errorf("%d snapshots held after the budget", n)
		}
		_, _, err := tx.Get(at(1, "a"))
		return err
	})
	if !errors.Is(err, kv.ErrReadTooLong) {
		t.Errorf("got %v", err)
	}
	err = f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error {
		return tx.Scan(space, 1, nil, func([]byte, envelope.Box) (bool, error) { <-told; return true, nil })
	}})
	if !errors.Is(err, kv.ErrReadTooLong) {
		t.Errorf("in Prepare: %v", err)
	}
	ctx, cancel := context.WithCancel(background)
	err = f.View(ctx, func(tx *kv.ReadTx) error {
		cancel()
		for {
			if _, _, err := tx.Get(at(1, "a")); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if s := f.Stats(); s.LongReads != 2 || s.OpenReads != 0 {
		t.Errorf("%d long reads, %d open", s.LongReads, s.OpenReads)
	}
}

// TestReaderHeldOpen overwrites the same records many times while snapshots are held as long as they may be: the file stays small and nobody waits for ever.
func TestReaderHeldOpen(t *testing.T) {
	o := small()
	o.ReadBudget = 20 * time.Millisecond
	f := create(t, o)
	f.put(at(1, "seen"), "x")
	ctx, stop := context.WithCancel(background)
	var reader sync.WaitGroup
	reader.Go(func() {
		for ctx.Err() == nil {
			_ = f.View(ctx, func(tx *kv.ReadTx) error {
				for {
					if _, _, err := tx.Get(at(1, "seen")); err != nil {
						return err
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
	})
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 40 {
				f.put(at(2, "%d-%d", w, i%3), strings.Repeat("v", 400))
				time.Sleep(time.Millisecond)
			}
		})
	}
	writers.Wait()
	stop()
	reader.Wait()
	if s := f.Stats(); s.Size > 4<<20 || s.LongReads == 0 {
		t.Errorf("file of %d bytes, %d long reads", s.Size, s.LongReads)
	}
}

func TestPurge(t *testing.T) {
	f := create(t, small())
	const records = 2500
	for number := range uint16(2) {
		err := f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error {
			for i := range records {
				if err := tx.Put(at(number, "%05d", i), f.box(at(number, "%05d", i), "x")); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	f.put(at(2, "other"), "stays")
	before := f.Stats().Batches
	if err := f.Purge(background, space, 0, 7); err != nil {
		t.Fatal(err)
	}
	if n := f.Stats().Batches - before; n != 3 {
		t.Errorf("%d batches for %d records", n, records)
	}
	if a, b := len(f.keys(0, "", false)), len(f.keys(1, "", false)); a != 0 || b != records {
		t.Errorf("%d and %d records left", a, b)
	}
	f.put(at(0, "again"), "x")
	if err := f.Purge(background, space); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(background); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := kv.Verify(background, f.path); found.Spaces != 0 || err != nil {
		t.Errorf("left: %+v %v", found, err)
	}
}

func TestCompact(t *testing.T) {
	f := create(t, small())
	value := strings.Repeat("v", 3000)
	for i := range 200 {
		f.put(at(1, "%04d", i), value)
	}
	f.put(at(2, "kept"), "kept")
	if err := f.Purge(background, space, 1); err != nil {
		t.Fatal(err)
	}
	f.put(at(1, "new"), "new")
	before := f.Stats()
	ctx, stop := context.WithCancel(background)
	var busy sync.WaitGroup
	busy.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			f.put(at(3, "%d", i%5), fmt.Sprint(i))
			if got := f.get(at(2, "kept")); got != "kept" {
				t.Errorf("read %q", got)
			}
		}
	})
	for range 3 {
		if err := f.Compact(background); err != nil {
			t.Error(err)
		}
	}
	stop()
	busy.Wait()
	if after := f.Stats(); after.Used > before.Used || after.Size-after.Free > 100<<10 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	cancelled, cancel := context.WithCancel(background)
	cancel()
	if err := f.Compact(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := f.Update(background, f.increments(at(2, "kept"))); err != nil || f.get(at(2, "kept")) != "kept+" || f.get(at(1, "new")) != "new" {
		t.Errorf("after compaction: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil || len(left) != 1 {
		t.Errorf("left over: %v %v", left, err)
	}
	if (kv.Stats{Size: 600 << 20, Free: 299 << 20}).CompactionDue() || (kv.Stats{Size: 300 << 20, Free: 250 << 20}).CompactionDue() || !(kv.Stats{Size: 600 << 20, Free: 301 << 20}).CompactionDue() {
		t.Error("CompactionDue")
	}
}

func TestWriteTo(t *testing.T) {
	f := create(t, small())
	f.put(at(1, "a"), "x")
	var copied bytes.Buffer
	if _, err := f.WriteTo(&copied); err != nil {
		t.Fatal(err)
	}
	f.put(at(1, "a"), "later")
	path := filepath.Join(tempDir(t), "copy.db")
	if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again := open(t, path, small())
	defer again.Close()
	if got := again.get(at(1, "a")); got != "x" {
		t.Errorf("copy has %q", got)
	}
}

// TestCheckBesideWriters walks the file again and again while it is changed.
func TestCheckBesideWriters(t *testing.T) {
	f := create(t, small())
	ctx, stop := context.WithCancel(background)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				f.put(at(uint16(w), "%d", i%50), strings.Repeat("v", i%2000))
			}
		})
	}
	for range 30 {
		if err := f.Check(background); err != nil {
			t.Error(err)
		}
	}
	stop()
	writers.Wait()
}

func TestFileThatIsFull(t *testing.T) {
	o := small()
	o.MaxSize = 2 << 20
	f := create(t, o)
	var full kv.ErrTooLarge
	written := 0
	for ; written < 1000; written++ {
		a := at(1, "%04d", written)
		err := f.Update(background, f.puts(a, strings.Repeat("v", 3000)))
		if errors.As(err, &full) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if written < 200 || written == 1000 || full.Max != o.MaxSize || full.Size > o.MaxSize {
		t.Errorf("%d written, then %v", written, full)
	}
	essential := f.puts(at(2, "essential"), strings.Repeat("v", 3000))
	essential.Essential = true
	if err := f.Update(background, essential); err != nil {
		t.Errorf("essential op: %v", err)
	}
	if err := f.Purge(background, space, 1); err != nil {
		t.Errorf("making room: %v", err)
	}
	f.put(at(1, "again"), "x")
	if f.Stats().Failed != nil {
		t.Error(f.Stats().Failed)
	}
}
