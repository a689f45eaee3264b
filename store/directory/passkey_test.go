package directory_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

func openWithPasskeys(t *testing.T) *office {
	t.Helper()
	return open(t, directory.Options{RelyingParty: party()})
}

// register gives a user a passkey, in the session of the token.
func (o *office) register(p store.Principal, token directory.SessionToken, a *authenticator) directory.PasskeyAdded {
	o.Helper()
	c, err := o.BeginPasskey(o.Context(), p, token)
	o.must(err)
	added, err := o.AddPasskey(o.Context(), p, token, "laptop", a.create(c))
	o.must(err)
	return added
}

// hireWithPasskey hires a user and gives it one.
func (o *office) hireWithPasskey(email string, r store.Role) (store.Principal, directory.SessionToken, *authenticator, directory.PasskeyAdded) {
	o.Helper()
	p, token := o.hire(email, r)
	a := newAuthenticator(o)
	added := o.register(p, token, a)
	return o.session(added.Token), added.Token, a, added
}

func (o *office) passkeySignIn(a *authenticator, from store.Source) (store.Principal, directory.SessionToken, error) {
	o.Helper()
	c, err := o.BeginPasskeySignIn(o.Context(), from)
	o.must(err)
	return o.SignInWithPasskey(o.Context(), a.get(c), from)
}

// ticket gives the right password and wants to be asked for the second factor.
func (o *office) ticket(email string) *directory.SecondFactorNeeded {
	o.Helper()
	_, _, err := o.signIn(email, goodPassword, desk)
	var needed *directory.SecondFactorNeeded
	if !errors.As(err, &needed) || !errors.Is(err, directory.ErrSecondFactorNeeded) || needed.Ticket.IsZero() {
		o.Fatalf("password alone: %v", err)
	}
	return needed
}

func TestPasskeyFromEnrolmentToWork(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Admin)
	_, s, err := o.Session(ctx, token, desk)
	o.must(err)
	if !s.MustEnrol || s.MustChangePassword || !o.Fresh(s) {
		t.Fatalf("session %+v", s)
	}
	a := newAuthenticator(t)
	added := o.register(p, token, a)
	if len(added.Recovery) != 10 || added.Passkey.Name != "laptop" || added.Passkey.Synced || added.Passkey.AAGUID != "" {
		t.Fatalf("added %+v", added)
	}
	_, _, err = o.Session(ctx, token, desk)
	o.wants(err, directory.ErrNoSession) // a token from before must not carry the rights that came
	p, s, err = o.Session(ctx, added.Token, desk)
	o.must(err)
	if s.Restricted() || !o.Fresh(s) {
		t.Errorf("session %+v", s)
	}
	_, err = o.Users(ctx, p, o.tenant, "", 10)
	o.must(err)
	self, err := o.Self(ctx, p)
	o.must(err)
	if !self.SecondFactor || self.Authenticator || self.Passkeys != 1 || self.MustEnrol || self.RecoveryCodes != 10 {
		t.Errorf("self %+v", self)
	}
	before := len(o.entries("session.sign-in"))
	in, second, err := o.passkeySignIn(a, stranger)
	o.must(err)
	if in.User() != p.User() || in.Tenant() != o.tenant || in.Role() != store.Admin {
		t.Errorf("signed in as %v", in)
	}
	_, s, err = o.Session(ctx, second, stranger)
	o.must(err)
	if !o.Fresh(s) {
		t.Error("a passkey with its user verified is all the proof there is")
	}
	all := o.entries("session.sign-in")[before:]
	if len(all) != 1 || all[0].Outcome != store.Done || all[0].Actor != p.User().String() {
		t.Errorf("entries of one sign-in: %+v", all)
	}
	list, err := o.Passkeys(ctx, p)
	o.must(err)
	if len(list) != 1 || !list[0].Used.Equal(o.clock.now()) || list[0].ID != added.Passkey.ID {
		t.Errorf("passkeys %+v", list)
	}
	o.must(o.RenamePasskey(ctx, p, list[0].ID, " laptop of the office "))
	o.wants(o.RenamePasskey(ctx, p, store.ID{9}, "x"), store.ErrNotFound)
	if o.RenamePasskey(ctx, p, list[0].ID, "\x00") == nil {
		t.Error("renamed to nothing that can be shown")
	}
	if list, _ = o.Passkeys(ctx, p); list[0].Name != "laptop of the office" {
		t.Errorf("called %q", list[0].Name)
	}
	o.wants(o.RemovePasskey(ctx, p, added.Token, list[0].ID), directory.ErrSecondFactorRequired)
	o.tells("ada@example.com", directory.NoticeAccountAdded, directory.NoticePasswordChanged, directory.NoticePasskeyAdded)
}

// TestPasskeyOptions holds what clients are asked for to what the appliance relies on.
func TestPasskeyOptions(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Viewer)
	a := newAuthenticator(t)
	c, err := o.BeginPasskey(ctx, p, token)
	o.must(err)
	first := a.read(c)
	algorithms := []int{}
	for _, one := range first.Parameters {
		algorithms = append(algorithms, one.Alg)
	}
	if first.RP.ID != site || first.RP.Name != "Example Mutual" || first.Chosen.ResidentKey != "required" || first.Chosen.UserVerification != "required" ||
		first.Attestation != "none" || !slices.Equal(algorithms, []int{-7, -8, -257}) || len(a.unb64(first.Challenge)) < 32 || len(first.Exclude) != 0 {
		t.Errorf("options of a registration: %s", c.Options)
	}
	handle := a.unb64(first.User.ID)
	user := p.User()
	if len(handle) != 32 || bytes.Contains(handle, user[:]) || first.User.Name != "ada@example.com" {
		t.Errorf("user of a registration: %s", c.Options)
	}
	added, err := o.AddPasskey(ctx, p, token, "laptop", a.create(c))
	o.must(err)
	p, token = o.session(added.Token), added.Token
	c, err = o.BeginPasskey(ctx, p, token)
	o.must(err)
	again := a.read(c)
	if again.Challenge == first.Challenge {
		t.Error("one challenge twice")
	}
	if len(again.Exclude) == 0 || again.Exclude[0].ID != b64(a.keys[0].id) {
		t.Errorf("options of a second registration exclude nothing: %s", c.Options)
	}
	c, err = o.BeginPasskeySignIn(ctx, stranger)
	o.must(err)
	if in := a.read(c); in.RPID != site || in.UV != "required" || len(in.Allow) != 0 || !c.Expires.Equal(o.clock.now().Add(5*time.Minute)) {
		t.Errorf("options of a sign-in: %s until %s", c.Options, c.Expires)
	}
	c, err = o.BeginSecondFactor(ctx, o.ticket("ada@example.com").Ticket, desk)
	o.must(err)
	if in := a.read(c); in.UV != "required" || len(in.Allow) != 1 || in.Allow[0].ID != b64(a.keys[0].id) {
		t.Errorf("options of a second factor: %s", c.Options)
	}
}

func TestPasskeyAfterThePassword(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, _, a, added := o.hireWithPasskey("ada@example.com", store.Approver)
	needed := o.ticket("ada@example.com")
	if needed.Code || !needed.Passkey {
		t.Errorf("needed %+v", needed)
	}
	c, err := o.BeginSecondFactor(ctx, needed.Ticket, desk)
	o.must(err)
	answer := a.get(c)
	in, _, err := o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Passkey: &answer}, desk)
	o.must(err)
	if in.User() != p.User() {
		t.Errorf("signed in as %v", in)
	}
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: added.Recovery[0]}, desk)
	o.wants(err, directory.ErrNoCeremony) // the ticket was good once

	// A recovery code is good where there is no application.
	needed = o.ticket("ada@example.com")
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: directory.NewSecret("000000")}, desk)
	o.wants(err, directory.ErrWrongCredentials)
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket}, desk)
	o.wants(err, directory.ErrSecondFactorNeeded)
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: added.Recovery[0]}, desk) // and the ticket outlived both
	o.must(err)
	_, _, err = o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Code: added.Recovery[1]}, desk)
	o.must(err)

	// Five minutes, and not with another password.
	needed = o.ticket("ada@example.com")
	o.clock.pass(5 * time.Minute)
	_, err = o.BeginSecondFactor(ctx, needed.Ticket, desk)
	o.wants(err, directory.ErrNoCeremony)
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: added.Recovery[2]}, desk)
	o.wants(err, directory.ErrNoCeremony)
	needed = o.ticket("ada@example.com")
	_, err = o.SetPassword(ctx, p, directory.NewSecret(goodPassword), directory.NewSecret(goodPassword+" again"))
	o.must(err)
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: added.Recovery[2]}, desk)
	o.wants(err, directory.ErrWrongCredentials)
	_, err = o.BeginSecondFactor(ctx, directory.NewSecret("x"), desk)
	o.wants(err, directory.ErrNoCeremony)
}

// TestWrongCodesBehindATicket are counted like those with the password.
func TestWrongCodesBehindATicket(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	_, secret := o.administer("ada@example.com")
	o.clock.pass(time.Minute)
	needed := o.ticket("ada@example.com")
	if !needed.Code || needed.Passkey {
		t.Errorf("needed %+v", needed)
	}
	for range 5 {
		_, _, err := o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: directory.NewSecret("000000")}, desk)
		o.wants(err, directory.ErrWrongCredentials)
	}
	_, _, err := o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: directory.NewSecret(o.code(secret))}, desk)
	o.tooMany(err)
	_, err = o.BeginSecondFactor(ctx, needed.Ticket, desk)
	o.wants(err, directory.ErrNoPasskey)
	o.clock.pass(time.Minute)
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Code: directory.NewSecret(o.code(secret))}, desk)
	o.must(err)
}

func TestPasskeyRegistrationRefused(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Viewer)
	for name, bend := range map[string]func(*authenticator){
		"other origin":         func(a *authenticator) { a.origin = "https://qrsd.example.org" },
		"other relying party":  func(a *authenticator) { a.site = "example.org" },
		"user not verified":    func(a *authenticator) { a.flags = userPresent },
		"backup without leave": func(a *authenticator) { a.flags |= backedUp },
	} {
		a := newAuthenticator(t)
		bend(a)
		c, err := o.BeginPasskey(ctx, p, token)
		o.must(err)
		answer := a.create(c)
		if _, err = o.AddPasskey(ctx, p, token, "laptop", answer); !errors.Is(err, directory.ErrPasskeyRefused) {
			t.Errorf("%s: %v", name, err)
		}
		_, err = o.AddPasskey(ctx, p, token, "laptop", answer)
		o.wants(err, directory.ErrNoCeremony)
	}
	if all := o.entries("user.self"); !slices.ContainsFunc(all, func(e store.Read) bool { return e.Reason == "passkey used at another origin" }) {
		t.Error("the log does not say why")
	}
	a := newAuthenticator(t)
	c, err := o.BeginPasskey(ctx, p, token)
	o.must(err)
	answer := a.create(c)
	if _, err := o.AddPasskey(ctx, p, token, "", answer); err == nil {
		t.Fatal("a passkey without a name")
	}
	added, err := o.AddPasskey(ctx, p, token, "laptop", answer) // a bad name does not end the ceremony
	o.must(err)
	p, token = o.session(added.Token), added.Token

	// One credential is one user's.
	bob, bobToken := o.hire("bob@example.com", store.Viewer)
	c, err = o.BeginPasskey(ctx, bob, bobToken)
	o.must(err)
	stolen := a.read(c)
	a.keys[0].handle = a.unb64(stolen.User.ID)
	_, err = o.AddPasskey(ctx, bob, bobToken, "laptop", directory.PasskeyAnswer{Ceremony: c.ID, Response: a.attest(a.keys[0], stolen.Challenge)})
	o.wants(err, directory.ErrPasskeyPresent)

	// Not in a session whose proof is old, nor in one that is none.
	o.clock.pass(directory.StepUpLife)
	c, err = o.BeginPasskey(ctx, p, token)
	o.must(err)
	o.clock.pass(time.Second)
	_, err = o.AddPasskey(ctx, p, token, "laptop", newAuthenticator(t).create(c))
	o.wants(err, directory.ErrStepUpNeeded)
	_, err = o.BeginPasskey(ctx, p, token)
	o.wants(err, directory.ErrStepUpNeeded)
	o.wants(o.RemovePasskey(ctx, p, token, added.Passkey.ID), directory.ErrStepUpNeeded)
	_, err = o.BeginPasskey(ctx, p, directory.NewSessionToken("x"))
	o.wants(err, directory.ErrNoSession)
	_, err = o.BeginPasskey(ctx, p, bobToken)
	o.wants(err, directory.ErrNoSession)
}

func TestPasskeysOfOneAreBounded(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token, a, _ := o.hireWithPasskey("ada@example.com", store.Viewer)
	for range 19 {
		added := o.register(p, token, a)
		if added.Recovery != nil {
			t.Fatal("recovery codes with a further passkey")
		}
		p, token = o.session(added.Token), added.Token
	}
	_, err := o.BeginPasskey(ctx, p, token)
	o.wants(err, directory.ErrTooManyPasskeys)
	_, _, err = o.passkeySignIn(a, desk)
	o.must(err)
}

// TestFactorsOfBothKinds: one can go as long as the other stays; with the last go the recovery codes.
func TestFactorsOfBothKinds(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token, a, added := o.hireWithPasskey("ada@example.com", store.Admin)
	e, err := o.EnrolSecondFactor(ctx, p, token, directory.NewSecret(goodPassword), "Example")
	o.must(err)
	token, codes, err := o.ConfirmSecondFactor(ctx, p, token, directory.NewSecret(o.code(e.Secret.Reveal())))
	o.must(err)
	if codes != nil {
		t.Error("the recovery codes of the first factor were replaced")
	}
	p = o.session(token)
	needed := o.ticket("ada@example.com")
	if !needed.Code || !needed.Passkey {
		t.Errorf("needed %+v", needed)
	}
	o.must(o.RemovePasskey(ctx, p, token, added.Passkey.ID))
	_, _, err = o.passkeySignIn(a, desk)
	o.wants(err, directory.ErrWrongCredentials)
	o.wants(o.RemoveSecondFactor(ctx, p, token, directory.NewSecret(goodPassword)), directory.ErrSecondFactorRequired)
	added = o.register(p, token, a)
	p, token = o.session(added.Token), added.Token
	o.must(o.RemoveSecondFactor(ctx, p, token, directory.NewSecret(goodPassword)))
	self, err := o.Self(ctx, p)
	o.must(err)
	if self.Authenticator || self.Passkeys != 1 || self.RecoveryCodes != 10 || self.MustEnrol {
		t.Errorf("self %+v", self)
	}
	o.wants(o.RemovePasskey(ctx, p, token, added.Passkey.ID), directory.ErrSecondFactorRequired)
	_, err = o.RenewRecoveryCodes(ctx, p, token, directory.NewSecret(goodPassword))
	o.must(err)

	o.clock.pass(time.Minute)
	o.tells("ada@example.com", directory.NoticeAccountAdded, directory.NoticePasswordChanged, directory.NoticePasskeyAdded, directory.NoticeSecondFactorAdded,
		directory.NoticePasskeyRemoved, directory.NoticePasskeyAdded, directory.NoticeSecondFactorRemoved, directory.NoticeRecoveryCodesNew)
	bob, token, _, added := o.hireWithPasskey("bob@example.com", store.Viewer)
	o.must(o.RemovePasskey(ctx, bob, token, added.Passkey.ID))
	self, err = o.Self(ctx, bob)
	o.must(err)
	if self.SecondFactor || self.RecoveryCodes != 0 {
		t.Errorf("self %+v", self)
	}
	_, _, err = o.signIn("bob@example.com", goodPassword, desk)
	o.must(err)
	o.tells("bob@example.com", directory.NoticeAccountAdded, directory.NoticePasswordChanged, directory.NoticePasskeyAdded, directory.NoticePasskeyRemoved)
}

func TestPasskeysOff(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Viewer)
	if o.PasskeysOffered() {
		t.Error("offered")
	}
	_, err := o.BeginPasskey(ctx, p, token)
	o.wants(err, directory.ErrPasskeysOff)
	_, err = o.AddPasskey(ctx, p, token, "laptop", directory.PasskeyAnswer{})
	o.wants(err, directory.ErrPasskeysOff)
	_, err = o.BeginPasskeySignIn(ctx, desk)
	o.wants(err, directory.ErrPasskeysOff)
	_, _, err = o.SignInWithPasskey(ctx, directory.PasskeyAnswer{}, desk)
	o.wants(err, directory.ErrPasskeysOff)
	_, err = o.BeginStepUp(ctx, p, token)
	o.wants(err, directory.ErrPasskeysOff)
	_, err = o.StepUp(ctx, p, token, directory.Proof{Passkey: &directory.PasskeyAnswer{}})
	o.wants(err, directory.ErrPasskeysOff)
	_, err = o.BeginSecondFactor(ctx, directory.NewSecret("x"), desk)
	o.wants(err, directory.ErrPasskeysOff)
	all, err := o.Passkeys(ctx, p)
	o.must(err)
	if len(all) != 0 {
		t.Errorf("passkeys %+v", all)
	}
}
