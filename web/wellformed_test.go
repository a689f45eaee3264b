package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestSmuggling sends heads that two readers could understand differently. Each must be refused, by one answer, and the connection
// closed: what follows is not taken for another request.
func TestSmuggling(t *testing.T) {
	a := start(t)
	const next = "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	post := func(head, body string) string {
		return "POST /api/v1/session HTTP/1.1\r\nHost: " + host + "\r\n" + head + "\r\n" + body + next
	}
	get := func(head string) string { return "GET /healthz HTTP/1.1\r\n" + head + "\r\n" + next }
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"length and transfer":         {post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), 400},
		"transfer and length":         {post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\nG"), 400},
		"two lengths":                 {post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400},
		"two equal lengths":           {post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), 400},
		"lengths in a list":           {post("Content-Length: 2, 2\r\n", "{}"), 400},
		"length with a sign":          {post("Content-Length: +2\r\n", "{}"), 400},
		"negative length":             {post("Content-Length: -2\r\n", "{}"), 400},
		"length in hexadecimal":       {post("Content-Length: 0x2\r\n", "{}"), 400},
		"length without end":          {post("Content-Length: 99999999999999999999\r\n", "{}"), 400},
		"two transfers":               {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
		"transfer identity":           {post("Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "{}"), 400},
		"transfer in a list":          {post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400},
		"transfer not chunked":        {post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400},
		"transfer with a tab":         {post("Transfer-Encoding:\vchunked\r\n", "0\r\n\r\n"), 400},
		"transfer in HTTP/1.0":        {"POST /api/v1/session HTTP/1.0\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, 400},
		"chunk size with a sign":      {post("Transfer-Encoding: chunked\r\n", "+2\r\n{}\r\n0\r\n\r\n"), 400},
		"chunk size is no number":     {post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"), 400},
		"chunk size too large":        {post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 400},
		"chunk too short":             {post("Transfer-Encoding: chunked\r\n", "1\r\n{}\r\n0\r\n\r\n"), 400},
		"chunk ends in LF":            {post("Transfer-Encoding: chunked\r\n", "2\n{}\n0\n\n"), 400},
		"extension with LF":           {post("Transfer-Encoding: chunked\r\n", "2;a\nb\r\n{}\r\n0\r\n\r\n"), 400},
		"space before the colon":      {post("Content-Length : 2\r\n", "{}"), 400},
		"folded line":                 {post("X-A: b\r\n c\r\nContent-Length: 2\r\n", "{}"), 400},
		"folded length":               {post("Content-Length:\r\n 2\r\n", "{}"), 400},
		"line without a colon":        {post("Content-Length 2\r\n", "{}"), 400},
		"empty name":                  {get("Host: " + host + "\r\n: x\r\n"), 400},
		"name with a slash":           {get("Host: " + host + "\r\nX/Y: x\r\n"), 400},
		"NUL in a value":              {get("Host: " + host + "\r\nX-A: a\x00b\r\n"), 400},
		"NUL in a name":               {get("Host: " + host + "\r\nX\x00A: b\r\n"), 400},
		"CR in a value":               {get("Host: " + host + "\r\nX-A: a\rb\r\n"), 400},
		"lines end in LF":             {"GET /healthz HTTP/1.1\nHost: " + host + "\n\n" + next, 400},
		"one line ends in LF":         {get("Host: " + host + "\nX-A: b\r\n"), 400},
		"no host":                     {get("X-A: b\r\n"), 400},
		"two hosts":                   {get("Host: " + host + "\r\nHost: " + host + "\r\n"), 400},
		"two other hosts":             {get("Host: " + host + "\r\nhost: evil.example\r\n"), 400},
		"absolute target":             {"GET https://" + host + "/healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"absolute target elsewhere":   {"GET http://evil.example/healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"authority target":            {"CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"asterisk target":             {"OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"fragment in the target":      {"GET /healthz#x HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"backslash in the target":     {"GET /\\evil.example HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"bytes above in the target":   {"GET /\xff HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"two blanks after the method": {"GET  /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"version of the future":       {"GET /healthz HTTP/1.2\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"version 2 in text":           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + next, 400},
		"no version":                  {"GET /healthz\r\nHost: " + host + "\r\n\r\n" + next, 400},
		"line too long":               {get("Host: " + host + "\r\nX-A: " + strings.Repeat("a", 20<<10) + "\r\n"), 431},
		"body too large":              {post("Content-Length: 5000000\r\n", "{"), 413},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.raw(c.request)
			if n := len(statusLines.FindAllString(got, -1)); n != 1 {
				t.Fatalf("%d answers: %q", n, got)
			}
			if want := fmt.Sprintf("HTTP/1.1 %d ", c.status); !strings.HasPrefix(got, want) {
				t.Fatalf("want %d: %q", c.status, got)
			}
			for _, part := range []string{"Connection: close\r\n", "Strict-Transport-Security: ", "Content-Security-Policy: ", "Content-Type: " + wire.ProblemType, "X-Request-Id: "} {
				if !strings.Contains(got, part) {
					t.Errorf("no %q: %q", part, got)
				}
			}
		})
	}
	if got := a.raw(next + next + "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"); strings.Count(got, "HTTP/1.1 200 ") != 3 {
		t.Fatalf("good requests one after another: %q", got)
	}
	chunked := "POST /api/v1/session HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
	if got := a.raw(chunked + next); !strings.HasPrefix(got, "HTTP/1.1 401 ") || strings.Count(got, "HTTP/1.1 200 ") != 1 {
		t.Fatalf("a good chunked body, and another request after it: %q", got)
	}
}

// TestHeads asks our own reading of a head, apart from what the server below it refuses today.
func TestHeads(t *testing.T) {
	const good = "Host: " + host + "\r\n"
	for head, want := range map[string]string{
		good + "\r\n": "", good + "Content-Length: 2\r\n\r\n": "", good + "Transfer-Encoding: Chunked\r\n\r\n": "", good + "X-Empty:\r\n\r\n": "", good + "X-Tab:\tx\t\r\n\r\n": "",
		"\r\n":                     "there is no Host",
		good + "host: x\r\n\r\n":   "more than once",
		"Host: " + host + "\n\n":   "does not end in CR LF",
		good + "X: a\rb\r\n\r\n":   "does not end in CR LF",
		good + "X: a\x00b\r\n\r\n": "does not end in CR LF",
		good + "X : a\r\n\r\n":     "white space before its colon",
		good + " X: a\r\n\r\n":     "is folded",
		good + "\tfolded\r\n\r\n":  "is folded",
		good + "no colon\r\n\r\n":  "has no name",
		good + ": x\r\n\r\n":       "has no name",
		good + "X(Y): x\r\n\r\n":   "has no name",
		good + "X\x7f: x\r\n\r\n":  "has no name",
		good + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n":                   "more than once",
		good + "content-length: 1\r\nCONTENT-LENGTH: 2\r\n\r\n":                   "more than once",
		good + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n": "more than once",
		good + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n":          "came together",
		good + "Transfer-Encoding: chunked, identity\r\n\r\n":                     "not chunked alone",
		good + "Transfer-Encoding:\r\n\r\n":                                       "not chunked alone",
		good + "Content-Length: -1\r\n\r\n":                                       "not a number",
		good + "Content-Length: 1e3\r\n\r\n":                                      "not a number",
		good + "Content-Length:\r\n\r\n":                                          "not a number",
		good + "Content-Length: 1 2\r\n\r\n":                                      "not a number",
	} {
		if got := web.HeadFault(head); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: fault %q, want %q", head, got, want)
		}
	}
}

var statusLines = regexp.MustCompile(`HTTP/1\.1 \d{3} `)

// TestHosts calls the appliance by names that are and are not its own, and wants no name of the client's in a redirect or a link.
func TestHosts(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) { o.Hosts = []string{host, "192.0.2.10", "2001:db8::1"} })
	for name, status := range map[string]int{
		host: 200, host + ":8443": 200, strings.ToUpper(host): 200, "192.0.2.10": 200, "192.0.2.10:443": 200, "[2001:db8::1]": 200, "[2001:db8::1]:443": 200,
		"evil.example": 421, host + ".evil.example": 421, "evil.example:443": 421, host + ":x": 400, host + "@evil.example": 421, "x" + host: 421,
		"127.0.0.1": 421, "localhost": 421, host + ".": 421, "": 400, "evil.example/" + host: 400, host + ",evil.example": 421,
	} {
		got := a.raw("GET /healthz HTTP/1.1\r\nHost: " + name + "\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", status)) {
			t.Errorf("host %q: want %d: %q", name, status, got)
		}
		if strings.Contains(got, "evil.example") {
			t.Errorf("host %q is given back: %q", name, got)
		}
	}
}

// TestUnknownPlaces wants problems and security headers where nothing answers.
func TestUnknownPlaces(t *testing.T) {
	p := start(t).stranger()
	for path, status := range map[string]int{"/api/v1/nothing": 404, "/api/v1/session/": 404, "/API/v1/session": 404, "/api/v1//session": 404, "/healthz/../api": 404, "/%2e%2e/etc/passwd": 404} {
		p.want(status, p.call("GET", path, nil)).problem(t)
	}
	r := p.want(405, p.call("PUT", "/api/v1/session", nil))
	if got := r.Header.Get("Allow"); got != "POST, GET, HEAD, DELETE" {
		t.Errorf("Allow: %q", got)
	}
	p.want(405, p.call("TRACE", "/healthz", nil)).problem(t)
	if got := p.raw("BREW /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 405 ") || !strings.Contains(got, "Strict-Transport-Security") {
		t.Errorf("an unknown method: %q", got)
	}
	head := p.want(200, p.call("HEAD", "/healthz", nil))
	if len(head.Body) != 0 {
		t.Errorf("HEAD with a body: %q", head.Body)
	}
}

// TestSecurityHeaders wants the same headers with every kind of answer.
func TestSecurityHeaders(t *testing.T) {
	p := start(t).stranger()
	for _, r := range []answer{p.call("GET", "/healthz", nil), p.call("GET", "/api/v1/me", nil), p.call("GET", "/nothing", nil), p.call("POST", "/api/v1/session", "{")} {
		for name, want := range map[string]string{
			"Strict-Transport-Security":    "max-age=31536000; includeSubDomains; preload",
			"Content-Security-Policy":      "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cache-Control":                "no-store",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		policy := r.Header.Get("Permissions-Policy")
		if !strings.Contains(policy, "publickey-credentials-get=(self)") || !strings.Contains(policy, "camera=()") || strings.Count(policy, "=(self)") != 2 {
			t.Errorf("Permissions-Policy: %q", policy)
		}
		if r.Header.Get("Server") != "" || r.Header.Get("X-Powered-By") != "" {
			t.Errorf("the server names itself: %v", r.Header)
		}
	}
}

// TestSlowClients wants an end to heads and bodies that never do.
func TestSlowClients(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.Limits.Read, o.Limits.Idle = time.Second, time.Second
	})
	for name, begun := range map[string]string{
		"nothing":       "",
		"half a head":   "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n",
		"half a body":   "POST /api/v1/session HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 100\r\n\r\n{",
		"half a chunk":  "POST /api/v1/session HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
		"idle after it": "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := a.dial()
			defer func() { _ = c.Close() }()
			_, err := c.Write([]byte(begun))
			a.must(err)
			stop := make(chan struct{})
			defer close(stop)
			go func() { // a byte of a header now and then must not keep it open
				for {
					select {
					case <-stop:
						return
					case <-time.After(100 * time.Millisecond):
						if strings.HasPrefix(name, "half a head") {
							_, _ = c.Write([]byte("X"))
						}
					}
				}
			}()
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			b := make([]byte, 4096)
			for err = nil; err == nil; {
				_, err = c.Read(b)
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the connection is still open")
			}
		})
	}
}

// TestClientAddress reads X-Forwarded-For from the right, as far as trusted proxies wrote it.
func TestClientAddress(t *testing.T) {
	trusted := prefixes("127.0.0.0/8", "10.0.0.0/8")
	alone, behind := start(t), start(t, func(o *web.Options, _ *directory.Options) { o.TrustedProxies = trusted })
	at, bt := alone.tenant("Example Mutual"), behind.tenant("Example Mutual")
	people := map[bool]*person{false: alone.account(at, "ann@example.com", store.Modeler), true: behind.account(bt, "ann@example.com", store.Modeler)}
	for _, c := range []struct {
		trusting bool
		header   []string
		want     string
	}{
		{false, nil, "127.0.0.1"},
		{false, []string{"203.0.113.9"}, "127.0.0.1"}, // nobody is trusted
		{true, nil, "127.0.0.1"},
		{true, []string{"203.0.113.9"}, "203.0.113.9"},
		{true, []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"}, // the left one anybody could write
		{true, []string{"198.51.100.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{true, []string{"198.51.100.1", "203.0.113.9, 10.1.2.3"}, "203.0.113.9"}, // two lines are one list
		{true, []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9"},
		{true, []string{"203.0.113.9, nonsense, 10.1.2.3"}, "10.1.2.3"},
		{true, []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{true, []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{true, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{true, []string{""}, "127.0.0.1"},
	} {
		p := people[c.trusting]
		p.clock.pass(time.Minute) // for the limit of sign-ins
		r := p.call("POST", "/api/v1/session", wire.SignIn{Email: p.email, Password: p.password}, func(r *http.Request) {
			for _, h := range c.header {
				r.Header.Add("X-Forwarded-For", h)
			}
			r.Header.Set("X-Real-IP", "198.51.100.99")
		})
		p.want(201, r)
		found := p.ofRequest(r.Header.Get("X-Request-Id"), p.tenant)
		if len(found) != 1 || found[0].Person == nil || found[0].Person.Address != c.want {
			t.Errorf("%v, trusting %t: entries %+v, want the address %s", c.header, c.trusting, found, c.want)
		}
	}
}
