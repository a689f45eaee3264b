package web_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/qrsrisk/qrsd/internal/figures"
	runsettings "github.com/qrsrisk/qrsd/internal/settings"
	"github.com/qrsrisk/qrsd/internal/storms"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// host is the appliance's name in tests; every connection goes to the loopback address whatever the name.
const host = "appliance.example.com"

const goodPassword = "copper lantern under nine bridges"

// clock is a clock that tests move. It goes by itself too, as slowly as the system's.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.ahead += d }

// appliance is a running server over a real store, which is verified when the test ends.
type appliance struct {
	testing.TB
	db        *store.DB
	dir       string // of the store
	directory *directory.Directory
	server    *web.Server
	clock     *clock
	address   string // of the listener
	roots     *x509.CertPool
	operator  store.Principal
	stop      func() error // stops serving, and returns Serve's error
}

// setting changes how a test's appliance is made.
type setting func(*web.Options, *directory.Options)

// start runs an appliance.
func start(t testing.TB, settings ...setting) *appliance {
	t.Helper()
	a := &appliance{TB: t, clock: &clock{}, operator: storetest.Operator()}
	a.dir = filepath.Join(t.TempDir(), "store")
	storetest.Create(t, a.dir, store.Options{Now: a.clock.now})
	a.db = storetest.Open(t, a.dir, store.Options{Now: a.clock.now})
	certificate, roots := selfSigned(t)
	a.roots = roots
	o := web.Options{
		DB: a.db, Hosts: []string{host}, Version: "test", Now: a.clock.now,
		TLS: web.TLS{Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil }},
	}
	o.Settings, o.Figures = runsettings.New(theModel), figures.New(figures.Options{AtOnce: 1, Ground: theGround})
	o.Storms = storms.New(storms.Options{Model: modelWithout, Figures: o.Figures})
	o.Devices = &paperDesk{db: a.db}
	people := directory.Options{Now: a.clock.now, Hash: cheapHash}
	for _, set := range settings {
		set(&o, &people)
	}
	a.directory = directory.Open(a.db, people)
	o.Directory = a.directory
	var err error
	a.server, err = web.New(o)
	a.must(err)
	a.serve()
	return a
}

// serve listens on a free port of the loopback address until the test ends or stop is called.
func (a *appliance) serve() {
	a.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	a.must(err)
	a.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.server.Serve(ctx, l) }()
	a.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	a.Cleanup(func() {
		if err := a.stop(); err != nil {
			a.Errorf("stop the server: %v", err)
		}
		if err := a.directory.Flush(context.Background()); err != nil {
			a.Errorf("write what was last used: %v", err)
		}
	})
}

// cheapHash is the least that an appliance may be given: what a hash costs is the test of the directory, and was half the time of these.
var cheapHash = directory.HashCost{Memory: 8 << 20, Passes: 1}

func selfSigned(t testing.TB) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host, "other.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

// transport makes connections to the appliance.
func (a *appliance) transport() *http.Transport {
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.roots, ServerName: host}, DisableCompression: true, MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", a.address)
		},
	}
}

func (a *appliance) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// unlock opens the store with its key file.
func (a *appliance) unlock(ctx context.Context) error {
	return a.db.Unlock(ctx, a.operator, storetest.Unlocker(a.dir))
}

// tenant makes a tenant.
func (a *appliance) tenant(name string) store.ID {
	a.Helper()
	return storetest.AddTenant(a.TB, a.db, name)
}

// person is a user of a tenant with a client of its own: a browser, as far as cookies and headers go.
type person struct {
	*appliance
	id       store.ID
	tenant   store.ID
	email    string
	password string
	factor   string // secret of the TOTP application; "" without one
	client   *http.Client
	cookie   string // "" when signed out
	key      string // API key that takes the cookie's place
}

// stranger is nobody yet.
func (a *appliance) stranger() *person {
	return &person{appliance: a, client: a.client(nil)}
}

// client makes connections to the appliance; change edits its TLS configuration.
func (a *appliance) client(change func(*tls.Config)) *http.Client {
	transport := a.transport()
	if change != nil {
		change(transport.TLSClientConfig)
	}
	a.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: described(a.TB, transport), Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// join makes a user with a password of its own, and in roles that need it a second factor, and signs it in over HTTP.
func (a *appliance) join(tenant store.ID, email string, role store.Role) *person {
	a.Helper()
	p := a.account(tenant, email, role)
	p.signIn()
	return p
}

// account makes a user as join does, and leaves it signed out.
func (a *appliance) account(tenant store.ID, email string, role store.Role) *person {
	a.Helper()
	ctx, desk := a.Context(), store.Source{Address: "192.0.2.80", UserAgent: "test"}
	u, oneTime, err := a.directory.AddUser(ctx, a.operator, tenant, directory.NewUser{Email: email, Name: "N. N.", Role: role})
	a.must(err)
	p := &person{appliance: a, id: u.ID, tenant: tenant, email: email, password: goodPassword, client: a.client(nil)}
	by, _, err := a.directory.SignIn(ctx, directory.Credentials{Email: email, Password: oneTime, Tenant: tenant}, desk)
	a.must(err)
	token, err := a.directory.SetPassword(ctx, by, oneTime, directory.NewSecret(goodPassword))
	a.must(err)
	if role == store.Admin || role == store.Approver || role == store.Operator {
		by, _, err = a.directory.Session(ctx, token, desk)
		a.must(err)
		e, err := a.directory.EnrolSecondFactor(ctx, by, token, directory.NewSecret(goodPassword), "test")
		a.must(err)
		p.factor = e.Secret.Reveal()
		_, _, err = a.directory.ConfirmSecondFactor(ctx, by, token, directory.NewSecret(p.code()))
		a.must(err)
		a.clock.pass(31 * time.Second) // the next code is another one
	}
	return p
}

// code is what the person's application shows now.
func (p *person) code() string {
	p.Helper()
	if p.factor == "" {
		return ""
	}
	code, err := totp.GenerateCode(p.factor, p.clock.now())
	p.must(err)
	return code
}

// signIn signs in over HTTP and keeps the cookie.
func (p *person) signIn() {
	p.Helper()
	r := p.call("POST", "/api/v1/session", wire.SignIn{Email: p.email, Password: p.password, Tenant: p.tenant.String(), Code: p.code()})
	if r.Status != 201 || p.cookie == "" {
		p.Fatalf("sign in as %s: %s", p.email, r)
	}
}

// answer is a reply with its body read.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

func (r answer) String() string { return http.StatusText(r.Status) + ": " + string(r.Body) }

// into decodes the body.
func (r answer) into(t testing.TB, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("decode %s: %v", r, err)
	}
}

// problem decodes the body of an error.
func (r answer) problem(t testing.TB) (p wire.Problem) {
	t.Helper()
	if got := r.Header.Get("Content-Type"); got != wire.ProblemType {
		t.Fatalf("an error as %q: %s", got, r)
	}
	r.into(t, &p)
	if p.Status != r.Status || p.RequestID == "" || p.RequestID != r.Header.Get("X-Request-Id") {
		t.Fatalf("problem %+v with status %d and request %q", p, r.Status, r.Header.Get("X-Request-Id"))
	}
	return p
}

// call sends a JSON body, or none for nil, as a browser of the appliance's own pages would. Edits change the request before it is sent.
func (p *person) call(method, path string, body any, edits ...func(*http.Request)) answer {
	p.Helper()
	var content io.Reader = http.NoBody
	media := "application/json"
	if text, ok := body.(string); ok {
		content = strings.NewReader(text)
	} else if form, ok := body.(parts); ok {
		media, content = form.media, bytes.NewReader(form.content)
	} else if body != nil {
		b, err := json.Marshal(body)
		p.must(err)
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(p.Context(), method, "https://"+host+path, content)
	p.must(err)
	if body != nil {
		r.Header.Set("Content-Type", media)
	}
	switch {
	case p.key != "":
		r.Header.Set("Authorization", "Bearer "+p.key)
	default:
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", "https://"+host)
		if p.cookie != "" {
			r.Header.Set("Cookie", "__Host-qrsd="+p.cookie)
		}
	}
	for _, edit := range edits {
		edit(r)
	}
	return p.send(r)
}

// send sends a request as it is, and keeps the cookie that comes back.
func (p *person) send(r *http.Request) answer {
	p.Helper()
	got, err := p.client.Do(r)
	p.must(err)
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	p.must(err)
	for _, c := range got.Cookies() {
		if c.Name == "__Host-qrsd" {
			p.cookie = c.Value
		}
	}
	return answer{got.StatusCode, got.Header, body}
}

// want fails the test unless the reply has the status.
func (p *person) want(status int, r answer) answer {
	p.Helper()
	if r.Status != status {
		p.Fatalf("got status %d, want %d: %s", r.Status, status, r)
	}
	return r
}

// header sets a header of a call.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// entries are all entries of a log: of a tenant's, or of the Appliance.
func (a *appliance) entries(tenant store.ID) []store.Read {
	a.Helper()
	reader := storetest.User(tenant, store.Admin)
	if tenant == store.Appliance {
		reader = a.operator
	}
	t, err := a.db.Tenant(context.Background(), reader, tenant)
	a.must(err)
	all, err := t.Audit(context.Background(), store.Query{Limit: 10000})
	a.must(err)
	return all
}

// ofRequest are the entries of one request in any of the logs.
func (a *appliance) ofRequest(id string, tenants ...store.ID) (found []store.Read) {
	a.Helper()
	for _, t := range append(tenants, store.Appliance) {
		for _, e := range a.entries(t) {
			if e.Request == id {
				found = append(found, e)
			}
		}
	}
	return found
}

// raw sends bytes over a TLS connection of its own and returns all that comes back until the server closes it, or for a
// second after the last byte.
func (a *appliance) raw(text string) string {
	a.Helper()
	c := a.dial()
	defer func() { _ = c.Close() }()
	_, err := io.WriteString(c, text)
	a.must(err)
	return readAll(c)
}

func (a *appliance) dial() *tls.Conn {
	a.Helper()
	c, err := a.tryDial()
	a.must(err)
	return c
}

func (a *appliance) tryDial() (*tls.Conn, error) {
	c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: a.roots, ServerName: host}}).DialContext(a.Context(), "tcp", a.address)
	if err != nil {
		return nil, err
	}
	return c.(*tls.Conn), nil
}

// plain is a connection without TLS.
func (a *appliance) plain() net.Conn {
	a.Helper()
	c, err := a.tryPlain()
	a.must(err)
	return c
}

func (a *appliance) tryPlain() (net.Conn, error) {
	return (&net.Dialer{}).DialContext(a.Context(), "tcp", a.address)
}

func readAll(c net.Conn) string {
	var got []byte
	b := make([]byte, 4096)
	for {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		n, err := c.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			return string(got)
		}
	}
}

// prefixes parses address ranges.
func prefixes(texts ...string) (all []netip.Prefix) {
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}
