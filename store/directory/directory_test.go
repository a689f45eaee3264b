package directory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

func TestFromOneTimePasswordToWork(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	u, oneTime, err := o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: "  Ada@Example.COM ", Name: "Ada", Role: store.Admin})
	o.must(err)
	if u.Email != "ada@example.com" || u.State != directory.Active || u.Role != store.Admin {
		t.Fatalf("added %+v", u)
	}
	p, token, err := o.signIn("ADA@example.com", oneTime.Reveal(), desk)
	o.must(err)
	if p.User() != u.ID || p.Tenant() != o.tenant || p.Source() != desk {
		t.Fatalf("signed in as %v", p)
	}
	// Before the password is her own she can do nothing else, nor before the second factor.
	for step, mend := range []func(){
		func() {
			token, err = o.SetPassword(ctx, p, oneTime, directory.NewSecret(goodPassword))
			o.must(err)
		},
		func() {
			e, err := o.EnrolSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret(goodPassword), "Example")
			o.must(err)
			token, _, err = o.ConfirmSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret(o.code(e.Secret.Reveal())))
			o.must(err)
		},
	} {
		self, err := o.Self(ctx, p)
		o.must(err)
		if self.MustChangePassword != (step == 0) || !self.MustEnrol {
			t.Fatalf("step %d: %+v", step, self)
		}
		var denied *store.DeniedError
		if _, err := o.Users(ctx, p, o.tenant, "", 10); !errors.As(err, &denied) {
			t.Fatalf("step %d: restricted, and could list users: %v", step, err)
		}
		before := token
		mend()
		if _, _, err := o.Session(ctx, before, desk); !errors.Is(err, directory.ErrNoSession) {
			t.Fatalf("step %d: the token from before still opens: %v", step, err)
		}
		p = o.session(token)
	}
	page, err := o.Users(ctx, p, o.tenant, "", 10)
	o.must(err)
	if len(page.Users) != 1 || !page.Users[0].SecondFactor || page.Users[0].SignedIn.IsZero() {
		t.Fatalf("users: %+v", page)
	}
	// One entry for each: one sign-in, three looks at herself and five changes.
	if n := len(o.entries("session.sign-in")); n != 1 {
		t.Errorf("%d entries of sign-ins", n)
	}
	if n := len(o.entries("user.self")); n != 5 {
		t.Errorf("%d entries of user.self, want 2 looks, password, enrolment, confirmation", n)
	}
}

// TestOneTimePasswordRestricts a user who needs no second factor.
func TestOneTimePasswordRestricts(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	_, oneTime, err := o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: "ada@example.com", Name: "Ada", Role: store.Viewer})
	o.must(err)
	p, token, err := o.signIn("ada@example.com", oneTime.Reveal(), desk)
	o.must(err)
	var denied *store.DeniedError
	for _, p := range []store.Principal{p, o.session(token)} {
		if _, err := o.Policy(ctx, p); !errors.As(err, &denied) {
			t.Errorf("could read with a password that another set: %v", err)
		}
	}
	token, err = o.SetPassword(ctx, p, oneTime, directory.NewSecret(goodPassword))
	o.must(err)
	_, err = o.Policy(ctx, o.session(token))
	o.must(err)
}

func TestWrongCredentialsAreOneError(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin, _ := o.hire("ada@example.com", store.Admin)
	bob, _ := o.hire("bob@example.com", store.Viewer)
	_, _, err := o.Invite(ctx, admin, o.tenant, directory.NewUser{Email: "eve@example.com", Name: "Eve", Role: store.Viewer})
	o.must(err)
	o.must(o.Disable(ctx, admin, o.tenant, bob.User()))
	texts := map[string]bool{}
	before := len(o.entries("session.sign-in"))
	for name, c := range map[string]directory.Credentials{
		"wrong password":     {Email: "ada@example.com", Password: directory.NewSecret("not " + goodPassword)},
		"no password":        {Email: "ada@example.com"},
		"unknown":            {Email: "nobody@example.com", Password: directory.NewSecret(goodPassword)},
		"no address":         {Email: "ada", Password: directory.NewSecret(goodPassword)},
		"empty":              {},
		"invited":            {Email: "eve@example.com", Password: directory.NewSecret("")},
		"disabled and wrong": {Email: "bob@example.com", Password: directory.NewSecret("not " + goodPassword)},
		"other tenant":       {Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Tenant: store.ID{9}},
		"endless":            {Email: "ada@example.com", Password: directory.NewSecret(strings.Repeat("x", 1<<20))},
	} {
		p, token, err := o.SignIn(ctx, c, stranger)
		if !errors.Is(err, directory.ErrWrongCredentials) || p.Role() != 0 || !token.IsZero() {
			t.Errorf("%s: %v as %s", name, err, p.Role())
			continue
		}
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("told apart by their words: %v", texts)
	}
	_, _, err = o.signIn("bob@example.com", goodPassword, desk)
	o.wants(err, directory.ErrDisabled)

	// Known accounts are entered with the tenant, unknown ones with the appliance, with no word of who it was.
	known := o.entries("session.sign-in")[before:]
	if len(known) != 6 {
		t.Errorf("%d entries with the tenant, want 6", len(known))
	}
	for _, e := range known {
		if e.Outcome != store.Denied || e.Actor != "" || e.Object == "" || e.Person == nil || e.Role != 0 {
			t.Errorf("entry %+v", e)
		}
	}
	unknown := o.appliance("session.sign-in")
	if len(unknown) != 4 {
		t.Errorf("%d entries with the appliance, want 4", len(unknown))
	}
	for _, e := range unknown {
		if e.Outcome != store.Denied || e.Object != "" || e.Person.Address != stranger.Address {
			t.Errorf("entry %+v", e)
		}
	}
}

// BenchmarkSignInRefused shows that an account that exists cannot be told by the time a refusal takes.
func BenchmarkSignInRefused(b *testing.B) {
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	db := storetest.New(b, store.Options{Now: c.now})
	tenant := storetest.AddTenant(b, db, "Example Mutual")
	d := directory.Open(db, directory.Options{Now: c.now})
	if _, _, err := d.AddUser(b.Context(), operator, tenant, directory.NewUser{Email: "ada@example.com", Name: "Ada", Role: store.Viewer}); err != nil {
		b.Fatal(err)
	}
	for name, email := range map[string]string{"known": "ada@example.com", "unknown": "nobody@example.com"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c.pass(time.Hour)
				if _, _, err := d.SignIn(b.Context(), directory.Credentials{Email: email, Password: directory.NewSecret("wrong wrong wrong")}, stranger); !errors.Is(err, directory.ErrWrongCredentials) {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestSecondFactor(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	_, secret := o.administer("ada@example.com")
	try := func(code string) error {
		_, _, err := o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Code: directory.NewSecret(code)}, desk)
		return err
	}
	o.wants(try(""), directory.ErrSecondFactorNeeded)
	o.wants(try(o.code(secret)), directory.ErrWrongCredentials) // it confirmed the enrolment: a replay
	o.clock.pass(30 * time.Second)
	o.must(try(o.code(secret)))
	o.wants(try(o.code(secret)), directory.ErrWrongCredentials)
	o.clock.pass(30 * time.Second)
	late := o.code(secret)
	o.clock.pass(30 * time.Second)
	o.must(try(late[:3] + " " + late[3:])) // one step of grace, and as applications show it
	o.clock.pass(5 * time.Minute)
	stale, _ := totp.GenerateCode(secret, o.clock.now().Add(-61*time.Second))
	o.wants(try(stale), directory.ErrWrongCredentials)
	o.must(try(o.code(secret)))

	// Five wrong ones in a row bar it; the right one does not help then.
	o.clock.pass(time.Minute)
	for range 5 {
		o.wants(try("000000"), directory.ErrWrongCredentials)
	}
	if wait := o.tooMany(try(o.code(secret))); wait != time.Minute {
		t.Errorf("barred for %s", wait)
	}
	o.clock.pass(time.Minute)
	o.wants(try("000000"), directory.ErrWrongCredentials)
	if wait := o.tooMany(try(o.code(secret))); wait != 2*time.Minute {
		t.Errorf("barred for %s after one more", wait)
	}
	o.clock.pass(2 * time.Minute)
	o.must(try(o.code(secret)))
	o.clock.pass(time.Minute)
	o.wants(try("000000"), directory.ErrWrongCredentials)
	o.must(try(o.code(secret))) // counted from nought again
}

// TestCodeIsGoodOnceAtOnce shows one code to ten sign-ins at the same time.
func TestCodeIsGoodOnceAtOnce(t *testing.T) {
	o := open(t, directory.Options{})
	_, secret := o.administer("ada@example.com")
	o.clock.pass(time.Hour)
	code := o.code(secret)
	var all sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		all.Go(func() {
			_, _, results[i] = o.SignIn(context.Background(), directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Code: directory.NewSecret(code)}, desk)
		})
	}
	all.Wait()
	in := 0
	for _, err := range results {
		if err == nil {
			in++
		}
	}
	if in != 1 {
		t.Errorf("one code let %d in: %v", in, results)
	}
}

func TestRecoveryCodes(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	p, _ := o.hire("ada@example.com", store.Modeler)
	e, err := o.EnrolSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret(goodPassword), "Example")
	o.must(err)
	if !strings.HasPrefix(e.URI.Reveal(), "otpauth://totp/Example:ada@example.com?") || !strings.Contains(e.URI.Reveal(), e.Secret.Reveal()) {
		t.Errorf("URI %s", e.URI.Reveal())
	}
	_, _, err = o.ConfirmSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret("000000"))
	o.wants(err, directory.ErrWrongCredentials)
	token, codes, err := o.ConfirmSecondFactor(ctx, p, directory.SessionToken{}, directory.NewSecret(o.code(e.Secret.Reveal())))
	o.must(err)
	p = o.session(token)
	_, err = o.EnrolSecondFactor(ctx, p, token, directory.NewSecret(goodPassword), "Example")
	o.wants(err, directory.ErrSecondFactorPresent)
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	try := func(code string) error {
		_, _, err := o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Code: directory.NewSecret(code)}, desk)
		return err
	}
	o.must(try(strings.ToLower(codes[3].Reveal())))
	o.wants(try(codes[3].Reveal()), directory.ErrWrongCredentials)
	o.must(try(codes[4].Reveal()))
	self, err := o.Self(ctx, p)
	o.must(err)
	if self.RecoveryCodes != 8 {
		t.Errorf("%d codes left of 10 after 2", self.RecoveryCodes)
	}
	fresh, err := o.RenewRecoveryCodes(ctx, p, token, directory.NewSecret(goodPassword))
	o.must(err)
	o.wants(try(codes[5].Reveal()), directory.ErrWrongCredentials)
	o.must(try(fresh[0].Reveal()))

	// A modeler may do without, unless the tenant asks.
	o.wants(o.RemoveSecondFactor(ctx, p, token, directory.NewSecret("wrong")), directory.ErrWrongCredentials)
	o.setPolicy(ctx, storetest.User(o.tenant, store.Admin), directory.Policy{RequireSecondFactor: true})
	o.wants(o.RemoveSecondFactor(ctx, p, token, directory.NewSecret(goodPassword)), directory.ErrSecondFactorRequired)
	o.setPolicy(ctx, storetest.User(o.tenant, store.Admin), directory.Policy{})
	o.must(o.RemoveSecondFactor(ctx, p, token, directory.NewSecret(goodPassword)))
	o.must(try(""))
}

func TestPolicyRestrictsAtOnce(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	admin, adminToken := o.administering("ada@example.com")
	_, token := o.hire("bob@example.com", store.Viewer)
	o.setPolicy(ctx, admin, directory.Policy{RequireSecondFactor: true})
	p := o.session(token)
	var denied *store.DeniedError
	if _, err := o.Policy(ctx, p); !errors.As(err, &denied) {
		t.Errorf("a session without the second factor that is now required still reads: %v", err)
	}
	if !slices.ContainsFunc(o.entries("tenant.read"), func(e store.Read) bool { return e.Outcome == store.Denied }) {
		t.Error("the denial was not entered")
	}
	p, _ = o.enrol(p)
	got, err := o.Policy(ctx, p)
	o.must(err)
	if !got.RequireSecondFactor {
		t.Error("policy lost")
	}
	// An administrator's is required whatever the policy says.
	o.setPolicy(ctx, admin, directory.Policy{})
	o.wants(o.RemoveSecondFactor(ctx, admin, adminToken, directory.NewSecret(goodPassword)), directory.ErrSecondFactorRequired)
	o.wants(o.ResetSecondFactor(ctx, admin, o.tenant, admin.User()), directory.ErrSecondFactorRequired)
	o.must(o.ResetSecondFactor(ctx, admin, o.tenant, p.User()))
}

func TestLastAdmin(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	ada, _ := o.hire("ada@example.com", store.Admin)
	_, _, err := o.Invite(ctx, ada, o.tenant, directory.NewUser{Email: "eve@example.com", Name: "Eve", Role: store.Admin})
	o.must(err) // does not count before she accepted
	o.wants(o.Disable(ctx, ada, o.tenant, ada.User()), directory.ErrLastAdmin)
	o.wants(o.ChangeRole(ctx, ada, o.tenant, ada.User(), store.Viewer), directory.ErrLastAdmin)
	o.wants(o.Disable(ctx, operator, o.tenant, ada.User()), directory.ErrLastAdmin)
	bob, _ := o.hire("bob@example.com", store.Admin)
	o.must(o.ChangeRole(ctx, bob, o.tenant, ada.User(), store.Analyst))
	o.wants(o.Disable(ctx, bob, o.tenant, bob.User()), directory.ErrLastAdmin)
	o.must(o.ChangeRole(ctx, bob, o.tenant, ada.User(), store.Admin))
	o.must(o.Disable(ctx, operator, o.tenant, bob.User()))
	_, _, err = o.signIn("bob@example.com", goodPassword, desk)
	o.wants(err, directory.ErrDisabled)
	o.must(o.Enable(ctx, ada, o.tenant, bob.User()))
	_, _, err = o.signIn("bob@example.com", goodPassword, desk)
	o.must(err)
}

// TestAdminsWhoDisableEachOther run at the same time: one must remain.
func TestAdminsWhoDisableEachOther(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ada, _ := o.hire("ada@example.com", store.Admin)
	bob, _ := o.hire("bob@example.com", store.Admin)
	for range 5 {
		var both sync.WaitGroup
		var first, second error
		both.Go(func() { first = o.Disable(context.Background(), ada, o.tenant, bob.User()) })
		both.Go(func() { second = o.Disable(context.Background(), bob, o.tenant, ada.User()) })
		both.Wait()
		if (first == nil) == (second == nil) {
			t.Fatalf("one of two must succeed: %v; %v", first, second)
		}
		o.must(errors.Join(o.enableAll(ada, bob)...))
	}
}

func (o *office) enableAll(all ...store.Principal) (failed []error) {
	for _, p := range all {
		if err := o.Enable(o.Context(), storetest.User(o.tenant, store.Admin), o.tenant, p.User()); err != nil && !errors.Is(err, store.ErrConflict) {
			failed = append(failed, err)
		}
	}
	return failed
}

func TestOperatorAddsAndDisablesOnly(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	ada, _ := o.hire("ada@example.com", store.Admin)
	bob, _ := o.hire("bob@example.com", store.Viewer)
	var denied *store.DeniedError
	for name, err := range map[string]error{
		"role":   o.ChangeRole(ctx, operator, o.tenant, bob.User(), store.Admin),
		"enable": o.Enable(ctx, operator, o.tenant, bob.User()),
		"rename": o.Rename(ctx, operator, o.tenant, bob.User(), "Mallory"),
		"factor": o.ResetSecondFactor(ctx, operator, o.tenant, bob.User()),
	} {
		if !errors.As(err, &denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := o.SetPolicy(ctx, operator, directory.Policy{}); !errors.As(err, &denied) {
		t.Errorf("policy: %v", err)
	}
	if _, err := o.ResetPassword(ctx, operator, o.tenant, ada.User()); !errors.As(err, &denied) {
		t.Errorf("the operator took an account over: %v", err)
	}
	if _, _, err := o.AddUser(ctx, operator, store.Appliance, directory.NewUser{Email: "x@example.com", Name: "X", Role: store.Admin}); err == nil {
		t.Error("the appliance has a user who is no operator")
	}
	if _, _, err := o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: "x@example.com", Name: "X", Role: store.Operator}); err == nil {
		t.Error("a user is an operator")
	}
	o.must(o.Disable(ctx, operator, o.tenant, bob.User()))
	last := o.entries("user.disable")
	if e := last[len(last)-1]; e.Actor != "operator" || e.Person.Account != "root" || e.Object != bob.User().String() {
		t.Errorf("entry %+v", e)
	}
}

func TestTenantsDoNotMix(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	ada, _ := o.hire("ada@example.com", store.Admin)
	other := storetest.AddTenant(t, o.db, "Other Mutual")
	there := *o
	there.tenant = other
	bob, _ := there.hire("bob@example.com", store.Admin)
	var denied *store.DeniedError
	if _, _, err := o.AddUser(ctx, ada, other, directory.NewUser{Email: "x@example.com", Name: "X", Role: store.Admin}); !errors.As(err, &denied) {
		t.Errorf("added to another tenant: %v", err)
	}
	if err := o.Disable(ctx, ada, o.tenant, bob.User()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("disabled a user of another tenant: %v", err)
	}
	if all, err := o.Sessions(ctx, ada, bob.User()); !errors.Is(err, store.ErrNotFound) || len(all) != 0 {
		t.Errorf("sessions of a user of another tenant: %v, %v", all, err)
	}

	// The same person with the same password in both says which.
	there.hire("ada@example.com", store.Viewer)
	_, _, err := o.signIn("ada@example.com", goodPassword, desk)
	var which *directory.ErrTenantNeeded
	if !errors.As(err, &which) || len(which.Tenants) != 2 {
		t.Fatalf("sign-in to two tenants: %v", err)
	}
	p, _, err := o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Tenant: other}, desk)
	o.must(err)
	if p.Tenant() != other || p.Role() != store.Viewer {
		t.Errorf("signed in to %s as %s", p.Tenant(), p.Role())
	}
	_, err = o.db.EraseTenant(ctx, storetest.Operator(), other)
	o.must(err)
	p, _, err = o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
	if p.Tenant() != o.tenant {
		t.Error("signed in to an erased tenant")
	}
	_, _, err = o.signIn("bob@example.com", goodPassword, desk)
	o.wants(err, directory.ErrWrongCredentials)
}
