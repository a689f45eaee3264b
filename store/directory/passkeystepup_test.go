package directory_test

import (
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// TestRestrictedMayStepUp: who has to enrol and waited too long gives the password again.
func TestRestrictedMayStepUp(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token := o.hire("ada@example.com", store.Admin)
	o.clock.pass(directory.StepUpLife + time.Second)
	_, err := o.BeginPasskey(ctx, p, token)
	o.wants(err, directory.ErrStepUpNeeded)
	token, err = o.StepUp(ctx, p, token, directory.Proof{Password: directory.NewSecret(goodPassword)})
	o.must(err)
	o.register(p, token, newAuthenticator(t))
}

func TestStepUpWithAPasskey(t *testing.T) {
	o := openWithPasskeys(t)
	ctx := t.Context()
	p, token, a, added := o.hireWithPasskey("ada@example.com", store.Admin)
	o.clock.pass(directory.StepUpLife + time.Second)
	proof := func() directory.Proof {
		c, err := o.BeginStepUp(ctx, p, token)
		o.must(err)
		answer := a.get(c)
		return directory.Proof{Passkey: &answer}
	}
	given := proof()
	next, err := o.StepUp(ctx, p, token, given)
	o.must(err)
	_, err = o.StepUp(ctx, p, next, given)
	o.wants(err, directory.ErrNoCeremony)
	token = next
	_, s, err := o.Session(ctx, token, desk)
	o.must(err)
	if !o.Fresh(s) {
		t.Errorf("session %+v", s)
	}
	a.flags = userPresent
	_, err = o.StepUp(ctx, p, token, proof())
	o.wants(err, directory.ErrWrongCredentials)
	a.flags |= userVerified
	a.keys[0].count = 0
	_, err = o.StepUp(ctx, p, token, proof())
	o.wants(err, directory.ErrPasskeyCopied)
	a.keys[0].count = 100
	token, err = o.StepUp(ctx, p, token, proof())
	o.must(err)
	_, err = o.StepUp(ctx, p, token, directory.Proof{Password: directory.NewSecret(goodPassword), Code: added.Recovery[0]})
	o.must(err)
	o.tells("ada@example.com", directory.NoticeAccountAdded, directory.NoticePasswordChanged, directory.NoticePasskeyAdded, directory.NoticeRecoveryCodeUsed)
	bob, bobToken := o.hire("bob@example.com", store.Viewer)
	_, err = o.BeginStepUp(ctx, bob, bobToken)
	o.wants(err, directory.ErrNoPasskey)
}
