package web

import (
	"net"
	"sync"
)

// crowd is a listener that keeps one address from taking all connections, and that can end all of them. It lies below TLS, so
// that a connection too many costs no handshake.
type crowd struct {
	net.Listener
	most   int // of one address
	exempt func(net.Addr) bool

	mu   sync.Mutex
	open map[*counted]struct{}
	by   map[string]int
}

func newCrowd(l net.Listener, most int, exempt func(net.Addr) bool) *crowd {
	return &crowd{Listener: l, most: most, exempt: exempt, open: map[*counted]struct{}{}, by: map[string]int{}}
}

// Accept gives the next connection of an address that has not too many. Others are closed without a word.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if kept := c.enter(conn); kept != nil {
			return kept, nil
		}
		_ = conn.Close()
	}
}

func (c *crowd) enter(conn net.Conn) *counted {
	from := neighbourhood(remoteAddress(conn.RemoteAddr()))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[from] >= c.most && !c.exempt(conn.RemoteAddr()) {
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
