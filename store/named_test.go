package store

import (
	"errors"
	"testing"
)

// TestNamed finds tenants by name without opening the keys of any.
func TestNamed(t *testing.T) {
	db, dir := opened(t, Options{})
	ids := map[string]ID{}
	for _, name := range []string{"Gulf Mutual", "Bay Insurance", "Twice", "Twice"} {
		id, err := db.AddTenant(t.Context(), operator(), name)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = id
	}
	again := restarted(t, db, dir, Options{})
	before, err := again.logEntriesOf(t.Context(), ids["Bay Insurance"])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Named(t.Context(), "Gulf Mutual"); err != nil || got != ids["Gulf Mutual"] {
		t.Errorf("by name: %s, %v", got, err)
	}
	if got, err := again.Named(t.Context(), ids["Twice"].String()); err != nil || got != ids["Twice"] {
		t.Errorf("by id: %s, %v", got, err)
	}
	if _, err := again.Named(t.Context(), "Twice"); err == nil {
		t.Error("two tenants of one name")
	}
	if _, err := again.Named(t.Context(), "Nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody's name: %v", err)
	}
	after, err := again.logEntriesOf(t.Context(), ids["Bay Insurance"])
	if err != nil || after != before {
		t.Errorf("%d entries in a stranger's log, were %d, %v", after, before, err)
	}
	if _, err := again.EraseTenant(t.Context(), operator(), ids["Gulf Mutual"]); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Named(t.Context(), "Gulf Mutual"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the name of an erased tenant: %v", err)
	}
}
