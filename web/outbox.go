package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func outboxRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: api + "/outbox", Operation: "listNotices", Access: Permitted, Verb: "notice.read", StepUp: true, Secret: true}, do((*Server).listNotices)},
	}
}

// listNotices lists messages that were not sent, with the tokens in them: where there is no mail, an administrator hands them over.
func (s *Server) listNotices(ctx context.Context, c *Call, in struct {
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}) (wire.Page[wire.Notice], error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return wire.Page[wire.Notice]{}, err
	}
	all, err := s.directory.Notices(ctx, c.Principal, store.Cursor(in.Cursor), limit)
	if err != nil {
		return wire.Page[wire.Notice]{}, err
	}
	return pageOf(c, all.Notices, string(all.Next), noticeView), nil
}

func noticeView(n directory.Notice) wire.Notice {
	out := wire.Notice{
		ID: n.ID.String(), Tenant: n.Tenant.String(), Kind: string(n.Kind), User: n.User.String(), Email: n.Email, Name: n.Name,
		Token: n.Token.Reveal(), Item: n.Item, Address: n.Address, UserAgent: n.UserAgent, Created: n.Created.UTC(), Expires: n.Expires.UTC(),
		Attempts: n.Attempts, Next: moment(n.Next), Failure: n.Failure,
	}
	if n.Kind == directory.NoticeRecoveryCodeUsed {
		out.RecoveryCodes = &n.RecoveryCodes
	}
	return out
}
