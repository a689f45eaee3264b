package page_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/web/page"
)

// TestPasswordFields wants passwords masked, and password managers and pasting left alone (OWASP ASVS 5.0, 6.2.6 and 6.2.7).
func TestPasswordFields(t *testing.T) {
	site, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	html, err := site.Render(page.Ask{Form: page.Form{Action: "/x", Button: "Send", Groups: []page.Group{{Fields: []page.Field{page.Password(), page.NewPassword("New password")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	inputs := regexp.MustCompile(`<input [^>]*name="[^"]*password[^"]*"[^>]*>`).FindAllString(string(html), -1)
	if len(inputs) < 2 {
		t.Fatalf("%d fields in\n%s", len(inputs), html)
	}
	for i, input := range inputs {
		want := `autocomplete="current-password"`
		if i > 0 {
			want = `autocomplete="new-password"`
		}
		if !strings.Contains(input, `type="password"`) || !strings.Contains(input, want) || strings.Contains(input, " on") || strings.Contains(input, "maxlength") {
			t.Errorf("field %s, want %s", input, want)
		}
	}
}

// TestScriptKeepsNothing reads the one script of the pages: it stores nothing in the browser, makes no markup, runs no text and listens to no other window.
func TestScriptKeepsNothing(t *testing.T) {
	script, err := os.ReadFile("static/passkey.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"localStorage", "sessionStorage", "indexedDB", "document.cookie", "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "postMessage", "\"message\"", "__proto__", "http://", "https://"} {
		if strings.Contains(string(script), never) {
			t.Errorf("passkey.js has %s", never)
		}
	}
	if !strings.Contains(string(script), `"use strict"`) {
		t.Error("passkey.js is not strict")
	}
}
