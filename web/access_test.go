package web_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestCookie wants a session's cookie with all that browsers can do for it, and its token nowhere else.
func TestCookie(t *testing.T) {
	a := start(t)
	p := a.account(a.tenant("Example Mutual"), "ann@example.com", store.Modeler)
	r := p.want(201, p.call("POST", "/api/v1/session", wire.SignIn{Email: p.email, Password: p.password}))
	cookies := (&http.Response{Header: r.Header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	c := cookies[0]
	if c.Name != "__Host-qrsd" || len(c.Value) != 43 || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Errorf("cookie %q", r.Header.Get("Set-Cookie"))
	}
	if bytes.Contains(r.Body, []byte(c.Value)) || strings.Contains(r.Header.Get("Location"), c.Value) {
		t.Error("the token stands in the reply outside of the cookie")
	}
	gone := p.want(204, p.call("DELETE", "/api/v1/session", nil)).Header.Get("Set-Cookie")
	if !strings.HasPrefix(strings.ToLower(gone), "__host-qrsd=;") || !strings.Contains(strings.ToLower(gone), "expires=thu, 01 jan 1970") || !strings.Contains(gone, "HttpOnly") || !strings.Contains(strings.ToLower(gone), "secure") {
		t.Errorf("sign-out leaves the cookie %q", gone)
	}
}

// TestSessionFixation wants another token after everything that gives a session rights, and the one before to be worth nothing.
func TestSessionFixation(t *testing.T) {
	a := start(t)
	p := a.account(a.tenant("Example Mutual"), "ann@example.com", store.Modeler)
	planted := strings.Repeat("A", 43)
	p.cookie = planted
	p.signIn()
	steps := map[string]func(){
		"signing in again": p.signIn,
		"a new password": func() {
			p.want(200, p.call("PUT", "/api/v1/me/password", wire.PasswordChange{Password: p.password, NewPassword: "seven herons over still water"}))
			p.password = "seven herons over still water"
		},
		"a second factor": func() {
			var e wire.Enrolment
			p.want(201, p.call("POST", "/api/v1/me/second-factor", wire.PasswordProof{Password: p.password})).into(t, &e)
			p.factor = e.Secret
			p.want(200, p.call("POST", "/api/v1/me/second-factor/confirm", wire.Code{Code: p.code()}))
		},
		"a step-up": func() {
			p.clock.pass(time.Minute)
			p.want(200, p.call("POST", "/api/v1/session/step-up", wire.StepUp{Password: p.password, Code: p.code()}))
		},
	}
	if p.cookie == planted {
		t.Fatal("a planted token became that of the session")
	}
	for _, name := range []string{"signing in again", "a new password", "a second factor", "a step-up"} {
		before := p.cookie
		steps[name]()
		if p.cookie == before || len(p.cookie) != 43 {
			t.Fatalf("%s: the token is the one from before", name)
		}
		old := p.stranger()
		old.cookie = before
		if name != "signing in again" { // which begins a session beside the other
			p.want(401, old.call("GET", "/api/v1/session", nil))
			if old.cookie != "" {
				t.Errorf("%s: the cookie of a session that is over is not taken away", name)
			}
		}
		p.want(200, p.call("GET", "/api/v1/session", nil))
	}
}

// TestSecondFactorCodes wants each code to be good once.
func TestSecondFactorCodes(t *testing.T) {
	a := start(t)
	p := a.account(a.tenant("Example Mutual"), "ann@example.com", store.Admin)
	given := wire.SignIn{Email: p.email, Password: p.password}
	problem := p.want(401, p.call("POST", "/api/v1/session", given)).problem(t)
	if problem.Type != "/docs/api#problem-second-factor-needed" || problem.SecondFactor == nil || !problem.SecondFactor.Code {
		t.Fatalf("without a code: %+v", problem)
	}
	given.Code = p.code()
	p.want(201, p.call("POST", "/api/v1/session", given))
	for _, wait := range []time.Duration{0, 20 * time.Second} {
		a.clock.pass(wait)
		if got := p.want(401, p.call("POST", "/api/v1/session", given)).problem(t); got.Type != "/docs/api#problem-wrong-credentials" {
			t.Fatalf("the same code once more: %+v", got)
		}
	}
	a.clock.pass(time.Minute)
	given.Code = p.code()
	p.want(201, p.call("POST", "/api/v1/session", given))
}

// TestCredentials sends cookies and keys as they should not come.
func TestCredentials(t *testing.T) {
	a := start(t)
	p := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Modeler)
	key := p.apiKey("tenant.read")
	for _, c := range []struct {
		name   string
		edit   func(*http.Request)
		status int
		kind   string
	}{
		{"a cookie and a key", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }, 400, "invalid"},
		{"another scheme", func(r *http.Request) {
			r.Header.Del("Cookie")
			r.Header.Set("Authorization", "Basic "+key)
		}, 401, "sign-in-needed"},
		{"a key that is none", func(r *http.Request) {
			r.Header.Del("Cookie")
			r.Header.Set("Authorization", "Bearer qrs_x_y")
		}, 401, "sign-in-needed"},
		{"nothing", func(r *http.Request) { r.Header.Del("Cookie") }, 401, "sign-in-needed"},
		{"an empty cookie", func(r *http.Request) { r.Header.Set("Cookie", "__Host-qrsd=") }, 401, "sign-in-needed"},
		{"a key in the cookie", func(r *http.Request) { r.Header.Set("Cookie", "__Host-qrsd="+key) }, 401, "sign-in-needed"},
		{"a cookie in Bearer", func(r *http.Request) {
			r.Header.Del("Cookie")
			r.Header.Set("Authorization", "Bearer "+p.cookie)
		}, 401, "sign-in-needed"},
	} {
		q := *p
		r := q.want(c.status, q.call("GET", "/api/v1/policy", nil, c.edit))
		if got := problemName(r.problem(t)); got != c.kind {
			t.Errorf("%s: problem %q, want %q", c.name, got, c.kind)
		}
		if c.status == 401 && r.Header.Get("WWW-Authenticate") != `Bearer realm="qrsd"` {
			t.Errorf("%s: WWW-Authenticate %q", c.name, r.Header.Get("WWW-Authenticate"))
		}
	}
	p.key, p.cookie = key, ""
	p.want(200, p.call("GET", "/api/v1/policy", nil))
	p.want(200, p.call("GET", "/api/v1/policy", nil, header("Authorization", "bearer "+key)))
}

// apiKey makes a key of the person's.
func (p *person) apiKey(scopes ...string) string {
	p.Helper()
	by, _, err := p.directory.Session(p.Context(), directory.NewSessionToken(p.cookie), store.Source{Address: "192.0.2.80"})
	p.must(err)
	_, key, err := p.directory.AddAPIKey(p.Context(), by, directory.NewAPIKey{Name: "test", Scopes: scopes})
	p.must(err)
	return key.Reveal()
}

// TestStepUp wants what changes rights to need a proof within ten minutes.
func TestStepUp(t *testing.T) {
	a := start(t)
	p := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Admin)
	invite := func(n string) answer {
		return p.call("POST", "/api/v1/invitations", wire.NewUser{Email: n + "@example.com", Name: "N. N.", Role: "viewer"})
	}
	p.want(201, invite("bob"))
	p.clock.pass(9 * time.Minute)
	p.want(201, invite("cid"))
	p.clock.pass(2 * time.Minute)
	if got := problemName(p.want(403, invite("dan")).problem(t)); got != "step-up-needed" {
		t.Fatalf("after eleven minutes: problem %q", got)
	}
	p.want(200, p.call("GET", "/api/v1/invitations", nil))
	wrong := p.want(401, p.call("POST", "/api/v1/session/step-up", wire.StepUp{Password: "not it", Code: p.code()}))
	if problemName(wrong.problem(t)) != "wrong-credentials" || p.cookie == "" {
		t.Fatalf("a wrong proof: %s, cookie %q", wrong, p.cookie)
	}
	p.clock.pass(time.Minute)
	p.want(200, p.call("POST", "/api/v1/session/step-up", wire.StepUp{Password: p.password, Code: p.code()}))
	p.want(201, invite("dan"))
}

// TestPanic wants a panic to end its request and nothing else, and to be told to the log only.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.Log = hclog.New(&hclog.LoggerOptions{Output: &log, JSONFormat: true})
		o.Unlock = func(_ context.Context, with web.Unlocking, _ store.Source) error {
			panic("broken at " + with.Passphrase.Reveal()[:6])
		}
	})
	a.must(a.db.Lock(t.Context(), a.operator))
	p := a.stranger()
	r := p.want(500, p.call("POST", "/api/v1/system/unlock", wire.Unlock{Passphrase: "secret of the store"}))
	problem := r.problem(t)
	if bytes.Contains(r.Body, []byte("broken")) || bytes.Contains(r.Body, []byte("goroutine")) {
		t.Errorf("the client learns of it: %s", r)
	}
	if !strings.Contains(log.String(), problem.RequestID) || strings.Count(log.String(), `"@level":"error"`) != 1 {
		t.Errorf("the log has not one line with the request's id: %s", log.String())
	}
	p.want(200, p.call("GET", "/healthz", nil))
}

// brokenSettings break at a spec of that name, before anything was read.
type brokenSettings struct{ web.Settings }

func (b brokenSettings) Plan(asked wire.NewRun) (workspace.NewRun, []wire.Fault, error) {
	if asked.Name == "broken" {
		panic("before the portfolio was read")
	}
	return b.Settings.Plan(asked)
}

// TestPanicLeavesItsEntry: a request whose handling breaks leaves the one entry that every request leaves, whether it breaks before the store
// has entered it or after.
func TestPanicLeavesItsEntry(t *testing.T) {
	a := start(t, unlimited, func(o *web.Options, _ *directory.Options) {
		o.Settings = brokenSettings{o.Settings}
		o.Forecast = func(web.Workload) web.Forecast { panic("after the portfolio was read") }
	})
	tenant := a.tenant("Example Mutual")
	admin := a.join(tenant, "admin@example.com", store.Admin)
	b := newBench(a, tenant, "Coast", locations)
	for name, want := range map[string]store.Outcome{"broken": store.Failed, "whole": store.Done} {
		r := admin.want(500, admin.call("POST", "/api/v1/runs/estimate", wire.NewRun{Name: name, Portfolio: b.portfolio.String()}))
		var found []store.Outcome
		for _, e := range a.entries(tenant) {
			if e.Request == r.Header.Get("X-Request-Id") {
				found = append(found, e.Outcome)
			}
		}
		if !slices.Equal(found, []store.Outcome{want}) {
			t.Errorf("%s: entries %v, want one, %s", name, found, want)
		}
	}
}
