package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Users lists the users of a tenant in order of creation. tenant is for operators, here and below; "" is the caller's own.
func (c *Client) Users(ctx context.Context, tenant string) iter.Seq2[wire.User, error] {
	return list[wire.User](ctx, c, at("users"), ofTenant(tenant))
}

// People lists everybody of the caller's tenant by name and role.
func (c *Client) People(ctx context.Context) iter.Seq2[wire.Colleague, error] {
	return list[wire.Colleague](ctx, c, at("people"), nil)
}

// AddUser makes a user with a one-time password.
func (c *Client) AddUser(ctx context.Context, tenant string, n wire.NewUser) (wire.AddedUser, error) {
	return call[wire.AddedUser](ctx, c, request{method: http.MethodPost, path: at("users"), query: ofTenant(tenant), body: n, creates: true})
}

// User is one user, and its ETag.
func (c *Client) User(ctx context.Context, tenant, id string) (u wire.User, etag string, err error) {
	return callVersioned[wire.User](ctx, c, request{method: http.MethodGet, path: at("users", id), query: ofTenant(tenant)})
}

// ChangeUser changes the user that etag is of; "" changes whatever is there.
func (c *Client) ChangeUser(ctx context.Context, tenant, id string, change wire.UserChange, etag string) (u wire.User, now string, err error) {
	return callVersioned[wire.User](ctx, c, request{method: http.MethodPatch, path: at("users", id), query: ofTenant(tenant), body: change, ifMatch: etag})
}

// ResetUserPassword gives a user a one-time password.
func (c *Client) ResetUserPassword(ctx context.Context, tenant, id string) (wire.OneTimePassword, error) {
	return call[wire.OneTimePassword](ctx, c, request{method: http.MethodPost, path: at("users", id, "password"), query: ofTenant(tenant)})
}

// ResetUserSecondFactor takes a user's second factor away.
func (c *Client) ResetUserSecondFactor(ctx context.Context, tenant, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("users", id, "second-factor"), query: ofTenant(tenant)})
}

// UserSessions lists a user's open sessions, oldest first.
func (c *Client) UserSessions(ctx context.Context, id string) iter.Seq2[wire.UserSession, error] {
	return list[wire.UserSession](ctx, c, at("users", id, "sessions"), nil)
}

// EndUserSessions ends all sessions of a user.
func (c *Client) EndUserSessions(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("users", id, "sessions")})
}

// Invitations lists the open invitations, expired ones included.
func (c *Client) Invitations(ctx context.Context, tenant string) iter.Seq2[wire.Invitation, error] {
	return list[wire.Invitation](ctx, c, at("invitations"), ofTenant(tenant))
}

// Invite makes a user who can do nothing before accepting, and the token to accept with.
func (c *Client) Invite(ctx context.Context, tenant string, n wire.NewUser) (wire.MadeInvitation, error) {
	return call[wire.MadeInvitation](ctx, c, request{method: http.MethodPost, path: at("invitations"), query: ofTenant(tenant), body: n, creates: true})
}

// WithdrawInvitation takes an invitation back.
func (c *Client) WithdrawInvitation(ctx context.Context, tenant, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("invitations", id), query: ofTenant(tenant)})
}

// RequestPasswordReset asks for a message with a link to set a new password. It succeeds whether or not there is such an account.
func (c *Client) RequestPasswordReset(ctx context.Context, email string) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("password-resets"), body: wire.PasswordResetRequest{Email: email}})
}

// AcceptPasswordReset sets a new password with the token of the message.
func (c *Client) AcceptPasswordReset(ctx context.Context, r wire.PasswordReset) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("password-resets", "accept"), body: r})
}

// Roles lists the roles with what each may do.
func (c *Client) Roles(ctx context.Context) iter.Seq2[wire.Role, error] {
	return list[wire.Role](ctx, c, at("roles"), nil)
}
