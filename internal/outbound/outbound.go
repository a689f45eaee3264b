// Package outbound is the one place where the product opens a connection to another host. Whoever needs one is
// handed a [Dialer], or a client that it made, by the program's main function; the import policy forbids every other
// way to dial.
//
// It holds the [Mode] of the host, the destinations that its owner allowed one by one, and the record of every
// connection that was opened or refused ([Log]). It does not hold what was said over a connection: the egress record of
// circuits (package quantum/egress) and the client packages do. It listens to nothing.
//
// Begin reading at [New], then [Dialer.Dial] for the life of one connection and [Dialer.Client] for HTTP.
package outbound

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Mode is how far a host may reach. The zero value is the strictest.
type Mode int

const (
	// AirGapped dials nothing, whatever is on the list of destinations; circuits travel as signed files.
	AirGapped Mode = iota

	// Hybrid dials the allowed destinations whose purpose is [Circuits], and no others.
	Hybrid

	// Connected dials every allowed destination.
	Connected
)

// modeNames are the spellings in the configuration.
func modeNames() []string { return []string{"air-gapped", "hybrid", "connected"} }

// String is the mode as it is written in the configuration: "air-gapped", "hybrid" or "connected".
func (m Mode) String() string {
	if m < AirGapped || m > Connected {
		return fmt.Sprintf("Mode(%d)", int(m))
	}
	return modeNames()[m]
}

func (m Mode) check() error {
	if m < AirGapped || m > Connected {
		return fmt.Errorf("mode %d: must be one of %s", int(m), strings.Join(modeNames(), ", "))
	}
	return nil
}

// ParseMode reads "air-gapped", "hybrid" or "connected".
func ParseMode(text string) (Mode, error) {
	i := slices.Index(modeNames(), text)
	if i < 0 {
		return AirGapped, fmt.Errorf("mode %q: must be one of %s", text, strings.Join(modeNames(), ", "))
	}
	return Mode(i), nil
}

// Purpose is why a destination is reached: one word or two for the list of destinations and the record,
// "circuits", "e-mail", "audit stream".
type Purpose string

// Circuits is the purpose of everything that serves quantum hardware: Amazon Braket, its result bucket, the
// service that renews its credentials. It is the only one that mode hybrid dials for.
const Circuits Purpose = "circuits"

// Destination is one host and port that may be reached for one purpose.
type Destination struct {
	// Host is a DNS name or an IP address without brackets. Names are compared without regard to case; there are no patterns.
	Host string

	// Port is the TCP port, 1 to 65535.
	Port int

	// Purpose is what the destination is for; a client made for another purpose does not reach it.
	Purpose Purpose

	// Plaintext allows http:// URLs. Without it HTTP needs TLS.
	Plaintext bool

	// Local allows that the name resolves to the host itself or to its link (loopback, link-local). Without it, such an
	// answer of the name service is refused: it would turn an outer name into a door to services of this host. A
	// Host that is itself such an address, or localhost, needs no Local.
	Local bool

	public bool // on no list: any of its addresses must be public
}

// String is "host:port".
func (d Destination) String() string { return net.JoinHostPort(d.Host, strconv.Itoa(d.Port)) }

// check says what is wrong with an entry of the list.
func (d Destination) check() error {
	_, addressErr := netip.ParseAddr(d.Host)
	switch {
	case d.Host == "":
		return errors.New("host is empty: name the host that may be reached")
	case addressErr != nil && strings.ContainsAny(d.Host, ":/*@[] "):
		return fmt.Errorf("host %q: must be one DNS name or one IP address, without scheme, port, path or pattern", d.Host)
	case d.Port < 1 || d.Port > 65535:
		return fmt.Errorf("port %d of %s: must lie in 1 to 65535", d.Port, d.Host)
	case d.Purpose == "":
		return fmt.Errorf("destination %s: say what it is for (purpose)", d)
	}
	return nil
}

// Options configure a Dialer.
type Options struct {
	// Mode is how far the host may reach; the zero value is air-gapped. SetMode changes it.
	Mode Mode

	// Allowed are the destinations that may be reached, one by one. Empty: none.
	Allowed []Destination

	// Public are purposes that may reach any host besides, in mode connected, with TLS, where all its addresses are public: destinations
	// that users name. What is not public, or lies behind the proxy, is reached only if it is among Allowed. Empty: none.
	Public []Purpose

	// Log is told of every connection. Required.
	Log Log

	// Proxy is an HTTP proxy, "http://host:port", through which TLS connections of clients are tunnelled (CONNECT); it must itself be
	// among Allowed for the client's purpose. nil: none. The environment's HTTPS_PROXY is not read.
	Proxy *url.URL

	// Roots are the certificate authorities to trust; nil: those of the operating system.
	Roots *x509.CertPool

	// Pin is the SHA-256 of the one certificate that clients accept, whoever signed it and whatever names it has; empty: Roots decide.
	Pin []byte

	// Timeout bounds name resolution, connecting and the TLS handshake, each. 0: 30 seconds.
	Timeout time.Duration

	// Answer bounds the wait for the beginning of an answer, once a request was sent. 0: 2 minutes.
	Answer time.Duration

	// Now is the clock of the record; nil: time.Now.
	Now func() time.Time

	// Resolve turns a name into addresses; nil: the resolver of the operating system.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)

	// Connect opens a TCP connection to an address; nil: the operating system. Tests pass one that refuses.
	Connect func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// Dialer opens connections. It is safe for concurrent use.
type Dialer struct {
	o    Options
	mode atomic.Int64  // a Mode
	next atomic.Uint64 // number of the last connection

	standing sync.Map // *counted, while it is open
}

// New checks the options and makes a dialer.
func New(o Options) (*Dialer, error) {
	if err := o.Mode.check(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		return nil, errors.New("outbound connections need a log: nothing leaves the host unrecorded")
	}
	if len(o.Pin) > 0 && (len(o.Pin) != sha256.Size || o.Roots != nil) {
		return nil, fmt.Errorf("pin of %d bytes: must be a SHA-256 of %d bytes, in place of roots", len(o.Pin), sha256.Size)
	}
	for _, d := range o.Allowed {
		if err := d.check(); err != nil {
			return nil, err
		}
	}
	if p := o.Proxy; p != nil && (p.Scheme != "http" || p.Hostname() == "" || p.User != nil) {
		return nil, fmt.Errorf("proxy %s: must be http://host:port without user and password", p.Redacted())
	}
	o.Allowed, o.Public, o.Pin = slices.Clone(o.Allowed), slices.Clone(o.Public), slices.Clone(o.Pin)
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Answer == 0 {
		o.Answer = 2 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Resolve == nil {
		o.Resolve = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	if o.Connect == nil {
		system := net.Dialer{Timeout: o.Timeout}
		o.Connect = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return system.DialContext(ctx, "tcp", to.String())
		}
	}
	d := &Dialer{o: o}
	d.mode.Store(int64(o.Mode))
	return d, nil
}

// Mode is how far the host may reach at this moment.
func (d *Dialer) Mode() Mode { return Mode(d.mode.Load()) }

// SetMode changes how far the host may reach, for every client of this dialer. Connections that the mode does not allow any more are
// cut.
func (d *Dialer) SetMode(m Mode) error {
	if err := m.check(); err != nil {
		return err
	}
	d.mode.Store(int64(m))
	d.standing.Range(func(c, _ any) bool {
		c.(*counted).cutUnlessAllowed()
		return true
	})
	return nil
}

// ErrAirGapped refuses every connection of an air-gapped host. The text is for its user.
var ErrAirGapped = errors.New("this host is air-gapped: it opens no connection to any other host; " +
	"carry the work across as a file, or let its owner change the mode")

// NotAllowed refuses a connection to a destination that is not on the list, or not for this purpose or mode.
type NotAllowed struct {
	// Host and Port are what was asked for.
	Host string
	Port int

	// Purpose is what it was asked for.
	Purpose Purpose

	// Reason says why, and what to do about it.
	Reason string
}

// Error names destination, purpose and reason.
func (e *NotAllowed) Error() string {
	return fmt.Sprintf("no connection to %s for %s: %s", net.JoinHostPort(e.Host, strconv.Itoa(e.Port)), e.Purpose, e.Reason)
}

// Check says whether a connection would be allowed, without opening one: nil, [ErrAirGapped] or a *[NotAllowed]. A refusal is recorded like
// that of a connection.
func (d *Dialer) Check(purpose Purpose, host string, port int) error {
	_, err := d.allowed(purpose, host, port)
	if err != nil {
		d.refused(purpose, host, port, err)
	}
	return err
}

// refused records what mode or list did not allow.
func (d *Dialer) refused(purpose Purpose, host string, port int, reason error) {
	now := d.o.Now()
	d.o.Log.Ended(Connection{ID: d.next.Add(1), Purpose: purpose, Host: host, Port: port, Began: now, Ended: now, Outcome: Refused, Reason: reason.Error()})
}

// allowed is the one place where mode and list decide.
func (d *Dialer) allowed(purpose Purpose, host string, port int) (Destination, error) {
	mode := d.Mode()
	if mode == AirGapped {
		return Destination{}, ErrAirGapped
	}
	refuse := func(format string, values ...any) (Destination, error) {
		return Destination{}, &NotAllowed{host, port, purpose, fmt.Sprintf(format, values...)}
	}
	if mode == Hybrid && purpose != Circuits {
		return refuse("in mode hybrid only destinations for %s are reached; mode connected reaches the others on the list", Circuits)
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	var others []string
	for _, a := range d.o.Allowed {
		switch {
		case strings.TrimSuffix(strings.ToLower(a.Host), ".") != host || a.Port != port:
		case a.Purpose != purpose:
			others = append(others, string(a.Purpose))
		default:
			return a, nil
		}
	}
	if to, ok := d.public(purpose, host, port); ok {
		return to, nil
	}
	if len(others) > 0 {
		return refuse("it is allowed for %s alone; add it to the allowed destinations for this purpose too", strings.Join(others, ", "))
	}
	return refuse("it is not among the allowed destinations; its owner must add it")
}
