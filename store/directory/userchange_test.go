package directory_test

import (
	"context"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// setPolicy changes the policy, whatever it is.
func (o *office) setPolicy(ctx context.Context, by store.Principal, p directory.Policy) {
	o.Helper()
	_, err := o.SetPolicy(ctx, by, p)
	o.must(err)
}

// TestChangeUser makes several changes at once, with one entry, for who has read the user as it is.
func TestChangeUser(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin := storetest.User(o.tenant, store.Admin)
	bob, token := o.hire("bob@example.com", store.Viewer)
	o.sent()
	u, err := o.User(ctx, admin, o.tenant, bob.User())
	o.must(err)
	if u.ID != bob.User() || u.Version == 0 || u.Role != store.Viewer {
		t.Fatalf("user %+v", u)
	}
	name, role, off := "Robert", store.Modeler, directory.Disabled
	renamed, err := o.ChangeUser(ctx, admin, o.tenant, u.ID, directory.UserChange{Name: &name}, u.Version)
	o.must(err)
	o.session(token) // a name ends no session
	if renamed.Name != name || renamed.Version != u.Version+1 {
		t.Errorf("renamed %+v", renamed)
	}
	_, err = o.ChangeUser(ctx, admin, o.tenant, u.ID, directory.UserChange{Role: &role}, u.Version)
	o.wants(err, store.ErrConflict)
	before := len(o.entries("user"))
	changed, err := o.ChangeUser(ctx, admin, o.tenant, u.ID, directory.UserChange{Name: &name, Role: &role, State: &off}, renamed.Version)
	o.must(err)
	if changed.Role != role || changed.State != off || changed.Version != renamed.Version+1 {
		t.Errorf("changed %+v", changed)
	}
	if got := o.entries("user"); len(got) != before+1 || got[before].Action != "user.change" {
		t.Errorf("%d entries of one change", len(got)-before)
	}
	_, _, err = o.Session(ctx, token, desk)
	o.wants(err, directory.ErrNoSession)
	o.tells("bob@example.com", directory.NoticeDisabled)
	read, err := o.User(ctx, admin, o.tenant, u.ID)
	o.must(err)
	if read != changed {
		t.Errorf("read %+v, changed %+v", read, changed)
	}
	same, err := o.ChangeUser(ctx, admin, o.tenant, u.ID, directory.UserChange{State: &off}, 0)
	o.must(err)
	if same != changed {
		t.Errorf("nothing changed: %+v", same)
	}
	_, err = o.User(ctx, admin, o.tenant, store.ID{9})
	o.wants(err, store.ErrNotFound)
}

// TestChangeUserRefuses holds each change to its rules, and makes none of several where one cannot be.
func TestChangeUserRefuses(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	ada, _ := o.hire("ada@example.com", store.Admin)
	bob, _ := o.hire("bob@example.com", store.Viewer)
	name, bad, role, off, invited := "Robert", "a\x00b", store.Viewer, directory.Disabled, directory.Invited
	_, err := o.ChangeUser(ctx, ada, o.tenant, ada.User(), directory.UserChange{Name: &name, Role: &role}, 0)
	o.wants(err, directory.ErrLastAdmin)
	_, err = o.ChangeUser(ctx, ada, o.tenant, ada.User(), directory.UserChange{State: &off}, 0)
	o.wants(err, directory.ErrLastAdmin)
	_, err = o.ChangeUser(ctx, ada, o.tenant, bob.User(), directory.UserChange{Name: &bad}, 0)
	o.invalid("name", err)
	_, err = o.ChangeUser(ctx, ada, o.tenant, bob.User(), directory.UserChange{Name: &name, State: &invited}, 0)
	o.invalid("state", err)
	for _, who := range []store.ID{ada.User(), bob.User()} {
		if u, err := o.User(ctx, ada, o.tenant, who); err != nil || u.Name != "N. N." {
			t.Errorf("half of a change: %+v, %v", u, err)
		}
	}
	// An operator disables in every tenant, alone and nothing else.
	_, err = o.ChangeUser(ctx, operator, o.tenant, bob.User(), directory.UserChange{Name: &name, State: &off}, 0)
	o.denied("an operator renames", err)
	on := directory.Active
	_, err = o.ChangeUser(ctx, operator, o.tenant, bob.User(), directory.UserChange{State: &on}, 0)
	o.denied("an operator enables", err)
	_, err = o.ChangeUser(ctx, operator, o.tenant, bob.User(), directory.UserChange{State: &off}, 0)
	o.must(err)
}

// TestPolicyVersion refuses the second of two who read the same one.
func TestPolicyVersion(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin := storetest.User(o.tenant, store.Admin)
	first, err := o.Policy(ctx, admin)
	o.must(err)
	if first.Version != 1 {
		t.Fatalf("version %d of a policy that nobody set", first.Version)
	}
	second, err := o.SetPolicy(ctx, admin, directory.Policy{RequireSecondFactor: true, Version: first.Version})
	o.must(err)
	_, err = o.SetPolicy(ctx, admin, directory.Policy{Version: first.Version})
	o.wants(err, store.ErrConflict)
	read, err := o.Policy(ctx, admin)
	o.must(err)
	if read != second || read.Version != 2 || !read.RequireSecondFactor {
		t.Errorf("read %+v, set %+v", read, second)
	}
}
