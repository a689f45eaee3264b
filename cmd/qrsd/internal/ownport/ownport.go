// Package ownport asks the appliance at its own port, from its own host: for the doctor beside a running daemon, and for the check of the
// way in. It speaks TLS as browsers do, trusts the certificate that the configuration names and no other, and reaches nothing else.
//
// Nothing leaves the host by it, so that it works in every mode, and is not in the record of connections to others.
//
// Begin with Client.
package ownport

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/internal/outbound"
)

// purpose is what the appliance's own port is reached for.
const purpose outbound.Purpose = "own port"

// patience bounds connecting and greeting, each: it is the same host.
const patience = 2 * time.Second

// ErrClientCertificate: the appliance asks clients for a certificate, which is not ours to have.
var ErrClientCertificate = errors.New("clients must show a certificate (tls.require)")

// Options say where the port is.
type Options struct {
	Config *config.Config
	// Address is where it listens, host:port; "": Config.Listen.
	Address string
	// Certificate is the one in use; nil: the file that the configuration names, or the self-signed one in its folder.
	Certificate *x509.Certificate
}

// Client makes a client of the port, and says the base of its addresses: https://name:port. Idle connections of it end by themselves.
//
// Errors: ErrClientCertificate, those of the certificate, and of an address without a port that is fixed.
func Client(o Options) (client *http.Client, base string, err error) {
	if o.Config.TLS.Require {
		return nil, "", ErrClientCertificate
	}
	if o.Address == "" {
		o.Address = o.Config.Listen
	}
	host, portText, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, "", fmt.Errorf("the port's address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port == 0 {
		return nil, "", fmt.Errorf("listen = %q has no fixed port: the running appliance alone knows where it is", o.Address)
	}
	at, err := loopback(host)
	if err != nil {
		return nil, "", err
	}
	roots, err := o.roots()
	if err != nil {
		return nil, "", err
	}
	name, err := nameFor(o.Config.Hosts, at)
	if err != nil {
		return nil, "", err
	}
	d, err := outbound.New(outbound.Options{
		Mode: outbound.Connected, Allowed: []outbound.Destination{{Host: name, Port: port, Purpose: purpose, Local: true}},
		Log: unrecorded{}, Roots: roots, Timeout: patience,
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{at}, nil },
	})
	if err != nil {
		return nil, "", err
	}
	return d.Client(purpose), (&url.URL{Scheme: "https", Host: net.JoinHostPort(name, strconv.Itoa(port))}).String(), nil
}

// loopback is the address at which this host reaches what listens at host.
func loopback(host string) (netip.Addr, error) {
	switch host {
	case "", "0.0.0.0", "localhost":
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	case "::":
		return netip.IPv6Loopback(), nil
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return at, fmt.Errorf("the port's address: %w", err)
	}
	return at, nil
}

// nameFor is a host of the appliance that leads nowhere but to the address: a name, which is not resolved, or that address itself.
func nameFor(hosts []string, at netip.Addr) (string, error) {
	for _, h := range hosts {
		if ip, err := netip.ParseAddr(h); err != nil || ip == at {
			return h, nil
		}
	}
	return "", fmt.Errorf("hosts has no name, and not the address %s at which the appliance listens: add one to it", at)
}

// roots is the appliance's own certificate.
func (o Options) roots() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if o.Certificate != nil {
		pool.AddCert(o.Certificate)
		return pool, nil
	}
	path := o.Config.TLS.Certificate
	if path == "" {
		path = filepath.Join(o.Config.TLS.Folder, "certificate.pem")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the appliance's certificate: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the appliance's certificate: %s: no certificate in it", path)
	}
	return pool, nil
}

// unrecorded drops the record: nothing leaves the host.
type unrecorded struct{}

func (unrecorded) Opening(outbound.Connection) error { return nil }
func (unrecorded) Ended(outbound.Connection)         {}

// maxReply bounds what is read of an answer, in bytes.
const maxReply = 64 << 10

// Ready asks whether the appliance is ready: "ok", "locked" or "stopping".
func Ready(ctx context.Context, o Options) (state string, err error) {
	client, base, err := Client(o)
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return "", err
	}
	reply, err := client.Do(r)
	if err != nil {
		return "", brief(err)
	}
	defer reply.Body.Close()
	var said struct {
		Status string `json:"status"`
	}
	if err := json.NewDecoder(io.LimitReader(reply.Body, maxReply)).Decode(&said); err != nil || said.Status == "" {
		return "", fmt.Errorf("it answers %s, and not as this appliance does", strings.ToLower(reply.Status))
	}
	return said.Status, nil
}

// brief is an error of a request without its address.
func brief(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err
	}
	return err
}
