package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// post sends a form, as a page of the appliance would.
func (p *person) post(path string, fields url.Values, edits ...func(*http.Request)) answer {
	p.Helper()
	return p.call("POST", path, fields.Encode(), append([]func(*http.Request){header("Content-Type", "application/x-www-form-urlencoded")}, edits...)...)
}

// pages are the routes that answer HTML to somebody known.
func pages() (all []web.Route) {
	for _, r := range web.Routes() {
		if r.Page && r.Verb != "" {
			all = append(all, r)
		}
	}
	return all
}

// ask sends what a route takes, about a thing of that id, with a form of nothing.
func (p *person) ask(r web.Route, id store.ID) answer {
	p.Helper()
	at := strings.ReplaceAll(r.Path, "{id}", id.String())
	if r.Method == "GET" {
		return p.call("GET", at, nil)
	}
	return p.post(at, nil)
}

// TestEachPageLeavesOneEntry asks every page of every kind of caller: whatever it answers, the audit log has one entry of it.
func TestEachPageLeavesOneEntry(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Gulf Coast Mutual")
	callers := []*person{
		a.account(tenant, "admin@example.com", store.Admin), a.account(tenant, "viewer@example.com", store.Viewer),
		a.account(store.Appliance, "operator@example.com", store.Operator),
	}
	other, counted := a.account(tenant, "modeler@example.com", store.Modeler), 0
	for _, p := range callers {
		for _, r := range pages() {
			if r.Operation == "sendLock" && p.tenant == store.Appliance {
				continue // afterwards the log cannot be read; the browser's test of a locked store has it
			}
			if p.call("GET", "/signed-in", nil).Status != 200 {
				p.signIn()
				a.clock.pass(31 * time.Second)
			}
			got := p.ask(r, other.id)
			counted++
			if got.Status >= 500 {
				t.Errorf("%s %s as %s: %s", r.Method, r.Path, p.email, got)
			}
			if got.Status != 303 && got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%s %s as %s answers %q", r.Method, r.Path, p.email, got.Header.Get("Content-Type"))
			}
			if n := len(a.ofRequest(got.Header.Get("X-Request-Id"), tenant)); n != 1 {
				t.Errorf("%s %s as %s, answered %d, left %d entries", r.Method, r.Path, p.email, got.Status, n)
			}
			if cache := got.Header.Get("Cache-Control"); cache != "no-store" {
				t.Errorf("%s %s may be kept: %q", r.Method, r.Path, cache)
			}
		}
	}
	t.Logf("%d pages asked by %d callers: %d requests", len(pages()), len(callers), counted)
}

// TestPagesLeadToSignIn: who is not signed in is led to the sign-in, and from there back.
func TestPagesLeadToSignIn(t *testing.T) {
	a := start(t, unlimited)
	p := a.stranger()
	for _, r := range pages() {
		got := p.ask(r, store.ID{1})
		want := "/sign-in?next="
		if r.Operation == "showSystem" {
			want = "/sign-in"
		}
		if got.Status != 303 || !strings.HasPrefix(got.Header.Get("Location"), want) {
			t.Errorf("%s %s: %d to %q", r.Method, r.Path, got.Status, got.Header.Get("Location"))
		}
	}
}

// TestNoOpenRedirect: what a request names as the page to go on to is a path of this appliance, or is not gone to.
func TestNoOpenRedirect(t *testing.T) {
	a := start(t, unlimited)
	p := a.account(a.tenant("Gulf Coast Mutual"), "viewer@example.com", store.Viewer)
	for next, want := range map[string]string{
		"/signed-in/users":                   "/signed-in/users",
		"/signed-in/users?cursor=a":          "/signed-in/users?cursor=a",
		"":                                   "/signed-in",
		"https://evil.example.com/":          "/signed-in",
		"//evil.example.com/":                "/signed-in",
		"///evil.example.com/":               "/signed-in",
		`/\evil.example.com/`:                "/signed-in",
		`\\evil.example.com/`:                "/signed-in",
		"/\t/evil.example.com/":              "/signed-in",
		"/\n/evil.example.com/":              "/signed-in",
		"javascript:alert(1)":                "/signed-in",
		"data:text/html,x":                   "/signed-in",
		"evil.example.com":                   "/signed-in",
		"@evil.example.com":                  "/signed-in",
		"/signed-in\r\nSet-Cookie: a=b":      "/signed-in",
		"https:evil.example.com":             "/signed-in",
		" /signed-in/users":                  "/signed-in",
		"/%2f/evil.example.com/":             "/%2f/evil.example.com/", // a path, and not decoded by browsers
		"https://appliance.example.com/here": "/signed-in",
	} {
		got := p.post("/sign-in", url.Values{"email": {p.email}, "password": {p.password}, "next": {next}})
		if at := got.Header.Get("Location"); got.Status != 303 || at != want {
			t.Errorf("next=%q: %d to %q, want %q", next, got.Status, at, want)
		}
	}
}

// FuzzLocalPath: wherever a redirect leads, a browser that resolves it stays on the appliance.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/signed-in", "//evil.example.com", `/\evil`, "https://evil.example.com", "/a?b=c#d", "/\t/evil", "%2f%2fevil", "/./..//evil", "/.//evil", "/a/..//evil", "/%2e//evil", "/a//evil"} {
		f.Add(seed)
	}
	base := &url.URL{Scheme: "https", Host: host, Path: "/sign-in"}
	f.Fuzz(func(t *testing.T, given string) {
		got := web.LocalPath(given)
		u, err := base.Parse(got)
		if err != nil || u.Scheme != "https" || u.Host != host || u.User != nil {
			t.Errorf("%q leads to %q, which is %v (%v)", given, got, u, err)
		}
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00") {
			t.Errorf("%q leads to %q, which some browsers read as another host", given, got)
		}
		if u != nil && (strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.EscapedPath(), "//")) {
			t.Errorf("%q leads to %q, whose path alone, %q, is another host", given, got, u.Path)
		}
	})
}

// TestFormsAreHeldToTheirFields: a form has the fields of its page, once each, and comes from it.
func TestFormsAreHeldToTheirFields(t *testing.T) {
	a := start(t, unlimited)
	p := a.account(a.tenant("Gulf Coast Mutual"), "viewer@example.com", store.Viewer)
	right := func() url.Values { return url.Values{"email": {p.email}, "password": {p.password}} }
	with := func(name string, values ...string) url.Values { v := right(); v[name] = values; return v }
	for name, c := range map[string]struct {
		got    answer
		status int
		says   string
	}{
		"right":          {p.post("/sign-in", right()), 303, ""},
		"no field":       {p.post("/sign-in", nil), 400, "Enter your e-mail address"},
		"unknown field":  {p.post("/sign-in", with("role", "admin")), 400, "Role: there is no such field"},
		"twice":          {p.post("/sign-in", with("email", p.email, "other@example.com")), 400, "is there 2 times"},
		"JSON":           {p.post("/sign-in", right(), header("Content-Type", "application/json")), 415, ""},
		"bad encoding":   {p.call("POST", "/sign-in", "email=%zz", header("Content-Type", "application/x-www-form-urlencoded")), 400, ""},
		"wrong password": {p.post("/sign-in", with("password", "not the password at all")), 401, "address, password or code is wrong"},
		"other site":     {p.post("/sign-in", right(), header("Sec-Fetch-Site", "cross-site")), 403, "another site"},
		"other origin":   {p.post("/sign-in", right(), header("Sec-Fetch-Site", ""), header("Origin", "https://evil.example.com")), 403, "another site"},
		"unknown query":  {p.call("GET", "/sign-in?redirect=1", nil), 400, "no such parameter"},
		"no page":        {p.call("GET", "/nowhere", nil, header("Accept", "text/html,*/*;q=0.8")), 404, "There is nothing at this address"},
	} {
		if c.got.Status != c.status || !strings.Contains(string(c.got.Body), c.says) {
			t.Errorf("%s: %d, want %d and %q in\n%s", name, c.got.Status, c.status, c.says, c.got.Body)
		}
		if strings.Contains(string(c.got.Body), p.password) {
			t.Errorf("%s: the password stands in the page", name)
		}
	}
	if got := p.call("GET", "/nowhere", nil, header("Accept", "application/json")); got.problem(t).Status != 404 {
		t.Errorf("a program's error: %s", got)
	}
}

// TestAssetsAreKept: what pages refer to is there, of its type, and may be kept for ever; what has another digest is not there.
func TestAssetsAreKept(t *testing.T) {
	a := start(t)
	p := a.stranger()
	html := string(p.want(200, p.call("GET", "/reset", nil)).Body)
	for name, media := range map[string]string{"page.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml", "plex-sans.woff2": "font/woff2"} {
		end := strings.Index(html, name)
		begin := strings.LastIndex(html[:end], `"`) + 1
		at := html[begin : end+len(name)]
		got := p.want(200, p.call("GET", at, nil))
		if got.Header.Get("Content-Type") != media || got.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %v", at, got.Header)
		}
		p.want(404, p.call("GET", "/static/000000000000/"+name, nil))
	}
}

// TestLimitedPageSaysWhen: who asks too often gets a page that says when to ask again.
func TestLimitedPageSaysWhen(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.Limits.Address = directory.Rate{Burst: 2, Every: time.Minute}
	})
	p := a.stranger()
	var got answer
	for range 4 {
		got = p.call("GET", "/reset", nil)
	}
	if got.Status != 429 || got.Header.Get("Retry-After") == "" || !strings.Contains(string(got.Body), "then load the page again") {
		t.Errorf("%d, Retry-After %q:\n%s", got.Status, got.Header.Get("Retry-After"), got.Body)
	}
}

// TestLinksHaveTheConfiguredAddress: a link that is sent on is not made of what a request said.
func TestLinksHaveTheConfiguredAddress(t *testing.T) {
	a := start(t, unlimited, func(o *web.Options, _ *directory.Options) { o.URL = "https://office.example.com:8443/" })
	p := a.account(a.tenant("Gulf Coast Mutual"), "admin@example.com", store.Admin)
	p.signIn()
	got := p.post("/signed-in/invitations", url.Values{"email": {"new@example.com"}, "name": {"New"}, "role": {"viewer"}}, func(r *http.Request) { r.Host = host + ":9999" })
	if !strings.Contains(string(got.Body), "https://office.example.com:8443/accept?token=") || strings.Contains(string(got.Body), "9999") {
		t.Errorf("%d: %s", got.Status, got.Body)
	}
}
