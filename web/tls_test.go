package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// TestTLSVersions offers each version and each weak suite to a server that allows 1.3 only, and to one that allows 1.2.
func TestTLSVersions(t *testing.T) {
	strict := start(t)
	older := start(t, func(o *web.Options, _ *directory.Options) { o.TLS.AllowTLS12 = true })
	offers := map[string]struct {
		version uint16
		suites  []uint16
		strict  bool
		older   bool
	}{
		"1.0":                 {version: tls.VersionTLS10},
		"1.1":                 {version: tls.VersionTLS11},
		"1.2":                 {version: tls.VersionTLS12, older: true},
		"1.3":                 {version: tls.VersionTLS13, strict: true, older: true},
		"1.2 without secrecy": {version: tls.VersionTLS12, suites: []uint16{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
		"1.2 with CBC":        {version: tls.VersionTLS12, suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}},
		"1.2 with RC4":        {version: tls.VersionTLS12, suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}},
		"1.2 with one AEAD":   {version: tls.VersionTLS12, suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, older: true},
	}
	for name, offer := range offers {
		for _, server := range []struct {
			*appliance
			want bool
		}{{strict, offer.strict}, {older, offer.older}} {
			c, err := (&tls.Dialer{Config: &tls.Config{
				RootCAs: server.roots, ServerName: host, MinVersion: offer.version, MaxVersion: offer.version, CipherSuites: offer.suites,
			}}).DialContext(t.Context(), "tcp", server.address)
			if (err == nil) != server.want {
				t.Errorf("%s: connected %t, want %t: %v", name, err == nil, server.want, err)
			}
			if err == nil {
				_ = c.Close()
			}
		}
	}
}

// TestTLSProtocols wants HTTP/1.1 and nothing else to be agreed on, and plain text to be answered with nothing.
func TestTLSProtocols(t *testing.T) {
	a := start(t)
	c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: a.roots, ServerName: host, NextProtos: []string{"h2", "http/1.1"}}}).DialContext(t.Context(), "tcp", a.address)
	a.must(err)
	defer func() { _ = c.Close() }()
	if got := c.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("agreed on %q", got)
	}
	if h2, err := (&tls.Dialer{Config: &tls.Config{RootCAs: a.roots, ServerName: host, NextProtos: []string{"h2"}}}).DialContext(t.Context(), "tcp", a.address); err == nil {
		_ = h2.Close()
		t.Error("a client that speaks HTTP/2 only was let in")
	}
	plain := a.plain()
	defer func() { _ = plain.Close() }()
	_, err = plain.Write([]byte("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
	a.must(err)
	if got := readAll(plain); strings.Contains(got, "200") || strings.Contains(got, "ok") {
		t.Errorf("plain text is answered: %q", got)
	}
}

// TestCertificateReload wants the certificate of now with every handshake.
func TestCertificateReload(t *testing.T) {
	first, roots := selfSigned(t)
	second, _ := selfSigned(t)
	now := first
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.TLS.Certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return now, nil }
	})
	a.roots = roots
	_ = a.dial().Close()
	now = second
	if c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: host}}).DialContext(t.Context(), "tcp", a.address); err == nil {
		_ = c.Close()
		t.Fatal("the certificate of before is still shown")
	}
}

// TestClientCertificates wants certificates of the configured authorities where they are required, also after these changed.
func TestClientCertificates(t *testing.T) {
	mine, authority := clientCertificate(t)
	_, others := clientCertificate(t)
	trusted := authority
	given := start(t, func(o *web.Options, _ *directory.Options) { o.TLS.ClientCAs = func() *x509.CertPool { return trusted } })
	required := start(t, func(o *web.Options, _ *directory.Options) {
		o.TLS.ClientCAs, o.TLS.RequireClient = func() *x509.CertPool { return trusted }, true
	})
	reach := func(a *appliance, with ...tls.Certificate) bool {
		r, err := a.client(func(c *tls.Config) { c.Certificates = with }).Get("https://" + host + "/healthz")
		if err == nil {
			_ = r.Body.Close()
		}
		return err == nil
	}
	if !reach(given) || !reach(given, mine) || reach(required) || !reach(required, mine) {
		t.Error("a client with the right certificate, or without one, is not received as configured")
	}
	trusted = others
	if reach(given, mine) || reach(required, mine) {
		t.Error("a certificate of an authority of before is still good")
	}
}

func clientCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}
