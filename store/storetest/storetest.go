// Package storetest opens real stores for tests: on a disk, encrypted, audited, unlocked with a key file, and verified from
// end to end when the test is over.
//
// It does not fake anything. It takes what it needs of a *testing.T as an interface, so that no product file imports testing.
//
// Begin with New.
package storetest

import (
	"context"
	"crypto/rand"
	"io"
	"path/filepath"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/keyring"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// T is what is needed of a *testing.T, *testing.B or *rapid.T's parent.
type T interface {
	Helper()
	TempDir() string
	Cleanup(func())
	Fatal(...any)
	Errorf(format string, args ...any)
}

// keyFile is the name of the key file, beside the store's directory.
const keyFile = "test.key"

// New makes a store in a directory of the test and returns it unlocked. When the test ends, the store is closed if that was
// not done, opened again and checked: a fault in it fails the test.
func New(t T, o store.Options) *store.DB {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	Create(t, dir, o)
	return Open(t, dir, o)
}

// Create makes a store in dir, with its key file beside it, and leaves it closed. Nothing is checked at the end but what Open opens.
func Create(t T, dir string, o store.Options) {
	t.Helper()
	if err := keyring.NewKeyFile(KeyFile(dir), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(context.Background(), dir, lean(o), Unlocker(dir)); err != nil {
		t.Fatal(err)
	}
}

// Open opens and unlocks a store that Create made, to be closed and checked when the test ends. A test may close it and open
// it again as often as it likes.
func Open(t T, dir string, o store.Options) *store.DB {
	t.Helper()
	db := open(t, dir, o)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
		check(t, dir, o)
	})
	return db
}

// KeyFile is where the key file of a store in dir is.
func KeyFile(dir string) string { return filepath.Join(filepath.Dir(filepath.Clean(dir)), keyFile) }

// Unlocker opens a store that Create made in dir.
func Unlocker(dir string) store.Unlocker { return keyring.KeyFile(KeyFile(dir)) }

// AddTenant makes a tenant.
func AddTenant(t T, db *store.DB, name string) store.ID {
	t.Helper()
	id, err := db.AddTenant(context.Background(), Operator(), name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Operator is somebody at work on the appliance's host.
func Operator() store.Principal {
	return rights.HostOperator(store.Appliance, "operator", store.Source{Address: "host"})
}

// User is a signed-in user of the tenant with a new random id, whom no directory knows.
func User(tenant store.ID, role store.Role) store.Principal { return Scoped(tenant, role, nil) }

// Scoped is such a user by an API key with these scopes; nil: all that the role may.
func Scoped(tenant store.ID, role store.Role, scopes []store.Verb) store.Principal {
	var id store.ID
	if _, err := io.ReadFull(rand.Reader, id[:]); err != nil {
		panic("storetest: no entropy: " + err.Error())
	}
	return rights.User(id, tenant, role, store.Source{Address: "192.0.2.1", UserAgent: "storetest"}, scopes)
}

// lean takes the ballast away: a test's disk is shared.
func lean(o store.Options) store.Options {
	if o.Ballast == 0 {
		o.Ballast = -1
	}
	return o
}

func open(t T, dir string, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(dir, lean(o))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Unlock(context.Background(), Operator(), Unlocker(dir)); err != nil {
		_ = db.Close()
		t.Fatal(err)
	}
	return db
}

// check opens the store once more and verifies all of it.
func check(t T, dir string, o store.Options) {
	t.Helper()
	db := open(t, dir, o)
	report, err := db.Check(context.Background(), Operator(), nil)
	if err != nil {
		t.Errorf("check the store: %v", err)
		return
	}
	for _, fault := range report.Faults {
		t.Errorf("the store after the test: %s", fault)
	}
	if err := db.Close(); err != nil {
		t.Errorf("close the store after its check: %v", err)
	}
}
