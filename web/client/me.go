package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Me is the caller's own account, and its ETag.
func (c *Client) Me(ctx context.Context) (m wire.Me, etag string, err error) {
	return callVersioned[wire.Me](ctx, c, request{method: http.MethodGet, path: at("me")})
}

// ChangeMe changes the display name of the account that etag is of; "" changes whatever is there.
func (c *Client) ChangeMe(ctx context.Context, change wire.MeChange, etag string) (m wire.Me, now string, err error) {
	return callVersioned[wire.Me](ctx, c, request{method: http.MethodPatch, path: at("me"), body: change, ifMatch: etag})
}

// SetPassword changes the caller's password. All its sessions end, and this one goes on.
func (c *Client) SetPassword(ctx context.Context, p wire.PasswordChange) (wire.Session, error) {
	return call[wire.Session](ctx, c, request{method: http.MethodPut, path: at("me", "password"), body: p})
}

// EnrolSecondFactor begins an authenticator application, whose secret is shown once.
func (c *Client) EnrolSecondFactor(ctx context.Context, p wire.PasswordProof) (wire.Enrolment, error) {
	return call[wire.Enrolment](ctx, c, request{method: http.MethodPost, path: at("me", "second-factor"), body: p})
}

// ConfirmSecondFactor puts it in place with its first code. All sessions end, and this one goes on. The recovery codes are
// shown once.
func (c *Client) ConfirmSecondFactor(ctx context.Context, code wire.Code) (wire.RecoveryCodes, error) {
	return call[wire.RecoveryCodes](ctx, c, request{method: http.MethodPost, path: at("me", "second-factor", "confirm"), body: code})
}

// RemoveSecondFactor takes the authenticator application away.
func (c *Client) RemoveSecondFactor(ctx context.Context, p wire.PasswordProof) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("me", "second-factor"), body: p})
}

// RenewRecoveryCodes draws new recovery codes, shown once. Those of before are void.
func (c *Client) RenewRecoveryCodes(ctx context.Context, p wire.PasswordProof) (wire.RecoveryCodes, error) {
	return call[wire.RecoveryCodes](ctx, c, request{method: http.MethodPost, path: at("me", "recovery-codes"), body: p})
}

// MySessions lists the caller's open sessions, oldest first.
func (c *Client) MySessions(ctx context.Context) iter.Seq2[wire.UserSession, error] {
	return list[wire.UserSession](ctx, c, at("me", "sessions"), nil)
}

// EndMySessions ends all of the caller's sessions, this one included.
func (c *Client) EndMySessions(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("me", "sessions")})
}

// EndMySession ends one of the caller's sessions.
func (c *Client) EndMySession(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("me", "sessions", id)})
}

// MyPasskeys lists the caller's passkeys.
func (c *Client) MyPasskeys(ctx context.Context) iter.Seq2[wire.Passkey, error] {
	return list[wire.Passkey](ctx, c, at("me", "passkeys"), nil)
}

// PasskeyRegistrationOptions begins the registration of a passkey.
func (c *Client) PasskeyRegistrationOptions(ctx context.Context) (wire.PasskeyChallenge, error) {
	return call[wire.PasskeyChallenge](ctx, c, request{method: http.MethodPost, path: at("me", "passkeys", "options")})
}

// AddMyPasskey ends the registration of a passkey.
func (c *Client) AddMyPasskey(ctx context.Context, p wire.PasskeyRegistration) (wire.PasskeyAdded, error) {
	return call[wire.PasskeyAdded](ctx, c, request{method: http.MethodPost, path: at("me", "passkeys"), body: p})
}

// RemoveMyPasskey takes a passkey away.
func (c *Client) RemoveMyPasskey(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("me", "passkeys", id)})
}
