package client

import (
	"context"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// SignIn signs in with password and code, and keeps the session. A *Problem of kind second-factor-needed wants the code, one of kind
// tenant-needed the tenant.
func (c *Client) SignIn(ctx context.Context, s wire.SignIn) (wire.Session, error) {
	return call[wire.Session](ctx, c, request{method: http.MethodPost, path: at("session"), body: s})
}

// Session says who the client is signed in as.
func (c *Client) Session(ctx context.Context) (wire.Session, error) {
	return call[wire.Session](ctx, c, request{method: http.MethodGet, path: at("session")})
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("session")})
}

// AcceptInvitation makes an invited user active with a password of its own, and signs it in.
func (c *Client) AcceptInvitation(ctx context.Context, a wire.Acceptance) (wire.Session, error) {
	return call[wire.Session](ctx, c, request{method: http.MethodPost, path: at("invitations", "accept"), body: a})
}
