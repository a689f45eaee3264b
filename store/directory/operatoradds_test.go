package directory_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestOperatorsMakeThemselvesNoUsers: an operator with an account adds an administrator where a tenant has none, and nobody else; the
// tenant's other administrators hear of it. Who works on the host may still mend a tenant.
func TestOperatorsMakeThemselvesNoUsers(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	added, oneTime, err := o.AddUser(ctx, operator, store.Appliance, directory.NewUser{Email: "olga@example.com", Name: "Olga", Role: store.Operator})
	o.must(err)
	olga, _, err := o.signIn(added.Email, oneTime.Reveal(), desk)
	o.must(err)
	_, err = o.SetPassword(ctx, olga, oneTime, directory.NewSecret(goodPassword))
	o.must(err)
	olga, _, err = o.signIn(added.Email, goodPassword, desk)
	o.must(err)
	olga, _ = o.enrolled(olga)
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, directory.ErrNotForOperators) {
			t.Errorf("%s: %v", what, err)
		}
	}
	invite := func(email string, r store.Role) error {
		_, _, err := o.Invite(ctx, olga, o.tenant, directory.NewUser{Email: email, Name: "N. N.", Role: r})
		return err
	}
	add := func(email string, r store.Role) error {
		_, _, err := o.AddUser(ctx, olga, o.tenant, directory.NewUser{Email: email, Name: "N. N.", Role: r})
		return err
	}
	for _, r := range []store.Role{store.Modeler, store.Analyst, store.Approver, store.Viewer} {
		refused("invites a "+r.String(), invite("olga@example.com", r))
		refused("adds a "+r.String(), add("olga@example.com", r))
	}
	o.must(invite("ada@example.com", store.Admin))
	o.must(invite("bea@example.com", store.Admin)) // as long as nobody accepted
	if !slices.ContainsFunc(o.sent(), func(n directory.Notice) bool {
		return n.Kind == directory.NoticeAdministratorAdded && n.Email == "ada@example.com"
	}) {
		t.Error("the administrator who is there was told nothing")
	}
	o.hire("eve@example.com", store.Admin) // by the host
	before := len(o.entries("user.add"))
	refused("invites itself", invite("olga@example.com", store.Admin))
	refused("adds itself", add("olga@example.com", store.Admin))
	if all := o.entries("user.add")[before:]; len(all) != 2 || all[0].Outcome != store.Denied || all[1].Outcome != store.Denied {
		t.Errorf("entries: %+v", all)
	}
	_, _, err = o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: "cleo@example.com", Name: "C.", Role: store.Admin})
	o.must(err)
}

// TestNobodyResetsItsOwnPassword: a session must not be enough to have one's own password replaced.
func TestNobodyResetsItsOwnPassword(t *testing.T) {
	o := open(t, directory.Options{})
	p, _ := o.administer("ada@example.com")
	_, err := o.ResetPassword(t.Context(), p, o.tenant, p.User())
	o.wants(err, directory.ErrOwnPassword)
	_, _, err = o.signIn("ada@example.com", goodPassword, desk)
	o.wants(err, directory.ErrSecondFactorNeeded)
}
