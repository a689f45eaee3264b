package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

// peopleRoutes say who stands behind the ids in approvals, runs and the ledger, to everybody in the tenant.
func peopleRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: api + "/people", Operation: "listPeople", Access: Permitted, Verb: "tenant.read"}, do((*Server).listPeople)},
	}
}

func (s *Server) listPeople(ctx context.Context, c *Call, in ofPage) (none wire.Page[wire.Colleague], err error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return none, err
	}
	all, next, err := s.directory.People(ctx, c.Principal, store.Cursor(in.Cursor), limit)
	if err != nil {
		return none, err
	}
	return pageOf(c, all, string(next), func(p directory.Person) wire.Colleague {
		return wire.Colleague{ID: p.ID.String(), Name: p.Name, Role: p.Role.String()}
	}), nil
}
