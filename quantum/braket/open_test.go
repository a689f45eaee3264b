package braket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// site is a host, the emulator, and everything between.
type site struct {
	*braket.Client
	server  *brakettest.Server
	journal *journal
	wire    *tap
	clock   *clock
	log     *connections
}

// open starts an emulator behind a real listener and a client that reaches it through outbound. In the end the journal's chain
// must hold and contain exactly the requests that were on the wire.
func open(t *testing.T, o brakettest.Options) *site {
	t.Helper()
	s := &site{clock: &clock{now: time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)}, journal: &journal{}, log: &connections{}}
	o.Now = s.clock.Now
	s.server = brakettest.New(o)
	server := httptest.NewUnstartedServer(s.server)
	server.Config.ErrorLog = nil
	s.wire = &tap{Listener: server.Listener, journal: s.journal}
	server.Listener = s.wire
	server.Start()
	endpoint := "http://" + s.wire.Addr().String()
	s.Client = &braket.Client{HTTP: s.dialer(t, outbound.Hybrid).Client(outbound.Circuits),
		Credentials: credentials.NewStaticCredentialsProvider(brakettest.ExampleKeyID, brakettest.ExampleSecretKey, o.SessionToken),
		Region:      "us-east-1", Bucket: "amazon-braket-qrsd-example", Prefix: "circuits", Journal: s.journal,
		Endpoint: endpoint, ObjectEndpoint: endpoint, Now: s.clock.Now, Sleep: s.clock.Sleep}
	t.Cleanup(func() {
		server.Close()
		s.journal.check(t)
		s.wire.check(t)
	})
	return s
}

func (s *site) dialer(t *testing.T, mode outbound.Mode) *outbound.Dialer {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.wire.Addr().String())
	number, _ := strconv.Atoi(port)
	d, err := outbound.New(outbound.Options{Mode: mode, Log: s.log,
		Allowed: []outbound.Destination{{Host: host, Port: number, Purpose: outbound.Circuits, Plaintext: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// clock is a clock that only sleeping moves.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	pauses []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.pauses = append(c.pauses, d)
	return ctx.Err()
}

// connections is an outbound.Log in memory.
type connections struct {
	mu    sync.Mutex
	ended []outbound.Connection
}

func (c *connections) Opening(outbound.Connection) error { return nil }

func (c *connections) Ended(one outbound.Connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, one)
}

// refused counts the refused connections.
func (c *connections) refused() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.ended {
		if one.Outcome == outbound.Refused && one.Purpose == outbound.Circuits {
			n++
		}
	}
	return n
}

// journal is an egress.Journal in memory, with the chain of the real ones.
type journal struct {
	mu                   sync.Mutex
	chain                egress.Chain
	text                 bytes.Buffer
	requests             []string
	open                 int
	failBegin, failClose error
}

func (j *journal) add(e egress.Entry) error {
	line, after, err := j.chain.Next(e)
	if err == nil {
		j.chain = after
		j.text.Write(line)
	}
	return err
}

func (j *journal) Begin(_ context.Context, r egress.Record) (egress.ID, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failBegin != nil {
		return "", j.failBegin
	}
	j.requests = append(j.requests, string(r.Request))
	j.open++
	id := egress.ID(fmt.Sprint(len(j.requests)))
	return id, j.add(egress.Entry{Time: "2026-08-03T12:00:00Z", Kind: egress.KindRequest, ID: id, Purpose: r.Purpose, Destination: r.Destination, Bytes: r.Request})
}

func (j *journal) Finish(ctx context.Context, id egress.ID, r egress.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open--
	if (r.Failure == "") == (len(r.Response) == 0) {
		return fmt.Errorf("response of %d bytes and failure %q: one of them is due", len(r.Response), r.Failure)
	}
	if err := j.add(egress.Entry{Time: "2026-08-03T12:00:00Z", Kind: egress.KindOutcome, ID: id, Bytes: r.Response, Failure: r.Failure}); err != nil {
		return err
	}
	return errors.Join(ctx.Err(), j.failClose)
}

func (j *journal) has(request string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.requests {
		if strings.HasPrefix(r, request) {
			return true
		}
	}
	return false
}

// sent are the requests on record so far.
func (j *journal) sent() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.requests)
}

// forget takes what was recorded and refused from what the wire is compared with.
func (j *journal) forget(after int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = j.requests[:after]
}

func (j *journal) check(t *testing.T) {
	t.Helper()
	if _, err := egress.Verify(&j.text, nil); err != nil {
		t.Error(err)
	}
	if j.open != 0 {
		t.Errorf("%d records were not finished", j.open)
	}
}

// tap notes what every connection brought, and whether it was on record when it arrived.
type tap struct {
	net.Listener
	journal *journal
	mu      sync.Mutex
	heard   []*heard
}

type heard struct {
	net.Conn
	tap      *tap
	text     bytes.Buffer
	unlogged bool
}

func (l *tap) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	h := &heard{Conn: conn, tap: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, h)
	return h, nil
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.tap.mu.Lock()
	defer h.tap.mu.Unlock()
	h.text.Write(p[:n])
	if n > 0 && !h.tap.journal.has(h.text.String()) {
		h.unlogged = true
	}
	return n, err
}

// count is the number of connections so far.
func (l *tap) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.heard)
}

// check wants one connection for each record, with exactly its bytes, recorded before they arrived.
func (l *tap) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var arrived []string
	for _, h := range l.heard {
		if h.unlogged {
			t.Errorf("bytes arrived that were not on record:\n%s", h.text.String())
		}
		arrived = append(arrived, h.text.String())
	}
	if got, want := strings.Join(arrived, "\n"), strings.Join(l.journal.requests, "\n"); got != want {
		t.Errorf("on the wire:\n%s\non record:\n%s", got, want)
	}
}

// source is a circuit on three qubits; the objective reads 1 with probability sin²(K asin √0.3), K = 2 power + 1.
func source(t testing.TB, power int) string {
	t.Helper()
	p, err := circuit.Amplified(circuit.Table{P: []float64{0.4, 0.3, 0.2, 0.1}, F: []float64{0, 0.4, 0.4, 1}}, power)
	if err != nil {
		t.Fatal(err)
	}
	return p.Rounded().QASM()
}

func key(t testing.TB) braket.TokenKey {
	t.Helper()
	k, err := braket.NewTokenKey([]byte("a secret of the host"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *site) device(t *testing.T, arn string) *braket.Device {
	t.Helper()
	d, err := s.Device(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// order is one that passes, for 500 shots, with all the money of the world.
func (s *site) order(t *testing.T, arn string) (braket.Order, *[]braket.Task) {
	t.Helper()
	var kept []braket.Task
	return braket.Order{Device: s.device(t, arn), Program: braket.Program{Source: source(t, 1), Shots: 500},
		Confirmed: 1 << 40, Budget: 1 << 40, Key: key(t), Keep: func(_ context.Context, task braket.Task) error {
			kept = append(kept, task)
			return nil
		}}, &kept
}

func (s *site) submit(t *testing.T, arn string) braket.Task {
	t.Helper()
	o, _ := s.order(t, arn)
	task, err := s.Submit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// wantError wants an error of a kind with all the words.
func wantError(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

var _ http.Handler = (*brakettest.Server)(nil)
