package reference_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/reference"
)

// source is openapi.yaml as it is.
func source(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t testing.TB) *reference.Description {
	t.Helper()
	d, err := reference.Parse([]byte(source(t)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func draw(t testing.TB) string {
	t.Helper()
	site, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	text, err := parse(t).Page(site, func(verb string) []string { return []string{"role of " + verb} })
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestJSON: the JSON holds what the YAML holds, in its order.
func TestJSON(t *testing.T) {
	text := parse(t).JSON()
	var whole struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	if whole.OpenAPI != "3.1.0" || whole.Paths["/api/v1/session"]["post"] == nil {
		t.Fatalf("openapi %q, POST /session %v", whole.OpenAPI, whole.Paths["/api/v1/session"])
	}
	if first, second := bytes.Index(text, []byte(`"/api/v1/me"`)), bytes.Index(text, []byte(`"/api/v1/me/password"`)); first < 0 || second < first {
		t.Fatalf("/me at %d, /me/password at %d", first, second)
	}
}

// TestParseRefuses: what is written in vain is refused, with its place.
func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown word":        {"operationId: signOut", "operationId: signOut\n      sumary: x", `"sumary"`},
		"comma in flow":       {"description: Signed out.", "description: Signed out, and away", "and away"},
		"dead reference":      {"requestBodies/SignIn'", "requestBodies/SignInn'", "leads nowhere"},
		"dead schema":         {"$ref: '#/components/schemas/Fault'", "$ref: '#/components/schemas/Fualt'", "leads nowhere"},
		"no summary":          {"summary: Sign out\n", "summary: ''\n", "DELETE /api/v1/session"},
		"unknown tag":         {"tags: [Session]", "tags: [Sessions]", `tag "Sessions"`},
		"time without quotes": {`erased: "2026-11-22T16:20:00Z"`, `erased: 2026-11-22T16:20:00Z`, "quotes"},
		"two documents":       {"openapi: 3.1.0", "openapi: 3.1.0\n---\nopenapi: 3.1.0", "more than one document"},
		"twice":               {"operationId: signOut", "operationId: signOut\n      operationId: signOut", "twice"},
		"alias":               {"tags: [Session]\n", "tags: &a [Session]\n      x: *a\n", "neither"},
		"no mapping":          {"openapi: 3.1.0", "- openapi", "read the description"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(source(t), c.old, c.new, 1)
			if _, err := reference.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// TestPageIsWhole: each operation, schema and problem has its place, every link within the page leads somewhere, and nothing on it
// is a script, a style of its own or an address of elsewhere.
func TestPageIsWhole(t *testing.T) {
	text := draw(t)
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] {
			t.Errorf("id %s is there twice", m[1])
		}
		ids[m[1]] = true
	}
	d := parse(t)
	for _, o := range d.Operations() {
		if !ids["operation-"+strings.ToLower(o.ID)] {
			t.Errorf("operation %s has no place", o.ID)
		}
		if o.Verb != "" && !strings.Contains(text, "role of "+o.Verb) {
			t.Errorf("who may do %s is not said", o.Verb)
		}
	}
	for _, p := range d.Problems() {
		if !ids["problem-"+p.Name] {
			t.Errorf("problem %s has no place", p.Name)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if to, inside := strings.CutPrefix(m[1], "#"); inside && !ids[to] {
			t.Errorf("link to #%s leads nowhere", to)
		} else if !inside && !strings.HasPrefix(m[1], "/") {
			t.Errorf("link to %s leads elsewhere", m[1])
		}
	}
	for _, bad := range []string{"<script", "<style", " style=", " onclick", "javascript:"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

// TestPageEscapes: text of the description is text.
func TestPageEscapes(t *testing.T) {
	text := strings.Replace(source(t), "summary: Sign out\n", "summary: Sign <b>out</b>\n", 1)
	text = strings.Replace(text, "description: Signed out.", "description: '**<i>Signed</i>** `<u>`'", 1)
	d, err := reference.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	site, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := d.Page(site, func(string) []string { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<b>out", "<i>", "<u>"} {
		if bytes.Contains(drawn, []byte(bad)) {
			t.Errorf("%s went through", bad)
		}
	}
	if !bytes.Contains(drawn, []byte("<strong>&lt;i&gt;Signed&lt;/i&gt;</strong> <code>&lt;u&gt;</code>")) {
		t.Error("the marks are lost")
	}
}

// TestRoles: what operators may is said by the verb that is theirs, where there is one.
func TestRoles(t *testing.T) {
	site, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	text, err := parse(t).Page(site, func(verb string) []string {
		return map[string][]string{"user.change": {"admin", "operator"}, "operator.change": nil, "user.disable": {"operator"}}[verb]
	})
	if err != nil {
		t.Fatal(err)
	}
	for operation, want := range map[string]string{"resetuserpassword": "<dd>admin</dd>", "changeuser": "<dd>admin, operator</dd>"} {
		_, after, _ := strings.Cut(string(text), `id="operation-`+operation+`"`)
		_, roles, _ := strings.Cut(after, "<dt>Roles</dt>")
		if !strings.HasPrefix(roles, want) {
			t.Errorf("%s is for %.40s, want %s", operation, roles, want)
		}
	}
}

// TestCurl: examples on the page are lines that a shell can read.
func TestCurl(t *testing.T) {
	text := draw(t)
	for _, want := range []string{
		"curl -X POST &#34;$QRSD/api/v1/session&#34; \\\n  -c cookies.txt \\\n  -H &#39;Content-Type: application/json&#39; \\\n  -d &#39;{",
		"curl &#34;$QRSD/api/v1/audit/entries/41/proof&#34; \\\n  -H &#34;Authorization: Bearer $QRSD_API_KEY&#34;",
		"curl &#34;$QRSD/api/v1/audit/consistency?earlier=30&#34;",
		"-H &#39;If-Match: &#34;3&#34;&#39;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("openapi: 3.1.0\npaths: {/a: {get: {operationId: a, summary: b, tags: [c]}}}\ntags: [{name: c}]\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("components: {schemas: {A: {allOf: [{$ref: '#/components/schemas/A'}]}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := reference.Parse(text)
		if err != nil {
			return
		}
		if !json.Valid(d.JSON()) {
			t.Errorf("no JSON: %s", d.JSON())
		}
	})
}

// BenchmarkPage reads the description and draws it, which a server does once.
func BenchmarkPage(b *testing.B) {
	for b.Loop() {
		b.SetBytes(int64(len(draw(b))))
	}
}
