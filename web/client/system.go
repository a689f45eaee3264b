package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Keys lists ids, versions and ages of encryption keys: of the caller's tenant, for the operator of all.
func (c *Client) Keys(ctx context.Context) iter.Seq2[wire.Key, error] {
	return list[wire.Key](ctx, c, at("keys"), nil)
}

// RotateKeys gives a tenant new key-encryption keys.
func (c *Client) RotateKeys(ctx context.Context, tenant string) (wire.KeyRotation, error) {
	return call[wire.KeyRotation](ctx, c, request{method: http.MethodPost, path: at("keys", "rotate"), query: ofTenant(tenant)})
}

// System is the state of the appliance, and the ETag of its mode.
func (c *Client) System(ctx context.Context) (s wire.System, etag string, err error) {
	return callVersioned[wire.System](ctx, c, request{method: http.MethodGet, path: at("system")})
}

// SetMode changes how far the appliance reaches, from the setting that etag is of; "" changes whatever is there.
func (c *Client) SetMode(ctx context.Context, m wire.Mode, etag string) (changed wire.Mode, now string, err error) {
	return callVersioned[wire.Mode](ctx, c, request{method: http.MethodPut, path: at("system", "mode"), body: m, ifMatch: etag})
}

// LockStore makes the store forget its keys. Nobody can sign in until someone unlocks it.
func (c *Client) LockStore(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("system", "lock")})
}

// Connections lists what the appliance opened to other hosts or refused to open, newest first.
func (c *Client) Connections(ctx context.Context) iter.Seq2[wire.Connection, error] {
	return list[wire.Connection](ctx, c, at("system", "connections"), nil)
}

// SetUp sets the appliance up, once, and signs the operator in.
func (c *Client) SetUp(ctx context.Context, s wire.SetUp) (wire.DoneSetUp, error) {
	return call[wire.DoneSetUp](ctx, c, request{method: http.MethodPost, path: at("setup"), body: s})
}

// UnlockStore unlocks the store with a passphrase or the recovery code.
func (c *Client) UnlockStore(ctx context.Context, u wire.Unlock) error {
	return c.do(ctx, request{method: http.MethodPost, path: at("system", "unlock"), body: u})
}

// Notices lists messages that were not sent, oldest first.
func (c *Client) Notices(ctx context.Context) iter.Seq2[wire.Notice, error] {
	return list[wire.Notice](ctx, c, at("outbox"), nil)
}
