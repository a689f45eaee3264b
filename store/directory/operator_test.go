package directory_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

// employ adds an operator with an account, a password of its own and a second factor.
func (o *office) employ(email string) store.Principal {
	o.Helper()
	p, _ := o.enrol(o.novice(email))
	return p
}

// novice is an operator with an account who has to enrol a second factor yet.
func (o *office) novice(email string) store.Principal {
	o.Helper()
	ctx := o.Context()
	_, oneTime, err := o.AddUser(ctx, operator, store.Appliance, directory.NewUser{Email: email, Name: "N. N.", Role: store.Operator})
	o.must(err)
	p, _, err := o.signIn(email, oneTime.Reveal(), desk)
	o.must(err)
	token, err := o.SetPassword(ctx, p, oneTime, directory.NewSecret(goodPassword))
	o.must(err)
	return o.session(token)
}

// denied wants a denial.
func (o *office) denied(what string, err error) {
	o.Helper()
	var denied *store.DeniedError
	if !errors.As(err, &denied) {
		o.Errorf("%s: got error %v, want a denial", what, err)
	}
}

// invalid wants the refusal of a value, at its place.
func (o *office) invalid(field string, err error) {
	o.Helper()
	var invalid *store.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != field {
		o.Errorf("got error %v, want one of the value %q", err, field)
	}
}

// TestOperatorHasAnAccount follows one from the first sign-in to work in a tenant: it holds the operator's verbs, is entered by id,
// and sees nothing of a tenant.
func TestOperatorHasAnAccount(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	novice := o.novice("root@example.com")
	_, err := o.db.AddTenant(ctx, novice, "Gulf Mutual")
	o.denied("a tenant without second factor", err)
	_, err = o.Users(ctx, novice, o.tenant, "", 10)
	o.denied("users of a tenant without second factor", err)

	p, token := o.enrolled(novice)
	for _, v := range rights.Verbs() {
		if p.May(v) != rights.Allowed(store.Operator, v) {
			t.Errorf("%s: %t", v, p.May(v))
		}
	}
	if p.User().IsZero() || p.Tenant() != store.Appliance || p.IsSystem() {
		t.Fatalf("user %s of %s", p.User(), p.Tenant())
	}
	self, err := o.Self(ctx, p)
	o.must(err)
	if self.Role != store.Operator || self.Tenant != store.Appliance || self.TenantName != "" || self.MustEnrol {
		t.Errorf("self: %+v", self)
	}
	o.wants(o.RemoveSecondFactor(ctx, p, token, directory.NewSecret(goodPassword)), directory.ErrSecondFactorRequired)

	_, err = o.db.AddTenant(ctx, p, "Gulf Mutual")
	o.must(err)
	added := o.appliance("tenant.add")
	if last := added[len(added)-1]; last.Actor != p.User().String() || last.Role != store.Operator || last.Outcome != store.Done || last.Person.Address != desk.Address {
		t.Errorf("entry of the appliance: %+v", last)
	}
	_, err = o.Users(ctx, p, o.tenant, "", 10)
	o.must(err)
	listed := o.entries("user.list")
	if last := listed[len(listed)-1]; last.Actor != p.User().String() || last.Home != store.Appliance.String() || last.Person == nil || last.Person.Address != desk.Address {
		t.Errorf("entry of the tenant: %+v", last)
	}
	o.seesNoTenant(p)
}

func (o *office) seesNoTenant(p store.Principal) {
	ctx := o.Context()
	bob, _ := o.hire("bob@example.com", store.Viewer)
	before := len(o.appliance("tenant.read"))
	_, err := o.db.Tenant(ctx, p, o.tenant)
	o.denied("a handle of the tenant", err)
	if got := len(o.appliance("tenant.read")); got != before+1 {
		o.Errorf("%d entries of one attempt", got-before)
	}
	_, err = o.Policy(ctx, p)
	o.denied("policy", err)
	o.denied("role", o.ChangeRole(ctx, p, o.tenant, bob.User(), store.Admin))
	o.denied("factor", o.ResetSecondFactor(ctx, p, o.tenant, bob.User()))
	_, err = o.ResetPassword(ctx, p, o.tenant, bob.User())
	o.denied("password", err)
	_, err = o.Sessions(ctx, p, bob.User())
	o.wants(err, store.ErrNotFound)
	o.must(o.Disable(ctx, p, o.tenant, bob.User()))
}

// TestOperatorsOnlyInTheAppliance holds role and tenant together.
func TestOperatorsOnlyInTheAppliance(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	p := o.novice("root@example.com")
	ada, _ := o.hire("ada@example.com", store.Admin)
	_, _, err := o.AddUser(ctx, operator, store.Appliance, directory.NewUser{Email: "x@example.com", Name: "X", Role: store.Admin})
	o.invalid("role", err)
	_, _, err = o.Invite(ctx, p, store.Appliance, directory.NewUser{Email: "x@example.com", Name: "X", Role: store.Viewer})
	o.invalid("role", err)
	_, _, err = o.AddUser(ctx, ada, o.tenant, directory.NewUser{Email: "x@example.com", Name: "X", Role: store.Operator})
	o.invalid("role", err)
	o.invalid("role", o.ChangeRole(ctx, ada, o.tenant, ada.User(), store.Operator))
	o.invalid("role", o.ChangeRole(ctx, operator, store.Appliance, p.User(), store.Viewer))
	_, _, err = o.AddUser(ctx, ada, store.Appliance, directory.NewUser{Email: "x@example.com", Name: "X", Role: store.Operator})
	o.denied("an administrator adds an operator", err)
	_, err = o.Users(ctx, ada, store.Appliance, "", 10)
	o.denied("an administrator lists operators", err)

	// One address in two places is two accounts.
	_, _, err = o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: "root@example.com", Name: "X", Role: store.Viewer})
	o.must(err)
	again, _, err := o.signIn("root@example.com", goodPassword, desk)
	o.must(err)
	if again.User() != p.User() || again.Role() != store.Operator {
		t.Errorf("signed in as %s, %s", again.User(), again.Role())
	}
}

func TestLastOperatorStays(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	one := o.novice("one@example.com")
	o.wants(o.Disable(ctx, one, store.Appliance, one.User()), directory.ErrLastOperator)
	o.wants(o.Disable(ctx, operator, store.Appliance, one.User()), directory.ErrLastOperator)
	_, _, err := o.Invite(ctx, one, store.Appliance, directory.NewUser{Email: "guest@example.com", Name: "G", Role: store.Operator})
	o.must(err)
	o.wants(o.Disable(ctx, one, store.Appliance, one.User()), directory.ErrLastOperator) // the guest has not come yet

	two := o.novice("two@example.com")
	outcome := make([]error, 2)
	var both sync.WaitGroup
	for i, pair := range [][2]store.Principal{{one, two}, {two, one}} {
		both.Go(func() { outcome[i] = o.Disable(ctx, pair[0], store.Appliance, pair[1].User()) })
	}
	both.Wait()
	slices.SortFunc(outcome, func(a, b error) int {
		if a == nil {
			return -1
		}
		return 1
	})
	if outcome[0] != nil || !errors.Is(outcome[1], directory.ErrLastOperator) {
		t.Errorf("two operators disable each other: %v", outcome)
	}
}

// TestOperatorsMendEachOther lets an operator, and whoever works on the host, put another operator's account in order.
func TestOperatorsMendEachOther(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	one, two := o.employ("one@example.com"), o.employ("two@example.com")
	open, err := o.Sessions(ctx, one, two.User())
	o.must(err)
	if len(open) != 1 {
		t.Errorf("%d sessions", len(open))
	}
	o.must(o.CloseSession(ctx, one, two.User(), store.ID{}))
	o.must(o.ResetSecondFactor(ctx, one, store.Appliance, two.User()))
	_, err = o.ResetPassword(ctx, operator, store.Appliance, one.User())
	o.must(err)
	changes := o.appliance("operator.change")
	if len(changes) != 2 || changes[0].Actor != one.User().String() || changes[1].Actor != "operator" {
		t.Errorf("entries: %+v", changes)
	}
	o.wants(o.ResetSecondFactor(ctx, one, store.Appliance, one.User()), directory.ErrSecondFactorRequired)
}

// TestOperatorsKeysWatch lets keys of operators read what shows that the appliance is well, and nothing else.
func TestOperatorsKeysWatch(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	p := o.employ("root@example.com")
	for _, v := range rights.Verbs() {
		_, _, err := o.AddAPIKey(ctx, p, directory.NewAPIKey{Name: "one", Scopes: []string{v.String()}})
		if err == nil && !strings.HasSuffix(v.String(), "list") && !strings.HasSuffix(v.String(), "read") && !strings.HasSuffix(v.String(), "verify") &&
			v.String() != "store.status" && v.String() != "audit.system" && v.String() != "store.diagnose" && v.String() != "support.bundle" {
			t.Errorf("a key of an operator may %s", v)
		}
	}
	_, _, err := o.AddAPIKey(ctx, p, directory.NewAPIKey{Name: "messages", Scopes: []string{"notice.read"}})
	o.invalid("scopes", err)
	_, _, err = o.AddAPIKey(ctx, operator, directory.NewAPIKey{Name: "host", Scopes: []string{"store.status"}})
	o.denied("a key of nobody", err)

	info, key, err := o.AddAPIKey(ctx, p, directory.NewAPIKey{Name: "monitor", Scopes: []string{"tenant.list"}})
	o.must(err)
	by, err := o.APIKey(ctx, key, desk)
	o.must(err)
	if by.User() != p.User() || by.Role() != store.Operator {
		t.Errorf("the key is %s's, %s", by.User(), by.Role())
	}
	_, err = o.db.Tenants(ctx, by)
	o.must(err)
	_, err = o.Users(ctx, by, o.tenant, "", 10) // its scopes hold in a tenant too
	o.denied("users by a key for tenants", err)
	_, _, err = o.Invite(ctx, by, o.tenant, directory.NewUser{Email: "eve@example.com", Name: "E", Role: store.Admin})
	o.denied("an invitation by a key", err)
	o.must(o.RevokeAPIKey(ctx, p, info.ID))
	_, err = o.APIKey(ctx, key, desk)
	o.wants(err, directory.ErrNoAPIKey)
}
