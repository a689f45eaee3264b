package store

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// TestAgainstModel runs random operations on several tenants beside a model in memory: records and index entries, with
// conflicts, rollbacks, listings, key rotations and re-encryptions, erasures and restarts.
func TestAgainstModel(t *testing.T) {
	// Each check waits for the disk a hundred times; QRSD_TORTURE_CHECKS raises their number (make torture).
	checks := "12"
	if n := os.Getenv("QRSD_TORTURE_CHECKS"); n != "" {
		checks = n
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		db, dir := opened(t, Options{})
		m := &model{t: t, db: db, dir: dir, tenants: map[ID]*modelTenant{}}
		m.add(r)
		r.Repeat(map[string]func(*rapid.T){
			"insert": m.insert, "put": m.put, "delete": m.remove, "fail": m.fail, "list": m.list, "add": m.add,
			"erase": m.erase, "rotate": m.rotate, "restart": m.restart, "": m.same,
		})
		verified(t, m.db)
		if err := m.db.Close(); err != nil {
			r.Fatal(err)
		}
	})
}

// model is what the store must hold.
type model struct {
	t       *testing.T
	db      *DB
	dir     string
	tenants map[ID]*modelTenant
	entries int
}

type modelTenant struct {
	handle  *Tenant
	records map[ID]Record[memo]
	names   map[string]ID
	read    int64 // entries of its audit log that were counted
}

// entered counts the entries of the tenant's user since it was last called. Others are the store's own and the operator's.
func (t *modelTenant) entered(r *rapid.T) (count int) {
	db, l := t.handle.db, t.handle.db.logOf(t.handle.id, AuditLog)
	_, size, err := db.span(r.Context(), l, Query{})
	if err == nil {
		err = db.eachLeaf(r.Context(), l, t.read, size, false, func(sequence int64, _ envelope.Box, plain []byte) (bool, error) {
			e, err := db.readEntry(l, sequence, plain)
			if e.Actor == t.handle.principal.User().String() {
				count++
			}
			return true, err
		})
	}
	if err != nil {
		r.Fatal(err)
	}
	t.read = size
	return count
}

// once holds an operation of the tenant's user to exactly one entry, whether it succeeds or not.
func (t *modelTenant) once(r *rapid.T, do func() error) error {
	t.entered(r)
	err := do()
	if n := t.entered(r); n != 1 {
		r.Fatalf("one operation left %d entries", n)
	}
	return err
}

func (m *model) some(r *rapid.T) *modelTenant {
	ids := slices.SortedFunc(maps.Keys(m.tenants), func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	return m.tenants[rapid.SampledFrom(ids).Draw(r, "tenant")]
}

func (t *modelTenant) some(r *rapid.T) ID {
	ids := slices.SortedFunc(maps.Keys(t.records), func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	if len(ids) == 0 {
		return ID{1}
	}
	return rapid.SampledFrom(ids).Draw(r, "record")
}

func (t *modelTenant) update(r *rapid.T, fn func(*WriteTx) error) error {
	return t.once(r, func() error { return t.handle.Update(r.Context(), Action{Verb: rights.TenantChange}, fn) })
}

func (m *model) add(r *rapid.T) {
	if len(m.tenants) > 3 {
		r.Skip()
	}
	m.entries++
	id, err := m.db.AddTenant(r.Context(), operator(), fmt.Sprint("tenant ", m.entries))
	if err != nil {
		r.Fatal(err)
	}
	m.tenants[id] = &modelTenant{records: map[ID]Record[memo]{}, names: map[string]ID{}}
	m.open(r, id)
}

func (m *model) open(r *rapid.T, id ID) {
	h, err := m.db.Tenant(r.Context(), rights.User(ID{7: 7}, id, Admin, Source{}, nil), id)
	if err != nil {
		r.Fatal(err)
	}
	m.tenants[id].handle = h
}

func (m *model) insert(r *rapid.T) {
	t := m.some(r)
	name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(r, "name")
	text := rapid.StringN(0, 300, -1).Draw(r, "text")
	var id ID
	err := t.update(r, func(tx *WriteTx) error {
		id = tx.NewID()
		return errors.Join(memos.Insert(tx, id, memo{text}), byName.Set(tx, name, id))
	})
	if _, taken := t.names[name]; taken {
		if !errors.Is(err, ErrExists) {
			r.Fatalf("name %s is taken: %v", name, err)
		}
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	t.records[id], t.names[name] = Record[memo]{id, 1, memo{text}}, id
}

func (m *model) put(r *rapid.T) {
	t := m.some(r)
	id := t.some(r)
	old, there := t.records[id]
	change := Record[memo]{id, old.Version + uint64(rapid.IntRange(0, 1).Draw(r, "ahead")), memo{rapid.String().Draw(r, "text")}}
	err := t.update(r, func(tx *WriteTx) error {
		_, err := memos.Put(tx, change)
		return err
	})
	switch {
	case !there && !errors.Is(err, ErrNotFound), there && change.Version != old.Version && !errors.Is(err, ErrConflict):
		r.Fatalf("put of version %d onto %d: %v", change.Version, old.Version, err)
	case there && change.Version == old.Version:
		if err != nil {
			r.Fatal(err)
		}
		change.Version++
		t.records[id] = change
	}
}

func (m *model) remove(r *rapid.T) {
	t := m.some(r)
	id := t.some(r)
	old, there := t.records[id]
	if !there {
		r.Skip()
	}
	if err := t.update(r, func(tx *WriteTx) error { return memos.Delete(tx, id, old.Version) }); err != nil {
		r.Fatal(err)
	}
	delete(t.records, id)
}

// fail writes, and then fails: nothing of it must be there.
func (m *model) fail(r *rapid.T) {
	boom := errors.New("boom")
	t := m.some(r)
	err := t.update(r, func(tx *WriteTx) error {
		return errors.Join(memos.Insert(tx, tx.NewID(), memo{"never"}), byName.Set(tx, "never", ID{1}), boom)
	})
	if !errors.Is(err, boom) {
		r.Fatal(err)
	}
}

// list walks with a small page and wants every record once, in order.
func (m *model) list(r *rapid.T) {
	t := m.some(r)
	limit := rapid.IntRange(1, 4).Draw(r, "limit")
	newest := rapid.Bool().Draw(r, "newest")
	var got []ID
	err := t.once(r, func() error {
		return t.handle.View(r.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error {
			for after := Cursor(""); ; {
				list := memos.List
				if newest {
					list = memos.ListNewest
				}
				page, err := list(tx, after, limit)
				if err != nil {
					return err
				}
				for _, record := range page.Records {
					got = append(got, record.ID)
				}
				if after = page.Next; after == "" {
					return nil
				}
			}
		})
	})
	if err != nil {
		r.Fatal(err)
	}
	want := slices.SortedFunc(maps.Keys(t.records), func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	if newest {
		slices.Reverse(want)
	}
	if !slices.Equal(got, want) {
		r.Fatalf("listed %v, want %v", got, want)
	}
}

func (m *model) rotate(r *rapid.T) {
	t := m.some(r)
	var err error
	if rapid.Bool().Draw(r, "reencrypt") {
		err = m.db.Reencrypt(r.Context(), operator(), t.handle.id, nil)
	} else {
		err = m.db.RotateKeys(r.Context(), operator(), t.handle.id)
	}
	if err != nil {
		r.Fatal(err)
	}
}

func (m *model) erase(r *rapid.T) {
	if len(m.tenants) < 2 || rapid.IntRange(0, 3).Draw(r, "erase") > 0 {
		r.Skip()
	}
	t := m.some(r)
	if _, err := m.db.EraseTenant(r.Context(), operator(), t.handle.id); err != nil {
		r.Fatal(err)
	}
	delete(m.tenants, t.handle.id)
}

func (m *model) restart(r *rapid.T) {
	if rapid.IntRange(0, 3).Draw(r, "restart") > 0 {
		r.Skip()
	}
	m.db = restarted(m.t, m.db, m.dir, Options{})
	for id := range m.tenants {
		m.open(r, id)
	}
}

// same compares every record and index entry of every tenant with the model.
func (m *model) same(r *rapid.T) {
	for _, t := range m.tenants {
		err := t.handle.View(r.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error {
			for id, want := range t.records {
				if got, err := memos.Get(tx, id); err != nil || got != want {
					return fmt.Errorf("record %s: %+v, want %+v (%w)", id, got, want, err)
				}
			}
			for name, want := range t.names {
				if got, err := byName.Find(tx, name); err != nil || got != want {
					return fmt.Errorf("name %s: %s, want %s (%w)", name, got, want, err)
				}
			}
			if _, err := byName.Find(tx, "never"); !errors.Is(err, ErrNotFound) {
				return fmt.Errorf("what was rolled back is there: %w", err)
			}
			return nil
		})
		if err != nil {
			r.Fatal(err)
		}
	}
}
