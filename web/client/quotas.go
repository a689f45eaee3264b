package client

import (
	"context"
	"net/http"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Quotas are how much a tenant may have, and how much of that is used: the caller's own for "", another for operators.
func (c *Client) Quotas(ctx context.Context, tenant string) (wire.TenantQuotas, error) {
	return call[wire.TenantQuotas](ctx, c, request{method: http.MethodGet, path: at("quotas"), query: ofTenant(tenant)})
}

// SetQuotas changes them, for operators. A 0 is the appliance's default.
func (c *Client) SetQuotas(ctx context.Context, tenant string, q wire.Quotas) error {
	return c.do(ctx, request{method: http.MethodPut, path: at("quotas"), query: ofTenant(tenant), body: q})
}
