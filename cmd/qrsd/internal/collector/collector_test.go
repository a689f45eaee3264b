package collector_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/collector"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/directory"
)

// request is one that a collector got.
type request struct {
	path   string
	header http.Header
	body   string
}

// service is a collector on real TLS. Each request is answered by the next of answers, then by the last of them; nil: with 200.
type service struct {
	*httptest.Server
	got     chan request
	answers chan func(http.ResponseWriter)
}

func newService(t *testing.T) *service {
	s := &service{got: make(chan request, 100), answers: make(chan func(http.ResponseWriter), 100)}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.got <- request{r.URL.RequestURI(), r.Header, string(body)}
		select {
		case answer := <-s.answers:
			answer(w)
		default:
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

// record is what was dialled or refused.
type record struct {
	mu  sync.Mutex
	all []string
}

func (r *record) Opening(outbound.Connection) error { return nil }
func (r *record) Ended(c outbound.Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprint(c.Outcome, " ", c.Purpose))
}

// counts counts and can be waited for.
type counts struct {
	mu            sync.Mutex
	sent, dropped int
	changed       chan struct{}
}

func (c *counts) Sent(_ string, n int)    { c.add(n, 0) }
func (c *counts) Dropped(_ string, n int) { c.add(0, n) }

func (c *counts) add(sent, dropped int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent, c.dropped = c.sent+sent, c.dropped+dropped
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// await waits until so many were sent and dropped.
func (c *counts) await(t *testing.T, sent, dropped int) {
	t.Helper()
	for {
		c.mu.Lock()
		s, d := c.sent, c.dropped
		c.mu.Unlock()
		if s == sent && d == dropped {
			return
		}
		select {
		case <-c.changed:
		case <-time.After(20 * time.Second):
			t.Fatalf("%d sent and %d dropped, want %d and %d", s, d, sent, dropped)
		}
	}
}

// rig is everything that an exporter is given.
type rig struct {
	*counts
	record *record
	log    *strings.Builder // read after the exporter was stopped
	dialer *outbound.Dialer
}

func (r *rig) options() collector.Options {
	return collector.Options{Dialer: r.dialer, Count: r.counts, Log: hclog.New(&hclog.LoggerOptions{Output: r.log}), Version: "1.2.3"}
}

// newRig allows the site for both purposes; connect nil dials.
func newRig(t *testing.T, mode outbound.Mode, site string, roots *x509.CertPool, connect func(context.Context, netip.AddrPort) (net.Conn, error)) *rig {
	t.Helper()
	r := &rig{counts: &counts{changed: make(chan struct{}, 1)}, record: &record{}, log: new(strings.Builder)}
	u, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	var allowed []outbound.Destination
	for _, p := range []outbound.Purpose{collector.ForTraces, collector.ForErrors} {
		allowed = append(allowed, outbound.Destination{Host: u.Hostname(), Port: port, Purpose: p})
	}
	if r.dialer, err = outbound.New(outbound.Options{Mode: mode, Log: r.record, Allowed: allowed, Roots: roots, Connect: connect}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *service) rig(t *testing.T, mode outbound.Mode) *rig {
	return newRig(t, mode, s.URL, s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, nil)
}

func secret(text string) func() (directory.Secret, error) {
	return func() (directory.Secret, error) { return directory.NewSecret(text), nil }
}

// TestClosedModes: in the modes air-gapped and hybrid nothing is dialled, refused or kept; when the owner opens the mode, what comes after that is sent.
func TestClosedModes(t *testing.T) {
	for _, mode := range []outbound.Mode{outbound.AirGapped, outbound.Hybrid} {
		s := newService(t)
		r := s.rig(t, mode)
		traces := collector.NewTracesAt(collector.TracesOptions{Options: r.options(), Endpoint: s.URL}, time.Millisecond, time.Millisecond, time.Second)
		faults := collector.NewFaultsAt(faultsOptions(r, s), time.Millisecond, time.Second)
		traces.Request("before", "", 200, time.Now(), time.Second)
		faults.Accept("qrsd", hclog.Error, "before")
		if len(r.record.all) != 0 {
			t.Errorf("in mode %s: %v", mode, r.record.all)
		}
		if err := r.dialer.SetMode(outbound.Connected); err != nil {
			t.Fatal(err)
		}
		traces.Request("after", "", 200, time.Now(), time.Second)
		r.await(t, 1, 0)
		if got := <-s.got; strings.Contains(got.body, "before") || !strings.Contains(got.body, "after") {
			t.Errorf("got %s", got.body)
		}
		if err := r.dialer.SetMode(mode); err != nil {
			t.Fatal(err)
		}
		traces.Request("later", "", 200, time.Now(), time.Second)
		faults.Accept("qrsd", hclog.Error, "later")
		traces.Stop()
		faults.Stop()
		if len(s.got) != 0 || len(r.record.all) != 1 || r.record.all[0] != "opened traces" {
			t.Errorf("in mode %s: %d more requests, %v", mode, len(s.got), r.record.all)
		}
	}
}

// TestModeClosesWhileTrying: what waits for its collector when the mode is closed is dropped, not dialled.
func TestModeClosesWhileTrying(t *testing.T) {
	dialled := make(chan struct{}, 100)
	r := newRig(t, outbound.Connected, "https://127.0.0.1:1", nil, func(context.Context, netip.AddrPort) (net.Conn, error) {
		dialled <- struct{}{}
		return nil, errors.New("nobody there")
	})
	traces := collector.NewTracesAt(collector.TracesOptions{Options: r.options(), Endpoint: "https://127.0.0.1:1"}, time.Millisecond, 50*time.Millisecond, time.Second)
	traces.Request("getMe", "", 200, time.Now(), time.Second)
	<-dialled
	if err := r.dialer.SetMode(outbound.AirGapped); err != nil {
		t.Fatal(err)
	}
	r.await(t, 0, 1)
	traces.Stop()
	for _, line := range r.record.all {
		if line != "failed traces" {
			t.Errorf("on record: %v", r.record.all)
		}
	}
}

// TestDeadCollector: one that takes connections and never answers delays nobody; what does not fit is dropped and counted, and the stop waits no
// longer than it is told to.
func TestDeadCollector(t *testing.T) {
	began := make(chan struct{}, 1)
	r := newRig(t, outbound.Connected, "https://127.0.0.1:1", nil, func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		began <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	traces := collector.NewTracesAt(collector.TracesOptions{Options: r.options(), Endpoint: "https://127.0.0.1:1"}, 0, time.Hour, 10*time.Millisecond)
	traces.Request("first", "", 200, time.Now(), time.Second)
	<-began // and it is held by the collector now
	const more = 1000
	for range collector.SpansKept + more {
		traces.Request("getMe", "", 200, time.Now(), time.Second)
	}
	r.await(t, 0, more)
	traces.Stop()
	r.await(t, 0, collector.SpansKept+more+1)
	traces.Request("too late", "", 200, time.Now(), time.Second)
	r.await(t, 0, collector.SpansKept+more+2)
}

// TestRefusals: what may be tried again is, in order, and the log hears of it once; what may not is dropped.
func TestRefusals(t *testing.T) {
	s := newService(t)
	r := s.rig(t, outbound.Connected)
	for _, code := range []int{503, 429, 502, 504, 200, 400, 200} {
		s.answers <- status(code)
	}
	traces := collector.NewTracesAt(collector.TracesOptions{Options: r.options(), Endpoint: s.URL}, 0, time.Millisecond, time.Minute)
	traces.Request("first", "", 200, time.Now(), time.Second)
	for range 5 {
		if got := <-s.got; !strings.Contains(got.body, "first") {
			t.Errorf("got %s", got.body)
		}
	}
	r.await(t, 1, 0)
	traces.Request("second", "", 200, time.Now(), time.Second)
	r.await(t, 1, 1)
	traces.Request("third", "", 200, time.Now(), time.Second)
	r.await(t, 2, 1)
	traces.Stop()
	if log := r.log.String(); strings.Count(log, "[WARN]") != 2 || strings.Count(log, "takes what it is told again") != 2 || !strings.Contains(log, "it answers 503") {
		t.Errorf("log:\n%s", log)
	}
}
