package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func roleRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: api + "/roles", Operation: "listRoles", Access: Permitted, Verb: "role.list"}, do((*Server).listRoles)},
	}
}

// listRoles is the permission table.
func (s *Server) listRoles(ctx context.Context, c *Call, _ struct{}) (wire.Page[wire.Role], error) {
	all, err := s.directory.Roles(ctx, c.Principal)
	if err != nil {
		return wire.Page[wire.Role]{}, err
	}
	return pageOf(c, all, "", func(r directory.RoleInfo) wire.Role {
		return wire.Role{Name: r.Role.String(), Verbs: viewed(r.Verbs, store.Verb.String), Scopes: viewed(directory.KeyScopes(r.Role), store.Verb.String)}
	}), nil
}
