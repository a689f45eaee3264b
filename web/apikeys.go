package web

import (
	"context"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func apiKeyRoutes() []route {
	const path = api + "/api-keys"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listAPIKeys", Access: Permitted, Verb: "api-key.list"}, do((*Server).listAPIKeys)},
		{Route{Method: "POST", Path: path, Operation: "addAPIKey", Access: Permitted, Verb: "api-key.add", StepUp: true, Secret: true, Keyed: true}, do((*Server).addAPIKey)},
		{Route{Method: "POST", Path: path + "/{id}/rotate", Operation: "rotateAPIKey", Access: Permitted, Verb: "api-key.rotate", StepUp: true, Secret: true}, do((*Server).rotateAPIKey)},
		{Route{Method: "DELETE", Path: path + "/{id}", Operation: "revokeAPIKey", Access: Permitted, Verb: "api-key.revoke"}, do((*Server).revokeAPIKey)},
	}
}

// listAPIKeys lists the caller's own keys, or for administrators all of the tenant.
func (s *Server) listAPIKeys(ctx context.Context, c *Call, _ struct{}) (wire.Page[wire.APIKey], error) {
	all, err := s.directory.APIKeys(ctx, c.Principal)
	if err != nil {
		return wire.Page[wire.APIKey]{}, err
	}
	return pageOf(c, all, "", apiKeyView), nil
}

// addAPIKey makes a key of the caller's own, which is in this reply and nowhere else.
func (s *Server) addAPIKey(ctx context.Context, c *Call, in struct {
	Body wire.NewAPIKey `body:"json"`
}) (wire.MadeAPIKey, error) {
	n := directory.NewAPIKey{Name: in.Body.Name, Scopes: in.Body.Scopes}
	if in.Body.Expires != nil {
		n.Expires = *in.Body.Expires
	}
	made, secret, err := s.directory.AddAPIKey(ctx, c.Principal, n)
	if err != nil {
		return wire.MadeAPIKey{}, err
	}
	c.Created("/api-keys/" + made.ID.String())
	return wire.MadeAPIKey{APIKey: apiKeyView(made), Secret: secret.Reveal()}, nil
}

// rotateAPIKey gives a key of the caller's own a new secret, which is in this reply and nowhere else.
func (s *Server) rotateAPIKey(ctx context.Context, c *Call, in struct {
	ID   store.ID            `path:"id"`
	Body wire.APIKeyRotation `body:"json"`
}) (wire.RotatedAPIKey, error) {
	const longest = 7 * 24 * 60 * 60 // as the directory has it; held to it here too, for a larger number overflows a time.Duration
	seconds := in.Body.OverlapSeconds
	if seconds < 0 || seconds > longest {
		return wire.RotatedAPIKey{}, badField("/overlap_seconds", fmt.Sprintf("%d is not between 0 and %d, which is seven days", seconds, longest))
	}
	secret, err := s.directory.RotateAPIKey(ctx, c.Principal, in.ID, time.Duration(seconds)*time.Second)
	if err != nil {
		return wire.RotatedAPIKey{}, err
	}
	return wire.RotatedAPIKey{Secret: secret.Reveal()}, nil
}

func (s *Server) revokeAPIKey(ctx context.Context, c *Call, in byID) (Nothing, error) {
	return Nothing{}, s.directory.RevokeAPIKey(ctx, c.Principal, in.ID)
}

func apiKeyView(k directory.APIKeyInfo) wire.APIKey {
	return wire.APIKey{
		ID: k.ID.String(), Owner: k.Owner.String(), Name: k.Name, KeyID: k.KeyID, Scopes: append([]string{}, k.Scopes...),
		Created: k.Created.UTC(), Expires: k.Expires.UTC(), Used: moment(k.Used), Revoked: momentOf(k.Revoked),
	}
}
