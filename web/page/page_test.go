package page_test

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/web/page"
)

func TestEveryMannerOfPageIsDrawn(t *testing.T) {
	site, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	frame := page.Frame{Title: "A title", Lead: "A lead.", Step: "Step 1 of 2", Notice: "Done.", Faults: []page.Fault{{Field: "email", Text: "No address"}, {Text: "Nobody's"}}}
	form := page.Form{Title: "A form", Action: "/x", Button: "Send", Groups: []page.Group{{Legend: "A part", Fields: []page.Field{
		page.Email("ada@example.com"), page.Password(), page.NewPassword("New password"), page.Code(), page.Hidden("next", "/signed-in"),
		{Name: "mode", ID: "mode", Label: "Mode", Type: "radio", Value: "b", Choices: []page.Choice{{Value: "a", Text: "A"}, {Value: "b", Text: "B", Hint: "Better"}}},
		{Name: "role", ID: "role", Label: "Role", Type: "select", Value: "b", Choices: []page.Choice{{Value: "a", Text: "A"}, {Value: "b", Text: "B"}}},
		{Name: "scope", ID: "scope", Label: "Scopes", Type: "checkboxes", Choices: []page.Choice{{Value: "a", Text: "A", Chosen: true}}},
		{Name: "sure", ID: "sure", Label: "Sure", Type: "checkbox", Value: "yes"},
	}}}}
	form.Blame(frame.Faults)
	qr, err := page.NewQR("otpauth://totp/QRS:ada@example.com?secret=JBSWY3DPEHPK3PXP&issuer=QRS")
	if err != nil {
		t.Fatal(err)
	}
	sections := []page.Section{{Links: []page.Link{{Path: "/signed-in", Text: "Account", Here: true}}}}
	row := page.Row{Cells: []page.Cell{{Text: "One", Path: "/one"}, {Text: "ok", Tag: "ok"}, {Text: "id", Mono: true, Detail: "more"}},
		Actions: []page.Action{{Text: "Revoke", About: "One", Path: "/one/revoke", Danger: true, Fields: []page.Field{page.Hidden("a", "b")}}}}
	signedIn := frame
	signedIn.Account, signedIn.Sections, signedIn.Passkeys = "ada@example.com", sections, true
	for name, p := range map[string]page.Page{
		"ask":     page.Ask{Frame: frame, Form: form, Passkey: page.Passkey{Use: "sign-in", Text: "Sign in with a passkey", Or: true}, Links: []page.Link{{Path: "/reset", Text: "Reset"}}},
		"tell":    page.Tell{Frame: frame, Texts: []string{"A text."}, Next: page.Link{Path: "/sign-in", Text: "Sign in"}},
		"show":    page.Show{Frame: frame, Secrets: []page.Shown{{Label: "Key", Text: "qrs_1"}}, Codes: &page.Codes{List: []string{"one", "two"}, Account: "ada@example.com"}},
		"enrol":   page.Enrol{Frame: frame, QR: qr, Secret: "JBSWY3DPEHPK3PXP", Form: form},
		"problem": page.Problem{Frame: frame, Status: 404, Detail: "There is no such page.", Request: "r1"},
		"list":    page.List{Frame: signedIn, Columns: []string{"A", "B", "C"}, Rows: []page.Row{row}, Forms: []page.Form{form}, Gate: &page.Gate{Text: "Confirm", Path: "/confirm"}},
		"record":  page.Record{Frame: signedIn, Facts: []page.Fact{{Name: "A", Cell: page.Cell{Text: "b"}}}, Actions: row.Actions},
	} {
		html, err := site.Render(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := string(html)
		for _, want := range []string{"<title>Error: A title – QRS Terminal</title>", `href="#email"`, "</html>"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
		for _, never := range []string{"<no value>", "ZgotmplZ", " style=", "<script>", "onclick"} {
			if strings.Contains(text, never) {
				t.Errorf("%s: %s in\n%s", name, never, text)
			}
		}
	}
}

// TestContentOfOneself: a page with a content of its own can be read after others were drawn.
func TestContentOfOneself(t *testing.T) {
	site, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := site.Render(page.Tell{Frame: page.Frame{Title: "A title"}}); err != nil {
			t.Fatal(err)
		}
		content, err := site.Parse(`<p>{{.}}</p>{{template "mark"}}`)
		if err != nil {
			t.Fatal(err)
		}
		html, err := content.Render(page.Frame{Title: "Another"}, "<b>")
		if err != nil || !strings.Contains(string(html), "<p>&lt;b&gt;</p>") {
			t.Fatalf("%v:\n%s", err, html)
		}
	}
}

// TestQR: the code has finder patterns in three corners, a quiet zone around it, and grows with the text; what is too long for any
// code is refused without being repeated.
func TestQR(t *testing.T) {
	short, err := page.NewQR("HELLO")
	if err != nil {
		t.Fatal(err)
	}
	if short.Side != 21+8 { // version 1 with four modules of quiet zone on each side
		t.Errorf("side %d", short.Side)
	}
	for _, want := range []string{"M4 4h7v1h-7z", "M18 4h7v1h-7z", "M4 18h7v1h-7z"} { // ISO/IEC 18004 section 6.3.3
		if !strings.Contains(short.Path, want) {
			t.Errorf("no finder pattern %s in %s", want, short.Path)
		}
	}
	secret := strings.Repeat("secret", 1000)
	if _, err := page.NewQR(secret); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a text too long: %v", err)
	}
}

// TestLinksOfLetters: tokens stand in the query, escaped.
func TestLinksOfLetters(t *testing.T) {
	if got := page.AcceptLink("https://cat.example.com", "a b/+"); got != "https://cat.example.com/accept?token=a+b%2F%2B" {
		t.Error(got)
	}
	if got := page.ResetLink("https://cat.example.com:8443", "t"); got != "https://cat.example.com:8443/reset/accept?token=t" {
		t.Error(got)
	}
}

// TestFontsAreTheTerminals: pages and terminal are set in the same faces, and each file that a style names is there under its path.
func TestFontsAreTheTerminals(t *testing.T) {
	site, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	fonts := 0
	for _, style := range []string{"page.css", "reading.css"} {
		for _, named := range regexp.MustCompile(`url\("([^"]+)"\)`).FindAllStringSubmatch(string(assetNamed(t, site, style).Data), -1) {
			asset, found := site.Asset(named[1])
			if !found {
				t.Errorf("%s names %s, which is not there", style, named[1])
				continue
			}
			fonts++
			terminals, err := os.ReadFile(filepath.Join("../ui/src/style/fonts", path.Base(named[1])))
			if err != nil {
				t.Fatal(err)
			}
			if asset.Type != "font/woff2" || !bytes.Equal(asset.Data, terminals) {
				t.Errorf("%s is %s, and not the terminal's: copy it from web/ui/src/style/fonts", named[1], asset.Type)
			}
		}
	}
	if fonts != 2 {
		t.Errorf("%d fonts", fonts)
	}
}

// assetNamed is a file that the layout refers to.
func assetNamed(t *testing.T, site *page.Site, name string) page.Asset {
	t.Helper()
	drawn, err := site.Render(page.Report{Chart: &page.Chart{}})
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`"(` + page.AssetRoot + `[0-9a-f]+/` + regexp.QuoteMeta(name) + `)"`).FindSubmatch(drawn)
	if at == nil {
		t.Fatalf("no page refers to %s", name)
	}
	asset, found := site.Asset(string(at[1]))
	if !found {
		t.Fatalf("%s is not there", at[1])
	}
	return asset
}
