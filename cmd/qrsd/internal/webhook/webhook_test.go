package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/webhook"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// received is one request that came in.
type received struct {
	method, path string
	header       http.Header
	body         []byte
}

// post is a tenant on a real store whose webhooks lead to a receiver on real TLS, and the sender between the two.
type post struct {
	testing.TB
	db     *store.DB
	tenant store.ID
	hooks  *workspace.Workspace
	dialer *outbound.Dialer
	sender *webhook.Sender
	log    bytes.Buffer // read between rounds only
	site   *httptest.Server

	mu     sync.Mutex
	at     time.Time
	got    []received
	answer http.HandlerFunc // nil: 204
	opened int
}

const token = "T0kenInThePath"

// Opening and Ended are the record of connections.
func (p *post) Opening(outbound.Connection) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened++
	return nil
}
func (p *post) Ended(outbound.Connection) {}

func (p *post) now() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return p.at }

func (p *post) pass(d time.Duration) { p.mu.Lock(); defer p.mu.Unlock(); p.at = p.at.Add(d) }

func (p *post) answers(h http.HandlerFunc) { p.mu.Lock(); defer p.mu.Unlock(); p.answer = h }

func (p *post) requests() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]received{}, p.got...)
}

func (p *post) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	p.got = append(p.got, received{r.Method, r.URL.Path, r.Header, body})
	answer := p.answer
	p.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, r)
}

// open makes all of it; change may change the dialer's options, which list the receiver.
func open(t testing.TB, change func(*outbound.Options)) *post {
	t.Helper()
	p := &post{TB: t, at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	p.site = httptest.NewTLSServer(p)
	t.Cleanup(p.site.Close)
	p.db = storetest.New(t, store.Options{Now: p.now})
	p.tenant, p.hooks = p.member("Example Mutual")
	u, err := url.Parse(p.site.URL)
	p.must(err)
	port, err := strconv.Atoi(u.Port())
	p.must(err)
	o := outbound.Options{
		Mode: outbound.Connected, Allowed: []outbound.Destination{{Host: "127.0.0.1", Port: port, Purpose: webhook.Purpose}}, Log: p,
		Roots: p.site.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	}
	if change != nil {
		change(&o)
	}
	p.dialer, err = outbound.New(o)
	p.must(err)
	p.waits(10 * time.Second)
	return p
}

// waits has the sender wait that long for an answer: long where every receiver answers, so that a busy host is no failure.
func (p *post) waits(answer time.Duration) {
	p.Helper()
	var err error
	p.sender, err = webhook.New(webhook.Options{
		Outbox: workspace.OpenCourier(p.db, p.now), Dialer: p.dialer, Log: hclog.New(&hclog.LoggerOptions{Output: &p.log}), Version: "test",
		Now: p.now, Every: 5 * time.Millisecond, Answer: answer,
	})
	p.must(err)
}

// hang is a receiver that says nothing until it is left. To return then would be to answer 200, which the client may still read.
func hang(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// member is a new tenant, and the workspace of its administrator.
func (p *post) member(name string) (store.ID, *workspace.Workspace) {
	p.Helper()
	id := storetest.AddTenant(p, p.db, name)
	t, err := p.db.Tenant(p.Context(), storetest.User(id, store.Admin), id)
	p.must(err)
	return id, workspace.Open(t)
}

func (p *post) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// hook adds a webhook and has it tried, which makes a delivery.
func (p *post) hook(w *workspace.Workspace, at string) (id store.ID, secret string, delivery store.ID) {
	p.Helper()
	h, s, err := w.AddWebhook(p.Context(), workspace.NewWebhook{Name: "Renewals", URL: at, Events: []workspace.EventKind{workspace.RunDone}})
	p.must(err)
	delivery, err = w.TryWebhook(p.Context(), h.ID)
	p.must(err)
	return h.ID, s.Reveal(), delivery
}

func (p *post) round() {
	p.Helper()
	_, err := p.sender.Round(p.Context())
	p.must(err)
}

func (p *post) became(w *workspace.Workspace, id store.ID) workspace.Delivery {
	p.Helper()
	d, err := w.Delivery(p.Context(), id)
	p.must(err)
	return d
}

// verify is a receiver's side, written from the description of the header.
func verify(header, secret string, body []byte, now time.Time) bool {
	var at string
	good := false
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			at = value
		case "v1":
			mac := hmac.New(sha256.New, []byte(secret))
			fmt.Fprintf(mac, "%s.%s", at, body)
			good = good || value == hex.EncodeToString(mac.Sum(nil))
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	return err == nil && good && now.Sub(time.Unix(seconds, 0)).Abs() <= 5*time.Minute
}

// TestDelivered sends an event once, signed, and enters that it was taken.
func TestDelivered(t *testing.T) {
	p := open(t, nil)
	_, secret, id := p.hook(p.hooks, p.site.URL+"/"+token)
	p.round()
	p.round()
	got := p.requests()
	if len(got) != 1 {
		t.Fatalf("%d requests", len(got))
	}
	r := got[0]
	var e workspace.Event
	p.must(json.Unmarshal(r.body, &e))
	if r.method != http.MethodPost || r.path != "/"+token || e.Kind != workspace.WebhookTrial || e.Tenant != p.tenant {
		t.Errorf("%s %s %s", r.method, r.path, r.body)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "User-Agent": "qrsd/test", webhook.DeliveryHeader: id.String()} {
		if r.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, r.header.Get(name), want)
		}
	}
	signature := r.header.Get(webhook.SignatureHeader)
	if !verify(signature, secret, r.body, p.now()) {
		t.Errorf("signature %q does not verify", signature)
	}
	for name, held := range map[string]bool{
		"another secret":    verify(signature, secret+"x", r.body, p.now()),
		"another body":      verify(signature, secret, append(r.body, ' '), p.now()),
		"another time":      verify(strings.Replace(signature, "t=1", "t=2", 1), secret, r.body, p.now()),
		"after ten minutes": verify(signature, secret, r.body, p.now().Add(10*time.Minute)),
	} {
		if held {
			t.Errorf("the signature holds for %s", name)
		}
	}
	if d := p.became(p.hooks, id); d.State != workspace.Delivered || d.Status != http.StatusNoContent || d.Failure != "" || d.Attempts != 1 {
		t.Errorf("it became %+v", d)
	}
}

// TestSecretsOverlap signs with both secrets while they overlap, the present one first, and then with one.
func TestSecretsOverlap(t *testing.T) {
	p := open(t, nil)
	hook, old, _ := p.hook(p.hooks, p.site.URL)
	_, s, err := p.hooks.RotateWebhook(t.Context(), hook, time.Hour)
	p.must(err)
	p.round()
	p.pass(2 * time.Hour)
	_, err = p.hooks.TryWebhook(t.Context(), hook)
	p.must(err)
	p.round()
	got := p.requests()
	if len(got) != 2 {
		t.Fatalf("%d requests", len(got))
	}
	for i, want := range []struct {
		signatures int
		old        bool
	}{{2, true}, {1, false}} {
		signature, at := got[i].header.Get(webhook.SignatureHeader), p.now()
		if i == 0 {
			at = at.Add(-2 * time.Hour)
		}
		if strings.Count(signature, "v1=") != want.signatures || !verify(signature, s.Reveal(), got[i].body, at) || verify(signature, old, got[i].body, at) != want.old {
			t.Errorf("request %d: %s", i, signature)
		}
	}
}

// TestReceiverFails: what a receiver does wrong is entered in words that name no address, and tried again later.
func TestReceiverFails(t *testing.T) {
	elsewhere := make(chan struct{}, 1)
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere <- struct{}{} }))
	defer other.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		status int
		want   string
	}{
		"500": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, "a secret of the inside")
		}, 500, "answered 500 Internal Server Error"},
		"404":      {http.NotFound, 404, "answered 404 Not Found"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }, http.StatusFound, "a redirect, which is not followed"},
		"to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}, http.StatusTemporaryRedirect, "a redirect, which is not followed"},
		"hangs":  {hang, 0, "did not answer in time"},
		"breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "could not be reached, or broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, nil)
			t.Cleanup(p.site.CloseClientConnections)
			p.answers(c.answer)
			if name == "hangs" {
				p.waits(300 * time.Millisecond)
			}
			_, secret, id := p.hook(p.hooks, p.site.URL+"/"+token)
			p.round()
			d := p.became(p.hooks, id)
			if d.State != workspace.Undelivered || d.Status != c.status || !strings.Contains(d.Failure, c.want) || !d.Next.After(p.now()) {
				t.Errorf("it became %+v", d)
			}
			for _, hidden := range []string{token, "127.0.0.1", "a secret of the inside", secret} {
				if strings.Contains(d.Failure, hidden) {
					t.Errorf("the failure says %q: %s", hidden, d.Failure)
				}
			}
			for _, hidden := range []string{token, secret, "a secret of the inside"} {
				if strings.Contains(p.log.String(), hidden) {
					t.Errorf("the log says %q:\n%s", hidden, p.log.String())
				}
			}
			if n := len(p.requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
	select {
	case <-elsewhere:
		t.Error("a redirect was followed")
	default:
	}
}

// TestOutage: a receiver that answers 500 for an hour is asked a few times, under one id, and then gets the event once.
func TestOutage(t *testing.T) {
	p := open(t, nil)
	p.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	_, _, id := p.hook(p.hooks, p.site.URL)
	for range 60 {
		p.round()
		p.pass(time.Minute)
	}
	during := len(p.requests())
	if during < 3 || during > 6 {
		t.Errorf("asked %d times in an hour", during)
	}
	p.answers(nil)
	for range 6 * 60 {
		p.round()
		p.pass(time.Minute)
	}
	got := p.requests()
	if len(got) != during+1 {
		t.Errorf("after the hour %d more requests, want one", len(got)-during)
	}
	for _, r := range got {
		if r.header.Get(webhook.DeliveryHeader) != id.String() || !bytes.Equal(r.body, got[0].body) {
			t.Errorf("another id or body: %v", r.header)
		}
	}
	if d := p.became(p.hooks, id); d.State != workspace.Delivered || d.Attempts != during+1 {
		t.Errorf("it became %+v", d)
	}
}

// TestOneHangs: a receiver that hangs keeps one place for as long as an attempt, whatever waits for it, and others get theirs meanwhile.
func TestOneHangs(t *testing.T) {
	p := open(t, nil)
	p.waits(time.Second)
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hangs" {
			hang(w, r)
		}
	})
	hook, _, first := p.hook(p.hooks, p.site.URL+"/hangs")
	waits := []store.ID{first}
	for range 9 {
		id, err := p.hooks.TryWebhook(t.Context(), hook)
		p.must(err)
		waits = append(waits, id)
	}
	_, others := p.member("Other Mutual")
	_, _, good := p.hook(others, p.site.URL+"/good")
	p.round()
	if d := p.became(others, good); d.State != workspace.Delivered {
		t.Errorf("beside one that hangs: %+v", d)
	}
	hung := 0
	for _, r := range p.requests() {
		if r.path == "/hangs" {
			hung++
		}
	}
	if hung != 1 {
		t.Errorf("the one that hangs was asked %d times in a round", hung)
	}
	for _, id := range waits {
		if d := p.became(p.hooks, id); d.State != workspace.Undelivered || !strings.Contains(d.Failure, "in time") {
			t.Errorf("it became %+v", d)
		}
	}
	p.site.CloseClientConnections()
}

// TestNotReached: what is not public is refused unless it is listed, a certificate of nobody's too, and in other modes nothing is taken.
func TestNotReached(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*outbound.Options)
		want   string
	}{
		"not listed":     {func(o *outbound.Options) { o.Allowed = nil }, "not one that this appliance delivers to"},
		"not public":     {func(o *outbound.Options) { o.Allowed, o.Public = nil, []outbound.Purpose{webhook.Purpose} }, "not one that this appliance delivers to"},
		"other purpose":  {func(o *outbound.Options) { o.Allowed[0].Purpose = "e-mail" }, "not one that this appliance delivers to"},
		"nobody's roots": {func(o *outbound.Options) { o.Roots = nil }, "the certificate of the receiver"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, c.change)
			_, _, id := p.hook(p.hooks, p.site.URL)
			p.round()
			if d := p.became(p.hooks, id); d.State != workspace.Undelivered || d.Status != 0 || !strings.Contains(d.Failure, c.want) {
				t.Errorf("it became %+v", d)
			}
			if n := len(p.requests()); n != 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
	for _, m := range []outbound.Mode{outbound.AirGapped, outbound.Hybrid} {
		p := open(t, func(o *outbound.Options) { o.Mode = m })
		_, _, id := p.hook(p.hooks, p.site.URL)
		p.round()
		if d := p.became(p.hooks, id); d.Attempts != 0 || p.opened != 0 {
			t.Errorf("in mode %s: %+v, %d connections", m, d, p.opened)
		}
	}
}

// TestRun sends what comes while it runs, waits out a locked store, and ends when it is told.
func TestRun(t *testing.T) {
	p := open(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.sender.Run(ctx) }()
	defer func() { stop(); <-ended }()
	_, _, id := p.hook(p.hooks, p.site.URL)
	for deadline := time.Now().Add(20 * time.Second); p.became(p.hooks, id).State != workspace.Delivered; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not delivered in 20 seconds")
		}
	}
}
