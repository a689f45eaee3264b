package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// quotaRoutes are how much a tenant may have. A tenant reads its own; operators read and set those of the tenant that they name.
func quotaRoutes() []route {
	const path = api + "/quotas"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "getQuotas", Access: Permitted, Verb: "quota.read"}, do((*Server).getQuotas)},
		{Route{Method: "PUT", Path: path, Operation: "setQuotas", Access: Permitted, Verb: "quota.change"}, do((*Server).setQuotas)},
	}
}

type ofTenant struct {
	Tenant *store.ID `query:"tenant"`
}

// tenantOf is the tenant that is asked about. Operators have none of their own.
func (c *Call) tenantOf(asked *store.ID) (store.ID, error) {
	tenant := c.tenantOr(asked)
	if tenant == store.Appliance {
		return tenant, badParameter("tenant", "name the tenant; operators have none of their own")
	}
	return tenant, nil
}

func (s *Server) getQuotas(ctx context.Context, c *Call, in ofTenant) (out wire.TenantQuotas, err error) {
	tenant, err := c.tenantOf(in.Tenant)
	if err != nil {
		return out, err
	}
	q, used, err := workspace.QuotasOf(ctx, s.db, c.Principal, tenant)
	if err != nil {
		return out, err
	}
	return wire.TenantQuotas{
		Tenant: tenant.String(), Quotas: wire.Quotas(q), Defaults: wire.Quotas(workspace.DefaultQuotas()),
		Used: wire.Quotas{Queued: used.Queued, Running: used.Running, Portfolios: used.Portfolios, Bytes: used.Bytes},
	}, nil
}

// setQuotas changes what a tenant may have from now on; what it has beyond that it keeps.
func (s *Server) setQuotas(ctx context.Context, c *Call, in struct {
	Tenant *store.ID   `query:"tenant"`
	Body   wire.Quotas `body:"json"`
}) (Nothing, error) {
	tenant, err := c.tenantOf(in.Tenant)
	if err != nil {
		return Nothing{}, err
	}
	return Nothing{}, workspace.SetQuotas(ctx, s.db, c.Principal, tenant, workspace.Quotas(in.Body))
}
