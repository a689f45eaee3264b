package web

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// wellKnownRoutes are at places that programs know (RFC 8615), for everybody and also while the store is locked.
func wellKnownRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: "/.well-known/qrsd-keys.json", Operation: "getPublishedKeys", Access: LockedToo}, do((*Server).getPublishedKeys)},
		{Route{Method: "GET", Path: "/.well-known/security.txt", Operation: "getSecurityText", Access: LockedToo}, do((*Server).getSecurityText)},
	}
}

// getPublishedKeys are the public keys that verify seals and checkpoints, as a JWK Set (RFC 7517), retired ones included.
func (s *Server) getPublishedKeys(context.Context, *Call, struct{}) (*Document, error) {
	keys, err := s.db.PublishedKeys()
	if err != nil {
		return nil, err
	}
	return &Document{Type: "application/jwk-set+json", Body: keys.JWKS()}, nil
}

// securityTextLife is how long a security.txt is good for; RFC 9116 §2.5.5 wants less than a year.
const securityTextLife = 90 * 24 * time.Hour

// getSecurityText says where weaknesses of this appliance are reported (RFC 9116). Without a contact there is none.
func (s *Server) getSecurityText(_ context.Context, c *Call, _ struct{}) (*Document, error) {
	if len(s.options.SecurityContact) == 0 {
		return nil, &refusal{kind: kindNotFound}
	}
	var out strings.Builder
	for _, contact := range s.options.SecurityContact {
		fmt.Fprintf(&out, "Contact: %s\n", contact)
	}
	day := c.Received.UTC().Truncate(24 * time.Hour)
	fmt.Fprintf(&out, "Expires: %s\n", day.Add(securityTextLife).Format(time.RFC3339))
	out.WriteString("Preferred-Languages: en\n")
	// The host is one of ours, or the request had not come this far; it has the port with it.
	fmt.Fprintf(&out, "Canonical: https://%s/.well-known/security.txt\n", c.exchange.header("Host"))
	return &Document{Type: "text/plain; charset=utf-8", Body: []byte(out.String())}, nil
}
