package web_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestSession signs in, asks who one is, and signs out.
func TestSession(t *testing.T) {
	a := start(t)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Admin)
	var s wire.Session
	p.want(200, p.call("GET", "/api/v1/session", nil)).into(t, &s)
	if s.User != p.id.String() || s.Tenant != tenant.String() || s.Role != "admin" {
		t.Fatalf("session %+v", s)
	}
	old := p.cookie
	p.want(204, p.call("DELETE", "/api/v1/session", nil))
	if p.cookie != "" {
		t.Fatal("the cookie is still there")
	}
	p.cookie = old
	p.want(401, p.call("GET", "/api/v1/session", nil)).problem(t)
}
