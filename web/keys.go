package web

import (
	"bytes"
	"context"
	"slices"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

func keyRoutes() []route {
	const path = api + "/keys"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listKeys", Access: Permitted, Verb: "key.list"}, do((*Server).listKeys)},
		{Route{Method: "POST", Path: path + "/rotate", Operation: "rotateKeys", Access: Permitted, Verb: "key.rotate", StepUp: true}, do((*Server).rotateKeys)},
	}
}

// listKeys gives ids, versions and ages of the keys of the caller's tenant, or for operators of all.
func (s *Server) listKeys(ctx context.Context, c *Call, _ struct{}) (wire.Page[wire.Key], error) {
	all, err := s.db.Keys(ctx, c.Principal)
	if err != nil {
		return wire.Page[wire.Key]{}, err
	}
	slices.SortStableFunc(all, func(a, b store.KeyStatus) int { return bytes.Compare(a.Owner.Space[:], b.Owner.Space[:]) })
	return pageOf(c, all, "", keyView), nil
}

func keyView(k store.KeyStatus) wire.Key {
	out := wire.Key{
		Tenant: store.ID(k.Owner.Space).String(), Hierarchy: k.Owner.Hierarchy.String(), KEK: k.KeyID.String(), Version: k.Version,
		Created: k.Created.UTC(), Due: k.Created.Add(store.RotateAfter).UTC(), DataKeys: []wire.DataKey{}, Destroyed: []string{},
	}
	for _, d := range k.DataKeys {
		out.DataKeys = append(out.DataKeys, wire.DataKey{
			ID: d.KeyID.String(), Purpose: int(d.Purpose), Epoch: d.Epoch, Created: d.Created.UTC(), Current: d.Current, Used: d.Used,
		})
	}
	for _, id := range k.Retired {
		out.Destroyed = append(out.Destroyed, id.String())
	}
	return out
}

// rotateKeys gives the caller's tenant new key-encryption keys; operators those of the tenant that they name, or of the
// appliance itself. Nothing is encrypted anew, so it takes no longer for a large tenant.
func (s *Server) rotateKeys(ctx context.Context, c *Call, in struct {
	Tenant *store.ID `query:"tenant"`
}) (wire.KeyRotation, error) {
	tenant := c.tenantOr(in.Tenant)
	if err := s.db.RotateKeys(ctx, c.Principal, tenant); err != nil {
		return wire.KeyRotation{}, err
	}
	return wire.KeyRotation{Rotated: []string{tenant.String()}}, nil
}
