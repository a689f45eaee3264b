package kv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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
	defer f.close()
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

func TestLongReadsEnd(t *testing.T) {
	t.Parallel()
	o := small()
	o.ReadBudget = 500 * time.Millisecond
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
	if s := f.Stats(); s.LongReads != 2 || s.OpenReads != 0 {
		t.Errorf("%d long reads, %d open", s.LongReads, s.OpenReads)
	}
}

// TestCancelledReadsEnd: a reader whose context ends gets that at its next reading, long before its budget is spent.
func TestCancelledReadsEnd(t *testing.T) {
	o := small()
	o.ReadBudget = time.Hour
	f := create(t, o)
	f.put(at(1, "a"), "x")
	ctx, cancel := context.WithCancel(background)
	err := f.View(ctx, func(tx *kv.ReadTx) error {
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
	if s := f.Stats(); s.LongReads != 0 || s.OpenReads != 0 {
		t.Errorf("%d long reads, %d open", s.LongReads, s.OpenReads)
	}
}

// TestReaderHeldOpen overwrites the same records many times while snapshots are held as long as they may be: the file
// stays small and nobody waits for ever.
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
