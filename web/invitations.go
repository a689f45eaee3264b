package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func invitationRoutes() []route {
	const path = api + "/invitations"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listInvitations", Access: Permitted, Verb: "user.list"}, do((*Server).listInvitations)},
		{Route{Method: "POST", Path: path, Operation: "invite", Access: Permitted, Verb: "user.add", StepUp: true, Secret: true, Keyed: true}, do((*Server).invite)},
		{Route{Method: "POST", Path: path + "/accept", Operation: "acceptInvitation", Access: Open}, do((*Server).acceptInvitation)},
		{Route{Method: "DELETE", Path: path + "/{id}", Operation: "withdrawInvitation", Access: Permitted, Verb: "user.disable"}, do((*Server).withdrawInvitation)},
	}
}

func (s *Server) listInvitations(ctx context.Context, c *Call, in struct {
	Tenant *store.ID `query:"tenant"`
}) (wire.Page[wire.Invitation], error) {
	all, err := s.directory.Invitations(ctx, c.Principal, c.tenantOr(in.Tenant))
	if err != nil {
		return wire.Page[wire.Invitation]{}, err
	}
	return pageOf(c, all, "", invitationView), nil
}

// invite makes an invitation, whose token is in this reply and, until it is sent, in the outbox.
func (s *Server) invite(ctx context.Context, c *Call, in struct {
	Tenant *store.ID    `query:"tenant"`
	Body   wire.NewUser `body:"json"`
}) (wire.MadeInvitation, error) {
	n, err := newUser(in.Body)
	if err != nil {
		return wire.MadeInvitation{}, err
	}
	made, token, err := s.directory.Invite(ctx, c.Principal, c.tenantOr(in.Tenant), n)
	if err != nil {
		return wire.MadeInvitation{}, err
	}
	c.Created("/invitations/" + made.ID.String())
	return wire.MadeInvitation{Invitation: invitationView(made), Token: token.Reveal()}, nil
}

func invitationView(i directory.Invitation) wire.Invitation {
	return wire.Invitation{ID: i.ID.String(), User: userView(i.User), Created: i.Created.UTC(), Expires: i.Expires.UTC()}
}

// acceptInvitation makes an invited user active with a password of its own choice and signs it in.
func (s *Server) acceptInvitation(ctx context.Context, c *Call, in struct {
	Body wire.Acceptance `body:"json"`
}) (wire.Session, error) {
	_, token, err := s.directory.Accept(ctx, directory.NewSecret(in.Body.Token), directory.NewSecret(in.Body.Password), c.Source)
	return s.begun(ctx, c, token, err)
}

func (s *Server) withdrawInvitation(ctx context.Context, c *Call, in ofUser) (Nothing, error) {
	return Nothing{}, s.directory.WithdrawInvitation(ctx, c.Principal, c.tenantOr(in.Tenant), in.ID)
}
