package web_test

import (
	"encoding/pem"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/reference"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestReference: the page is there for everybody, says who may do what, and the address of every kind of problem leads to its line.
func TestReference(t *testing.T) {
	a := start(t)
	s := a.stranger()
	r := s.want(200, s.call("GET", reference.Path, nil))
	if got := r.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("the page is of type %q", got)
	}
	text := string(r.Body)
	for _, k := range web.Kinds() {
		if _, anchor, _ := strings.Cut(k.URI(), "#"); !strings.Contains(text, ` id="`+anchor+`"`) {
			t.Errorf("%s leads nowhere", k.URI())
		}
	}
	for _, want := range []string{"admin, operator", "<code>tenant.erase</code>", "admin, modeler, analyst"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	a.must(a.db.Lock(t.Context(), a.operator)) // it is read most when something is wrong
	s.want(200, s.call("GET", reference.Path, nil))
	s.want(200, s.call("GET", "/api/v1/openapi.json", nil))
	a.must(a.unlock(t.Context()))
}

// TestReferenceInBrowser: the page without scripts, held to what all pages are held to.
func TestReferenceInBrowser(t *testing.T) {
	a := start(t)
	b := a.browse()
	b.script(false)
	b.wide(420)
	if got := b.open(reference.Path); got != 200 {
		t.Fatalf("the page answered %d", got)
	}
	b.title("qrsd API")
	if over := read(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
		t.Errorf("the page is %d too wide", over)
	}
	// A tenth of the operations and shapes, which are all alike, so that axe is done in time.
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll(".operation").forEach((e, i) => { if (i % 10) e.remove() })`))
	b.look("reference")
	b.do(chromedp.Evaluate[chromedp.Void](`location.hash = "problem-not-found"`))
	if got := read(b, chromedp.Evaluate[string](`document.querySelector("tr:target").id`)); got != "problem-not-found" {
		t.Errorf("the address leads to %q", got)
	}
}

// TestReferenceCurl runs the lines of the page in a shell, as somebody would who copies them: none is answered that the appliance does not
// understand what was sent, or from whom.
func TestReferenceCurl(t *testing.T) {
	for _, program := range []string{"curl", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	a := start(t, unlimited, reading)
	p := a.account(a.tenant("Gulf Coast Mutual"), "admin@example.com", store.Admin)
	key, err := p.signedIn().AddAPIKey(t.Context(), wire.NewAPIKey{Name: "curl", Scopes: []string{"audit.read", "tenant.read", "ledger.read"}})
	a.must(err)
	a.clock.pass(31 * time.Second) // the next code is another one
	sh := a.shell(key.Secret)
	count := 0
	for _, m := range regexp.MustCompile(`(?s)<code>(curl .*?)</code>`).FindAllStringSubmatch(string(a.stranger().call("GET", reference.Path, nil).Body), -1) {
		line := html.UnescapeString(m[1])
		switch {
		case strings.Contains(line, `POST "$QRSD/api/v1/session" `): // with an account that there is
			line = strings.NewReplacer("modeler@example.com", p.email, "seven herons over still water", p.password, "492039", p.code()).Replace(line)
		case strings.Contains(line, `/system/lock"`), strings.Contains(line, `DELETE "$QRSD/api/v1/session"`), strings.Contains(line, `DELETE "$QRSD/api/v1/me/sessions"`):
			continue // and all later lines would have nobody to ask for them
		}
		status, body := sh(line)
		for _, wrong := range []string{"400", "406", "415", "421", "500", "503"} {
			if status == wrong {
				t.Errorf("%s\nis answered %s: %s", line, status, body)
			}
		}
		for _, wrong := range []string{"sign-in-needed", "cross-site", "step-up-needed"} {
			if strings.Contains(body, "#problem-"+wrong) {
				t.Errorf("%s\nis answered %s: %s", line, status, body)
			}
		}
		count++
	}
	if count < 65 {
		t.Errorf("%d lines", count)
	}
	t.Logf("%d lines run", count)
}

// shell runs lines in a folder of their own, where curl finds the appliance and trusts it, and returns the status of the answer and its body.
func (a *appliance) shell(key string) func(line string) (status, body string) {
	a.Helper()
	dir, port := a.TempDir(), a.address[strings.LastIndex(a.address, ":")+1:]
	c := a.dial()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.ConnectionState().PeerCertificates[0].Raw})
	_ = c.Close() // it was read
	a.must(os.WriteFile(filepath.Join(dir, "authority.pem"), authority, 0o600))
	for _, name := range []string{"location.csv", "account.csv"} { // of uploads
		a.must(os.WriteFile(filepath.Join(dir, name), []byte(sample(a.TB, name)), 0o600))
	}
	settings := fmt.Sprintf("silent\nshow-error\nmax-time = 20\nnoproxy = \"*\"\nresolve = %s:%s:127.0.0.1\ncacert = authority.pem\nwrite-out = \"\\n%%{http_code}\"\n", host, port)
	a.must(os.WriteFile(filepath.Join(dir, ".curlrc"), []byte(settings), 0o600))
	return func(line string) (status, body string) {
		a.Helper()
		jar := filepath.Join(dir, "cookies.txt")
		before, _ := os.ReadFile(jar) // none yet
		c := exec.CommandContext(a.Context(), "sh", "-c", line)
		c.Dir, c.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "CURL_HOME=" + dir, "HOME=" + dir, "QRSD=https://" + host + ":" + port, "QRSD_API_KEY=" + key}
		out, err := c.CombinedOutput()
		if err != nil {
			a.Fatalf("%s\n%v: %s", line, err, out)
		}
		end := strings.LastIndexByte(string(out), '\n')
		if status, body = string(out)[end+1:], string(out)[:end]; status[0] != '2' { // a sign-in that failed emptied it
			a.must(os.WriteFile(jar, before, 0o600))
		}
		return status, body
	}
}
