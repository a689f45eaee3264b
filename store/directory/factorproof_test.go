package directory_test

import (
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestFactorsWantAFreshProof: a session that was left open, and the password alone, change no second factor: not by new recovery
// codes, not by an application in place of a passkey, not by taking one away (OWASP ASVS 5.0, 7.5.1).
func TestFactorsWantAFreshProof(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	password := directory.NewSecret(goodPassword)
	p, token, a, _ := o.hireWithPasskey("ada@example.com", store.Modeler)
	stale := func() {
		t.Helper()
		o.clock.pass(directory.StepUpLife + time.Second)
		_, s, err := o.Session(ctx, token, desk)
		o.must(err)
		if o.Fresh(s) {
			t.Fatal("the session is fresh still")
		}
	}
	prove := func() {
		t.Helper()
		c, err := o.BeginStepUp(ctx, p, token)
		o.must(err)
		answer := a.get(c)
		token, err = o.StepUp(ctx, p, token, directory.Proof{Passkey: &answer})
		o.must(err)
	}

	stale()
	_, err := o.RenewRecoveryCodes(ctx, p, token, password)
	o.wants(err, directory.ErrStepUpNeeded)
	_, err = o.EnrolSecondFactor(ctx, p, token, password, "Example")
	o.wants(err, directory.ErrStepUpNeeded)
	_, err = o.EnrolSecondFactor(ctx, p, directory.SessionToken{}, password, "Example")
	o.wants(err, directory.ErrNoSession)

	prove()
	e, err := o.EnrolSecondFactor(ctx, p, token, password, "Example")
	o.must(err)
	stale()
	_, _, err = o.ConfirmSecondFactor(ctx, p, token, directory.NewSecret(o.code(e.Secret.Reveal())))
	o.wants(err, directory.ErrStepUpNeeded)
	prove()
	_, before, err := o.Session(ctx, token, desk)
	o.must(err)
	o.clock.pass(time.Minute)
	token, _, err = o.ConfirmSecondFactor(ctx, p, token, directory.NewSecret(o.code(e.Secret.Reveal())))
	o.must(err)
	_, after, err := o.Session(ctx, token, desk)
	o.must(err)
	if !after.Proved.Equal(before.Proved) {
		t.Errorf("the code of the new factor made the proof one of %s, want that of %s", after.Proved, before.Proved)
	}

	stale()
	o.wants(o.RemoveSecondFactor(ctx, p, token, password), directory.ErrStepUpNeeded)
	prove()
	o.must(o.RemoveSecondFactor(ctx, p, token, password))
	_, err = o.RenewRecoveryCodes(ctx, p, token, password)
	o.must(err)
}
