package web_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/store"
)

// TestTerminal follows a screen's address: a stranger signs in first and comes back, who has a session gets the page, which names files
// that are there and may be kept for ever, while the page itself is asked for each time.
func TestTerminal(t *testing.T) {
	a := start(t)
	p := a.account(a.tenant("Gulf Coast Mutual"), "modeler@example.com", store.Modeler)
	const at = "/runs/01998f1a2c4d7000b000000000000021?tab=map"
	if got := a.stranger().call("GET", at, nil); got.Status != 303 || got.Header.Get("Location") != "/sign-in?next=%2Fruns%2F01998f1a2c4d7000b000000000000021%3Ftab%3Dmap" {
		t.Errorf("a stranger is answered %d and led to %q", got.Status, got.Header.Get("Location"))
	}
	p.signIn()
	page := p.call("GET", at, nil)
	if page.Status != 200 || page.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(string(page.Body), `<div id="app">`) {
		t.Fatalf("the page of a screen: %s, %q", page, page.Header.Get("Cache-Control"))
	}
	if strings.Contains(string(page.Body), p.id.String()) || strings.Contains(string(page.Body), "modeler") {
		t.Error("the page of a screen says who asked for it")
	}
	if again := p.call("GET", at, nil, header("If-None-Match", page.Header.Get("ETag"))); again.Status != 304 || len(again.Body) != 0 {
		t.Errorf("the same page once more: %d with %d bytes, want 304 with none", again.Status, len(again.Body))
	}
	files := regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(string(page.Body), -1)
	if len(files) < 3 {
		t.Fatalf("the page names %d files", len(files))
	}
	for _, f := range files {
		got := a.stranger().call("GET", f[1], nil)
		if got.Status != 200 || got.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d, %q", f[1], got.Status, got.Header.Get("Cache-Control"))
		}
	}
	other := regexp.MustCompile(`/assets/[0-9a-f]+/`).ReplaceAllString(files[0][1], "/assets/000000000000/")
	if got := a.stranger().call("GET", other, nil); got.Status != 404 {
		t.Errorf("a file of another build: %d, want 404", got.Status)
	}
}

// TestTerminalWhileLocked: nobody can sign in, and that is what they are told.
func TestTerminalWhileLocked(t *testing.T) {
	a := start(t)
	p := a.account(a.tenant("Gulf Coast Mutual"), "modeler@example.com", store.Modeler)
	p.signIn()
	a.must(a.db.Lock(t.Context(), a.operator))
	if got := p.call("GET", "/runs", nil); got.Status != 303 || !strings.HasPrefix(got.Header.Get("Location"), "/sign-in") {
		t.Errorf("a screen while the store is locked: %d to %q", got.Status, got.Header.Get("Location"))
	}
	a.must(a.unlock(t.Context())) // what was last used is written at the end
}

// TestTerminalWithoutScriptInBrowser: who has no JavaScript signs in as ever, and lands on the pages of the account.
func TestTerminalWithoutScriptInBrowser(t *testing.T) {
	a := start(t)
	a.setUpBy("operator@example.com")
	p := a.account(a.tenant("Gulf Coast Mutual"), "viewer@example.com", store.Viewer)
	b := a.browse()
	b.script(false)
	b.open("/sign-in")
	b.fill("email", p.email)
	b.fill("password", p.password)
	b.press("Sign in")
	b.title("Account")
}
