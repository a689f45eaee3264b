package store

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

var (
	byName = DefineIndex("test.name")
	byMail = DefineSignpost("test.mail")
)

// TestReencrypt writes records, index entries, signposts and a blob, encrypts all of it anew, and reads it again.
func TestReencrypt(t *testing.T) {
	db, _ := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	content := bytes.Repeat([]byte("policy 4711, "), 20000)
	var ref BlobRef
	for i := range 450 {
		id := ID{1: byte(i >> 8), 2: byte(i), 3: 1}
		if err := write(t, h, id, strings.Repeat("x", i)); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := h.WriteBlob(t.Context(), Action{Verb: changeVerb}, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	owner := ID{1: 1, 2: 2, 3: 1}
	err = h.Update(t.Context(), Action{Verb: rights.TenantChange}, func(tx *WriteTx) error {
		return errors.Join(byName.Set(tx, "unique", owner), byMail.Set(tx, "a@example.com", owner), tx.KeepBlob(ref, owner))
	})
	if err != nil {
		t.Fatal(err)
	}
	old := db.replaceable(h.id)
	var last int64
	if err := db.Reencrypt(t.Context(), operator(), h.id, func(_ string, done int64) { last = done }); err != nil {
		t.Fatal(err)
	}
	if last == 0 {
		t.Error("no progress was reported")
	}
	for _, s := range db.ring.Owners() {
		for _, k := range s.DataKeys {
			if s.Owner == dataOwner(h.id) && slices.Contains(old, k.KeyID.String()) {
				t.Errorf("key %s for purpose %d still exists", k.KeyID, k.Purpose)
			}
		}
	}
	err = h.View(t.Context(), Action{Verb: rights.TenantRead}, func(tx *ReadTx) error {
		for i := range 450 {
			r, err := memos.Get(tx, ID{1: byte(i >> 8), 2: byte(i), 3: 1})
			if err != nil {
				return err
			}
			if len(r.Value.Text) != i {
				t.Errorf("record %d has %d characters", i, len(r.Value.Text))
			}
		}
		if found, err := byName.Find(tx, "unique"); err != nil || found != owner {
			t.Errorf("index: %s, %v", found, err)
		}
		r, err := tx.OpenBlob(ref)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("blob of %d bytes, %v", len(got), err)
		}
		return r.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	// The appliance's own keys, under which the signposts lie.
	if err := db.Reencrypt(t.Context(), operator(), Appliance, nil); err != nil {
		t.Fatal(err)
	}
	posts, err := db.Follow(t.Context(), byMail, "a@example.com")
	if err != nil || len(posts) != 1 || posts[0] != (Pointer{h.id, owner}) {
		t.Errorf("signpost: %+v, %v", posts, err)
	}
	if r := verified(t, db); r.Orphans != 0 {
		t.Errorf("%d orphans", r.Orphans)
	}
}

// TestReencryptGoesOn stops a re-encryption after the new keys were made; it goes on after the next unlock.
func TestReencryptGoesOn(t *testing.T) {
	db, dir := opened(t, Options{})
	h := tenantOfTest(t, db, Admin)
	if err := write(t, h, ID{1: 1}, "text"); err != nil {
		t.Fatal(err)
	}
	job := intent{Verb: reencryption, Object: h.id, Keys: db.replaceable(h.id)}
	err := db.system().changeKeys(t.Context(), keyChange{
		verb: rights.KeyReencrypt, intent: intent{Object: h.id},
		do:   func() ([]keyring.Event, error) { return db.ring.Roll(t.Context(), dataOwner(h.id)) },
		then: func(tx *WriteTx) error { return intents.Insert(tx, ID{9: 9}, job) },
	})
	if err != nil {
		t.Fatal(err)
	}
	again := restarted(t, db, dir, Options{})
	eventually(t, "the old keys are destroyed", func() bool {
		return !slices.ContainsFunc(again.replaceable(h.id), func(id string) bool { return slices.Contains(job.Keys, id) })
	})
}
