package store_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

// TestByPassesDoNotCompile tries, as a package outside of the store would, to get at records without a handle, a
// permission or an audit entry. Each must be refused by the compiler, and for the reason given; the first shows that
// the right way compiles.
func TestByPassesDoNotCompile(t *testing.T) {
	const head = `package outside
import (
	"context"
	"github.com/qrsrisk/qrsd/store"
)
var _ = context.Background
type thing struct{ Name string }
var things = store.Define[thing]("settings", 1)
`
	for name, c := range map[string]struct{ code, want string }{
		"the right way": {`func f(t *store.Tenant, a store.Action) error {
			return t.Update(context.Background(), a, func(tx *store.WriteTx) error { return things.Insert(tx, tx.NewID(), thing{}) })
		}`, ""},
		"the database has no Get":             {`func f(db *store.DB) { db.Get() }`, "db.Get undefined"},
		"nor its key-value file":              {`func f(db *store.DB) { _ = db.kv }`, "kv undefined"},
		"nor its keys":                        {`func f(db *store.DB) { _ = db.ring }`, "ring undefined"},
		"a transaction out of nothing":        {`var _ = store.WriteTx{}.tenant`, "tenant undefined"},
		"a write in a view":                   {`func f(tx *store.ReadTx) error { return things.Insert(tx, store.ID{}, thing{}) }`, "cannot use tx"},
		"a write without a transaction":       {`func f(t *store.Tenant) error { return things.Insert(t, store.ID{}, thing{}) }`, "cannot use t"},
		"a reader of one's own":               {"type mine struct{}\nvar _ store.Reader = mine{}", "missing method"},
		"a handle out of nothing":             {`var _ = store.Tenant{}.id`, "id undefined"},
		"a principal out of nothing":          {`var _ = store.Principal{}.role`, "role undefined"},
		"a handle without a principal":        {`func f(db *store.DB) { db.Tenant(context.Background(), store.ID{}) }`, "not enough arguments"},
		"a change without an action":          {`func f(t *store.Tenant) { t.Update(context.Background(), func(*store.WriteTx) error { return nil }) }`, "not enough arguments"},
		"a verb with another name":            {`var _ = store.Verb{}.name`, "name undefined"},
		"writing to another tenant":           {`func f(tx *store.WriteTx, id store.ID) { tx.within(id) }`, "within undefined"},
		"a commit without an entry":           {`func f(t *store.Tenant) { t.commit }`, "commit undefined"},
		"reading a signpost in a transaction": {`func f(tx *store.ReadTx, s store.Signpost) { s.Find(tx, "") }`, "s.Find undefined"},
	} {
		t.Run(name, func(t *testing.T) {
			err := compile(t, head+c.code)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("does not compile: %v", err)
			case c.want != "" && err == nil:
				t.Error("compiles")
			case err != nil && !strings.Contains(err.Error(), c.want):
				t.Errorf("does not compile for another reason: %v", err)
			}
		})
	}
}

// TestInternalsAreOutOfReach: the packages that could by-pass the doors lie where the go command lets only the store in.
func TestInternalsAreOutOfReach(t *testing.T) {
	for _, name := range []string{"kv", "envelope", "keyring", "blob", "rights", "hostkeys", "durable"} {
		if _, err := os.Stat("internal/" + name); err != nil {
			t.Errorf("store/internal/%s: %v", name, err)
		}
	}
}

// compile type-checks one file against the store's sources, which are read once for all.
func compile(t *testing.T, source string) (err error) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "outside.go", source, 0)
	if err != nil {
		return err
	}
	config := types.Config{Importer: fromSource, Error: func(e error) {
		if err == nil {
			err = e
		}
	}}
	_, _ = config.Check("outside", set, []*ast.File{file}, nil)
	return err
}

var fromSource = importer.ForCompiler(token.NewFileSet(), "source", nil)
