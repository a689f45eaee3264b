package notify

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/directory"
)

// Security is how the connection to a mail server is protected.
type Security string

// The securities. The zero value is StartTLS, and TLS on port 465.
const (
	StartTLS Security = "starttls" // begins in the clear and goes on with TLS, or ends (RFC 3207)
	TLS      Security = "tls"      // from the first byte (RFC 8314)
	None     Security = "none"     // to this host itself alone, without a password
)

// Server is a mail server that takes messages for others.
type Server struct {
	// Host and Port are where it is; the certificate must be the host's. 0: 587.
	Host string
	Port int

	// Security is how the connection is protected.
	Security Security

	// From is the sender's address, with a name or without: "qrsd <qrsd@example.com>".
	From string

	// User signs in to the server; "": nobody does.
	User string

	// Password reads the user's, for every connection anew, so that it can be replaced.
	Password func() (directory.Secret, error)

	// Roots are the authorities that sign the server's certificate; nil: those of the operating system.
	Roots *x509.CertPool

	// Timeout bounds each exchange with the server, a whole message being one; 0: 30 seconds.
	Timeout time.Duration
}

const (
	submission, submissions = 587, 465
	exchangeTimeout         = 30 * time.Second
)

// filled sets what has a default.
func (s Server) filled() Server {
	if s.Port == 0 {
		s.Port = submission
	}
	if s.Security == "" {
		s.Security = StartTLS
		if s.Port == submissions {
			s.Security = TLS
		}
	}
	if s.Timeout == 0 {
		s.Timeout = exchangeTimeout
	}
	return s
}

// Destination is what the dialer must be allowed to reach.
func (s Server) Destination() outbound.Destination {
	s = s.filled()
	return outbound.Destination{Host: s.Host, Port: s.Port, Purpose: Purpose}
}

// Check says what is wrong with a server, and the mend; nil: nothing.
func (s Server) Check() error {
	s = s.filled()
	_, err := mail.ParseAddress(s.From)
	switch {
	case s.Host == "":
		return errors.New("host: name the mail server")
	case s.Port < 1 || s.Port > 65535:
		return fmt.Errorf("port %d: must lie in 1 to 65535", s.Port)
	case s.Security != StartTLS && s.Security != TLS && s.Security != None:
		return fmt.Errorf("security %q: must be starttls, tls or none", s.Security)
	case err != nil:
		return fmt.Errorf("from %q: must be an e-mail address, with a name or without: qrsd <qrsd@example.com>", s.From)
	case s.Security == None && !thisHost(s.Host):
		return fmt.Errorf("security none: %s may be another host, and what is sent to it opens accounts; use starttls or tls, or a server on this host", s.Host)
	case s.Security == None && s.User != "":
		return errors.New("security none: a password would go in the clear; leave the user out, or use starttls or tls")
	case (s.User == "") != (s.Password == nil):
		return errors.New("user and password: give both or neither")
	}
	return nil
}

// domain is that of a checked address.
func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// thisHost reports whether a name is that of this host whatever a name service says.
func thisHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// greeting is how the appliance calls itself to a server: its own name or address literal (RFC 5321 §4.1.3), not that of the machine.
func greeting(host string) string {
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return host
	case a.Is6():
		return "[IPv6:" + a.String() + "]"
	}
	return "[" + a.String() + "]"
}
