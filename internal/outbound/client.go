package outbound

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRedirects is how often a client goes on to another page of the same host.
const maxRedirects = 5

// Client is an HTTP client that reaches the allowed destinations of one purpose.
//
// It speaks HTTP/1.1, so that what leaves is text that a record can show; adds no header of its own but those that
// net/http requires (no Accept-Encoding); needs TLS 1.2 or later unless the destination allows plain text; follows redirects
// within one scheme, host and port, and returns an error for any other; reads no proxy from the environment. There is no
// limit on the whole exchange: that is the context's.
//
// Each call makes a client with connections of its own.
func (d *Dialer) Client(purpose Purpose) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return d.dialAddress(ctx, purpose, address)
		},
		TLSClientConfig:       d.tls(),
		Protocols:             new(http.Protocols),
		DisableCompression:    true,
		TLSHandshakeTimeout:   d.o.Timeout,
		ResponseHeaderTimeout: d.o.Answer,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   2,
	}
	transport.Protocols.SetHTTP1(true)
	if d.o.Proxy != nil {
		transport.Proxy = d.proxy
		transport.ProxyConnectHeader = http.Header{"User-Agent": {"qrsd"}}
	}
	return &http.Client{Transport: &guard{d, purpose, transport}, CheckRedirect: sameHost}
}

// tls trusts the roots, or the pinned certificate alone.
func (d *Dialer) tls() *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.o.Roots}
	if len(d.o.Pin) > 0 {
		t.InsecureSkipVerify = true // of chain and name; VerifyConnection, which has no exception, takes their place
		t.VerifyConnection = func(s tls.ConnectionState) error {
			if got := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(got[:], d.o.Pin) {
				return &WrongCertificate{Want: d.o.Pin, Got: got[:]}
			}
			return nil
		}
	}
	return t
}

// WrongCertificate is an answer of a host that does not have the pinned certificate.
type WrongCertificate struct {
	Want, Got []byte // SHA-256
}

// Error names both.
func (e *WrongCertificate) Error() string {
	return fmt.Sprintf("its certificate has the SHA-256 %x, and %x is pinned: it was changed, or another host answers", e.Got, e.Want)
}

// proxy is where a request goes: TLS through the tunnel, plain text to the destination itself.
func (d *Dialer) proxy(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return d.o.Proxy, nil
}

// targetKey carries the host that a request is for to the dialling of a proxy.
type targetKey struct{}

func (d *Dialer) dialAddress(ctx context.Context, purpose Purpose, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("destination %q: %w", address, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("destination %q: port: %w", address, err)
	}
	target, _ := ctx.Value(targetKey{}).(string)
	if target == address {
		target = ""
	}
	return d.dial(ctx, Connection{Purpose: purpose, Host: host, Port: port, Target: target})
}

// guard asks before every request, not only before every connection: behind a proxy the connection goes elsewhere
// than the request.
type guard struct {
	dialer    *Dialer
	purpose   Purpose
	transport *http.Transport
}

// RoundTrip sends one request, or refuses it with a record of the refusal.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	target, err := g.check(r.URL)
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // the contract of RoundTripper
		}
		return nil, err
	}
	return g.transport.RoundTrip(r.WithContext(context.WithValue(r.Context(), targetKey{}, target)))
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (g *guard) CloseIdleConnections() { g.transport.CloseIdleConnections() }

// check returns host:port of the URL.
func (g *guard) check(u *url.URL) (target string, err error) {
	port := 443
	if u.Scheme == "http" {
		port = 80
	}
	if text := u.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil {
			return "", fmt.Errorf("destination %q: port: %w", u.Host, err)
		}
	}
	to, err := g.dialer.allowed(g.purpose, u.Hostname(), port)
	if err == nil && u.Scheme != "https" && !to.Plaintext {
		err = &NotAllowed{u.Hostname(), port, g.purpose, "it is allowed with TLS only: use https, or allow plaintext"}
	}
	if err != nil {
		g.dialer.refused(g.purpose, u.Hostname(), port, err)
	}
	return net.JoinHostPort(u.Hostname(), strconv.Itoa(port)), err
}

// sameHost is the rule for redirects.
func sameHost(to *http.Request, before []*http.Request) error {
	from := before[0].URL
	if to.URL.Scheme != from.Scheme || !strings.EqualFold(to.URL.Host, from.Host) {
		return fmt.Errorf("%s answers with a redirect to %s: redirects to another host are not followed", from.Host, to.URL.Host)
	}
	if len(before) > maxRedirects {
		return fmt.Errorf("%s answers with more than %d redirects", from.Host, maxRedirects)
	}
	return nil
}
