package directory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/internal/rights"
)

func TestAPIKeys(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin, _ := o.hire("ada@example.com", store.Admin)
	bob, _ := o.hire("bob@example.com", store.Modeler)
	info, key, err := o.AddAPIKey(ctx, bob, directory.NewAPIKey{Name: "nightly", Scopes: []string{"run.submit", "portfolio.import", "run.submit"}})
	o.must(err)
	if fmt.Sprint(info.Scopes) != "[portfolio.import run.submit]" || info.Expires.Sub(info.Created) != 90*24*time.Hour {
		t.Errorf("key %+v", info)
	}
	p, err := o.APIKey(ctx, key, desk)
	o.must(err)
	if p.User() != bob.User() || !p.May(rights.RunSubmit) || !p.May(rights.PortfolioImport) || p.May(rights.RunRead) || p.May(rights.UserSelf) {
		t.Error("the key may other than its scopes")
	}
	other, _, err := o.AddAPIKey(ctx, admin, directory.NewAPIKey{Name: "admin's", Scopes: []string{"audit.read"}, Expires: o.clock.now().Add(time.Hour)})
	o.must(err)
	mine, err := o.APIKeys(ctx, bob)
	o.must(err)
	all, err := o.APIKeys(ctx, admin)
	o.must(err)
	if len(mine) != 1 || len(all) != 2 {
		t.Errorf("%d keys of one, %d of all", len(mine), len(all))
	}
	var denied *store.DeniedError
	if err := o.RevokeAPIKey(ctx, bob, other.ID); !errors.As(err, &denied) {
		t.Errorf("revoked another's: %v", err)
	}
	if _, err := o.RotateAPIKey(ctx, admin, info.ID, 0); !errors.As(err, &denied) {
		t.Errorf("got another's new secret: %v", err)
	}

	fresh, err := o.RotateAPIKey(ctx, bob, info.ID, time.Hour)
	o.must(err)
	for _, k := range []directory.Secret{key, fresh} {
		_, err = o.APIKey(ctx, k, desk)
		o.must(err)
	}
	o.clock.pass(time.Hour)
	_, err = o.APIKey(ctx, key, desk)
	o.wants(err, directory.ErrNoAPIKey)
	_, err = o.APIKey(ctx, fresh, desk)
	o.must(err)

	// The owner's rights as they are now.
	o.must(o.ChangeRole(ctx, admin, o.tenant, bob.User(), store.Analyst))
	p, err = o.APIKey(ctx, fresh, desk)
	o.must(err)
	if p.May(rights.PortfolioImport) || !p.May(rights.RunSubmit) {
		t.Error("the key kept a right that its owner lost")
	}
	o.must(o.Disable(ctx, admin, o.tenant, bob.User()))
	_, err = o.APIKey(ctx, fresh, desk)
	o.wants(err, directory.ErrNoAPIKey)
	o.must(o.Enable(ctx, admin, o.tenant, bob.User()))
	_, err = o.APIKey(ctx, fresh, desk)
	o.must(err)
	o.must(o.RevokeAPIKey(ctx, admin, info.ID))
	_, err = o.APIKey(ctx, fresh, desk)
	o.wants(err, directory.ErrNoAPIKey)
	if _, err := o.RotateAPIKey(ctx, bob, info.ID, 0); !errors.Is(err, store.ErrConflict) && !errors.As(err, &denied) {
		t.Errorf("rotated a revoked key: %v", err)
	}
	if all, err = o.APIKeys(ctx, admin); err != nil || all[0].Revoked == nil {
		t.Errorf("the revoked key: %+v, %v", all, err)
	}
}

func TestAPIKeyExpiresAndIsRefused(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin, _ := o.hire("ada@example.com", store.Admin)
	for name, n := range map[string]directory.NewAPIKey{
		"no scope":    {Name: "x"},
		"no name":     {Scopes: []string{"run.read"}},
		"no verb":     {Name: "x", Scopes: []string{"run.everything"}},
		"operator's":  {Name: "x", Scopes: []string{"store.check"}},
		"of users":    {Name: "x", Scopes: []string{"user.add"}},
		"of keys":     {Name: "x", Scopes: []string{"run.read", "api-key.add"}},
		"of itself":   {Name: "x", Scopes: []string{"user.self"}},
		"too long":    {Name: "x", Scopes: []string{"run.read"}, Expires: o.clock.now().Add(367 * 24 * time.Hour)},
		"in the past": {Name: "x", Scopes: []string{"run.read"}, Expires: o.clock.now()},
	} {
		if _, _, err := o.AddAPIKey(ctx, admin, n); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	viewer, _ := o.hire("bob@example.com", store.Viewer)
	var denied *store.DeniedError
	if _, _, err := o.AddAPIKey(ctx, viewer, directory.NewAPIKey{Name: "x", Scopes: []string{"run.read"}}); !errors.As(err, &denied) {
		t.Errorf("a viewer made a key: %v", err)
	}
	_, key, err := o.AddAPIKey(ctx, admin, directory.NewAPIKey{Name: "x", Scopes: []string{"run.read"}, Expires: o.clock.now().Add(time.Hour)})
	o.must(err)
	id, ok := directory.KeyID(key.Reveal())
	if !ok || len(key.Reveal()) != 4+16+1+43+1+6 {
		t.Errorf("key of %d characters", len(key.Reveal()))
	}
	text := key.Reveal()
	for name, wrong := range map[string]string{
		"cut":       text[:len(text)-1],
		"check":     text[:len(text)-6] + "000000",
		"empty":     "",
		"no secret": "qrs_" + id + "__000000",
	} {
		_, err := o.APIKey(ctx, directory.NewSecret(wrong), desk)
		if !errors.Is(err, directory.ErrNoAPIKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(o.appliance("session.sign-in")); n != 0 {
		t.Errorf("malformed keys left %d entries", n)
	}
	o.clock.pass(time.Hour)
	before := len(o.entries("session.sign-in"))
	for range 40 {
		_, err = o.APIKey(ctx, key, desk)
		if !errors.Is(err, directory.ErrNoAPIKey) {
			break
		}
	}
	for range 5 {
		_, err = o.APIKey(ctx, key, desk)
		o.tooMany(err)
	}
	if n := len(o.entries("session.sign-in")) - before; n != 31 {
		t.Errorf("%d entries of an expired key that was tried without end, want 30 and the limit", n)
	}
}

func TestInvitations(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin, _ := o.hire("ada@example.com", store.Admin)
	guest := directory.NewUser{Email: "Eve@example.com", Name: "Eve", Role: store.Analyst}
	_, old, err := o.Invite(ctx, admin, o.tenant, guest)
	o.must(err)
	guest.Role = store.Modeler
	in, token, err := o.Invite(ctx, admin, o.tenant, guest)
	o.must(err)
	all, err := o.Invitations(ctx, admin, o.tenant)
	o.must(err)
	if len(all) != 1 || all[0].ID != in.ID || all[0].User.Role != store.Modeler || all[0].User.State != directory.Invited {
		t.Fatalf("invitations %+v", all)
	}
	accept := func(token directory.Secret, password string) (store.Principal, directory.SessionToken, error) {
		return o.Accept(ctx, token, directory.NewSecret(password), desk)
	}
	_, _, err = accept(old, goodPassword)
	o.wants(err, directory.ErrNoInvitation)
	if _, _, err = accept(token, "too short"); err == nil || errors.Is(err, directory.ErrNoInvitation) {
		t.Errorf("weak password: %v", err)
	}
	p, session, err := accept(token, goodPassword)
	o.must(err)
	if o.session(session).User() != p.User() || p.Role() != store.Modeler {
		t.Errorf("accepted as %s", p.Role())
	}
	_, _, err = accept(token, goodPassword)
	o.wants(err, directory.ErrNoInvitation)
	_, _, err = o.signIn("eve@example.com", goodPassword, desk)
	o.must(err)
	_, _, err = o.Invite(ctx, admin, o.tenant, guest)
	o.wants(err, store.ErrExists)

	guest.Email = "bob@example.com"
	_, token, err = o.Invite(ctx, admin, o.tenant, guest)
	o.must(err)
	o.clock.pass(7 * 24 * time.Hour)
	_, _, err = accept(token, goodPassword)
	o.wants(err, directory.ErrNoInvitation)
	in, token, err = o.Invite(ctx, admin, o.tenant, guest)
	o.must(err)
	o.must(o.WithdrawInvitation(ctx, admin, o.tenant, in.ID))
	_, _, err = accept(token, goodPassword)
	o.wants(err, directory.ErrNoInvitation)
}

func TestUsersAreUnique(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	add := func(email string) error {
		_, _, err := o.AddUser(ctx, operator, o.tenant, directory.NewUser{Email: email, Name: "N.", Role: store.Viewer})
		return err
	}
	o.must(add("ada@example.com"))
	for _, same := range []string{"ADA@EXAMPLE.COM", " ada@example.com\n", "ａｄａ@example.com"} {
		o.wants(add(same), store.ErrExists)
	}
	u, err := o.UserByEmail(ctx, operator, o.tenant, "Ada@Example.com")
	o.must(err)
	if u.Email != "ada@example.com" {
		t.Errorf("found %+v", u)
	}
	_, err = o.UserByEmail(ctx, operator, o.tenant, "bob@example.com")
	o.wants(err, store.ErrNotFound)
	for i := range 4 {
		o.must(add(fmt.Sprintf("user%d@example.com", i)))
	}
	var seen []string
	for after := store.Cursor(""); ; {
		page, err := o.Users(ctx, operator, o.tenant, after, 2)
		o.must(err)
		for _, u := range page.Users {
			seen = append(seen, u.Email)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if fmt.Sprint(seen) != "[ada@example.com user0@example.com user1@example.com user2@example.com user3@example.com]" {
		t.Errorf("listed %v", seen)
	}
}

// leaked is a list of one password.
type leaked string

func (l leaked) Known(password string) bool { return string(l) == password }

func TestPasswordRules(t *testing.T) {
	d := directory.Open(nil, directory.Options{Breached: leaked("correct horse battery staple")})
	for password, want := range map[string]string{
		"":                             "characters",
		"elevenchars":                  "characters",
		strings.Repeat("äß42", 65):     "characters",
		"my name is ada.lovelace ok":   "name in the e-mail",
		"aaaaaaaaaaaaaaaa":             "repeats",
		"AbAbAbAbAbAbA":                "repeats",
		"abc1abc1abc1abc1":             "repeats",
		"abcdefghijklmnop":             "walk",
		"qwertyuiopasdfghjkl":          "walk",
		"1234567890abcdef":             "walk",
		"9876543210987":                "walk",
		"correct horse battery staple": "leaked",
		"\xff\xfe copper lantern":      "valid text",
		goodPassword:                   "",
		"пароль из пяти слов":          "",
		"3f9a0c72d1be":                 "",
	} {
		err := d.WeakPassword(password, "ada.lovelace@example.com")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", password, err, want)
		}
		if err != nil && len(password) > 8 && strings.Contains(err.Error(), password) {
			t.Errorf("%q: the error repeats it", password)
		}
	}
}

func TestSetPasswordProves(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Viewer)
	set := func(old, fresh string) error {
		_, err := o.SetPassword(ctx, p, directory.NewSecret(old), directory.NewSecret(fresh))
		return err
	}
	o.wants(set("wrong", goodPassword+"2"), directory.ErrWrongCredentials)
	if err := set(goodPassword, goodPassword); err == nil {
		t.Error("the old one again")
	}
	for range 10 {
		o.wants(set("wrong", goodPassword+"2"), directory.ErrWrongCredentials)
	}
	o.tooMany(set(goodPassword, goodPassword+"2")) // a stolen session does not guess either
	o.session(token)
	o.clock.pass(time.Minute)
	o.must(set(goodPassword, goodPassword+"2"))
	_, _, err := o.signIn("ada@example.com", goodPassword, desk)
	o.wants(err, directory.ErrWrongCredentials)
}

// TestOldPasswordInFlight signs in with the old password while it is being changed: no session of it may be left.
func TestOldPasswordInFlight(t *testing.T) {
	o := open(t, directory.Options{Limits: directory.Limits{Account: directory.Rate{Burst: 100, Every: time.Second}, Address: directory.Rate{Burst: 100, Every: time.Second}}})
	p, _ := o.hire("ada@example.com", store.Viewer)
	old := goodPassword
	for round := range 4 {
		fresh := fmt.Sprint(goodPassword, round)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				_, _, err := o.signIn("ada@example.com", old, desk)
				if err != nil && !errors.Is(err, directory.ErrWrongCredentials) {
					t.Error(err)
				}
			})
		}
		_, err := o.SetPassword(t.Context(), p, directory.NewSecret(old), directory.NewSecret(fresh))
		all.Wait()
		o.must(err)
		open, err := o.Sessions(t.Context(), p, p.User())
		o.must(err)
		if len(open) != 1 {
			t.Fatalf("round %d: %d sessions are open after the change, want its own", round, len(open))
		}
		old = fresh
	}
}

func TestSecretsDoNotLeak(t *testing.T) {
	c := directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret("hush-hush"), Code: directory.NewSecret("123456")}
	token := directory.NewSessionToken("hush-hush")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text := fmt.Sprintf(verb+verb+verb, c, token, &token)
		if strings.Contains(text, "hush") || strings.Contains(text, "123456") || strings.Contains(text, "687573682d68757368") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	if raw, err := json.Marshal(c); err == nil {
		t.Errorf("marshalled: %s", raw)
	}
	if raw, err := json.Marshal(token); err == nil {
		t.Errorf("marshalled: %s", raw)
	}
}

func TestNormaliseEmail(t *testing.T) {
	for text, want := range map[string]string{
		" Ada@Example.COM\t":                     "ada@example.com",
		"ａｄａ@ｅｘａｍｐｌｅ.com":                        "ada@example.com",
		"MÜLLER@example.com":                     "müller@example.com",
		"mu\u0308ller@host":                      "müller@host",
		"ada+tag@example.com":                    "ada+tag@example.com",
		"ada":                                    "",
		"@example.com":                           "",
		"ada@":                                   "",
		"ada@b@c.d":                              "",
		"ada love@example.com":                   "",
		"ada\x00@example.com":                    "",
		"<ada@example.com>":                      "",
		"ada@example..com":                       "",
		"ada@-example.com":                       "",
		"ada@exa\u202emple.com":                  "",
		strings.Repeat("a", 65) + "@example.com": "",
		"a@" + strings.Repeat("b.", 130) + "example": "",
	} {
		got, err := directory.NormaliseEmail(text)
		if got != want && err == nil || want == "" && err == nil || want != "" && err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringN(0, 60, 300).Draw(r, "local") + "@" + rapid.String().Draw(r, "domain")
		once, err := directory.NormaliseEmail(text)
		if err != nil {
			return
		}
		if twice, err := directory.NormaliseEmail(once); err != nil || twice != once {
			r.Fatalf("%q became %q, and that %q, %v", text, once, twice, err)
		}
	})
}

func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$AAECAwQFBgc$AAECAwQFBgcICQoLDA0ODw")
	f.Add("$argon2i$v=19$m=19456,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		if again, err := directory.ParsePHC(text); err == nil && again != text {
			t.Errorf("%q reads as %q", text, again)
		}
	})
}

func FuzzKeyID(f *testing.F) {
	f.Add("qrs_0123456789abcdef_0000000000000000000000000000000000000000000_000000")
	f.Add("qrs___")
	f.Fuzz(func(t *testing.T, text string) {
		if id, ok := directory.KeyID(text); ok && !strings.HasPrefix(text, "qrs_"+id+"_") {
			t.Errorf("%q has the id %q", text, id)
		}
	})
}

// TestAPIKeyOfOwnerNotInOrder: a key does nothing while its owner has a one-time password or lacks a second factor that is required.
func TestAPIKeyOfOwnerNotInOrder(t *testing.T) {
	o := open(t, directory.Options{SecondFactorOptional: true})
	ctx := t.Context()
	admin, _ := o.hire("ada@example.com", store.Admin)
	bob, _ := o.hire("bob@example.com", store.Analyst)
	_, key, err := o.AddAPIKey(ctx, bob, directory.NewAPIKey{Name: "nightly", Scopes: []string{"run.submit"}})
	o.must(err)

	o.setPolicy(ctx, admin, directory.Policy{RequireSecondFactor: true})
	_, err = o.APIKey(ctx, key, desk)
	o.wants(err, directory.ErrOwnerNotInOrder)
	if all := o.entries("session.sign-in"); len(all) == 0 || all[len(all)-1].Outcome != store.Denied || all[len(all)-1].Reason != "owner not in order" {
		t.Error("the refusal of the key is not in the log")
	}
	bob, _, err = o.signIn("bob@example.com", goodPassword, desk)
	o.must(err)
	o.enrol(bob)
	_, err = o.APIKey(ctx, key, desk)
	o.must(err)

	admin, _, err = o.signIn("ada@example.com", goodPassword, desk)
	o.must(err)
	admin, _ = o.enrol(admin)
	oneTime, err := o.ResetPassword(ctx, admin, o.tenant, bob.User())
	o.must(err)
	if _, err = o.APIKey(ctx, key, desk); !errors.Is(err, directory.ErrOwnerNotInOrder) {
		t.Errorf("with a one-time password (%d letters): %v", len(oneTime.Reveal()), err)
	}
}
