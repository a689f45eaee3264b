package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/outbound"
)

const hooks outbound.Purpose = "webhooks"

// toHooks is a dialer that may reach any public host for hooks, whose names all have these addresses. It tells what it connects to.
func toHooks(t *testing.T, o outbound.Options, addresses ...string) (d *outbound.Dialer, reached *[]netip.AddrPort) {
	t.Helper()
	var all []netip.Addr
	for _, a := range addresses {
		all = append(all, netip.MustParseAddr(a))
	}
	reached = new([]netip.AddrPort)
	o.Mode, o.Public = outbound.Connected, []outbound.Purpose{hooks}
	if o.Log == nil {
		o.Log = &record{}
	}
	o.Resolve = func(context.Context, string) ([]netip.Addr, error) { return all, nil }
	o.Connect = func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
		*reached = append(*reached, to)
		here, there := net.Pipe()
		t.Cleanup(func() { _ = there.Close() })
		return here, nil
	}
	return dialer(t, o), reached
}

// TestPublicRefuses refuses every kind of address that is not public, as a name's and as it stands, alone and beside a public one.
func TestPublicRefuses(t *testing.T) {
	for _, address := range []string{
		"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "0.0.0.0", "0.1.2.3", "::", "::7f00:1",
		"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::ffff:10.0.0.1", "fc00::1", "fd12:3456::1", "fec0::1",
		"169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
		"100.64.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:a9fe:a9fe::1", "2002:7f00:1::1", "2001:db8::1", "3fff::1", "100::1", "ff02::1", "5f00::1",
	} {
		t.Run(address, func(t *testing.T) {
			for name, answer := range map[string][]string{"hooks.example.com": {address}, "turns.example.com": {"93.184.215.14", address}, address: nil} {
				log := &record{}
				d, reached := toHooks(t, outbound.Options{Log: log}, answer...)
				_, err := d.Dial(t.Context(), hooks, name, 443)
				var not *outbound.NotAllowed
				if !errors.As(err, &not) || len(*reached) != 0 {
					t.Errorf("%s: %v, reached %v", name, err, *reached)
				}
				if c := log.one(t); c.Outcome != outbound.Refused {
					t.Errorf("%s is on record as %q", name, c.Outcome)
				}
			}
		})
	}
}

// TestPublicReaches connects to exactly what was looked at, and to what the owner has listed.
func TestPublicReaches(t *testing.T) {
	for _, address := range []string{"93.184.215.14", "::ffff:93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"} {
		d, reached := toHooks(t, outbound.Options{}, address)
		c, err := d.Dial(t.Context(), hooks, "hooks.example.com", 8443)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_ = c.Close()
		if want := netip.AddrPortFrom(netip.MustParseAddr(address).Unmap(), 8443); len(*reached) != 1 || (*reached)[0] != want {
			t.Errorf("%s: reached %v", address, *reached)
		}
	}
	listed := outbound.Destination{Host: "hooks.internal", Port: 443, Purpose: hooks}
	d, reached := toHooks(t, outbound.Options{Allowed: []outbound.Destination{listed}}, "10.1.2.3")
	c, err := d.Dial(t.Context(), hooks, "hooks.internal", 443)
	if err != nil || len(*reached) != 1 {
		t.Fatalf("listed: %v, reached %v", err, *reached)
	}
	_ = c.Close()
	if _, err := d.Dial(t.Context(), hooks, "hooks.internal", 8443); err == nil {
		t.Error("another port of what is listed was reached")
	}
}

// TestPublicIsForItsPurpose: nothing else gets further by it, nothing without TLS, and nothing where the mode or a proxy is in the way.
func TestPublicIsForItsPurpose(t *testing.T) {
	d, reached := toHooks(t, outbound.Options{}, "93.184.215.14")
	if _, err := d.Dial(t.Context(), "e-mail", "hooks.example.com", 443); err == nil {
		t.Error("another purpose was let through")
	}
	q, err := d.Client(hooks).Get("http://hooks.example.com/")
	if err == nil {
		_ = q.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "with TLS only") {
		t.Errorf("without TLS: %v", err)
	}
	for _, m := range []outbound.Mode{outbound.AirGapped, outbound.Hybrid} {
		if err := d.SetMode(m); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Dial(t.Context(), hooks, "hooks.example.com", 443); err == nil {
			t.Errorf("in mode %s", m)
		}
	}
	proxy, _ := url.Parse("http://proxy.example.com:3128")
	behind, tunnelled := toHooks(t, outbound.Options{Proxy: proxy, Allowed: []outbound.Destination{{Host: "proxy.example.com", Port: 3128, Purpose: hooks}}}, "93.184.215.14")
	q, err = behind.Client(hooks).Get("https://169.254.169.254/")
	if err == nil {
		_ = q.Body.Close()
	}
	if err == nil || len(*reached)+len(*tunnelled) != 0 {
		t.Errorf("by a proxy: %v, reached %v %v", err, *reached, *tunnelled)
	}
}
