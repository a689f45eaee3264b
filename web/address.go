package web

import (
	"net"
	"net/netip"
	"strings"
)

// clientAddress is where a request came from: the other end of the connection, or where that is a trusted proxy what it says in
// X-Forwarded-For. The list is read from the right, as far as trusted proxies wrote it: what is left of that anybody may have sent.
func (s *Server) clientAddress(x *exchange) netip.Addr {
	at := remoteAddress(x.ctx.Context().RemoteAddr())
	if len(s.options.TrustedProxies) == 0 || !s.isProxy(at) {
		return at
	}
	return forwardedFor(at, x.ctx.GetReqHeaders()["X-Forwarded-For"], s.isProxy)
}

// forwardedFor walks the hops of X-Forwarded-For from the nearest to the first that is no proxy of ours.
func forwardedFor(at netip.Addr, headers []string, trusted func(netip.Addr) bool) netip.Addr {
	hops := strings.Split(strings.Join(headers, ","), ",")
	for i := len(hops) - 1; i >= 0 && trusted(at); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			return at // the last that can be believed
		}
		at = hop
	}
	return at
}

// parseHop reads an address with or without a port.
func parseHop(text string) (netip.Addr, error) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	at, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return at.Unmap().WithZone(""), err
}

func (s *Server) isProxy(at netip.Addr) bool {
	for _, p := range s.options.TrustedProxies {
		if p.Contains(at) {
			return true
		}
	}
	return false
}

func remoteAddress(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// neighbourhood is what an address counts as where clients are limited: an IPv6 client has a /64 of its own.
func neighbourhood(at netip.Addr) string {
	if at.Is6() {
		if p, err := at.Prefix(64); err == nil {
			return p.String()
		}
	}
	return at.String()
}
