package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/qrsrisk/qrsd/internal/outbound"
)

// listenAddress is "host:port" with an empty host or an IP address: a name could come to mean another address.
func listenAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf(`%q: must be host:port, such as "127.0.0.1:8443", or ":8443" for every address of the machine`, s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: port %q must be a number of 0 to 65535", s, port)
	} else if n == 0 && host == "" {
		return fmt.Errorf("%q: port 0 is any free one, which is for 127.0.0.1 alone; name a port", s)
	}
	if host == "" || host == "localhost" {
		return nil
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return fmt.Errorf(`%q: host %q must be an IP address, localhost, or empty for every address of the machine`, s, host)
	}
	return nil
}

// hostName is a DNS name or an IP address, without port; names in lower case.
func hostName(s string) (string, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if name == "" || len(name) > 253 {
		return "", fmt.Errorf("%q: a host name has 1 to 253 characters", s)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", fmt.Errorf("%q: must be a host name such as qrsd.example.com, or an IP address; without scheme, port, path or pattern", s)
		}
	}
	return name, nil
}

// bareHost is a hostName that is kept as it is.
func bareHost(s string) error {
	_, err := hostName(s)
	return err
}

// prefix is an address or a range of addresses.
func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q: must be an IP address, or a range such as 10.1.0.0/16", s)
	}
	if p.Bits() == 0 {
		return p, fmt.Errorf("%q: that is everybody, who could then say any address to be theirs; name the proxies", s)
	}
	return p.Masked(), nil
}

// contact is a URI as RFC 9116 §2.5.3 wants it.
func contact(s string) error {
	u, err := url.Parse(s)
	if err != nil || strings.ContainsAny(s, "\r\n") || u.Scheme != "mailto" && u.Scheme != "https" && u.Scheme != "tel" {
		return fmt.Errorf(`%q: must be a URI such as "mailto:security@example.com", "tel:+1-201-555-0123" or "https://example.com/security"`, s)
	}
	return nil
}

// recipient is a public key of age in its text form, whose sum is verified where it is used.
func recipient(s string) (string, error) {
	rest, ok := strings.CutPrefix(s, "age1")
	if !ok || len(rest) < 40 || strings.Trim(rest, "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		return "", fmt.Errorf("%.80q: must be a public key of age, which begins with age1; the key that begins with AGE-SECRET-KEY is its owner's alone", s)
	}
	return s, nil
}

// mode fixes how far the appliance may reach.
func mode(to **outbound.Mode) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		s, err := asText(v)
		if err != nil {
			return err
		}
		m, err := outbound.ParseMode(s)
		if err != nil {
			return errors.New(strings.TrimPrefix(err.Error(), "mode ")) // which the place says
		}
		*to = &m
		return nil
	}
}

// proxy is "http://host:port".
func proxy(to **url.URL) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		s, err := asText(v)
		if err != nil {
			return err
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.Port() == "" || u.User != nil || u.Path != "" {
			return errors.New("must be http://host:port, without user, password and path")
		}
		*to = u
		return nil
	}
}

// siteURL is "https://host" or "https://host:port", in small letters as browsers send it.
func siteURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || "https://"+strings.ToLower(u.Host) != s || u.Port() == "443" || bareHost(u.Hostname()) != nil {
		return fmt.Errorf(`%q: must be https://host or https://host:port, in small letters, without a path, such as "https://qrsd.example.com"`, s)
	}
	return nil
}

// endpointURL is a URL without a path.
func endpointURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("must be https://host or https://host:port, without user, password and path")
	}
	return nil
}

// serviceURL is an endpointURL, with TLS unless it leads to this host: what is sent and answered is signed, and not hidden.
func serviceURL(s string) error {
	if err := endpointURL(s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
		return fmt.Errorf("%q: without TLS only this host is reached (localhost, 127.0.0.1, ::1): write https://", s)
	}
	return nil
}

// keyARN is the name of an AWS KMS key.
func keyARN(s string) error {
	if part := strings.SplitN(s, ":", 6); len(part) < 6 || part[0] != "arn" || part[2] != "kms" || part[3] == "" || part[5] == "" {
		return fmt.Errorf("%q: must be the key's ARN, such as arn:aws:kms:us-east-1:111122223333:key/...", s)
	}
	return nil
}

// sender is an address with a name or without (RFC 5322 §3.4).
func sender(s string) error {
	if _, err := mail.ParseAddress(s); err != nil {
		return fmt.Errorf(`%q: must be an e-mail address, such as "qrsd <qrsd@example.com>"`, s)
	}
	return nil
}

// named is a text of 1 to 200 characters.
func named(s string) error {
	if s == "" || len(s) > 200 {
		return fmt.Errorf("%q: must have 1 to 200 characters", s)
	}
	return nil
}
