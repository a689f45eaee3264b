package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// ward looks at a store as the appliance's diagnostics do, and has one bundle of one file.
type ward struct {
	db       *store.DB
	kept     []wire.Bundle
	unnamed  bool // no recipient
	packed   []string
	examined int
}

const wardBundle = "01998f0e11aa7c00a1b2c3d4e5f60718"

func (w *ward) Doctor(ctx context.Context, by store.Principal) (wire.Doctor, error) {
	verb, err := store.ParseVerb("store.diagnose")
	if err != nil {
		return wire.Doctor{}, err
	}
	w.examined++
	_, err = w.db.Examine(ctx, by, verb)
	return wire.Doctor{At: time.Now().UTC(), Version: "test", Worst: "ok", Findings: []wire.Finding{{Check: "clock", State: "ok", Found: "in step"}}}, err
}

func (w *ward) Collect(ctx context.Context, by store.Principal) (wire.Bundle, error) {
	verb, err := store.ParseVerb("support.bundle")
	if err != nil {
		return wire.Bundle{}, err
	}
	_, err = w.db.Examine(ctx, by, verb)
	b := wire.Bundle{ID: wardBundle, Collected: time.Now().UTC(), Expires: time.Now().UTC(), Recipients: []string{},
		Files: []wire.BundleFile{{Name: "doctor.json", About: "x", Bytes: 2, SHA256: strings.Repeat("0", 64)}}}
	w.kept = append(w.kept, b)
	return b, err
}

func (w *ward) Bundles() []wire.Bundle { return w.kept }

func (w *ward) File(bundle, name string) ([]byte, error) {
	if bundle != wardBundle || name != "doctor.json" {
		return nil, fmt.Errorf("file %q: %w", name, store.ErrNotFound)
	}
	return []byte("{}"), nil
}

func (w *ward) Pack(_ context.Context, bundle string, without []string) ([]byte, error) {
	if w.unnamed {
		return nil, web.ErrNoRecipient
	}
	if bundle != wardBundle {
		return nil, store.ErrNotFound
	}
	w.packed = without
	return []byte("age-encryption.org/v1\n"), nil
}

// withWard gives an appliance diagnostics of its store.
func withWard(w *ward) setting {
	return func(o *web.Options, _ *directory.Options) { w.db, o.Diagnostics = o.DB, w }
}

// TestBundle collects, looks and downloads by client; what is not there, and a missing recipient, are said; and others than operators get
// nothing.
func TestBundle(t *testing.T) {
	w := &ward{}
	a := start(t, unlimited, withWard(w))
	operator := a.join(store.Appliance, "operator@example.com", store.Operator)
	c := a.caller(operator.apiKey("store.diagnose", "support.bundle"))
	report, err := c.Doctor(t.Context())
	if err != nil || len(report.Findings) != 1 || w.examined != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	b, err := c.CollectBundle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for kept, err := range c.Bundles(t.Context()) {
		if err != nil || kept.ID != b.ID || len(kept.Files) != 1 {
			t.Errorf("kept: %+v, %v", kept, err)
		}
		b.Files = nil // it was listed
	}
	if b.Files != nil {
		t.Error("what was collected is not listed")
	}
	var file, packed bytes.Buffer
	if err := c.BundleFile(t.Context(), b.ID, "doctor.json", &file); err != nil || file.String() != "{}" {
		t.Errorf("%s, %v", file.String(), err)
	}
	if err := c.DownloadBundle(t.Context(), b.ID, []string{"log.jsonl", "doctor.json"}, &packed); err != nil || !strings.HasPrefix(packed.String(), "age-") || len(w.packed) != 2 {
		t.Errorf("%s, without %v, %v", packed.String(), w.packed, err)
	}
	a.wantProblem(c.BundleFile(t.Context(), b.ID, "nothing", &file), "not-found")
	a.wantProblem(c.DownloadBundle(t.Context(), strings.Repeat("0", 32), nil, &packed), "not-found")
	w.unnamed = true
	a.wantProblem(c.DownloadBundle(t.Context(), b.ID, nil, &packed), "conflict")

	admin := a.join(a.tenant("Gulf Mutual"), "admin@example.com", store.Admin)
	for _, path := range []string{"/doctor", "/bundles", "/bundles/" + b.ID + "/file?name=doctor.json", "/bundles/" + b.ID + "/content"} {
		admin.want(403, admin.call("GET", "/api/v1/system"+path, nil))
	}
	admin.want(403, admin.call("POST", "/api/v1/system/bundles", nil))
}

// figuresTold are metrics that remember what they were told.
type figuresTold struct {
	token    string
	answered chan string
	panicked chan string
}

func (m *figuresTold) Token() (directory.Secret, error) {
	if m.token == "" {
		return directory.Secret{}, errors.New("reading a secret: it is gone")
	}
	return directory.NewSecret(m.token), nil
}

func (m *figuresTold) Text() ([]byte, error) { return []byte("qrsd_up 1\n"), nil }

func (m *figuresTold) Answered(operation string, status int, _ time.Duration) {
	select {
	case m.answered <- fmt.Sprintf("%s %d", operation, status):
	default:
	}
}

func (m *figuresTold) Panicked(operation string) { m.panicked <- operation }

// spansTold is a web.Traces.
type spansTold chan string

func (s spansTold) Request(operation, id string, status int, began time.Time, took time.Duration) {
	if began.IsZero() || took <= 0 {
		operation = "without a time " + operation
	}
	s <- fmt.Sprintf("%s %s %d", operation, id, status)
}

// TestTraces: each request is told once, by its operation and the id of its reply, with or without metrics.
func TestTraces(t *testing.T) {
	told := make(spansTold, 10)
	a := start(t, func(o *web.Options, _ *directory.Options) { o.Traces = told })
	s := a.stranger()
	for path, operation := range map[string]string{"/healthz": "getHealth", "/api/v1/none?of=ada@example.com": ""} {
		reply := s.call("GET", path, nil)
		want := fmt.Sprintf("%s %s %d", operation, reply.Header.Get("X-Request-Id"), reply.Status)
		if got := <-told; got != want || reply.Header.Get("X-Request-Id") == "" {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}

// TestMetrics wants figures for the token and for nothing else, requests counted by operation, and a panic told.
func TestMetrics(t *testing.T) {
	m := &figuresTold{token: "a token of a monitor", answered: make(chan string, 100), panicked: make(chan string, 1)}
	var log bytes.Buffer
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.Metrics, o.Log = m, hclog.New(&hclog.LoggerOptions{Output: &log, JSONFormat: true})
		o.Unlock = func(context.Context, web.Unlocking, store.Source) error { panic("broken") }
	})
	var text bytes.Buffer
	c := a.caller("")
	if err := c.Metrics(t.Context(), m.token, &text); err != nil || text.String() != "qrsd_up 1\n" {
		t.Errorf("%s, %v", text.String(), err)
	}
	for _, wrong := range []string{"", "a token of a monito", "a token of a monitor2", "qrs_x_y"} {
		a.wantProblem(c.Metrics(t.Context(), wrong, &text), "sign-in-needed")
	}
	p := a.stranger()
	p.want(404, p.call("GET", "/api/v1/none", nil))
	a.must(a.db.Lock(t.Context(), a.operator))
	p.want(500, p.call("POST", "/api/v1/system/unlock", wire.Unlock{Passphrase: "secret of the store"}))
	if operation := <-m.panicked; operation != "unlockStore" {
		t.Errorf("a panic in %q was told", operation)
	}
	if err := c.Metrics(t.Context(), m.token, &text); err != nil { // while the store is locked
		t.Error(err)
	}
	seen := map[string]int{}
	for len(m.answered) > 0 {
		seen[<-m.answered]++
	}
	if seen["getMetrics 200"] == 0 || seen["getMetrics 401"] != 4 || seen[" 404"] != 1 || seen["unlockStore 500"] != 1 {
		t.Errorf("told of %v", seen)
	}
	m.token = ""
	p.want(500, p.call("GET", "/metrics", nil, header("Authorization", "Bearer ")))
	q := start(t)
	s := q.stranger()
	s.want(404, s.call("GET", "/metrics", nil))
}
