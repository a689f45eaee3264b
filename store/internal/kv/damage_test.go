package kv_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// damageable makes a file with every kind of page: branches, leaves, overflow, inline buckets, free ones; closed.
func damageable(t testing.TB, dir string) (contents []byte) {
	f := createIn(t, dir, small())
	for n := range 60 {
		if err := f.Update(background, f.historyOp(n)); err != nil {
			t.Fatal(err)
		}
	}
	err := f.Update(background, kv.Op{Prepare: func(tx *kv.Tx) error {
		for i := range 300 {
			a := at(8, "%040d", i)
			if err := tx.Put(a, f.box(a, strings.Repeat("v", 100))); err != nil {
				return err
			}
		}
		a := kv.Address{Space: other, Collection: 1, Key: []byte("alone")}
		return tx.Put(a, f.box(a, "inline"))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	contents, err = os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

// everything is all that a file holds, decrypted.
func (f *file) everything() (string, error) {
	var all strings.Builder
	err := f.View(background, func(tx *kv.ReadTx) error {
		return tx.Spaces(func(s [16]byte) (bool, error) {
			return true, tx.Collections(s, func(number uint16, records uint64) (bool, error) {
				fmt.Fprintf(&all, "%x %d %d\n", s, number, records)
				return true, tx.Scan(s, number, nil, func(key []byte, b envelope.Box) (bool, error) {
					a := kv.Address{Space: s, Collection: number, Key: key}
					plain, err := f.plain(a, b)
					fmt.Fprintf(&all, "%s=%s\n", key, plain)
					if again, ok, getErr := tx.Get(a); getErr != nil || !ok || !bytes.Equal(again.Bytes(), b.Bytes()) {
						return false, fmt.Errorf("Get and Scan differ at %v: %w", a, getErr)
					}
					return true, err
				})
			})
		})
	})
	return all.String(), err
}

// TestDamage flips bytes, tears and swaps pages and cuts the file off: either that is found on opening and named, or
// all that the file holds is what it was and stays so after further changes. KV_FLIPS chooses how many.
func TestDamage(t *testing.T) {
	flips := 400
	if n, err := strconv.Atoi(os.Getenv("KV_FLIPS")); err == nil {
		flips = n
	}
	good := damageable(t, tempDir(t))
	used := usedPages(good) * 4096
	random := numbers(uint64(flips))
	dir := tempDir(t)
	path := filepath.Join(dir, "main.db")
	writeFile(t, path, good)
	f := open(t, path, small())
	want, err := f.everything()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	found, harmless := 0, 0
	for i := range flips {
		bad := bytes.Clone(good)
		what := spoil(random, i, bad, used)
		if what == "cut off" {
			bad = bad[:random.IntN(used)]
		}
		writeFile(t, path, bad)
		db, err := kv.Open(path, small())
		if err != nil {
			found++
			if !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		harmless++
		f := &file{db, path, t, testKey()}
		if got, err := f.everything(); err != nil || got != want {
			t.Errorf("%s was not found on opening, and what is read differs; %v", what, err)
		}
		if err := f.Update(background, f.historyOp(60)); err != nil {
			t.Errorf("%s: changing: %v", what, err)
		}
		if err := errors.Join(f.Check(background), f.Close()); err != nil {
			t.Errorf("%s: after a change: %v", what, err)
		}
	}
	t.Logf("count: %d damaged files, %d found, %d harmless", flips, found, harmless)
	if found < flips/2 {
		t.Errorf("%d of %d found", found, flips)
	}
}

// usedPages is how far into the file pages are used.
func usedPages(contents []byte) int { return int(contents[16+40]) | int(contents[16+41])<<8 }

// spoil damages contents in place and says how.
func spoil(random *rand.Rand, i int, contents []byte, used int) string {
	at := random.IntN(used)
	page := random.IntN(used / 4096)
	switch i % 10 {
	case 0: // what is at the head of a page leads to other pages
		at = page*4096 + random.IntN(80)
	case 5:
		at = page*4096 + random.IntN(16)
	case 6:
		if count := contents[page*4096+10:]; count[0] > 0 {
			count[0]--
		}
		return fmt.Sprintf("last element of page %d lost", page)
	case 7:
		if branches := branchPages(contents, used); len(branches) > 0 {
			at = branches[random.IntN(len(branches))]*4096 + 16 + random.IntN(300)
		}
	case 1:
		random.Shuffle(512, func(i, j int) {
			x, y := page*4096+i, page*4096+j
			contents[x], contents[y] = contents[y], contents[x]
		})
		return fmt.Sprintf("sector of page %d scrambled", page)
	case 2:
		with := random.IntN(used / 4096)
		copy(contents[page*4096:][:4096], bytes.Clone(contents[with*4096:][:4096]))
		return fmt.Sprintf("page %d overwritten with page %d", page, with)
	case 3:
		clear(contents[page*4096:][:4096])
		return fmt.Sprintf("page %d zeroed", page)
	case 4:
		return "cut off"
	}
	bit := byte(1) << random.IntN(8)
	contents[at] ^= bit
	return fmt.Sprintf("byte %d (page %d + %d) xor %#x", at, at/4096, at%4096, bit)
}

func branchPages(contents []byte, used int) (pages []int) {
	for page := 2; page < used/4096; page++ {
		if contents[page*4096+8] == 1 {
			pages = append(pages, page)
		}
	}
	return pages
}

// TestRotWhileOpen changes a record in the file of an open database: reading and overwriting it name the place.
func TestRotWhileOpen(t *testing.T) {
	f := create(t, small())
	a := at(1, "rotten")
	b := f.box(a, "value")
	put := kv.Op{Prepare: func(tx *kv.Tx) error { return tx.Put(a, b) }}
	if err := f.Update(background, put); err != nil {
		t.Fatal(err)
	}
	contents, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	disk, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	offset := int64(bytes.LastIndex(contents, b.Bytes()) + 5)
	if _, err := disk.WriteAt([]byte{contents[offset] ^ 1}, offset); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"reading":     f.View(background, func(tx *kv.ReadTx) error { _, _, err := tx.Get(a); return err }),
		"scanning":    f.View(background, func(tx *kv.ReadTx) error { _, _, _, err := tx.Last(a.Space, 1); return err }),
		"overwriting": f.Update(background, put),
		"checking":    f.Check(background),
	} {
		if !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), a.String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := disk.WriteAt([]byte{contents[offset]}, offset); err != nil {
		t.Fatal(err)
	}
	if got := f.get(a); got != "value" {
		t.Errorf("mended: %q", got)
	}
}

// TestEveryByteOfTheMetaPages flips each of them: either page alone gives everything.
func TestEveryByteOfTheMetaPages(t *testing.T) {
	good := damageable(t, tempDir(t))
	path := filepath.Join(tempDir(t), "main.db")
	for at := range 2 * 96 {
		offset := at%96 + at/96*4096
		bad := bytes.Clone(good)
		bad[offset] ^= 0x10
		writeFile(t, path, bad)
		found, err := kv.Verify(background, path)
		if inMeta := offset%4096 >= 16 && offset%4096 < 80; err != nil || found.SpareMetaDamaged != inMeta {
			t.Errorf("byte %d: %+v %v", offset, found, err)
		}
	}
}

// TestFileCutOffWhileOpen takes the pages away from under a reader: a fault of the processor, which must not end the process.
func TestFileCutOffWhileOpen(t *testing.T) {
	dir := tempDir(t)
	writeFile(t, filepath.Join(dir, "main.db"), damageable(t, tempDir(t)))
	f := open(t, filepath.Join(dir, "main.db"), small())
	if err := os.Truncate(f.path, 8192); err != nil {
		t.Fatal(err)
	}
	if _, err := f.everything(); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("reading: %v", err)
	}
	if err := f.Update(background, f.historyOp(61)); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("changing: %v", err)
	}
	if err := f.Check(background); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("checking: %v", err)
	}
	_ = f.Close() // it may fail or not; it must return
}

// FuzzVerify: whatever a file holds, walking it ends with an answer.
func FuzzVerify(f *testing.F) {
	good := damageable(f, f.TempDir())
	f.Add(good[:usedPages(good)*4096], 5000, byte(1))
	f.Add([]byte{}, 0, byte(0))
	f.Add(bytes.Repeat([]byte{0xff}, 9000), 0, byte(0))
	path := filepath.Join(f.TempDir(), "main.db")
	f.Fuzz(func(t *testing.T, contents []byte, offset int, flip byte) {
		if offset >= 0 && offset < len(contents) {
			contents[offset] ^= flip
		}
		writeFile(t, path, contents)
		if _, err := kv.Verify(background, path); err != nil && !errors.Is(err, kv.ErrCorrupt) {
			t.Error(err)
		}
	})
}
