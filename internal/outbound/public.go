package outbound

import (
	"fmt"
	"net/netip"
	"slices"
)

// reserved are the networks that are not public though netip takes them for global: the IANA special-purpose registries (RFC 6890), and where clouds
// answer their guests. Of IPv6 only 2000::/3 is public to begin with.
func reserved() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"168.63.129.16/32",                                     // Azure's host, a public address of its guests' own link
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // among them tunnels that hold an IPv4 address
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// isPublic reports whether an address is one of the Internet, that nobody's own network answers.
func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !netip.MustParsePrefix("2000::/3").Contains(a) {
		return false
	}
	return !slices.ContainsFunc(reserved(), func(p netip.Prefix) bool { return p.Contains(a) })
}

// public allows a host that is on no list, for a purpose that may reach any public one: with TLS only, at public addresses alone. Not through a
// proxy, which resolves the name itself, so that nobody could look at the addresses.
func (d *Dialer) public(purpose Purpose, host string, port int) (Destination, bool) {
	if !slices.Contains(d.o.Public, purpose) || d.o.Proxy != nil || port < 1 || port > 65535 {
		return Destination{}, false
	}
	return Destination{Host: host, Port: port, Purpose: purpose, public: true}, true
}

// onlyPublic refuses a destination of which one address is not public: the name would be a door into somebody's own network, and one that
// turns between two addresses is a known way to open it (OWASP ASVS 5.0.0 1.3.6).
func (to Destination) onlyPublic(addresses []netip.Addr) error {
	for _, a := range addresses {
		if !isPublic(a) {
			return &NotAllowed{to.Host, to.Port, to.Purpose, fmt.Sprintf("its address %s is not public; its owner must add it to the allowed destinations", a)}
		}
	}
	return nil
}
