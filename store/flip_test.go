package store

import (
	"bytes"
	"crypto/sha256"
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

// flips is how many bytes TestFlippedByte changes in each file; QRSD_TORTURE_FLIPS raises it.
func flips() int {
	if n, err := strconv.Atoi(os.Getenv("QRSD_TORTURE_FLIPS")); err == nil {
		return n
	}
	return 20
}

// TestFlippedByte changes single bytes of every file of a store. Each must be detected and named, at opening,
// unlocking or by the check; or it lies where nothing is stored, which is held to all contents being the same.
func TestFlippedByte(t *testing.T) {
	db, dir := opened(t, Options{})
	key := filepath.Join(filepath.Dir(dir), "root.key")
	h := tenantOfTest(t, db, Admin)
	for i := range 30 {
		if err := write(t, h, ID{1: byte(i), 2: 1}, strings.Repeat("record ", i)); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := h.WriteBlob(t.Context(), Action{Verb: changeVerb}, strings.NewReader(strings.Repeat("a,b,c\n", 5000)))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Update(t.Context(), Action{Verb: changeVerb}, func(tx *WriteTx) error { return tx.KeepBlob(ref, h.id) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, want := contents(t, dir), stored(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	for name, content := range whole {
		if name == "LOCK" || len(content) == 0 {
			continue
		}
		detected, unused := 0, 0
		for range flips() {
			at, bit := placeOf(r, content), byte(1)<<r.IntN(8)
			damaged := filepath.Join(t.TempDir(), "store")
			changed := []byte(content)
			changed[at] ^= bit
			laid(t, damaged, whole, name, changed)
			switch fault := damage(t, damaged, key, want); {
			case fault == "":
				unused++
			case !strings.ContainsAny(fault, "abcdefghijklmnopqrstuvwxyz"):
				t.Errorf("%s, byte %d: detected without a word", name, at)
			default:
				detected++
			}
			if err := os.RemoveAll(damaged); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s (%d bytes): %d of %d flips detected, %d in bytes that hold nothing", name, len(content), detected, flips(), unused)
		if name != databaseFile && unused > 0 {
			t.Errorf("%s: %d flips were not detected", name, unused)
		}
	}
}

// placeOf draws a byte; of a file that is mostly zeros, one that is not.
func placeOf(r *rand.Rand, content string) int {
	for range 100_000 {
		if at := r.IntN(len(content)); content[at] != 0 {
			return at
		}
	}
	return r.IntN(len(content))
}

// laid writes a copy of a store with one file replaced.
func laid(t *testing.T, dir string, whole map[string]string, name string, changed []byte) {
	t.Helper()
	for n, content := range whole {
		path := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		b := []byte(content)
		if n == name {
			b = changed
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// damage opens, unlocks and checks a store, and returns the first fault; "" if none, and then all contents are as wanted.
func damage(t *testing.T, dir, key string, want map[string][32]byte) string {
	t.Helper()
	db, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		return err.Error()
	}
	defer func() { _ = db.Close() }()
	if err := db.Unlock(t.Context(), operator(), KeyFile(key)); err != nil {
		return err.Error()
	}
	report, err := db.Check(t.Context(), operator(), nil)
	if err != nil {
		return err.Error()
	}
	if len(report.Faults) > 0 {
		return report.Faults[0].String()
	}
	if err := db.Close(); err != nil {
		return err.Error()
	}
	have := stored(t, dir)
	for place, digest := range want {
		if have[place] != digest {
			t.Errorf("%s was lost or changed, and no fault was found", place)
		}
	}
	return ""
}

// stored reads the boxes of all records of a locked store.
func stored(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	db, err := Open(dir, Options{Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][32]byte{}
	err = db.kv.View(t.Context(), func(from *kv.ReadTx) error {
		return from.Spaces(func(space [16]byte) (bool, error) {
			return true, from.Collections(space, func(number uint16, _ uint64) (bool, error) {
				return true, from.Scan(space, number, nil, func(key []byte, b envelope.Box) (bool, error) {
					all[fmt.Sprintf("%x %d %x", space, number, key)] = sha256.Sum256(bytes.Clone(b.Bytes()))
					return true, nil
				})
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}
