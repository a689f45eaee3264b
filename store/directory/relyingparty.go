package directory

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

// RelyingParty is the site that passkeys are made for and good at (WebAuthn level 3 section 4). The zero value switches
// passkeys off.
type RelyingParty struct {
	ID      string   // the domain: the appliance's host name or a parent of it, as qrsd.example.com; never changed, or all passkeys are void
	Name    string   // what authenticators show; the ID where it is empty
	Origins []string // where pages with passkeys are served, as https://qrsd.example.com:8443; at least one
}

// IsZero reports whether passkeys are off.
func (r RelyingParty) IsZero() bool { return r.ID == "" && r.Name == "" && len(r.Origins) == 0 }

// Validate says what browsers would refuse.
func (r RelyingParty) Validate() error {
	if r.IsZero() {
		return nil
	}
	if err := checkDomain(r.ID); err != nil {
		return fmt.Errorf("relying party %q: %w; give the appliance's host name, as qrsd.example.com", r.ID, err)
	}
	if n := utf8.RuneCountInString(r.Name); n > maxName {
		return fmt.Errorf("relying party %q: a name of %d characters is longer than %d", r.ID, n, maxName)
	}
	if len(r.Origins) == 0 {
		return fmt.Errorf("relying party %q: no origin; name where its pages are, as https://%s", r.ID, r.ID)
	}
	for _, o := range r.Origins {
		if err := r.serves(o); err != nil {
			return fmt.Errorf("relying party %q: origin %q: %w", r.ID, o, err)
		}
	}
	return nil
}

// checkDomain refuses what is no domain name in lower case: browsers take no address, port or scheme there.
func checkDomain(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return errors.New("an IP address is no domain")
	}
	if name == "" || len(name) > 253 {
		return fmt.Errorf("a domain has 1 to 253 characters, not %d", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return fmt.Errorf("%q is no part of a domain", label)
		}
		if i := strings.IndexFunc(label, func(c rune) bool { return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') }); i >= 0 {
			return fmt.Errorf("%q is no part of a domain in small letters, digits and hyphens", label)
		}
	}
	return nil
}

// serves reports whether the origin is one that browsers let use the ID (WebAuthn level 3 section 5.1.3 step 8).
func (r RelyingParty) serves(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin:
		return errors.New("not of the form https://host or https://host:port")
	case u.Hostname() != r.ID && !strings.HasSuffix(u.Hostname(), "."+r.ID):
		return errors.New("its host is neither the relying party's domain nor below it")
	}
	return nil
}

// PasskeysOffered reports whether this appliance has passkeys.
func (d *Directory) PasskeysOffered() bool { return d.noPasskeys == nil }

// passkeySigning is what checks passkeys, and what is under way with them.
type passkeySigning struct {
	authenticators *authenticators
	noPasskeys     error          // why there are none; nil where they are offered
	strangers      strangers      // ceremonies of those who are to be known by them
	ceremonies     *inHand[begun] // of those who are known
	tickets        *inHand[ticket]
}

// newPasskeySigning takes the key for ceremonies of strangers.
func newPasskeySigning(r RelyingParty, key []byte) (p passkeySigning) {
	p.authenticators, p.noPasskeys = newAuthenticators(r)
	p.strangers, p.ceremonies = newStrangers(key), newInHand[begun](ceremonyLife, maxCeremonies)
	p.tickets = newInHand[ticket](ceremonyLife, maxCeremonies)
	return p
}
