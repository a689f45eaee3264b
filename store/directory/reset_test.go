package directory_test

import (
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

const freshPassword = "seven quiet herons by the weir"

// taken are the messages that are due, of all tenants.
func (o *office) taken() []directory.Notice {
	o.Helper()
	all, err := o.TakeNotices(o.Context(), operator, 1000)
	o.must(err)
	return all
}

// sent takes what is due and marks it as sent.
func (o *office) sent() []directory.Notice {
	o.Helper()
	all := o.taken()
	var marks []directory.NoticeMark
	for _, n := range all {
		marks = append(marks, directory.NoticeMark{Tenant: n.Tenant, Notice: n.ID})
	}
	o.must(o.MarkNotices(o.Context(), operator, marks))
	return all
}

// resets asks for a new password and returns the tokens that were written.
func (o *office) resets(email string) (tokens []directory.Secret) {
	o.Helper()
	o.sent()
	o.must(o.RequestPasswordReset(o.Context(), email, stranger))
	for _, n := range o.sent() {
		if n.Kind != directory.NoticePasswordReset || n.Email != email || n.Address != stranger.Address {
			o.Errorf("message %+v", n)
		}
		tokens = append(tokens, n.Token)
	}
	return tokens
}

func (o *office) reset(email string) directory.Secret {
	o.Helper()
	tokens := o.resets(email)
	if len(tokens) != 1 {
		o.Fatalf("%d messages to %s", len(tokens), email)
	}
	return tokens[0]
}

// TestForgottenPassword sets a new one by mail: the sessions end, the second factor stays, nobody is signed in by it, and the
// token was good once.
func TestForgottenPassword(t *testing.T) {
	o := open(t, directory.Options{})
	o.HurryResets()
	ctx := t.Context()
	p, secret := o.administer("ada@example.com")
	token := o.reset("ada@example.com")
	asked := o.entries("password.request")
	if len(asked) != 1 || asked[0].Actor != "" || asked[0].Outcome != store.Done || asked[0].Object != p.User().String() || asked[0].Person.Address != stranger.Address {
		t.Errorf("entries of the request: %+v", asked)
	}
	if err := o.AcceptPasswordReset(ctx, token, directory.NewSecret("short"), desk); err == nil {
		t.Fatal("a weak password")
	}
	o.must(o.AcceptPasswordReset(ctx, token, directory.NewSecret(freshPassword), desk))
	done := o.entries("password.reset")
	if len(done) != 2 || done[0].Outcome != store.Denied || done[1].Outcome != store.Done || done[1].Actor != p.User().String() {
		t.Errorf("entries of the reset: %+v", done)
	}
	if open, err := o.Sessions(ctx, storetest.User(o.tenant, store.Admin), p.User()); err != nil || len(open) != 0 {
		t.Errorf("sessions %v, %v", open, err)
	}
	o.wants(o.AcceptPasswordReset(ctx, token, directory.NewSecret("again "+freshPassword), desk), directory.ErrNoPasswordReset)

	_, _, err := o.signIn("ada@example.com", goodPassword, desk)
	o.wants(err, directory.ErrWrongCredentials)
	_, _, err = o.signIn("ada@example.com", freshPassword, desk)
	if err == nil {
		t.Fatal("the second factor is gone")
	}
	o.clock.pass(time.Minute)
	_, _, err = o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(freshPassword), Code: directory.NewSecret(o.code(secret))}, desk)
	o.must(err)
	if told := o.sent(); len(told) != 1 || told[0].Kind != directory.NoticePasswordChanged || told[0].Address != desk.Address {
		t.Errorf("messages %+v", told)
	}
}

// TestResetTokensEnd goes through all that makes one void.
func TestResetTokensEnd(t *testing.T) {
	for name, end := range map[string]func(o *office, p store.Principal){
		"an hour passed":            func(o *office, _ store.Principal) { o.clock.pass(time.Hour) },
		"two others were asked for": func(o *office, _ store.Principal) { o.reset("bob@example.com"); o.reset("bob@example.com") },
		"the account was disabled":  func(o *office, p store.Principal) { o.must(o.Disable(o.Context(), operator, o.tenant, p.User())) },
		"the password was changed": func(o *office, p store.Principal) {
			o.clock.pass(time.Second)
			_, err := o.SetPassword(o.Context(), p, directory.NewSecret(goodPassword), directory.NewSecret("other "+goodPassword))
			o.must(err)
		},
		"another one was given": func(o *office, p store.Principal) {
			o.clock.pass(time.Second)
			_, err := o.ResetPassword(o.Context(), storetest.User(o.tenant, store.Admin), o.tenant, p.User())
			o.must(err)
		},
		"the tenant was erased": func(o *office, _ store.Principal) {
			_, err := o.db.EraseTenant(o.Context(), operator, o.tenant)
			o.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, directory.Options{})
			o.HurryResets()
			p, _ := o.hire("bob@example.com", store.Viewer)
			token := o.reset("bob@example.com")
			end(o, p)
			o.wants(o.AcceptPasswordReset(t.Context(), token, directory.NewSecret(freshPassword), desk), directory.ErrNoPasswordReset)
		})
	}
	t.Run("nothing", func(t *testing.T) {
		o := open(t, directory.Options{})
		o.HurryResets()
		o.hire("bob@example.com", store.Viewer)
		token := o.reset("bob@example.com")
		o.clock.pass(time.Hour - time.Second)
		o.wants(o.AcceptPasswordReset(t.Context(), directory.Secret{}, directory.NewSecret(freshPassword), desk), directory.ErrNoPasswordReset)
		o.wants(o.AcceptPasswordReset(t.Context(), directory.NewSecret(token.Reveal()+"x"), directory.NewSecret(freshPassword), desk), directory.ErrNoPasswordReset)
		o.must(o.AcceptPasswordReset(t.Context(), token, directory.NewSecret(freshPassword), desk))
	})
}

// TestResetSaysNothing answers alike whoever has the address: the difference is in the logs, and in the mail.
func TestResetSaysNothing(t *testing.T) {
	o := open(t, directory.Options{})
	o.HurryResets()
	ctx := t.Context()
	bob, _ := o.hire("bob@example.com", store.Viewer)
	o.must(o.Disable(ctx, operator, o.tenant, bob.User()))
	_, _, err := o.Invite(ctx, operator, o.tenant, directory.NewUser{Email: "guest@example.com", Name: "G", Role: store.Viewer})
	o.must(err)
	for _, email := range []string{"bob@example.com", "guest@example.com", "nobody@example.com", "not an address", ""} {
		if tokens := o.resets(email); len(tokens) != 0 {
			t.Errorf("%q got %d messages", email, len(tokens))
		}
	}
	refused := o.entries("password.request")
	if len(refused) != 2 || refused[0].Outcome != store.Denied || refused[0].Reason != "no such account" {
		t.Errorf("entries of the tenant: %+v", refused)
	}
	if unknown := o.appliance("password.request"); len(unknown) != 3 || unknown[0].Outcome != store.Denied || unknown[0].Object != "" {
		t.Errorf("entries of the appliance: %+v", unknown)
	}
	// The rate is that of the address as it is given, too.
	for _, email := range []string{"bob@example.com", "nobody@example.com"} {
		o.must(o.RequestPasswordReset(ctx, email, desk))
		o.must(o.RequestPasswordReset(ctx, email, stranger))
		if wait := o.tooMany(o.RequestPasswordReset(ctx, email, desk)); wait > 15*time.Minute {
			t.Errorf("%s waits %s", email, wait)
		}
	}
}

// TestResetIsOfOneTenant sends a token for each tenant that has the address, and changes no other's account.
func TestResetIsOfOneTenant(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	o.HurryResets()
	ctx := t.Context()
	first := o.tenant
	o.hire("bob@example.com", store.Viewer)
	o.tenant = storetest.AddTenant(t, o.db, "Gulf Mutual")
	_, oneTime, err := o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: "bob@example.com", Name: "B", Role: store.Viewer})
	o.must(err)
	o.novice("root@example.com")

	o.sent()
	o.must(o.RequestPasswordReset(ctx, "bob@example.com", stranger))
	all := o.sent()
	if len(all) != 2 || all[0].Tenant == all[1].Tenant || all[0].TenantName == all[1].TenantName {
		t.Fatalf("messages %+v", all)
	}
	for _, n := range all {
		if n.Tenant == first {
			o.must(o.AcceptPasswordReset(ctx, n.Token, directory.NewSecret(freshPassword), desk))
		}
	}
	p, _, err := o.signIn("bob@example.com", freshPassword, desk)
	o.must(err)
	if p.Tenant() != first {
		t.Errorf("signed in to %s", p.Tenant())
	}
	if p, _, err = o.signIn("bob@example.com", oneTime.Reveal(), desk); err != nil || p.Tenant() == first {
		t.Errorf("the other account: %v", err)
	}
	o.must(o.AcceptPasswordReset(ctx, o.reset("root@example.com"), directory.NewSecret(freshPassword), desk))
	if p, _, err = o.signIn("root@example.com", freshPassword, desk); err != nil || p.Role() != store.Operator {
		t.Errorf("the operator: %v", err)
	}
}
