package outbound_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
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

	"github.com/qrsrisk/qrsd/internal/outbound"
)

// record is a Log in memory.
type record struct {
	mu     sync.Mutex
	opened []outbound.Connection
	ended  []outbound.Connection
	full   error
}

func (r *record) Opening(c outbound.Connection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened = append(r.opened, c)
	return r.full
}

func (r *record) Ended(c outbound.Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, c)
}

// one is the only connection on record; it waits for its end.
func (r *record) one(t *testing.T) outbound.Connection {
	t.Helper()
	for range 3000 {
		r.mu.Lock()
		n := len(r.ended)
		r.mu.Unlock()
		if n > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ended) != 1 {
		t.Fatalf("%d connections on record, want one: %+v", len(r.ended), r.ended)
	}
	return r.ended[0]
}

// refusing fails the test if anything is dialled.
func refusing(t *testing.T) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
		t.Errorf("dialled %v", to)
		return nil, errors.New("refused by the test")
	}
}

func dialer(t *testing.T, o outbound.Options) *outbound.Dialer {
	t.Helper()
	d, err := outbound.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func destination(t *testing.T, address string, p outbound.Purpose) outbound.Destination {
	t.Helper()
	host, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return outbound.Destination{Host: host, Port: n, Purpose: p}
}

func TestModes(t *testing.T) {
	circuits := outbound.Destination{Host: "braket.us-east-1.amazonaws.com", Port: 443, Purpose: outbound.Circuits}
	mail := outbound.Destination{Host: "smtp.example.com", Port: 465, Purpose: "e-mail"}
	for _, c := range []struct {
		mode                  outbound.Mode
		circuits, mail, other string // the refusal, "" for none
	}{
		{outbound.AirGapped, "air-gapped", "air-gapped", "air-gapped"},
		{outbound.Hybrid, "", "mode hybrid", "not among"},
		{outbound.Connected, "", "", "not among"},
	} {
		t.Run(c.mode.String(), func(t *testing.T) {
			log, refusals := &record{}, 0
			d := dialer(t, outbound.Options{Mode: c.mode, Log: log, Allowed: []outbound.Destination{circuits, mail}, Connect: refusing(t)})
			for _, x := range []struct {
				purpose outbound.Purpose
				host    string
				port    int
				want    string
			}{
				{outbound.Circuits, "Braket.us-east-1.amazonaws.com.", 443, c.circuits},
				{"e-mail", "smtp.example.com", 465, c.mail},
				{outbound.Circuits, "example.com", 443, c.other},
				{outbound.Circuits, "braket.us-east-1.amazonaws.com", 80, c.other},
				{outbound.Circuits, "a.braket.us-east-1.amazonaws.com", 443, c.other},
			} {
				err := d.Check(x.purpose, x.host, x.port)
				if x.want != "" {
					refusals++
				}
				var not *outbound.NotAllowed
				switch {
				case x.want == "" && err != nil:
					t.Errorf("%+v: %v", x, err)
				case x.want == "":
				case err == nil || !strings.Contains(err.Error(), x.want):
					t.Errorf("%+v: got %v", x, err)
				case c.mode == outbound.AirGapped != errors.Is(err, outbound.ErrAirGapped), c.mode != outbound.AirGapped && !errors.As(err, &not):
					t.Errorf("%+v: %T", x, err)
				}
			}
			if len(log.opened) != 0 || len(log.ended) != refusals || refusals > 0 && (log.ended[0].Outcome != outbound.Refused || log.ended[0].Reason == "") {
				t.Errorf("%d openings and %d ends on record; %d checks were refused", len(log.opened), len(log.ended), refusals)
			}
		})
	}
	d := dialer(t, outbound.Options{Mode: outbound.Connected, Log: &record{}, Allowed: []outbound.Destination{mail}})
	if err := d.Check(outbound.Circuits, "smtp.example.com", 465); err == nil || !strings.Contains(err.Error(), "for e-mail alone") {
		t.Errorf("another purpose: %v", err)
	}
}

// TestAirGapped refuses every way out with a dialer and a resolver that must not be asked.
func TestAirGapped(t *testing.T) {
	log := &record{}
	d := dialer(t, outbound.Options{Log: log, Allowed: []outbound.Destination{{Host: "localhost", Port: 1, Purpose: outbound.Circuits}}, Connect: refusing(t),
		Resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
			t.Errorf("asked for %s", name)
			return nil, nil
		}})
	if _, err := d.Dial(t.Context(), outbound.Circuits, "localhost", 1); !errors.Is(err, outbound.ErrAirGapped) {
		t.Errorf("Dial: %v", err)
	}
	for _, method := range []string{"GET", "POST", "CONNECT"} {
		r, _ := http.NewRequestWithContext(t.Context(), method, "https://localhost:1/", strings.NewReader("body"))
		if err := refusal(d.Client(outbound.Circuits).Do(r)); !errors.Is(err, outbound.ErrAirGapped) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if len(log.ended) != 4 || len(log.opened) != 0 {
		t.Errorf("%d ended, %d opened", len(log.ended), len(log.opened))
	}
	for i, c := range log.ended {
		if c.Outcome != outbound.Refused || c.Host != "localhost" || c.Port != 1 || c.ID != uint64(i+1) || !strings.Contains(c.Reason, "air-gapped") {
			t.Errorf("%+v", c)
		}
	}
}

func TestRecordOfAConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("x", 1000))
	}))
	defer server.Close()
	to := destination(t, server.URL, "test")
	to.Plaintext = true
	log := &record{}
	clock := time.Date(2026, 8, 3, 12, 0, 0, 0, time.UTC)
	d := dialer(t, outbound.Options{Mode: outbound.Connected, Log: log, Allowed: []outbound.Destination{to}, Now: func() time.Time { return clock }})
	client := d.Client("test")
	for range 2 {
		r, err := client.Post(server.URL, "text/plain", strings.NewReader(strings.Repeat("y", 500)))
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(r.Body); len(body) != 1000 {
			t.Errorf("%d bytes", len(body))
		}
		r.Body.Close()
	}
	client.CloseIdleConnections()
	c := log.one(t)
	if c.Outcome != outbound.Opened || c.Purpose != "test" || c.Sent < 1000 || c.Sent > 2000 || c.Received < 2000 || c.Received > 3000 ||
		c.Address.String() != server.Listener.Addr().String() || !c.Began.Equal(clock) || !c.Ended.Equal(clock) || c.Reason != "" || c.Target != "" {
		t.Errorf("%+v", c)
	}
	if len(log.opened) != 1 || log.opened[0].ID != c.ID || log.opened[0].Outcome != "" {
		t.Errorf("%+v", log.opened)
	}
}

func TestNothingIsOpenedUnrecorded(t *testing.T) {
	log := &record{full: errors.New("disk full")}
	d := dialer(t, outbound.Options{Mode: outbound.Connected, Log: log, Allowed: []outbound.Destination{{Host: "192.0.2.1", Port: 1, Purpose: "x"}}, Connect: refusing(t)})
	if _, err := d.Dial(t.Context(), "x", "192.0.2.1", 1); !errors.Is(err, log.full) {
		t.Error(err)
	}
	if c := log.one(t); c.Outcome != outbound.Refused {
		t.Errorf("%+v", c)
	}
}

func TestFailureIsRecorded(t *testing.T) {
	for name, o := range map[string]outbound.Options{
		"refused by the other side": {Connect: func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, errors.New("nobody there") }},
		"unknown name":              {Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such name") }},
		"no address":                {Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			log := &record{}
			o.Mode, o.Log, o.Allowed = outbound.Connected, log, []outbound.Destination{{Host: "host.example.com", Port: 9, Purpose: "x"}}
			if o.Resolve == nil {
				o.Resolve = func(context.Context, string) ([]netip.Addr, error) {
					return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
				}
			}
			if _, err := dialer(t, o).Dial(t.Context(), "x", "host.example.com", 9); err == nil {
				t.Error("no error")
			}
			if c := log.one(t); c.Outcome != outbound.Failed || c.Reason == "" {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestNamesThatPointInside: a name service must not turn an outer name into a door to this host.
func TestNamesThatPointInside(t *testing.T) {
	for address, allowed := range map[string]bool{
		"127.0.0.1": false, "::1": false, "169.254.169.254": false, "fe80::1": false, "0.0.0.0": false, "::ffff:127.0.0.1": false, "224.0.0.1": false,
		"10.1.2.3": true, "192.0.2.1": true,
	} {
		for _, local := range []bool{false, true} {
			asked := 0
			d := dialer(t, outbound.Options{Mode: outbound.Connected, Log: &record{},
				Allowed: []outbound.Destination{{Host: "host.example.com", Port: 9, Purpose: "x", Local: local}},
				Resolve: func(context.Context, string) ([]netip.Addr, error) {
					return []netip.Addr{netip.MustParseAddr(address)}, nil
				},
				Connect: func(context.Context, netip.AddrPort) (net.Conn, error) { asked++; return nil, errors.New("stop") }})
			_, err := d.Dial(t.Context(), "x", "host.example.com", 9)
			var not *outbound.NotAllowed
			never := address == "0.0.0.0" || address == "224.0.0.1"
			want := allowed || local && !never
			if want != (asked == 1) || want == errors.As(err, &not) {
				t.Errorf("%s, local %v: asked %d times, %v", address, local, asked, err)
			}
		}
	}
}

// refusal is the error of a request that should not have succeeded.
func refusal(r *http.Response, err error) error {
	if err == nil {
		r.Body.Close()
	}
	return err
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v %s", r.Proto, r.TLS.Version == tls.VersionTLS13, r.Header.Get("Accept-Encoding"))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	o := outbound.Options{Mode: outbound.Connected, Log: &record{}, Allowed: []outbound.Destination{destination(t, server.URL, "x")}}
	if err := refusal(dialer(t, o).Client("x").Get(server.URL)); err == nil {
		t.Error("an unknown authority is trusted")
	}
	o.Roots = roots
	if got := get(t, dialer(t, o).Client("x"), server.URL); got != "HTTP/1.1 true " {
		t.Errorf("%q", got)
	}
	var not *outbound.NotAllowed
	if err := refusal(dialer(t, o).Client("x").Get(strings.Replace(server.URL, "https", "http", 1))); !errors.As(err, &not) || !strings.Contains(err.Error(), "TLS only") {
		t.Errorf("plain text: %v", err)
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = nil
	old.StartTLS()
	defer old.Close()
	roots.AddCert(old.Certificate())
	o.Allowed = []outbound.Destination{destination(t, old.URL, "x")}
	if err := refusal(dialer(t, o).Client("x").Get(old.URL)); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

// TestPin: the pinned certificate is accepted whoever signed it, and no other, even of an authority that is trusted.
func TestPin(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pinned") }))
	defer server.Close()
	sum := sha256.Sum256(server.Certificate().Raw)
	o := outbound.Options{Mode: outbound.Connected, Log: &record{}, Allowed: []outbound.Destination{destination(t, server.URL, "x")}, Pin: sum[:]}
	if got := get(t, dialer(t, o).Client("x"), server.URL); got != "pinned" {
		t.Error(got)
	}
	sum[31]++
	o.Pin = sum[:]
	var wrong *outbound.WrongCertificate
	if err := refusal(dialer(t, o).Client("x").Get(server.URL)); !errors.As(err, &wrong) || wrong.Want[31] != wrong.Got[31]+1 {
		t.Errorf("another certificate: %v", err)
	}
	o.Pin = sum[:20]
	if _, err := outbound.New(o); err == nil || !strings.Contains(err.Error(), "pin of 20 bytes") {
		t.Errorf("half a pin: %v", err)
	}
	o.Pin, o.Roots = sum[:], x509.NewCertPool()
	if _, err := outbound.New(o); err == nil {
		t.Error("a pin beside roots is taken")
	}
}

// TestAnswer: whoever does not begin to answer in time is not waited for.
func TestAnswer(t *testing.T) {
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer server.Close()
	defer close(silent)
	to := destination(t, server.URL, "x")
	to.Plaintext = true
	o := outbound.Options{Mode: outbound.Connected, Log: &record{}, Allowed: []outbound.Destination{to}, Answer: 10 * time.Millisecond}
	var late net.Error
	if err := refusal(dialer(t, o).Client("x").Get(server.URL)); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("nobody answers: %v", err)
	}
}

func get(t *testing.T, c *http.Client, target string) string {
	t.Helper()
	r, err := c.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other host was asked") }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "here")
		}
	}))
	defer server.Close()
	a, b := destination(t, server.URL, "x"), destination(t, other.URL, "x")
	a.Plaintext, b.Plaintext = true, true
	c := dialer(t, outbound.Options{Mode: outbound.Connected, Log: &record{}, Allowed: []outbound.Destination{a, b}}).Client("x")
	if got := get(t, c, server.URL+"/same"); got != "here" {
		t.Error(got)
	}
	for path, words := range map[string]string{"/other": "another host", "/loop": "more than 5"} {
		if r, err := c.Get(server.URL + path); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", path, err)
		} else if r != nil {
			r.Body.Close()
		}
	}
}

// TestProxy: the environment's proxy is not used; the configured one is, if it is allowed itself, for TLS.
func TestProxy(t *testing.T) {
	target := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "through") }))
	defer target.Close()
	proxy := newTunnel(t)
	t.Setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
	roots := x509.NewCertPool()
	roots.AddCert(target.Certificate())
	log := &record{}
	o := outbound.Options{Mode: outbound.Connected, Log: log, Roots: roots, Allowed: []outbound.Destination{destination(t, target.URL, "x")}}
	direct := dialer(t, o).Client("x")
	if got := get(t, direct, target.URL); got != "through" {
		t.Error(got)
	}
	direct.CloseIdleConnections()
	o.Log, o.Proxy = &record{}, &url.URL{Scheme: "http", Host: proxy.Addr().String()}
	var not *outbound.NotAllowed
	if err := refusal(dialer(t, o).Client("x").Get(target.URL)); !errors.As(err, &not) {
		t.Errorf("the proxy is not on the list: %v", err)
	}
	log = &record{}
	o.Log, o.Allowed = log, append(o.Allowed, destination(t, proxy.Addr().String(), "x"))
	client := dialer(t, o).Client("x")
	if got := get(t, client, target.URL); got != "through" {
		t.Error(got)
	}
	client.CloseIdleConnections()
	c := log.one(t)
	if c.Address.String() != proxy.Addr().String() || "https://"+c.Target != target.URL {
		t.Errorf("%+v", c)
	}
	// What is not on the list is not reached through the proxy either.
	if err := refusal(client.Get("https://example.com/")); !errors.As(err, &not) {
		t.Errorf("%v", err)
	}
}

// newTunnel is a proxy that does what CONNECT says.
func newTunnel(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go tunnel(conn)
		}
	}()
	return listener
}

func tunnel(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	r, err := http.ReadRequest(in)
	if err != nil || r.Method != http.MethodConnect || r.UserAgent() != "qrsd" {
		return
	}
	out, err := net.Dial("tcp", r.Host)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(out, in) }()
	_, _ = io.Copy(conn, out)
}

func TestNewRefuses(t *testing.T) {
	good := func() outbound.Options {
		return outbound.Options{Mode: outbound.Connected, Log: &record{}, Allowed: []outbound.Destination{{Host: "example.com", Port: 443, Purpose: "x"}}}
	}
	for name, c := range map[string]struct {
		change func(*outbound.Options)
		words  string
	}{
		"mode":      {func(o *outbound.Options) { o.Mode = 3 }, "mode 3"},
		"no log":    {func(o *outbound.Options) { o.Log = nil }, "log"},
		"no host":   {func(o *outbound.Options) { o.Allowed[0].Host = "" }, "host is empty"},
		"URL":       {func(o *outbound.Options) { o.Allowed[0].Host = "https://example.com" }, "without scheme"},
		"pattern":   {func(o *outbound.Options) { o.Allowed[0].Host = "*.example.com" }, "pattern"},
		"port":      {func(o *outbound.Options) { o.Allowed[0].Port = 0 }, "port 0 of example.com"},
		"large":     {func(o *outbound.Options) { o.Allowed[0].Port = 65536 }, "port 65536"},
		"purpose":   {func(o *outbound.Options) { o.Allowed[0].Purpose = "" }, "example.com:443"},
		"TLS proxy": {func(o *outbound.Options) { o.Proxy = &url.URL{Scheme: "https", Host: "p:1"} }, "proxy https://p:1"},
		"password": {func(o *outbound.Options) {
			o.Proxy = &url.URL{Scheme: "http", Host: "p:1", User: url.UserPassword("u", "secret")}
		}, "without user"},
	} {
		o := good()
		c.change(&o)
		_, err := outbound.New(o)
		if err == nil || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := good()
	o.Allowed[0].Host = "2001:db8::1"
	if d := dialer(t, o); d.Mode() != outbound.Connected {
		t.Error(d.Mode())
	}
	for _, name := range []string{"air-gapped", "hybrid", "connected"} {
		if m, err := outbound.ParseMode(name); err != nil || m.String() != name {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	if _, err := outbound.ParseMode("open"); err == nil || !strings.Contains(err.Error(), "air-gapped, hybrid, connected") {
		t.Error(err)
	}
}

// TestSetMode: a client that was made before the mode changed is held to the mode of now, on a connection that stands as well.
func TestSetMode(t *testing.T) {
	answering := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer answering.Close()
	to := destination(t, answering.URL, "e-mail")
	to.Plaintext = true
	d := dialer(t, outbound.Options{Log: &record{}, Allowed: []outbound.Destination{to}})
	client := d.Client("e-mail")
	defer client.CloseIdleConnections()
	for _, step := range []struct {
		mode    outbound.Mode
		answers bool
	}{{outbound.AirGapped, false}, {outbound.Connected, true}, {outbound.Hybrid, false}, {outbound.Connected, true}, {outbound.AirGapped, false}} {
		if err := d.SetMode(step.mode); err != nil || d.Mode() != step.mode {
			t.Fatalf("mode %s: %v, %s", step.mode, err, d.Mode())
		}
		reply, err := client.Get(answering.URL)
		if err == nil {
			reply.Body.Close()
		}
		if (err == nil) != step.answers {
			t.Errorf("mode %s: %v", step.mode, err)
		}
	}
	if err := d.SetMode(7); err == nil || d.Mode() != outbound.AirGapped {
		t.Errorf("mode 7: %v, %s", err, d.Mode())
	}
}

// TestSetModeCuts: what stands is closed, and on record, when the mode does not allow it any more; the rest stays.
func TestSetModeCuts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	mail, circuits := destination(t, server.URL, "e-mail"), destination(t, server.URL, outbound.Circuits)
	log := &record{}
	d := dialer(t, outbound.Options{Mode: outbound.Connected, Log: log, Allowed: []outbound.Destination{mail, circuits}})
	dial := func(to outbound.Destination) net.Conn {
		c, err := d.Dial(t.Context(), to.Purpose, to.Host, to.Port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	letter, task := dial(mail), dial(circuits)
	stands := func(c net.Conn) bool { _, err := c.Write([]byte("G")); return err == nil }
	for _, step := range []struct {
		mode         outbound.Mode
		letter, task bool
		ended        int
	}{{outbound.Connected, true, true, 0}, {outbound.Hybrid, false, true, 1}, {outbound.AirGapped, false, false, 2}} {
		if err := d.SetMode(step.mode); err != nil {
			t.Fatal(err)
		}
		if stands(letter) != step.letter || stands(task) != step.task || len(log.ended) != step.ended {
			t.Errorf("mode %s: mail stands %t, circuits stand %t, %d ends on record", step.mode, stands(letter), stands(task), len(log.ended))
		}
	}
}
