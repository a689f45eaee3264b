package web

import (
	"context"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

func tenantRoutes() []route {
	const path = api + "/tenants"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listTenants", Access: Permitted, Verb: "tenant.list"}, do((*Server).listTenants)},
		{Route{Method: "POST", Path: path, Operation: "addTenant", Access: Permitted, Verb: "tenant.add", Keyed: true}, do((*Server).addTenant)},
		{Route{Method: "DELETE", Path: path + "/{id}", Operation: "eraseTenant", Access: Permitted, Verb: "tenant.erase", StepUp: true}, do((*Server).eraseTenant)},
		{Route{Method: "GET", Path: path + "/{id}/certificate", Operation: "getErasureCertificate", Access: Permitted, Verb: "certificate.read"}, do((*Server).getCertificate)},
	}
}

// byID is the input of a route about one thing.
type byID struct {
	ID store.ID `path:"id"`
}

// listTenants gives all at once, erased ones included: an appliance has as many as it has customers.
func (s *Server) listTenants(ctx context.Context, c *Call, _ struct{}) (wire.Page[wire.Tenant], error) {
	all, err := s.db.Tenants(ctx, c.Principal)
	if err != nil {
		return wire.Page[wire.Tenant]{}, err
	}
	return pageOf(c, all, "", tenantView), nil
}

func tenantView(t store.TenantInfo) wire.Tenant {
	return wire.Tenant{ID: t.ID.String(), Name: t.Name, Created: t.Created.UTC(), Erased: momentOf(t.Erased)}
}

// addTenant makes a tenant with keys of its own, and nobody in it: who is to administer it is invited next.
func (s *Server) addTenant(ctx context.Context, c *Call, in struct {
	Body wire.NewTenant `body:"json"`
}) (wire.MadeTenant, error) {
	id, err := s.db.AddTenant(ctx, c.Principal, in.Body.Name)
	if err != nil {
		return wire.MadeTenant{}, err
	}
	c.Created("/tenants/" + id.String())
	return wire.MadeTenant{ID: id.String(), Name: strings.TrimSpace(in.Body.Name)}, nil
}

// eraseTenant destroys the tenant's keys and then what they had encrypted. It answers when all is done, which takes as long as
// rewriting the database. It is not cut short by the limit on a request's time, or by a client that hangs up: from the destruction
// of the keys on there is no way back, and the store goes on with an erasure that was interrupted.
func (s *Server) eraseTenant(ctx context.Context, c *Call, in byID) (wire.Certificate, error) {
	made, err := s.db.EraseTenant(context.WithoutCancel(ctx), c.Principal, in.ID)
	if err != nil {
		return wire.Certificate{}, err
	}
	return certificateView(made), nil
}

func (s *Server) getCertificate(ctx context.Context, c *Call, in byID) (wire.Certificate, error) {
	kept, err := s.db.Certificate(ctx, c.Principal, in.ID)
	if err != nil {
		return wire.Certificate{}, err
	}
	return certificateView(kept), nil
}

func certificateView(k *store.Certificate) wire.Certificate {
	return wire.Certificate{
		Version: k.Version, Install: k.Install.String(), Tenant: k.Tenant.String(), Erased: k.Erased.UTC(), Keys: append([]string{}, k.Keys...),
		Generation: k.Generation, Rewritten: k.Rewritten.UTC(), AuditSize: k.AuditSize, Unreadable: k.Unreadable, Remains: k.Remains,
		NotAttested: k.NotAttested, Signed: k.Signed,
	}
}
