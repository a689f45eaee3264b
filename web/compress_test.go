package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// inflated undoes a coding.
func inflated(t testing.TB, coding string, body []byte) []byte {
	t.Helper()
	var from io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		from, err = gzip.NewReader(from)
	case "zstd":
		from, err = zstd.NewReader(from)
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCompression wants long replies, whole ones and streams, in the coding that the client likes best, and short and secret ones as they are.
func TestCompression(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Admin)
	for i := range 20 {
		_, _, err := a.directory.Invite(t.Context(), a.operator, tenant, directory.NewUser{Email: fmt.Sprintf("user%d@example.com", i), Name: "N. N.", Role: store.Viewer})
		a.must(err)
	}
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "zstd": "zstd", "gzip, zstd": "zstd", "zstd;q=0.5, gzip": "gzip", "gzip;q=0, zstd;q=0": "", "br, deflate": "", "GZIP": "gzip", "gzip;q=x": "", "identity": "",
	} {
		for _, path := range []string{"/api/v1/users", "/api/v1/audit/export"} {
			r := p.want(200, p.call("GET", path, nil, header("Accept-Encoding", accept)))
			if got := r.Header.Get("Content-Encoding"); got != want || r.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s, Accept-Encoding %q: coding %q, want %q; Vary %q", path, accept, got, want, r.Header.Get("Vary"))
			}
			if text := string(inflated(t, want, r.Body)); path == "/api/v1/users" && strings.Count(text, `"invited"`) != 20 || !strings.HasSuffix(text, "\n") {
				t.Errorf("%s, Accept-Encoding %q: %.200q", path, accept, text)
			}
		}
	}
	for _, path := range []string{"/api/v1/session", "/healthz"} { // short
		if got := p.call("GET", path, nil, header("Accept-Encoding", "gzip")).Header.Get("Content-Encoding"); got != "" {
			t.Errorf("%s: coding %q", path, got)
		}
	}
}

// TestSecretsStayUncompressed wants no route whose reply can hold a secret to be open to guesses by its compressed size (BREACH).
func TestSecretsStayUncompressed(t *testing.T) {
	secrets := map[string]bool{}
	for _, r := range web.Routes() {
		secrets[r.Operation] = r.Secret
	}
	for _, operation := range []string{"enrolSecondFactor", "confirmSecondFactor", "renewRecoveryCodes", "addMyPasskey", "addUser", "invite", "resetUserPassword", "addAPIKey", "rotateAPIKey", "setUp", "listNotices"} {
		if !secrets[operation] {
			t.Errorf("%s is not marked as secret", operation)
		}
	}
	a := start(t, unlimited)
	p := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Admin)
	for i := range 10 {
		p.want(201, p.call("POST", "/api/v1/invitations", wire.NewUser{Email: fmt.Sprintf("user%d@example.com", i), Name: "N. N.", Role: "viewer"}))
	}
	notices := p.want(200, p.call("GET", "/api/v1/outbox", nil, header("Accept-Encoding", "gzip")))
	if len(notices.Body) < 2048 || notices.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d bytes of messages with tokens, coding %q", len(notices.Body), notices.Header.Get("Content-Encoding"))
	}
	r := p.want(201, p.call("POST", "/api/v1/users", wire.NewUser{Email: "bob@example.com", Name: strings.Repeat("N", 200), Role: "viewer"}, header("Accept-Encoding", "gzip")))
	if r.Header.Get("Content-Encoding") != "" || !bytes.Contains(r.Body, []byte("one_time_password")) {
		t.Errorf("a reply with a secret: %s", r)
	}
}

// TestStreams wants an export to be whole or to be seen to be cut off, and refusals of it to be problems.
func TestStreams(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Admin)
	r := p.want(200, p.call("GET", "/api/v1/audit/export", nil))
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/jsonl") || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment; filename=") {
		t.Errorf("headers %v", r.Header)
	}
	if found := a.ofRequest(r.Header.Get("X-Request-Id"), tenant); len(found) != 1 || found[0].Action != "audit.export" || found[0].Outcome != store.Done {
		t.Errorf("the export left %+v", found)
	}
	head := p.want(200, p.call("HEAD", "/api/v1/audit/export", nil))
	if found := a.ofRequest(head.Header.Get("X-Request-Id"), tenant); len(found) != 1 || len(head.Body) != 0 {
		t.Errorf("HEAD of the export left %+v", found)
	}
	q := a.join(tenant, "vic@example.com", store.Viewer)
	q.want(403, q.call("GET", "/api/v1/audit/export", nil)).problem(t)
	for range 3 { // clients that go away in the middle must not hold anything
		c := a.dial()
		_, err := c.Write([]byte("GET /api/v1/audit/export HTTP/1.1\r\nHost: " + host + "\r\nCookie: __Host-qrsd=" + p.cookie + "\r\n\r\n"))
		a.must(err)
		_ = c.Close()
	}
	p.want(http.StatusOK, p.call("GET", "/api/v1/session", nil))
}

// TestFailingStreams wants an error before the first bytes to be a problem, and one after them to break the reply off: no part
// passes for the whole.
func TestFailingStreams(t *testing.T) {
	a := start(t)
	a.must(a.stop())
	web.AddFailingStream(a.server)
	a.serve()
	p := a.stranger()
	for _, after := range []int{0, 1000} {
		problem := p.want(500, p.call("GET", fmt.Sprintf("/failing?after=%d", after), nil)).problem(t)
		if problemName(problem) != "internal" || strings.Contains(problem.Detail, "source") {
			t.Errorf("after %d bytes: %+v", after, problem)
		}
	}
	p.want(200, p.call("HEAD", "/failing?after=1000000000000", nil)) // nobody waits for the end of what is not sent
	for _, coding := range []string{"", "gzip", "zstd"} {
		r, err := http.NewRequest("GET", "https://"+host+"/failing?after=10000000", nil)
		a.must(err)
		r.Header.Set("Accept-Encoding", coding)
		got, err := p.client.Do(r)
		if err != nil {
			continue // it broke off even earlier
		}
		_, err = io.Copy(io.Discard, got.Body)
		_ = got.Body.Close()
		if err == nil {
			t.Errorf("coding %q: the reply looks whole", coding)
		}
	}
}
