package signincheck_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/ownport"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/signincheck"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
)

// port answers attempts to sign in as a test says.
type port struct {
	*httptest.Server
	answer atomic.Pointer[func(http.ResponseWriter)]
	seen   atomic.Pointer[map[string]string] // the last body
}

func (p *port) says(answer func(http.ResponseWriter)) { p.answer.Store(&answer) }

func denial(w http.ResponseWriter) {
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`{"type":"/docs/api#problem-wrong-credentials"}`))
}

func newPort(t *testing.T) *port {
	p := &port{}
	p.says(denial)
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]string{}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/v1/session" || r.Host == "" {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		p.seen.Store(&body)
		(*p.answer.Load())(w)
	}))
	t.Cleanup(p.Close)
	return p
}

// TestCheck: only the answer that every wrong attempt gets is in order; each attempt has an address and a password of its own; that it went wrong, and that it is
// in order again, is said once each; of a locked store there is no outcome.
func TestCheck(t *testing.T) {
	db := storetest.New(t, store.Options{})
	p := newPort(t)
	c := &config.Config{Hosts: []string{"10.9.8.7", "example.com"}, Listen: p.Listener.Addr().String()}
	var log bytes.Buffer
	locked := false
	check := signincheck.New(signincheck.Options{
		Directory: directory.Open(db, directory.Options{}), Locked: func() bool { return locked }, Now: time.Now,
		Port: func() ownport.Options { return ownport.Options{Config: c, Certificate: p.Certificate()} },
		Log:  hclog.New(&hclog.LoggerOptions{Output: &log}),
	})
	if check.Last() != nil || check.Word() != "not looked at" {
		t.Error("it has looked")
	}
	look := func(want string) {
		t.Helper()
		check.Look(t.Context())
		last := check.Last()
		if want == "" && last.Fault != nil || want != "" && (last.Fault == nil || !strings.Contains(last.Fault.Error(), want)) {
			t.Errorf("fault %v, want %q", last.Fault, want)
		}
	}
	look("")
	first := *p.seen.Load()
	look("")
	if second := *p.seen.Load(); !strings.HasSuffix(second["email"], "@qrsd.invalid") || second["email"] == first["email"] || second["password"] == first["password"] || len(first["password"]) < 20 {
		t.Errorf("tried with %v after %q", second, first)
	}
	p.says(func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) })
	look("answered 201")
	p.says(func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) })
	look("answered 503")
	p.says(func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"type":"/docs/api#problem-second-factor-needed"}`))
	})
	look("second-factor-needed")
	p.says(func(w http.ResponseWriter) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-qrsd", Value: "x"})
		denial(w)
	})
	look("cookie")
	if check.Word() != "failed" {
		t.Error(check.Word())
	}
	p.says(denial)
	look("")
	if text := log.String(); strings.Count(text, "out of order") != 4 || strings.Count(text, "the way in is in order") != 2 || check.Word() != "ok" {
		t.Errorf("%s: %s", check.Word(), text)
	}
	before := check.Last()
	locked = true
	check.Look(t.Context())
	if check.Last() != before {
		t.Error("a locked store has an outcome")
	}
	locked = false
	p.Close()
	look("own port")
	c.TLS.Require = true // the directory is asked itself
	look("")
}

// TestRun looks at once, and ends with its context.
func TestRun(t *testing.T) {
	db := storetest.New(t, store.Options{})
	p := newPort(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.says(func(w http.ResponseWriter) { denial(w); cancel() })
	signincheck.New(signincheck.Options{
		Directory: directory.Open(db, directory.Options{}), Locked: db.Locked, Now: time.Now, Log: hclog.NewNullLogger(),
		Port: func() ownport.Options {
			return ownport.Options{Config: &config.Config{Hosts: []string{"example.com"}, Listen: p.Listener.Addr().String()}, Certificate: p.Certificate()}
		},
	}).Run(ctx)
}
