package directory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// bent is an answer that must not hold.
type bent struct {
	bend   func(o *office, a *authenticator)                                    // before the sign-in
	answer func(a *authenticator, c directory.Ceremony) directory.PasskeyAnswer // in place of the true one
	class  string                                                               // in the log
	atHome bool                                                                 // in the tenant's log
}

func withResponse(field string, change func(a *authenticator, b []byte) []byte) func(*authenticator, directory.Ceremony) directory.PasskeyAnswer {
	return func(a *authenticator, c directory.Ceremony) directory.PasskeyAnswer {
		answer := a.get(c)
		var all map[string]any
		a.must(json.Unmarshal(answer.Response, &all))
		r := all["response"].(map[string]any)
		r[field] = b64(change(a, a.unb64(r[field].(string))))
		var err error
		answer.Response, err = json.Marshal(all)
		a.must(err)
		return answer
	}
}

func bentAnswers() map[string]bent {
	return map[string]bent{
		"other origin":        {bend: func(_ *office, a *authenticator) { a.origin = "https://qrsd.example.org" }, class: "passkey used at another origin", atHome: true},
		"plain origin":        {bend: func(_ *office, a *authenticator) { a.origin = "http://" + site }, class: "passkey used at another origin", atHome: true},
		"other port":          {bend: func(_ *office, a *authenticator) { a.origin = "https://" + site + ":444" }, class: "passkey used at another origin", atHome: true},
		"other relying party": {bend: func(_ *office, a *authenticator) { a.site = "example.org" }, class: "passkey of another relying party", atHome: true},
		"user not verified":   {bend: func(_ *office, a *authenticator) { a.flags = userPresent }, class: "passkey's user not verified", atHome: true},
		"user not present":    {bend: func(_ *office, a *authenticator) { a.flags = userVerified }, class: "passkey's answer refused", atHome: true},
		"became eligible":     {bend: func(_ *office, a *authenticator) { a.flags |= eligible }, class: "passkey's backup flags changed", atHome: true},
		"backed up unasked":   {bend: func(_ *office, a *authenticator) { a.flags |= backedUp }, class: "passkey's backup flags changed", atHome: true},
		"other signature": {answer: withResponse("signature", func(_ *authenticator, b []byte) []byte { b[len(b)-1] ^= 1; return b }),
			class: "passkey's signature wrong", atHome: true},
		"other data": {answer: withResponse("authenticatorData", func(_ *authenticator, b []byte) []byte { b[36] += 7; return b }),
			class: "passkey's signature wrong", atHome: true},
		"other user's handle": {answer: withResponse("userHandle", func(_ *authenticator, b []byte) []byte { b[0] ^= 1; return b }),
			class: "passkey's answer refused", atHome: true},
		"no handle": {answer: withResponse("userHandle", func(*authenticator, []byte) []byte { return nil }), class: "passkey's answer refused", atHome: true},
		"other challenge": {answer: func(a *authenticator, c directory.Ceremony) directory.PasskeyAnswer {
			return directory.PasskeyAnswer{Ceremony: c.ID, Response: a.sign(a.keys[0], b64(make([]byte, 32)))}
		}, class: "passkey answered another challenge", atHome: true},
		"foreign credential": {answer: func(a *authenticator, c directory.Ceremony) directory.PasskeyAnswer { // of a stranger who knows the id
			own := newAuthenticator(a)
			own.create(c)
			own.keys[0].id, own.keys[0].handle = a.keys[0].id, a.keys[0].handle
			return own.get(c)
		}, class: "passkey's signature wrong", atHome: true},
		"unknown credential": {answer: func(a *authenticator, c directory.Ceremony) directory.PasskeyAnswer {
			own := newAuthenticator(a)
			own.create(c)
			return own.get(c)
		}, class: "passkey not known"},
		"registration in its place": {answer: func(a *authenticator, c directory.Ceremony) directory.PasskeyAnswer { return a.create(c) }, class: "passkey's answer malformed"},
		"no JSON": {answer: func(_ *authenticator, c directory.Ceremony) directory.PasskeyAnswer {
			return directory.PasskeyAnswer{Ceremony: c.ID, Response: []byte("passkey")}
		}, class: "passkey's answer malformed"},
		"nothing": {answer: func(_ *authenticator, c directory.Ceremony) directory.PasskeyAnswer {
			return directory.PasskeyAnswer{Ceremony: c.ID}
		},
			class: "passkey's answer malformed"},
		"endless": {answer: func(_ *authenticator, c directory.Ceremony) directory.PasskeyAnswer {
			return directory.PasskeyAnswer{Ceremony: c.ID, Response: bytes.Repeat([]byte(" "), 1<<20)}
		}, class: "passkey's answer malformed"},
	}
}

// TestPasskeyAnswersThatDoNotHold wants one error for all, in the words of a wrong password, and the class in the log.
func TestPasskeyAnswersThatDoNotHold(t *testing.T) {
	for name, c := range bentAnswers() {
		t.Run(name, func(t *testing.T) {
			o := openWithPasskeys(t)
			ctx := t.Context()
			_, _, a, _ := o.hireWithPasskey("ada@example.com", store.Viewer)
			o.hireWithPasskey("bob@example.com", store.Viewer)
			if c.bend != nil {
				c.bend(o, a)
			}
			begun, err := o.BeginPasskeySignIn(ctx, stranger)
			o.must(err)
			answer := c.answer
			if answer == nil {
				answer = (*authenticator).get
			}
			said := answer(a, begun)
			home, abroad := len(o.entries("session.sign-in")), len(o.appliance("session.sign-in"))
			p, token, err := o.SignInWithPasskey(ctx, said, stranger)
			o.wants(err, directory.ErrWrongCredentials)
			if p.Role() != 0 || !token.IsZero() || err.Error() != directory.ErrWrongCredentials.Error() {
				t.Errorf("told apart: %v", err)
			}
			atHome, away := o.entries("session.sign-in")[home:], o.appliance("session.sign-in")[abroad:]
			all := append(atHome, away...)
			if len(all) != 1 || (len(atHome) == 1) != c.atHome || all[0].Outcome != store.Denied || all[0].Reason != c.class || all[0].Actor != "" {
				t.Fatalf("entries %+v", all)
			}
			_, _, err = o.SignInWithPasskey(ctx, said, stranger)
			o.wants(err, directory.ErrWrongCredentials) // and never will
		})
	}
}

func TestPasskeyChallengeIsGoodOnce(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	_, _, a, _ := o.hireWithPasskey("ada@example.com", store.Viewer)
	a.step = 0 // so that only the challenge tells
	a.keys[0].count = 0
	c, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	answer := a.get(c)
	results := make([]error, 8)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { _, _, results[i] = o.SignInWithPasskey(context.Background(), answer, desk) })
	}
	all.Wait()
	in := 0
	for _, err := range results {
		switch {
		case err == nil:
			in++
		case !errors.Is(err, directory.ErrNoCeremony):
			t.Error(err)
		}
	}
	if in != 1 {
		t.Errorf("one answer let %d in: %v", in, results)
	}
	// The same answer to another ceremony.
	again, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	_, _, err = o.SignInWithPasskey(ctx, directory.PasskeyAnswer{Ceremony: again.ID, Response: answer.Response}, desk)
	o.wants(err, directory.ErrWrongCredentials)

	late, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	answer = a.get(late)
	o.clock.pass(5 * time.Minute)
	denied := len(o.appliance("session.sign-in"))
	_, _, err = o.SignInWithPasskey(ctx, answer, desk)
	o.wants(err, directory.ErrNoCeremony)
	if got := o.appliance("session.sign-in")[denied:]; len(got) != 1 || got[0].Outcome != store.Denied {
		t.Errorf("entries %+v", got)
	}
	// What was not made here, or was bent since: another time, another challenge, another key.
	bendable, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	answer = a.get(bendable)
	for i, bent := range []string{"", "x", answer.Ceremony + "x", strings.Repeat("A", 96), "A" + answer.Ceremony[1:], answer.Ceremony[:40] + "AAAA" + answer.Ceremony[44:], strings.Repeat("A", 1<<16)} {
		_, _, err = o.SignInWithPasskey(ctx, directory.PasskeyAnswer{Ceremony: bent, Response: answer.Response}, store.Source{Address: "203.0.113.7"})
		if !errors.Is(err, directory.ErrNoCeremony) && bent != answer.Ceremony {
			t.Errorf("bent %d: %v", i, err)
		}
	}
	in5, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	o.clock.pass(5*time.Minute - time.Second)
	_, _, err = o.SignInWithPasskey(ctx, a.get(in5), desk)
	o.must(err)
}

// TestCeremoniesAreForOneThing shows the answer to one ceremony to the verbs of the others, and to another user's.
func TestCeremoniesAreForOneThing(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	ada, token, a, _ := o.hireWithPasskey("ada@example.com", store.Viewer)
	bob, bobToken, b, _ := o.hireWithPasskey("bob@example.com", store.Viewer)
	stepUp := func() directory.PasskeyAnswer {
		c, err := o.BeginStepUp(ctx, ada, token)
		o.must(err)
		return a.get(c)
	}
	answer := stepUp()
	_, _, err := o.SignInWithPasskey(ctx, answer, desk)
	o.wants(err, directory.ErrNoCeremony)
	needed := o.ticket("ada@example.com")
	_, _, err = o.SignInSecond(ctx, directory.SecondFactor{Ticket: needed.Ticket, Passkey: &answer}, desk)
	o.wants(err, directory.ErrNoCeremony)
	_, err = o.StepUp(ctx, ada, token, directory.Proof{Passkey: &answer})
	o.wants(err, directory.ErrNoCeremony) // it was used, even if in vain
	answer = stepUp()
	_, err = o.StepUp(ctx, bob, bobToken, directory.Proof{Passkey: &answer})
	o.wants(err, directory.ErrNoCeremony)
	answer = stepUp()
	_, err = o.AddPasskey(ctx, ada, token, "laptop", answer)
	o.wants(err, directory.ErrNoCeremony)

	c, err := o.BeginPasskeySignIn(ctx, desk)
	o.must(err)
	answer = a.get(c)
	_, err = o.StepUp(ctx, ada, token, directory.Proof{Passkey: &answer})
	o.wants(err, directory.ErrNoCeremony)

	c, err = o.BeginPasskey(ctx, ada, token)
	o.must(err)
	_, err = o.AddPasskey(ctx, bob, bobToken, "laptop", b.create(c))
	o.wants(err, directory.ErrNoCeremony)

	// A second one of the same session ends the first.
	first, err := o.BeginStepUp(ctx, ada, token)
	o.must(err)
	answer = a.get(first)
	last := stepUp()
	_, err = o.StepUp(ctx, ada, token, directory.Proof{Passkey: &answer})
	o.wants(err, directory.ErrNoCeremony)
	_, err = o.StepUp(ctx, ada, token, directory.Proof{Passkey: &last})
	o.must(err)

	// Bob's key to a challenge for Ada.
	_, token, err = o.passkeySignIn(a, desk)
	o.must(err)
	c, err = o.BeginStepUp(ctx, o.session(token), token)
	o.must(err)
	answer = b.get(c)
	_, err = o.StepUp(ctx, ada, token, directory.Proof{Passkey: &answer})
	o.wants(err, directory.ErrWrongCredentials)
}

// TestPasskeyCounterGoesBack: a copy of a key is in use somewhere.
func TestPasskeyCounterGoesBack(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, _, a, _ := o.hireWithPasskey("ada@example.com", store.Viewer)
	for range 3 {
		_, _, err := o.passkeySignIn(a, desk)
		o.must(err)
	}
	for _, back := range []uint32{1, 2} { // to the same number as last, and further
		a.keys[0].count -= back
		_, _, err := o.passkeySignIn(a, desk)
		o.wants(err, directory.ErrPasskeyCopied)
		all := o.entries("session.sign-in")
		if last := all[len(all)-1]; last.Outcome != store.Denied || last.Reason != "passkey copied" || last.Object != p.User().String() {
			t.Errorf("entry %+v", last)
		}
	}
	list, err := o.Passkeys(ctx, p)
	o.must(err)
	if list[0].Copied == nil || !list[0].Copied.Equal(o.clock.now()) {
		t.Errorf("not noted: %+v", list)
	}
	a.keys[0].count = 0
	a.step = 0
	_, _, err = o.passkeySignIn(a, desk)
	o.wants(err, directory.ErrPasskeyCopied) // it counted once
	a.step, a.keys[0].count = 1, 10
	_, _, err = o.passkeySignIn(a, desk)
	o.must(err)
}

// TestPasskeyFlagsStay: synced passkeys come with flags that must be kept, and do not count.
func TestPasskeyFlagsStay(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Viewer)
	a := newAuthenticator(t)
	a.flags |= eligible
	a.step = 0
	added := o.register(p, token, a)
	if !added.Passkey.Synced || added.Passkey.Attached != "platform" {
		t.Errorf("added %+v", added.Passkey)
	}
	restart := func() {
		o.must(o.Flush(ctx))
		o.Directory = directory.Open(o.db, directory.Options{Now: o.clock.now, RelyingParty: party()})
	}
	for _, flags := range []byte{eligible, eligible | backedUp, eligible} { // what is backed up may change, that it can be may not
		restart()
		a.flags = userPresent | userVerified | flags
		_, _, err := o.passkeySignIn(a, desk)
		o.must(err)
	}
	a.flags = userPresent | userVerified
	_, _, err := o.passkeySignIn(a, desk)
	o.wants(err, directory.ErrWrongCredentials)
}

// TestPasskeyOfNobody: disabled users, those whose second factor was reset, erased tenants.
func TestPasskeyOfNobody(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	admin, _, _, _ := o.hireWithPasskey("ada@example.com", store.Admin)
	bob, _, a, added := o.hireWithPasskey("bob@example.com", store.Approver)
	o.must(o.Disable(ctx, admin, o.tenant, bob.User()))
	_, _, err := o.passkeySignIn(a, desk)
	o.wants(err, directory.ErrDisabled)
	o.must(o.Enable(ctx, admin, o.tenant, bob.User()))
	_, _, err = o.passkeySignIn(a, desk)
	o.must(err)

	o.must(o.ResetSecondFactor(ctx, admin, o.tenant, bob.User()))
	_, _, err = o.passkeySignIn(a, desk)
	o.wants(err, directory.ErrWrongCredentials)
	_, _, err = o.SignIn(ctx, directory.Credentials{Email: "bob@example.com", Password: directory.NewSecret(goodPassword), Code: added.Recovery[0]}, desk)
	o.must(err) // the password alone will do again, to enrol anew
	bob, token, err := o.signIn("bob@example.com", goodPassword, desk)
	o.must(err)
	self, err := o.Self(ctx, bob)
	o.must(err)
	if !self.MustEnrol || self.Passkeys != 0 || self.RecoveryCodes != 0 {
		t.Errorf("self %+v", self)
	}
	if list, err := o.Passkeys(ctx, bob); err != nil || len(list) != 0 {
		t.Errorf("passkeys %+v, %v", list, err)
	}
	c, err := o.BeginPasskey(ctx, bob, token)
	o.must(err)
	wanted := a.read(c)
	if !bytes.Equal(a.unb64(wanted.User.ID), a.keys[0].handle) {
		t.Error("another handle: authenticators keep the passkey that is no good any more")
	}
	again, err := o.AddPasskey(ctx, bob, token, "the same key", directory.PasskeyAnswer{Ceremony: c.ID, Response: a.attest(a.keys[0], wanted.Challenge)})
	o.must(err)
	if len(again.Recovery) != 10 || len(wanted.Exclude) != 0 {
		t.Errorf("%d recovery codes with the first factor, options %s", len(again.Recovery), c.Options)
	}
	_, _, err = o.passkeySignIn(a, desk)
	o.must(err)

	_, err = o.db.EraseTenant(ctx, storetest.Operator(), o.tenant)
	o.must(err)
	_, _, err = o.passkeySignIn(a, desk)
	o.wants(err, directory.ErrWrongCredentials)
	if all := o.appliance("session.sign-in"); len(all) == 0 || all[len(all)-1].Reason != "passkey not known" {
		t.Errorf("entries %+v", all)
	}
}

// TestOneTimePasswordHoldsPasskeyUsers: whoever got a password of another's must replace it, however they come in.
func TestOneTimePasswordHoldsPasskeyUsers(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	admin, _, _, _ := o.hireWithPasskey("ada@example.com", store.Admin)
	bob, _, a, _ := o.hireWithPasskey("bob@example.com", store.Viewer)
	_, err := o.ResetPassword(ctx, admin, o.tenant, bob.User())
	o.must(err)
	_, token, err := o.passkeySignIn(a, desk)
	o.must(err)
	_, s, err := o.Session(ctx, token, desk)
	o.must(err)
	if !s.MustChangePassword || !s.Restricted() {
		t.Errorf("session %+v", s)
	}
	o.clock.pass(7*24*time.Hour + time.Second)
	_, _, err = o.passkeySignIn(a, desk)
	o.wants(err, directory.ErrPasswordExpired)
}
