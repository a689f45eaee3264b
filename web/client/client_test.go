package client

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

func TestNewRefuses(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := &http.Client{}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"nothing":       {Options{}, "base URL"},
		"plain HTTP":    {Options{BaseURL: "http://qrsd.example.com", HTTP: plain}, "https://host"},
		"path":          {Options{BaseURL: "https://qrsd.example.com/api/v1", HTTP: plain}, "without a path"},
		"password":      {Options{BaseURL: "https://me:secret@qrsd.example.com", HTTP: plain}, "https://host"},
		"not a URL":     {Options{BaseURL: "https://qrsd example com", HTTP: plain}, "base URL"},
		"no client":     {Options{BaseURL: "https://qrsd.example.com"}, "HTTP: a client"},
		"cookie jar":    {Options{BaseURL: "https://qrsd.example.com", HTTP: &http.Client{Jar: jar}}, "cookie jar"},
		"public part":   {Options{BaseURL: "https://qrsd.example.com", HTTP: plain, APIKey: "7K2M9QXD"}, "qrs_"},
		"trailing part": {Options{BaseURL: "https://qrsd.example.com/", HTTP: plain}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.o)
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got %v, want an error with %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Fatalf("the error shows the password: %v", err)
			}
		})
	}
}

func TestAt(t *testing.T) {
	for want, segments := range map[string][]string{
		"/api/v1/users/01/password": {"users", "01", "password"},
		"/api/v1/users/..%2Fkeys":   {"users", "../keys"},
		"/api/v1/users/a%3Fb=c%23d": {"users", "a?b=c#d"},
	} {
		if got := at(segments...); got != want {
			t.Errorf("%q make %s, want %s", segments, got, want)
		}
	}
}

// TestAgain: only what changes nothing, or is named by a key, is sent again, and only where the appliance did nothing.
func TestAgain(t *testing.T) {
	c := &Client{patience: time.Minute}
	get, post, create := request{method: "GET"}, request{method: "POST"}, request{method: "POST", creates: true}
	problem := func(status int, kind string, after time.Duration) error {
		return &Problem{Problem: wire.Problem{Status: status, Type: "/docs/api#problem-" + kind}, RetryAfter: after}
	}
	for name, x := range map[string]struct {
		r     request
		err   error
		again bool
	}{
		"read, too many":       {get, problem(429, "too-many-requests", time.Second), true},
		"read, busy":           {get, problem(503, "busy", 2*time.Second), true},
		"create, too many":     {create, problem(429, "too-many-requests", time.Second), true},
		"change, too many":     {post, problem(429, "too-many-requests", time.Second), false},
		"too long":             {get, problem(429, "too-many-requests", time.Hour), false},
		"locked":               {get, problem(503, "locked", 0), false},
		"internal":             {get, problem(500, "internal", 0), false},
		"not found":            {get, problem(404, "not-found", 0), false},
		"no answer":            {get, &net.OpError{Op: "dial", Err: errors.New("refused")}, false},
		"good":                 {get, nil, false},
		"create, key reused":   {create, problem(409, "idempotency-key-reused", 0), false},
		"read, gateway's page": {get, &Problem{Problem: wire.Problem{Status: 503}, RetryAfter: 0}, true},
	} {
		if _, again := c.again(x.r, x.err); again != x.again {
			t.Errorf("%s: again is %v", name, again)
		}
	}
}

// TestForeignAnswer: what answers in place of the appliance is an error that says so, whatever it sends.
func TestForeignAnswer(t *testing.T) {
	var answer func(w http.ResponseWriter)
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	proxy.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	proxy.StartTLS()
	defer proxy.Close()
	c, err := New(Options{BaseURL: proxy.URL, HTTP: proxy.Client(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(a func(http.ResponseWriter)) error {
		answer = a
		_, err := c.Session(t.Context())
		return err
	}
	var p *Problem
	err = ask(func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "<h1>Bad gateway</h1>", http.StatusBadGateway)
	})
	if !errors.As(err, &p) || p.Status != 502 || p.Kind() != "" || p.RetryAfter != 7*time.Second || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("a proxy's page: %v, %+v", err, p)
	}
	err = ask(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(404)
		_, _ = w.Write([]byte(`{"type": "/docs/api#problem-not-found", "status": 404}`))
	})
	if !errors.As(err, &p) || p.Status != 404 || p.Kind() != "" {
		t.Errorf("JSON that is no problem: %v, %+v", err, p)
	}
	err = ask(func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>welcome</html>")) })
	if err == nil || !strings.Contains(err.Error(), "shape") || !strings.Contains(err.Error(), "GET /api/v1/session") {
		t.Errorf("a page in place of JSON: %v", err)
	}
	err = ask(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", wire.ProblemType)
		w.WriteHeader(400)
		_, _ = w.Write([]byte(`{"type": 7`))
	})
	if !errors.As(err, &p) || p.Status != 400 {
		t.Errorf("a problem that is none: %v", err)
	}
	err = ask(func(w http.ResponseWriter) {
		_, _ = w.Write(append([]byte(`"`), bytes.Repeat([]byte("a"), maxReply+10)...))
	})
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("an answer without end: %v", err)
	}
}

// TestCreatesOnce: what makes something is sent again under the same key, and under another one the next time.
func TestCreatesOnce(t *testing.T) {
	var keys []string
	busy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if keys = append(keys, r.Header.Get("Idempotency-Key")); len(keys)%2 == 1 {
			w.Header().Set("Content-Type", wire.ProblemType)
			w.WriteHeader(503)
			_, _ = w.Write([]byte(`{"type": "/docs/api#problem-busy", "title": "Too much", "status": 503, "request_id": "1"}`))
			return
		}
		_, _ = w.Write([]byte(`{"id": "0123456789abcdef0123456789abcdef", "name": "Gulf Coast Mutual"}`))
	}))
	defer busy.Close()
	c, err := New(Options{BaseURL: busy.URL, HTTP: busy.Client()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.AddTenant(t.Context(), wire.NewTenant{Name: "Gulf Coast Mutual"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 4 || len(keys[0]) < 20 || keys[0] != keys[1] || keys[2] != keys[3] || keys[0] == keys[2] {
		t.Fatalf("keys %q", keys)
	}
}
