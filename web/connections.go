package web

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// crowd is a listener that bounds how many connections there are, of all and of one address; that goes on where the host is short
// of something; and that can end all connections. It lies below TLS, so that a connection too many costs no handshake, and above
// it nothing has to refuse one: fasthttp would write its refusal from within the loop that accepts, and wait there for a client
// that does not shake hands.
type crowd struct {
	net.Listener
	atMost int // of all
	most   int // of one address
	exempt func(net.Addr) bool
	log    hclog.Logger

	closing sync.Once
	closed  chan struct{}

	mu   sync.Mutex
	open map[*counted]struct{}
	by   map[string]int
}

func newCrowd(l net.Listener, limits Limits, exempt func(net.Addr) bool, log hclog.Logger) *crowd {
	return &crowd{
		Listener: l, atMost: limits.Connections, most: limits.PerAddress, exempt: exempt, log: log,
		closed: make(chan struct{}), open: map[*counted]struct{}{}, by: map[string]int{},
	}
}

// The pauses after a connection that could not be accepted: the first, and the longest.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
)

// Accept gives the next connection, of an address that has not too many while all together are not too many. Others are closed
// without a word. Errors of accepting pass, as when the process has no descriptor left (EMFILE): it goes on until Close, whose
// net.ErrClosed is the only one returned.
func (c *crowd) Accept() (net.Conn, error) {
	pause := firstPause
	for {
		conn, err := c.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			c.log.Warn("a connection could not be accepted", "error", err, "again_in", pause.String())
			if !c.wait(pause) {
				return nil, net.ErrClosed
			}
			pause = min(2*pause, longestPause)
			continue
		}
		pause = firstPause
		if kept := c.enter(conn); kept != nil {
			return kept, nil
		}
		_ = conn.Close()
	}
}

// wait reports false where the listener was closed meanwhile.
func (c *crowd) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.closed:
		return false
	}
}

// Close ends accepting; connections stay.
func (c *crowd) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

func (c *crowd) enter(conn net.Conn) *counted {
	from := neighbourhood(remoteAddress(conn.RemoteAddr()))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.atMost || c.by[from] >= c.most && !c.exempt(conn.RemoteAddr()) {
		return nil
	}
	c.by[from]++
	kept := &counted{Conn: conn, of: c, from: from}
	c.open[kept] = struct{}{}
	return kept
}

// endAll closes every connection that is open.
func (c *crowd) endAll() {
	c.mu.Lock()
	all := make([]*counted, 0, len(c.open))
	for conn := range c.open {
		all = append(all, conn)
	}
	c.mu.Unlock()
	for _, conn := range all {
		_ = conn.Close()
	}
}

// counted is a connection of a crowd.
type counted struct {
	net.Conn
	of      *crowd
	from    string
	leaving sync.Once
}

// Close ends the connection, and makes room for another.
func (c *counted) Close() error {
	c.leaving.Do(func() {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		delete(c.of.open, c)
		if c.of.by[c.from]--; c.of.by[c.from] == 0 {
			delete(c.of.by, c.from)
		}
	})
	return c.Conn.Close()
}
