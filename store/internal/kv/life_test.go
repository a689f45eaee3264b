package kv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/kv"
)

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
	defer f.close()
	for i, ok := range acknowledged {
		if ok && f.get(at(2, "%02d", i)) == "" {
			t.Errorf("%d was acknowledged and is missing", i)
		}
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
	for _, c := range []struct {
		size, free int64
		due        bool
	}{{600, 299, false}, {300, 250, false}, {600, 301, true}} {
		if (kv.Stats{Size: c.size << 20, Free: c.free << 20}).CompactionDue() != c.due {
			t.Errorf("CompactionDue is wrong for %+v", c)
		}
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
	defer again.close()
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
