package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// TestSilentConnection fills the appliance with connections and knocks once more without a word: when the others have gone, it
// answers, and it did not wait for the silent one meanwhile.
func TestSilentConnection(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) { o.Limits.Connections = 3 })
	var kept []net.Conn
	for range 3 {
		c := a.dial()
		_, err := c.Write([]byte("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
		a.must(err)
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, c)
	}
	silent := a.plain()
	defer func() { _ = silent.Close() }()
	a.must(silent.SetReadDeadline(time.Now().Add(5 * time.Second)))
	if _, err := silent.Read(make([]byte, 1)); err == nil || isDeadline(err) {
		t.Errorf("a connection too many was kept: %v", err)
	}
	for _, c := range kept {
		a.must(c.Close())
	}
	a.answersWithin(10 * time.Second)
}

func isDeadline(err error) bool {
	network, ok := err.(net.Error) //nolint:errorlint // of a connection of our own
	return ok && network.Timeout()
}

// answersWithin wants a new client to be answered.
func (a *appliance) answersWithin(span time.Duration) {
	a.Helper()
	ctx, cancel := context.WithTimeout(a.Context(), span)
	defer cancel()
	client := a.client(nil)
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/healthz", nil)
		a.must(err)
		got, err := client.Do(r)
		if err == nil {
			_ = got.Body.Close()
			return
		}
		if ctx.Err() != nil {
			a.Fatalf("a new client: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // the server has not seen yet that the others went
	}
}

// short is a listener of a host that is short of something for a while.
type short struct {
	net.Listener
	left atomic.Int32
}

func (f *short) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

// serveOn begins another server of the appliance's, at a listener of the test's own. It returns how to stop it, and its log.
func (a *appliance) serveOn(wrap func(net.Listener) net.Listener, limits web.Limits) (stop func() error, log *written) {
	a.Helper()
	certificate, roots := selfSigned(a.TB)
	log = &written{}
	s, err := web.New(web.Options{
		DB: a.db, Directory: a.directory, Hosts: []string{host}, Now: a.clock.now, Limits: limits,
		Log: hclog.New(&hclog.LoggerOptions{Output: log, JSONFormat: true}),
		TLS: web.TLS{Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil }},
	})
	a.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	a.must(err)
	a.roots, a.address = roots, l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, wrap(l)) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	a.Cleanup(func() { _ = stop() })
	return stop, log
}

// written is a log.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}
func (w *written) String() string { w.mu.Lock(); defer w.mu.Unlock(); return w.text.String() }

// TestAcceptErrors lets the host refuse connections for a while: the server says so, goes on, and stops when it is told.
func TestAcceptErrors(t *testing.T) {
	a := start(t)
	var listener *short
	stop, log := a.serveOn(func(l net.Listener) net.Listener {
		listener = &short{Listener: l}
		listener.left.Store(4)
		return listener
	}, web.Limits{})
	a.answersWithin(10 * time.Second)
	if n := strings.Count(log.String(), "a connection could not be accepted"); n != 4 || !strings.Contains(log.String(), "too many open files") {
		t.Errorf("%d warnings:\n%s", n, log)
	}
	listener.left.Store(1 << 30)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.address); err == nil { // wakes Accept, which then fails on and on
		_ = c.Close()
	}
	for strings.Count(log.String(), "a connection could not be accepted") < 6 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if err := stop(); err != nil {
		t.Errorf("stop while nothing can be accepted: %v", err)
	}
}

// TestDescriptors wants a warning where the host gives fewer descriptors than the connections that are allowed, and none otherwise.
func TestDescriptors(t *testing.T) {
	for connections, warns := range map[int]bool{8: false, 1 << 40: true} {
		a := start(t)
		_, log := a.serveOn(func(l net.Listener) net.Listener { return l }, web.Limits{Connections: connections})
		a.answersWithin(10 * time.Second)
		if got := strings.Contains(log.String(), "may not open as many files"); got != warns {
			t.Errorf("%d connections: warned: %v\n%s", connections, got, log)
		}
	}
}
