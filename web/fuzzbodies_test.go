package web_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/web/reference"
)

// FuzzBodies sends bodies to every operation that takes one: examples of openapi.yaml with a member changed, and whatever the
// fuzzer makes of them. The answer is one that is described, never a fault of the appliance, and what an operation did or refused for somebody
// known is entered exactly once.
func FuzzBodies(f *testing.F) {
	b := newBodySender(f)
	for i := range b.operations {
		for edit := range uint16(3) {
			f.Add(uint8(i), edit, []byte(nil))
		}
		for m := range b.members(i) { // each member with two of the odd values; the fuzzer goes through the rest
			f.Add(uint8(i), uint16(3+m*len(oddValues())+(i+m)%len(oddValues())), []byte(nil))
			f.Add(uint8(i), uint16(3+m*len(oddValues())+(i*3+m+5)%len(oddValues())), []byte(nil))
		}
		f.Add(uint8(i), uint16(0), []byte(`{"a":1}{"b":2}`))
		f.Add(uint8(i), uint16(0), []byte("\xff\xfe{}"))
		f.Add(uint8(i), uint16(0), []byte(strings.Repeat("[", 10000)))
	}
	f.Fuzz(func(t *testing.T, which uint8, edit uint16, raw []byte) {
		i := int(which) % len(b.operations)
		if len(raw) == 0 {
			raw = b.edited(i, edit)
		}
		for _, who := range []string{"", "admin", "operator"} {
			b.try(t, b.operations[i], who, raw)
		}
	})
}

// bodySender is an appliance to which they are sent.
type bodySender struct {
	a          *appliance
	contract   *contract
	client     *http.Client
	operations []reference.Operation
	people     map[string]*person
	cookies    map[string]string
}

func newBodySender(f *testing.F) *bodySender {
	a := start(f, unlimited)
	b := &bodySender{a: a, contract: readContract(f), cookies: map[string]string{}}
	for _, o := range b.contract.description.Operations() {
		if o.Body != "" {
			b.operations = append(b.operations, o)
		}
	}
	b.people = map[string]*person{
		"admin":    a.join(a.tenant("Gulf Mutual"), "admin@example.com", store.Admin),
		"operator": a.join(store.Appliance, "operator@example.com", store.Operator),
	}
	for who, p := range b.people {
		b.cookies[who] = p.cookie
	}
	b.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.roots, ServerName: host, MinVersion: tls.VersionTLS13},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", a.address)
		},
	}, Timeout: 30 * time.Second}
	f.Cleanup(b.client.CloseIdleConnections)
	return b
}

// example is the body of an operation as openapi.yaml has it.
func (b *bodySender) example(i int) map[string]any {
	s := b.contract.at("/components/schemas/" + b.operations[i].Body).(map[string]any)
	example, _ := asList(s["examples"])[0].(map[string]any)
	return example
}

func (b *bodySender) members(i int) []string {
	s := b.contract.at("/components/schemas/" + b.operations[i].Body).(map[string]any)
	members, _ := s["properties"].(map[string]any)
	var names []string
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// oddValues are what somebody might send in place of a value, in JSON.
func oddValues() []string {
	return []string{
		`null`, `true`, `-1`, `1e400`, `9223372036854775808`, `0.5`, `""`, `"\u0000"`, `"\ud800"`, `"' OR 1=1 --"`, `[]`, `{}`, `[[[[]]]]`,
		`"` + strings.Repeat("x", 70000) + `"`, `"2026-02-30T25:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"00000000000000000000000000000000"`,
	}
}

// edited is an example: as it is, twice, as a list, or with one member replaced.
func (b *bodySender) edited(i int, edit uint16) []byte {
	example := b.example(i)
	whole, _ := json.Marshal(example)
	members, odd := b.members(i), oddValues()
	switch n := int(edit) - 3; {
	case edit == 0:
		return whole
	case edit == 1:
		return append(whole, whole...)
	case edit == 2 || len(members) == 0:
		return []byte("[" + string(whole) + "]")
	default:
		changed := map[string]json.RawMessage{}
		for name, value := range example {
			changed[name], _ = json.Marshal(value)
		}
		changed[members[n/len(odd)%len(members)]] = json.RawMessage(odd[n%len(odd)])
		var out bytes.Buffer
		out.WriteByte('{')
		for name, value := range changed {
			if out.Len() > 1 {
				out.WriteByte(',')
			}
			out.WriteString(`"` + name + `":`)
			out.Write(value)
		}
		out.WriteByte('}')
		return out.Bytes()
	}
}

// try sends a body to an operation as somebody, and holds the answer and the audit log to what they have to be.
func (b *bodySender) try(t *testing.T, o reference.Operation, who string, body []byte) {
	t.Helper()
	path := strings.ReplaceAll(o.Path, "{id}", "0123456789abcdef0123456789abcdef")
	if p := b.people[who]; p != nil && len(body)%2 == 0 {
		path = strings.ReplaceAll(o.Path, "{id}", p.id.String())
	}
	q, err := http.NewRequestWithContext(t.Context(), o.Method, "https://"+host+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	if who != "" {
		q.AddCookie(&http.Cookie{Name: "__Host-qrsd", Value: b.cookies[who]})
	}
	r, err := b.client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	at := o.ID + " as " + cmp.Or(who, "nobody")
	if r.StatusCode >= 500 {
		t.Errorf("%s answers %d to %.300q: %s", at, r.StatusCode, body, got)
	}
	if fault := b.contract.fault(q, r, got); fault != nil {
		t.Errorf("%s answers %d to %.300q: %v\n%s", at, r.StatusCode, body, fault, got)
	}
	b.keepSession(t, r, who)
	if who != "" && o.Verb != "" && r.StatusCode != http.StatusUnauthorized {
		if n := b.entered(t, r.Header.Get("X-Request-Id")); n != 1 {
			t.Errorf("%s with %.300q leaves %d entries: %s", at, body, n, got)
		}
	}
}

// keepSession takes a new cookie, and signs in again where the session was ended or needs a fresh proof.
func (b *bodySender) keepSession(t *testing.T, r *http.Response, who string) {
	t.Helper()
	p := b.people[who]
	if p == nil {
		return
	}
	for _, c := range r.Cookies() {
		b.cookies[who] = c.Value
	}
	ctx, from := context.Background(), store.Source{Address: "192.0.2.80", UserAgent: "test"}
	_, now, err := b.a.directory.Session(ctx, directory.NewSessionToken(b.cookies[who]), from)
	if err == nil && b.a.directory.Fresh(now) {
		return
	}
	b.a.clock.pass(31 * time.Second) // the next code is another one
	code, err := totp.GenerateCode(p.factor, b.a.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := b.a.directory.SignIn(ctx, directory.Credentials{
		Email: p.email, Password: directory.NewSecret(p.password), Tenant: p.tenant, Code: directory.NewSecret(code),
	}, from)
	if err != nil {
		t.Fatalf("sign in again as %s: %v", who, err)
	}
	b.cookies[who] = token.Reveal()
}

// entered counts the entries of a request in the logs of all.
func (b *bodySender) entered(t *testing.T, request string) (count int) {
	t.Helper()
	for _, tenant := range []store.ID{b.people["admin"].tenant, store.Appliance} {
		reader := b.a.operator
		if tenant != store.Appliance {
			reader = storetest.User(tenant, store.Admin)
		}
		l, err := b.a.db.Tenant(context.Background(), reader, tenant)
		if err != nil {
			t.Fatal(err)
		}
		all, err := l.Audit(context.Background(), store.Query{Limit: 12, Newest: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.Request == request && e.Outcome != store.Intent { // an intent is the first half of an entry of what is done in two files
				count++
			}
		}
	}
	return count
}
