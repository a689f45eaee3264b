package web_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
)

// TestInjectedScriptInBrowser: what an attacker would get into a page does not run.
func TestInjectedScriptInBrowser(t *testing.T) {
	a := start(t, withPasskeys)
	a.setUpBy("operator@example.com")
	b := a.browse()
	b.open("/sign-in")
	b.title("Sign in")
	for name, attack := range map[string]string{
		"inline script":  `const s = document.createElement("script"); s.append("window.hit = true"); document.body.append(s)`,
		"handler":        `document.body.setAttribute("onclick", "window.hit = true"); document.body.click()`,
		"markup":         `document.body.innerHTML = "<img src=x onerror='window.hit = true'>"`,
		"foreign script": `const s = document.createElement("script"); s.setAttribute("src", "https://evil.example.com/x.js"); document.body.append(s)`,
		"eval":           `(0, eval)("window.hit = true")`,
	} {
		// The attack runs as a script of the page would that is let in: by a timer, outside of the console's own evaluation.
		hit := read(b, chromedp.Evaluate[bool](`new Promise((done) => setTimeout(() => { try { `+attack+` } catch {} setTimeout(() => done(window.hit === true), 100) }))`, chromedp.EvalAwaitPromise))
		if hit {
			t.Errorf("%s: it ran", name)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) == 0 {
		t.Error("the browser reported no violation of the policy")
	}
	for _, fault := range b.faults {
		if strings.HasPrefix(fault, "request to") {
			t.Error(fault)
		}
	}
	b.faults = nil
}

// isAsset reports whether a route gives files of pages, and no page.
func isAsset(r web.Route) bool {
	return strings.HasPrefix(r.Path, "/assets/") || strings.HasPrefix(r.Path, "/static/")
}

// TestEveryPageWithoutScriptInBrowser opens every page that there is to look at, with scripts off: each has a heading, and nothing that waits
// for a script.
func TestEveryPageWithoutScriptInBrowser(t *testing.T) {
	a := start(t, withPasskeys, unlimited, trusting(false))
	tenant := a.tenant("Gulf Coast Mutual")
	work := newBench(a, tenant, "Coast", locations)
	run := work.submit(smallSpec())
	work.carryOut(run)
	named := map[string]string{"/runs/{id}/report": run.String(), "/models/{id}": "present"}
	callers := []*person{a.account(tenant, "admin@example.com", store.Admin), a.account(store.Appliance, "operator@example.com", store.Operator)}
	b := a.browse()
	b.script(false)
	opened := map[string]bool{}
	for _, p := range callers {
		b.in(p.email, p.password, p.code())
		b.title("Account")
		for _, r := range web.Routes() {
			if r.Method != "GET" || !r.Page || isAsset(r) {
				continue
			}
			status := b.open(strings.ReplaceAll(r.Path, "{id}", cmp.Or(named[r.Path], p.id.String())))
			if status == 403 {
				continue
			}
			opened[r.Path] = true
			heading := b.text("h1")
			visible := read(b, chromedp.Evaluate[bool](`[...document.querySelectorAll(".passkey")].some((e) => e.checkVisibility())`))
			if status != 200 || heading == "" || visible {
				t.Errorf("%s as %s: status %d, heading %q, a part for scripts shown: %t", r.Path, p.email, status, heading, visible)
			}
		}
		b.open("/signed-in")
		b.press("Sign out")
	}
	for _, r := range web.Routes() {
		if r.Method == "GET" && r.Page && !isAsset(r) && !opened[r.Path] {
			t.Errorf("%s was opened by nobody", r.Path)
		}
	}
}
