package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Tenants lists all tenants, erased ones included, in order of creation.
func (c *Client) Tenants(ctx context.Context) iter.Seq2[wire.Tenant, error] {
	return list[wire.Tenant](ctx, c, at("tenants"), nil)
}

// AddTenant makes a tenant with keys of its own.
func (c *Client) AddTenant(ctx context.Context, n wire.NewTenant) (wire.MadeTenant, error) {
	return call[wire.MadeTenant](ctx, c, request{method: http.MethodPost, path: at("tenants"), body: n, creates: true})
}

// EraseTenant destroys a tenant's keys and what they had encrypted. It takes as long as that does.
func (c *Client) EraseTenant(ctx context.Context, id string) (wire.Certificate, error) {
	return call[wire.Certificate](ctx, c, request{method: http.MethodDelete, path: at("tenants", id)})
}

// ErasureCertificate is the certificate of a tenant's erasure.
func (c *Client) ErasureCertificate(ctx context.Context, id string) (wire.Certificate, error) {
	return call[wire.Certificate](ctx, c, request{method: http.MethodGet, path: at("tenants", id, "certificate")})
}

// Policy is what the caller's tenant asks of its users, and its ETag.
func (c *Client) Policy(ctx context.Context) (p wire.Policy, etag string, err error) {
	return callVersioned[wire.Policy](ctx, c, request{method: http.MethodGet, path: at("policy")})
}

// SetPolicy changes the policy that etag is of; "" changes whatever is there.
func (c *Client) SetPolicy(ctx context.Context, p wire.Policy, etag string) (changed wire.Policy, now string, err error) {
	return callVersioned[wire.Policy](ctx, c, request{method: http.MethodPut, path: at("policy"), body: p, ifMatch: etag})
}
