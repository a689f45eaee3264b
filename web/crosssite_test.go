package web_test

import (
	"net/http"
	"testing"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestCrossSite sends changes from here and from elsewhere, with and without a session.
func TestCrossSite(t *testing.T) {
	a := start(t)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Modeler)
	const cookie, none = true, false
	for _, c := range []struct {
		name    string
		session bool
		headers map[string]string
		refused bool
	}{
		{"a page of ours", cookie, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://" + host}, false},
		{"typed by the user", cookie, map[string]string{"Sec-Fetch-Site": "none"}, false},
		{"another site", cookie, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, true},
		{"another site of the same domain", cookie, map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"}, true},
		{"a site that lies in Origin only", cookie, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://" + host}, true},
		{"no word of Sec-Fetch-Site known", cookie, map[string]string{"Sec-Fetch-Site": "friendly"}, true},
		{"an old browser", cookie, map[string]string{"Origin": "https://" + host}, false},
		{"an old browser elsewhere", cookie, map[string]string{"Origin": "https://evil.example"}, true},
		{"a name that begins like ours", cookie, map[string]string{"Origin": "https://" + host + ".evil.example"}, true},
		{"without TLS", cookie, map[string]string{"Origin": "http://" + host}, true},
		{"another port", cookie, map[string]string{"Origin": "https://" + host + ":8443"}, true},
		{"an opaque origin", cookie, map[string]string{"Origin": "null"}, true},
		{"neither header, with a cookie", cookie, nil, true},
		{"a program", none, nil, false},
		{"a sign-in from elsewhere", none, map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		{"a sign-in from elsewhere, old browser", none, map[string]string{"Origin": "https://evil.example"}, true},
	} {
		bare := func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Del("Origin")
			for name, value := range c.headers {
				r.Header.Set(name, value)
			}
		}
		q := a.stranger()
		path, method, body, good := "/api/v1/session", "POST", any(wire.SignIn{Email: "nobody@example.com", Password: "x"}), http.StatusUnauthorized
		if c.session {
			q.cookie = p.cookie
			path, method, body, good = "/api/v1/me", "PATCH", wire.MeChange{Name: "A. N."}, http.StatusOK
		}
		r := q.call(method, path, body, bare)
		if c.refused {
			if problem := q.want(http.StatusForbidden, r).problem(t); problem.Type != "/docs/api#problem-cross-site" {
				t.Errorf("%s: %s", c.name, r)
			}
			a.wantAttempt(c.name, r, c.session, tenant)
		} else if r.Status != good {
			t.Errorf("%s: got %d, want %d: %s", c.name, r.Status, good, r)
		}
	}
	// What is only read needs no word: a link from elsewhere leads here.
	p.want(http.StatusOK, p.call("GET", "/api/v1/me", nil, header("Sec-Fetch-Site", "cross-site")))
}

// wantAttempt wants a refused change of a signed-in user to have left one entry, and none of nobody's.
func (a *appliance) wantAttempt(name string, r answer, known bool, tenant store.ID) {
	a.Helper()
	found := a.ofRequest(r.Header.Get("X-Request-Id"), tenant)
	switch {
	case !known && len(found) == 0:
	case known && len(found) == 1 && found[0].Outcome == store.Failed && found[0].Reason == "cross site":
	default:
		a.Errorf("%s: entries %+v", name, found)
	}
}
