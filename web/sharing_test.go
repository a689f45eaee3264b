package web_test

import (
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store"
)

// TestNothingIsShared asks as a page of another site would, with and without a preflight, and wants no header that lets it read the
// answer (CORS), and a query that says a thing twice refused.
func TestNothingIsShared(t *testing.T) {
	a := start(t)
	p := a.stranger()
	for _, method := range []string{"GET", "OPTIONS"} {
		for _, path := range []string{"/api/v1/session", "/api/v1/openapi.json", "/healthz", "/sign-in", "/.well-known/security.txt"} {
			r := p.call(method, path, nil, header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "cross-site"),
				header("Access-Control-Request-Method", "POST"), header("Access-Control-Request-Headers", "authorization"))
			for name := range r.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s: %q", method, path, name, r.Header.Get(name))
				}
			}
		}
	}
	admin := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Admin)
	if problem := admin.want(400, admin.call("GET", "/api/v1/audit/entries?limit=1&limit=2", nil)).problem(t); !strings.Contains(problem.Detail+problem.Errors[0].Detail, "2 times") {
		t.Errorf("%+v", problem)
	}
}
