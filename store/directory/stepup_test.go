package directory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

func TestStepUp(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	password := directory.NewSecret(goodPassword)
	p, secret := o.administer("ada@example.com")
	o.clock.pass(time.Minute)
	_, token, err := o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: password, Code: directory.NewSecret(o.code(secret))}, desk)
	o.must(err)
	_, s, err := o.Session(ctx, token, desk)
	o.must(err)
	if !s.Proved.Equal(o.clock.now()) || !o.Fresh(s) || s.Restricted() {
		t.Fatalf("session %+v", s)
	}
	o.clock.pass(directory.StepUpLife + time.Second)
	_, old, err := o.Session(ctx, token, desk)
	o.must(err)
	if o.Fresh(old) {
		t.Error("fresh for ever")
	}
	for name, c := range map[string]struct {
		proof directory.Proof
		want  error
	}{
		"nothing":        {directory.Proof{}, directory.ErrWrongCredentials},
		"wrong password": {directory.Proof{Password: directory.NewSecret("wrong wrong wrong"), Code: directory.NewSecret(o.code(secret))}, directory.ErrWrongCredentials},
		"no code":        {directory.Proof{Password: password}, directory.ErrSecondFactorNeeded},
		"wrong code":     {directory.Proof{Password: password, Code: directory.NewSecret("000000")}, directory.ErrWrongCredentials},
		"code alone":     {directory.Proof{Code: directory.NewSecret(o.code(secret))}, directory.ErrWrongCredentials},
	} {
		before := len(o.entries("session.step-up"))
		next, err := o.StepUp(ctx, p, token, c.proof)
		if !errors.Is(err, c.want) || !next.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
		all := o.entries("session.step-up")[before:]
		if len(all) != 1 || all[0].Outcome != store.Denied || all[0].Actor != p.User().String() {
			t.Errorf("%s: entries %+v", name, all)
		}
	}
	next, err := o.StepUp(ctx, p, token, directory.Proof{Password: password, Code: directory.NewSecret(o.code(secret))})
	o.must(err)
	_, _, err = o.Session(ctx, token, desk)
	o.wants(err, directory.ErrNoSession) // rotated
	_, s, err = o.Session(ctx, next, desk)
	o.must(err)
	if s.ID != old.ID || !s.Begun.Equal(old.Begun) || !s.Ends.Equal(old.Ends) || !o.Fresh(s) {
		t.Errorf("session %+v, before %+v", s, old)
	}
	all := o.entries("session.step-up")
	if last := all[len(all)-1]; last.Outcome != store.Done || last.Actor != p.User().String() {
		t.Errorf("entry %+v", last)
	}
	_, err = o.StepUp(ctx, p, token, directory.Proof{Password: password, Code: directory.NewSecret(o.code(secret))})
	o.wants(err, directory.ErrWrongCredentials) // a replay
	o.clock.pass(time.Minute)
	_, err = o.StepUp(ctx, p, token, directory.Proof{Password: password, Code: directory.NewSecret(o.code(secret))})
	o.wants(err, directory.ErrNoSession)

	// The session's age goes on.
	o.session(next)
	for range 23 {
		o.clock.pass(30 * time.Minute)
		next, err = o.StepUp(ctx, p, next, directory.Proof{Password: password, Code: directory.NewSecret(o.code(secret))})
		o.must(err)
	}
	o.clock.pass(30 * time.Minute)
	_, _, err = o.Session(ctx, next, desk)
	o.wants(err, directory.ErrNoSession)
}

// TestStepUpIsLimited: whoever took a session over cannot try passwords or codes there.
func TestStepUpIsLimited(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	p, secret := o.administer("ada@example.com")
	o.clock.pass(time.Minute)
	_, token, err := o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Code: directory.NewSecret(o.code(secret))}, desk)
	o.must(err)
	for range 5 {
		_, err := o.StepUp(ctx, p, token, directory.Proof{Password: directory.NewSecret(goodPassword), Code: directory.NewSecret("000000")})
		o.wants(err, directory.ErrWrongCredentials)
	}
	_, err = o.StepUp(ctx, p, token, directory.Proof{Password: directory.NewSecret(goodPassword), Code: directory.NewSecret("000000")})
	o.tooMany(err) // by the count of codes, which a sign-in shares
	_, _, err = o.SignIn(ctx, directory.Credentials{Email: "ada@example.com", Password: directory.NewSecret(goodPassword), Code: directory.NewSecret("000000")}, desk)
	o.tooMany(err)
	o.clock.pass(2 * time.Minute)
	for i := 0; ; i++ {
		if i > 11 {
			t.Fatal("passwords are not limited")
		}
		_, err := o.StepUp(ctx, p, token, directory.Proof{Password: directory.NewSecret("wrong wrong wrong")})
		if errors.Is(err, directory.ErrWrongCredentials) {
			continue
		}
		o.tooMany(err)
		break
	}
}

// TestProofByThePasswordAlone is all that an account without second factor has, and not of one that has more.
func TestProofByThePasswordAlone(t *testing.T) {
	o := open(t, directory.Options{})
	ctx := t.Context()
	password := directory.NewSecret(goodPassword)
	bob, token := o.hire("bob@example.com", store.Viewer)
	o.clock.pass(directory.StepUpLife + time.Second)
	token, err := o.StepUp(ctx, bob, token, directory.Proof{Password: password})
	o.must(err)
	_, s, err := o.Session(ctx, token, desk)
	o.must(err)
	if !o.Fresh(s) {
		t.Errorf("session %+v", s)
	}
	fresh := func(token directory.SessionToken) bool {
		_, s, err := o.Session(ctx, token, desk)
		o.must(err)
		return o.Fresh(s)
	}
	token, err = o.SetPassword(ctx, bob, password, directory.NewSecret(goodPassword+" again"))
	o.must(err)
	if !fresh(token) {
		t.Error("the password is all that it has")
	}
	ada, _ := o.administer("ada@example.com")
	token, err = o.SetPassword(ctx, ada, password, directory.NewSecret(goodPassword+" again"))
	o.must(err)
	if fresh(token) {
		t.Error("the password alone is a proof of an account with a second factor")
	}
}
