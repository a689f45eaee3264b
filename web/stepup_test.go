package web_test

import (
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestStaleSessionChangesNoFactor: what gives tokens, or changes how somebody is known, wants a proof of the last ten minutes, of the
// API and of the pages alike; the password in the body does not stand in for it.
func TestStaleSessionChangesNoFactor(t *testing.T) {
	a := start(t)
	admin := a.join(a.tenant("Example Mutual"), "ada@example.com", store.Admin)
	a.clock.pass(directory.StepUpLife + time.Minute)
	proof := wire.PasswordProof{Password: goodPassword}
	for _, ask := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/api/v1/me/recovery-codes", proof},
		{"POST", "/api/v1/me/second-factor", proof},
		{"POST", "/api/v1/me/second-factor/confirm", wire.Code{Code: "000000"}},
		{"DELETE", "/api/v1/me/second-factor", proof},
		{"POST", "/api/v1/me/passkeys/options", nil},
		{"DELETE", "/api/v1/me/sessions", nil},
		{"DELETE", "/api/v1/me/sessions/" + admin.id.String(), nil},
		{"GET", "/api/v1/outbox", nil},
	} {
		r := admin.call(ask.method, ask.path, ask.body)
		var p wire.Problem
		admin.want(403, r).into(t, &p)
		if want := "step-up-needed"; len(p.Type) < len(want) || p.Type[len(p.Type)-len(want):] != want {
			t.Errorf("%s %s: %s", ask.method, ask.path, p.Type)
		}
	}
}
