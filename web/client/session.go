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

// StepUp proves once more who one is, so that the session may change keys, roles and policy for ten minutes.
func (c *Client) StepUp(ctx context.Context, s wire.StepUp) (wire.Session, error) {
	return call[wire.Session](ctx, c, request{method: http.MethodPost, path: at("session", "step-up"), body: s})
}

// PasskeyStepUpOptions begins a proof by passkey, whose answer goes into StepUp.
func (c *Client) PasskeyStepUpOptions(ctx context.Context) (wire.PasskeyChallenge, error) {
	return call[wire.PasskeyChallenge](ctx, c, request{method: http.MethodPost, path: at("session", "step-up", "options")})
}

// PasskeySignInOptions begins a sign-in by passkey.
func (c *Client) PasskeySignInOptions(ctx context.Context, b wire.PasskeyBegin) (wire.PasskeyChallenge, error) {
	return call[wire.PasskeyChallenge](ctx, c, request{method: http.MethodPost, path: at("session", "passkey", "options"), body: b})
}

// SignInWithPasskey signs in by passkey, and keeps the session.
func (c *Client) SignInWithPasskey(ctx context.Context, s wire.PasskeySignIn) (wire.Session, error) {
	return call[wire.Session](ctx, c, request{method: http.MethodPost, path: at("session", "passkey"), body: s})
}
