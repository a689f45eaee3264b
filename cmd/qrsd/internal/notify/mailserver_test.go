package notify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/notify"
	"github.com/qrsrisk/qrsd/store/directory"
)

const mailUser, mailPassword = "qrsd-relay", "the relay's own password"

// mailServer is a mail server on this host that keeps what it gets.
type mailServer struct {
	*smtp.Server
	roots *x509.CertPool
	host  string
	port  int
	stop  func() // it, and waits for that

	rcpt func(to string) error // what it says to recipients; nil: yes
	data func(to string) error // and to messages, after it has read them

	mu  sync.Mutex
	got []mailed
	ins int // attempts to sign in
}

// mailed is one message that was taken.
type mailed struct {
	from, to, text string
	secured        bool // came over TLS
	signedIn       bool
}

func (s *mailServer) taken() []mailed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mailed(nil), s.got...)
}

// serve begins a mail server with a certificate for a host. implicit: TLS from the first byte.
func serve(t testing.TB, certified string, implicit bool) *mailServer {
	t.Helper()
	pair, roots := certificate(t, certified)
	s := &mailServer{roots: roots, host: "127.0.0.1"}
	s.Server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, secured := c.TLSConnectionState()
		return &session{server: s, mailed: mailed{secured: secured}}, nil
	}))
	s.Domain, s.TLSConfig, s.ErrorLog = "mail.example.com", &tls.Config{Certificates: []tls.Certificate{pair}}, quiet{}
	s.ReadTimeout = 20 * time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if implicit {
		l = tls.NewListener(l, s.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	s.stop = sync.OnceFunc(func() { _ = l.Close(); _ = s.Close(); <-done })
	t.Cleanup(s.stop)
	return s
}

// at is the server as the sender knows it.
func (s *mailServer) at(security notify.Security) notify.Server {
	to := notify.Server{Host: s.host, Port: s.port, Security: security, From: "The appliance <qrsd@example.com>", Roots: s.roots, Timeout: 2 * time.Second}
	if security != notify.None {
		to.User, to.Password = mailUser, func() (directory.Secret, error) { return directory.NewSecret(mailPassword), nil }
	}
	return to
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type session struct {
	server *mailServer
	mailed
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.ins++
		if user != mailUser || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		s.signedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if s.server.rcpt != nil {
		return s.server.rcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.text = string(text)
	if s.server.data != nil {
		if err := s.server.data(s.to); err != nil {
			return err
		}
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.got = append(s.server.got, s.mailed)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// certificate is one for a host, and the pool that trusts it.
func certificate(t testing.TB, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
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
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// script is a server that says what it is told and keeps what it hears, for what no honest server does.
type script struct {
	port  int
	mu    sync.Mutex
	heard []byte
}

// recite serves one kind of conversation to everybody: each reply after a line was heard; the last one is silence.
func recite(t testing.TB, greeting string, replies ...string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{port: l.Addr().(*net.TCPAddr).Port}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			t.Cleanup(func() { _ = conn.Close() })
			all.Go(func() { s.talk(conn, greeting, replies) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() }) // runs after the connections' own
	return s
}

func (s *script) talk(conn net.Conn, greeting string, replies []string) {
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, greeting)
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.heard = append(s.heard, buffer[:n]...)
		s.mu.Unlock()
		if len(replies) > 0 {
			_, _ = io.WriteString(conn, replies[0])
			replies = replies[1:]
		}
	}
}

func (s *script) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.heard)
}
