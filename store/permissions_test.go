package store_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

var updatePermissions = flag.Bool("update-permissions", false, "write testdata/permissions.txt anew: only where a right is meant to change")

// TestPermissions holds the whole table of rights to the one that was reviewed. A difference is a change of who may do what.
func TestPermissions(t *testing.T) {
	const golden = "testdata/permissions.txt"
	got := store.Permissions()
	if *updatePermissions {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wanted := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(wanted) || line != wanted[i] {
			t.Fatalf("line %d of the table is\n%s\nwhich is not that of %s", i+1, line, golden)
		}
	}
	if got != string(want) {
		t.Errorf("%s has more verbs than the table", golden)
	}
}

// TestVerbsAreComplete reads the table's source: a verb that is declared and not listed would be checked by nobody.
func TestVerbsAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "internal/rights/table.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && call.Fun.(*ast.Ident).Name == "verb" {
			declared++
			name := strings.Trim(call.Args[0].(*ast.BasicLit).Value, `"`)
			if v, ok := rights.FindVerb(name); !ok || v.String() != name {
				t.Errorf("%s is declared and not in Verbs", name)
			}
		}
		return true
	})
	all := rights.Verbs()
	if declared != len(all) || declared < 50 {
		t.Errorf("%d verbs are declared, %d listed", declared, len(all))
	}
	var names []string
	for _, v := range all {
		names = append(names, v.String())
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(all) {
		t.Error("two verbs have one name")
	}
}

// TestRightsThatNobodyHas states what no edit of the table may give.
func TestRightsThatNobodyHas(t *testing.T) {
	tenants := []store.Role{store.Admin, store.Modeler, store.Analyst, store.Approver, store.Viewer}
	for _, v := range rights.Verbs() {
		area, _, _ := strings.Cut(v.String(), ".")
		if rights.Allowed(0, v) || (store.Principal{}).May(v) {
			t.Errorf("%s: allowed to nobody in particular", v)
		}
		content := slices.Contains([]string{"portfolio", "run", "model", "estimate", "approval", "webhook"}, area)
		if content && rights.Allowed(store.Operator, v) {
			t.Errorf("%s: the operator sees no tenant's data", v)
		}
		if (area == "store" || area == "tenant" && v.String() != "tenant.read" && v.String() != "tenant.change") && v.String() != "store.sweep" {
			for _, r := range tenants {
				if rights.Allowed(r, v) {
					t.Errorf("%s: the %s of a tenant does not run the appliance", v, r)
				}
			}
		}
		ofPeople := slices.Contains([]string{"run.submit", "run.cancel", "run.read", "run.export", "run.report"}, v.String())
		if ofWorker := area == "run" && !ofPeople || v.String() == "estimate.work" || v.String() == "webhook.deliver"; rights.Allowed(store.Worker, v) != ofWorker {
			t.Errorf("%s: the appliance at work carries runs and device jobs out and delivers webhooks, and nothing else", v)
		}
		reads := strings.HasSuffix(v.String(), ".read") || strings.HasSuffix(v.String(), ".verify") || strings.HasSuffix(v.String(), ".checkpoint") ||
			area == "session" || area == "password" || v.String() == "user.self" || v.String() == "run.report" || v.String() == "role.list" || v.String() == "invitation.accept"
		if rights.Allowed(store.Viewer, v) && !reads {
			t.Errorf("%s: the viewer only reads", v)
		}
	}
}

// TestScopesNarrow wants scopes to take away and never to give.
func TestScopesNarrow(t *testing.T) {
	tenant := store.ID{1}
	for _, r := range []store.Role{store.Admin, store.Modeler, store.Analyst, store.Approver, store.Viewer} {
		for _, scope := range rights.Verbs() {
			p := rights.User(store.ID{2}, tenant, r, store.Source{}, []store.Verb{scope})
			none := rights.User(store.ID{2}, tenant, r, store.Source{}, []store.Verb{})
			for _, v := range rights.Verbs() {
				if want := v.String() == scope.String() && rights.Allowed(r, v); p.May(v) != want {
					t.Fatalf("%s with scope %s: %s is %t", r, scope, v, !want)
				}
				if none.May(v) {
					t.Fatalf("%s without any scope may %s", r, v)
				}
			}
		}
	}
}
