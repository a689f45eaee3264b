package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// TestSchemaUpgrade reads records of earlier schemas in the present one, and refuses those of a later one.
func TestSchemaUpgrade(t *testing.T) {
	type first struct{ Insured string }
	type third struct{ First, Last string }
	toSecond := Upgrade{From: 1, Do: func(old json.RawMessage) (json.RawMessage, error) {
		var f first
		err := json.Unmarshal(old, &f)
		return fmt.Appendf(nil, `{"Name":%q}`, f.Insured), err
	}}
	toThird := Upgrade{From: 2, Do: func(old json.RawMessage) (json.RawMessage, error) {
		var second struct{ Name string }
		err := json.Unmarshal(old, &second)
		one, two, _ := strings.Cut(second.Name, " ")
		return fmt.Appendf(nil, `{"First":%q,"Last":%q}`, one, two), err
	}}
	ones, threes := Define[first]("settings", 1), Define[third]("settings", 3, toSecond, toThird)
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	id := ID{1}
	update := func(fn func(*WriteTx) error) error {
		return h.Update(t.Context(), Action{Verb: rights.TenantChange}, fn)
	}
	if err := update(func(tx *WriteTx) error { return ones.Insert(tx, id, first{"Mary Smith"}) }); err != nil {
		t.Fatal(err)
	}
	err := update(func(tx *WriteTx) error {
		r, err := threes.Get(tx, id)
		if err != nil || r.Value != (third{"Mary", "Smith"}) || r.Version != 1 {
			return fmt.Errorf("%+v, %w", r, err)
		}
		r.Value.Last = "Jones"
		_, err = threes.Put(tx, r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = h.View(t.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error { _, err := ones.Get(tx, id); return err })
	if err == nil || !strings.Contains(err.Error(), "schema 3 by a later version") {
		t.Errorf("a record of a later schema: %v", err)
	}
}

// TestMigration carries a directory over two formats; a step that fails is done again, the steps before it are not.
func TestMigration(t *testing.T) {
	dir := t.TempDir()
	f := format{Format: 1, Install: ID{1}}
	if err := f.write(dir); err != nil {
		t.Fatal(err)
	}
	var done []int
	boom := errors.New("boom")
	failing := true
	steps := map[int]migration{
		1: func(string) error { done = append(done, 1); return nil },
		2: func(string) error {
			done = append(done, 2)
			if failing {
				return boom
			}
			return nil
		},
	}
	if err := migrateBy(dir, &f, 3, steps); !errors.Is(err, boom) {
		t.Fatalf("first attempt: %v", err)
	}
	failing = false
	if err := migrateBy(dir, &f, 3, steps); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(done) != "[1 2 2]" || f.Format != 3 {
		t.Errorf("steps %v, format %d", done, f.Format)
	}
	if _, err := readFormat(dir); err == nil || !strings.Contains(err.Error(), "in format 3, this version of qrsd knows formats up to 1") {
		t.Errorf("a store of a later format: %v", err)
	}
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a store of a later format was opened")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 { // format.json and what was kept before the two steps
		t.Errorf("opening it left %d files, %v", len(entries), err)
	}
}
