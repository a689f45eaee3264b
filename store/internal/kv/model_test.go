package kv_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// machine does random things to a file and to a map, and wants them to agree.
type machine struct {
	f     *file
	model map[string]string // "space/collection/key" -> value
}

var errRefused = errors.New("refused by the op itself")

func nameOf(a kv.Address) string {
	return fmt.Sprintf("%x/%d/%s", a.Space[:1], a.Collection, a.Key)
}

func drawAddress(t *rapid.T) kv.Address {
	return kv.Address{
		Space:      rapid.SampledFrom([][16]byte{space, other}).Draw(t, "space"),
		Collection: rapid.Uint16Range(0, 2).Draw(t, "collection"),
		Key:        []byte(rapid.StringMatching(`[a-f]{1,2}`).Draw(t, "key")),
	}
}

// Change runs one op of several puts and deletes, with reads of its own writes in between, that may refuse at either end.
func (m *machine) Change(t *rapid.T) {
	after := maps.Clone(m.model)
	refuse := rapid.IntRange(0, 9).Draw(t, "refuse")
	type step struct {
		at    kv.Address
		value string
	}
	var steps []step
	for range rapid.IntRange(1, 6).Draw(t, "steps") {
		s := step{at: drawAddress(t)}
		if !rapid.Bool().Draw(t, "delete") {
			s.value = strings.Repeat("v", rapid.SampledFrom([]int{1, 50, 900, 5000}).Draw(t, "size")) + fmt.Sprint(len(steps))
		}
		steps = append(steps, s)
	}
	tail := step{at: drawAddress(t), value: "of the tail"}
	op := kv.Op{Prepare: func(tx *kv.Tx) error {
		for _, s := range steps {
			before, err := m.f.value(tx, s.at)
			if err != nil || before != after[nameOf(s.at)] {
				t.Fatalf("in the op: %s is %q, want %q; %v", nameOf(s.at), before, after[nameOf(s.at)], err)
			}
			if s.value == "" {
				delete(after, nameOf(s.at))
				err = tx.Delete(s.at)
			} else {
				after[nameOf(s.at)] = s.value
				err = tx.Put(s.at, m.f.box(s.at, s.value))
			}
			if err != nil {
				return err
			}
		}
		if refuse == 0 {
			return errRefused
		}
		m.compare(t, tx.Scan, tx.ScanBack, after)
		return nil
	}}
	if refuse < 3 {
		op.Finish = func(tx *kv.Tail) error {
			if refuse == 1 {
				return errRefused
			}
			after[nameOf(tail.at)] = tail.value
			return tx.Put(tail.at, m.f.box(tail.at, tail.value))
		}
	}
	err := m.f.Update(background, op)
	switch {
	case errors.Is(err, errRefused) && refuse < 2:
	case err != nil || refuse < 2:
		t.Fatalf("refuse %d: %v", refuse, err)
	default:
		m.model = after
	}
}

type scanner = func([16]byte, uint16, []byte, func([]byte, envelope.Box) (bool, error)) error

// compare scans one collection both ways from a random key.
func (m *machine) compare(t *rapid.T, scan, scanBack scanner, want map[string]string) {
	a := drawAddress(t)
	if rapid.Bool().Draw(t, "from the end") {
		a.Key = nil
	}
	prefix := nameOf(kv.Address{Space: a.Space, Collection: a.Collection})
	var keys []string
	for name := range want {
		if key, ok := strings.CutPrefix(name, prefix); ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, back := range []bool{false, true} {
		go1, expected := scan, slices.Clone(keys)
		if back {
			go1 = scanBack
			slices.Reverse(expected)
		}
		if a.Key != nil {
			expected = slices.DeleteFunc(expected, func(k string) bool {
				return !back && k < string(a.Key) || back && k > string(a.Key)
			})
		}
		var got []string
		err := go1(a.Space, a.Collection, a.Key, func(key []byte, b envelope.Box) (bool, error) {
			at := kv.Address{Space: a.Space, Collection: a.Collection, Key: key}
			plain, err := m.f.plain(at, b)
			if plain != want[nameOf(at)] {
				t.Fatalf("%s is %q, want %q", nameOf(at), plain, want[nameOf(at)])
			}
			got = append(got, string(key))
			return true, err
		})
		if err != nil || !slices.Equal(got, expected) {
			t.Fatalf("scan of %s from %q, back %v: %v, want %v; %v", prefix, a.Key, back, got, expected, err)
		}
	}
}

// Read compares a snapshot.
func (m *machine) Read(t *rapid.T) {
	err := m.f.View(background, func(tx *kv.ReadTx) error {
		a := drawAddress(t)
		if got, err := m.f.value(tx, a); err != nil || got != m.model[nameOf(a)] {
			t.Fatalf("%s is %q, want %q; %v", nameOf(a), got, m.model[nameOf(a)], err)
		}
		m.compare(t, tx.Scan, tx.ScanBack, m.model)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Purge empties one collection or a space.
func (m *machine) Purge(t *rapid.T) {
	a := drawAddress(t)
	var numbers []uint16
	prefix := fmt.Sprintf("%x/", a.Space[:1])
	if rapid.Bool().Draw(t, "one") {
		numbers = []uint16{a.Collection}
		prefix = nameOf(kv.Address{Space: a.Space, Collection: a.Collection})
	}
	if err := m.f.Purge(background, a.Space, numbers...); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(m.model, func(name, _ string) bool { return strings.HasPrefix(name, prefix) })
}

// Compact keeps everything.
func (m *machine) Compact(t *rapid.T) {
	if err := m.f.Compact(background); err != nil {
		t.Fatal(err)
	}
}

// Reopen closes and opens the file.
func (m *machine) Reopen(t *rapid.T) {
	if err := m.f.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := kv.Open(m.f.path, small())
	if err != nil {
		t.Fatal(err)
	}
	m.f.DB = db
	if o := db.Stats().Opened; o.Records != uint64(len(m.model)) || !o.Settled {
		t.Fatalf("opened %+v, want %d records", o, len(m.model))
	}
}

// Check is what must hold always.
func (m *machine) Check(t *rapid.T) {
	if err := m.f.DB.Check(background); err != nil {
		t.Fatal(err)
	}
}

func TestAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := create(t, small())
		defer f.close()
		m := &machine{f: f, model: map[string]string{}}
		rt.Repeat(rapid.StateMachineActions(m))
	})
}
