package web_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/reference"
)

// The tests of this file hold openapi.yaml to the server: its routes, its shapes, its problems, and, by way of the harness's client,
// every answer that any test of this package gets.

// contract is openapi.yaml, with the schemas in it ready to validate.
type contract struct {
	description *reference.Description
	whole       map[string]any // decoded JSON
	compiler    *jsonschema.Compiler

	paths []*regexp.Regexp // of the operations, in their order

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema // by pointer
}

const contractURL = "https://appliance.example.com/openapi.json"

// theContract is read once for all tests.
var theContract = sync.OnceValues(func() (*contract, error) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	c := &contract{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	if c.description, err = reference.Parse(text); err != nil {
		return nil, err
	}
	for _, o := range c.description.Operations() {
		c.paths = append(c.paths, pathPattern(o.Path))
	}
	if err := json.Unmarshal(c.description.JSON(), &c.whole); err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.description.JSON()))
	if err != nil {
		return nil, err
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(contractURL, document)
})

func readContract(t testing.TB) *contract {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// schema compiles the schema at a JSON pointer.
func (c *contract) schema(pointer string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.compiled[pointer]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(contractURL + "#" + pointer)
	if err == nil {
		c.compiled[pointer] = s
	}
	return s, err
}

// at is what lies at a JSON pointer; nil where there is nothing.
func (c *contract) at(pointer string) any {
	var v any = c.whole
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		m, _ := v.(map[string]any)
		v = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	return v
}

// follow goes from a reference, if there is one at the pointer, to where it leads.
func (c *contract) follow(pointer string) string {
	m, _ := c.at(pointer).(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return strings.TrimPrefix(ref, "#")
	}
	return pointer
}

// validate holds JSON to the schema at a pointer.
func (c *contract) validate(pointer string, text []byte) error {
	s, err := c.schema(pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

func escapedPointer(parts ...string) string {
	var out strings.Builder
	for _, p := range parts {
		out.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return out.String()
}

// inAPI reports whether a route belongs into the description: all but the pages and their files.
func inAPI(r web.Route) bool { return !r.Page && r.Operation != "getAsset" }

// TestContractRoutes: every route of the table is in openapi.yaml as it is, with what its handler takes, and the reverse.
func TestContractRoutes(t *testing.T) {
	c := readContract(t)
	described := map[string]reference.Operation{}
	for _, o := range c.description.Operations() {
		described[o.Method+" "+o.Path] = o
	}
	inputs, count := web.InputsOf(), 0
	for _, r := range web.Routes() {
		if !inAPI(r) {
			continue
		}
		count++
		at := r.Method + " " + r.Path
		got, ok := described[at]
		delete(described, at)
		if !ok {
			t.Errorf("%s (%s) is not in openapi.yaml", at, r.Operation)
			continue
		}
		want := reference.Operation{ID: r.Operation, Method: r.Method, Path: r.Path, Access: r.Access.String(), Verb: r.Verb,
			OperatorVerb: r.OperatorVerb, StepUp: r.StepUp, Keyed: r.Keyed, Keys: got.Keys}
		for _, in := range inputs[r.Operation] {
			if in.In == "body" {
				want.Body = in.Type.Name()
			} else {
				want.Parameters = append(want.Parameters, in.In+" "+in.Name)
			}
		}
		slices.Sort(want.Parameters)
		slices.Sort(got.Parameters)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: openapi.yaml says %+v, the table %+v", at, got, want)
		}
	}
	for at := range maps.Keys(described) {
		t.Errorf("%s is in openapi.yaml and not in the table of routes", at)
	}
	t.Logf("%d operations are described", count)
}

// TestContractKeys: an operation is said to be for API keys where a key can have its verb as a scope, and needs no step-up.
func TestContractKeys(t *testing.T) {
	a := start(t)
	tenant := a.tenant("Gulf Mutual")
	people := []store.Principal{a.join(tenant, "admin@example.com", store.Admin).principal(), a.join(store.Appliance, "operator@example.com", store.Operator).principal()}
	for _, o := range readContract(t).description.Operations() {
		want := false
		for _, by := range people {
			verb := o.Verb
			if by.Role() == store.Operator {
				verb = cmp.Or(o.OperatorVerb, o.Verb)
			}
			_, _, err := a.directory.AddAPIKey(t.Context(), by, directory.NewAPIKey{Name: "probe", Scopes: []string{verb}})
			want = want || err == nil && !o.StepUp
		}
		if o.Keys != want {
			t.Errorf("%s is said to be for API keys: %v; whether a key can have its verb: %v", o.ID, o.Keys, want)
		}
	}
}

// principal is who the person is to the directory.
func (p *person) principal() store.Principal {
	p.Helper()
	by, _, err := p.directory.Session(p.Context(), directory.NewSessionToken(p.cookie), store.Source{Address: "192.0.2.80", UserAgent: "test"})
	p.must(err)
	return by
}

// TestContractProblems: the kinds of problems are those of the list.
func TestContractProblems(t *testing.T) {
	c := readContract(t)
	described := map[string]reference.Problem{}
	for _, p := range c.description.Problems() {
		described[p.Name] = p
	}
	for _, k := range web.Kinds() {
		p, ok := described[k.Name]
		if !ok || p.Status != k.Status || p.Title != k.Title || p.Description == "" {
			t.Errorf("openapi.yaml says %+v of the problem %+v", p, k)
		}
		if want := reference.Path + "#problem-" + k.Name; k.URI() != want {
			t.Errorf("problem %s is of type %s, and described at %s", k.Name, k.URI(), want)
		}
		delete(described, k.Name)
	}
	for name := range described {
		t.Errorf("openapi.yaml describes the problem %s, which there is not", name)
	}
}

// TestContractExamples: every example validates against its schema, and every shape has one.
func TestContractExamples(t *testing.T) {
	c := readContract(t)
	schemas := c.at("/components/schemas").(map[string]any)
	count := 0
	for name, s := range schemas {
		s := s.(map[string]any)
		examples, _ := s["examples"].([]any)
		if len(examples) == 0 && s["properties"] != nil && s["allOf"] == nil && name != "Page" {
			t.Errorf("shape %s has no example", name)
		}
		for i, example := range examples {
			text, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.validate(escapedPointer("components", "schemas", name), text); err != nil {
				t.Errorf("example %d of %s: %v", i, name, err)
			}
			count++
		}
		members, _ := s["properties"].(map[string]any)
		for member, m := range members {
			m, _ := m.(map[string]any)
			for _, example := range asList(m["examples"]) {
				text, _ := json.Marshal(example)
				if err := c.validate(escapedPointer("components", "schemas", name, "properties", member), text); err != nil {
					t.Errorf("example of %s, %s: %v", name, member, err)
				}
				count++
			}
		}
	}
	for _, kind := range []string{"parameters", "headers"} {
		for name, p := range c.at("/components/" + kind).(map[string]any) {
			if example, ok := p.(map[string]any)["example"]; ok {
				text, _ := json.Marshal(example)
				if err := c.validate(escapedPointer("components", kind, name, "schema"), text); err != nil {
					t.Errorf("example of %s %s: %v", kind, name, err)
				}
				count++
			}
		}
	}
	t.Logf("%d examples are valid", count)
}

func asList(v any) []any { list, _ := v.([]any); return list }

// described is a transport that holds every answer to openapi.yaml: its status, its media type, its body and its headers.
func described(t testing.TB, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	c := readContract(t)
	return roundTrip(func(q *http.Request) (*http.Response, error) {
		r, err := next.RoundTrip(q)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
		if err == nil {
			if fault := c.fault(q, r, body); fault != nil {
				t.Errorf("%s %s answered %d against openapi.yaml: %v\n%.2000s", q.Method, q.URL.Path, r.StatusCode, fault, body)
			}
		}
		return r, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

// failing gives the error of reading a body, where there was one, after what was read before.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// fault is what in an answer is not as the description has it.
func (c *contract) fault(q *http.Request, r *http.Response, body []byte) error {
	status := strconv.Itoa(r.StatusCode)
	if r.Header.Get("X-Request-Id") == "" {
		return fmt.Errorf("it has no X-Request-Id")
	}
	pointer := c.operationAt(q.Method, q.URL.EscapedPath())
	if pointer == "" {
		if strings.HasPrefix(q.URL.Path, "/api/") && (r.StatusCode < 400 || c.at("/x-qrsd-any-request/"+status) == nil) && q.Method != http.MethodHead {
			return fmt.Errorf("there is no such operation")
		}
		return nil // a page
	}
	at := c.follow(pointer + "/responses/" + status)
	response, ok := c.at(at).(map[string]any)
	if !ok {
		if c.at("/x-qrsd-any-request/"+status) != nil {
			return c.validate("/components/schemas/Problem", body)
		}
		return fmt.Errorf("the status is not described")
	}
	headers, _ := response["headers"].(map[string]any)
	if r.Header.Get("Set-Cookie") != "" && headers["Set-Cookie"] == nil && r.StatusCode < 400 {
		return fmt.Errorf("it sets a cookie that is not described")
	}
	for _, name := range []string{"ETag", "Location"} {
		h, _ := c.at(c.follow(at + escapedPointer("headers", name))).(map[string]any)
		given := r.Header.Get(name) != ""
		if r.StatusCode < 300 && (given && h == nil || !given && h["required"] == true) {
			return fmt.Errorf("its %s is %q, and described is %v", name, r.Header.Get(name), h)
		}
	}
	if r.StatusCode == http.StatusTooManyRequests && r.Header.Get("Retry-After") == "" {
		return fmt.Errorf("it does not say when to come again")
	}
	return c.bodyFault(at, response, r.Header, body)
}

func (c *contract) bodyFault(at string, response map[string]any, h http.Header, body []byte) error {
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("it has a body")
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || content[media] == nil {
		return fmt.Errorf("its media type is %q", h.Get("Content-Type"))
	}
	if h.Get("Content-Encoding") != "" || media != "application/json" && media != "application/problem+json" {
		return nil
	}
	return c.validate(at+escapedPointer("content", media, "schema"), body)
}

// operationAt is the pointer to the operation of a request; "" is none. HEAD is answered as GET is, without a body.
func (c *contract) operationAt(method, path string) string {
	for i, o := range c.description.Operations() {
		if o.Method == method && c.paths[i].MatchString(path) {
			return escapedPointer("paths", o.Path, strings.ToLower(method))
		}
	}
	return ""
}

func pathPattern(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
}
