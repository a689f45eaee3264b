package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Outcome is how a connection ended, in one word.
type Outcome string

// The outcomes of a [Connection].
const (
	// Refused: mode, list, name service's answer or the log itself did not allow it; nothing was sent to the destination.
	Refused Outcome = "refused"

	// Failed: the name could not be resolved or nobody answered.
	Failed Outcome = "failed"

	// Opened: it stood, and bytes may have been exchanged.
	Opened Outcome = "opened"
)

// Connection is the record of one connection, opened or not.
type Connection struct {
	// ID numbers the connections of one process from 1; it joins the two calls of a [Log].
	ID uint64

	// Purpose, Host and Port are what was asked for.
	Purpose Purpose
	Host    string
	Port    int

	// Target is "host:port" of the request where Host is a proxy that tunnels it; "" otherwise.
	Target string

	// Address is what Host resolved to, of several the one that answered; zero before that.
	Address netip.AddrPort

	// Began and Ended are the times of the request and of the end; Ended is zero while the connection stands.
	Began, Ended time.Time

	// Sent and Received count bytes on the TCP connection, TLS included.
	Sent, Received int64

	// Outcome is "" while the connection is being opened.
	Outcome Outcome

	// Reason is the refusal or the failure in words; "" for a connection that stood.
	Reason string
}

// Log records connections. Its methods are called from several goroutines at once.
type Log interface {
	// Opening is called before the name is resolved. An error forbids the connection: nothing leaves
	// the host unrecorded.
	Opening(Connection) error

	// Ended is called once for every connection: when it is closed, has failed or was refused (by mode or list: without Opening).
	Ended(Connection)
}

// Dial opens a TCP connection to host:port for the purpose. It is refused with [ErrAirGapped] or a *[NotAllowed], which
// is recorded like everything else. The connection counts what passes and is recorded when it is closed.
func (d *Dialer) Dial(ctx context.Context, purpose Purpose, host string, port int) (net.Conn, error) {
	return d.dial(ctx, Connection{Purpose: purpose, Host: host, Port: port})
}

// dial is Dial for a record with purpose, host, port and target.
func (d *Dialer) dial(ctx context.Context, c Connection) (net.Conn, error) {
	c.ID, c.Began = d.next.Add(1), d.o.Now()
	conn, err := d.open(ctx, &c)
	if err != nil {
		c.Ended, c.Reason = d.o.Now(), err.Error()
		d.o.Log.Ended(c)
		return nil, err
	}
	c.Outcome = Opened
	standing := &counted{Conn: conn, dialer: d, record: c}
	d.standing.Store(standing, nil)
	standing.cutUnlessAllowed() // the mode may have changed meanwhile
	return standing, nil
}

// open does what Dial says and sets the record's Outcome where it fails.
func (d *Dialer) open(ctx context.Context, c *Connection) (net.Conn, error) {
	c.Outcome = Refused
	to, err := d.allowed(c.Purpose, c.Host, c.Port)
	if err != nil {
		return nil, err
	}
	opening := *c
	opening.Outcome = ""
	if err := d.o.Log.Opening(opening); err != nil {
		return nil, fmt.Errorf("recording the connection to %s before it is opened: %w", to, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	c.Outcome = Failed
	addresses, err := d.resolve(ctx, to)
	if err != nil {
		var not *NotAllowed
		if errors.As(err, &not) {
			c.Outcome = Refused
		}
		return nil, err
	}
	var faults []error
	for _, a := range addresses {
		c.Address = netip.AddrPortFrom(a, uint16(to.Port))
		conn, err := d.o.Connect(ctx, c.Address)
		if err == nil {
			return conn, nil
		}
		faults = append(faults, err)
	}
	return nil, fmt.Errorf("connecting to %s: %w", to, errors.Join(faults...))
}

// resolve turns the destination's host into addresses that it may have. At least one, without an error.
func (d *Dialer) resolve(ctx context.Context, to Destination) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(to.Host); err == nil {
		return d.fit(to, []netip.Addr{a})
	}
	addresses, err := d.o.Resolve(ctx, to.Host)
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", to.Host, err)
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("resolving %s: the name service knows no address", to.Host)
	}
	local := to.Local || strings.EqualFold(to.Host, "localhost")
	for i, a := range addresses {
		a = a.Unmap()
		if a.IsUnspecified() || a.IsMulticast() || !local && (a.IsLoopback() || a.IsLinkLocalUnicast()) {
			return nil, &NotAllowed{to.Host, to.Port, to.Purpose, fmt.Sprintf(
				"the name service says %s, an address of this host or its link; allow it with local, or name the address itself", a)}
		}
		addresses[i] = a
	}
	return d.fit(to, addresses)
}

// fit holds the addresses of a destination that is on no list to public ones. What it lets through is what is connected to: the name is not
// resolved again.
func (*Dialer) fit(to Destination, addresses []netip.Addr) ([]netip.Addr, error) {
	if to.public {
		if err := to.onlyPublic(addresses); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}

// counted counts the bytes of a connection and records its end once.
type counted struct {
	net.Conn
	dialer         *Dialer
	record         Connection // written before and during end only
	sent, received atomic.Int64
	end            sync.Once
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// cutUnlessAllowed closes the connection where mode and list would not allow it now.
func (c *counted) cutUnlessAllowed() {
	if _, err := c.dialer.allowed(c.record.Purpose, c.record.Host, c.record.Port); err != nil {
		_ = c.Close() // what is written to it fails from now on
	}
}

func (c *counted) Close() error {
	c.dialer.standing.Delete(c)
	err := c.Conn.Close()
	c.end.Do(func() {
		c.record.Ended = c.dialer.o.Now()
		c.record.Sent, c.record.Received = c.sent.Load(), c.received.Load()
		c.dialer.o.Log.Ended(c.record)
	})
	return err
}
