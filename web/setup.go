package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func setUpRoutes() []route {
	return []route{
		{Route{Method: "POST", Path: api + "/setup", Operation: "setUp", Access: Open, Secret: true}, do((*Server).setUp)},
	}
}

// setUp makes operator, first tenant and its administrator's invitation, once, and signs the operator in. What it shows is in this
// reply and nowhere else.
func (s *Server) setUp(ctx context.Context, c *Call, in struct {
	Body wire.SetUp `body:"json"`
}) (wire.DoneSetUp, error) {
	n, err := s.newAppliance(ctx, in.Body)
	if err != nil {
		return wire.DoneSetUp{}, err
	}
	done, err := s.directory.SetUp(ctx, directory.NewSecret(in.Body.Code), n, c.Source)
	if err != nil {
		return wire.DoneSetUp{}, err
	}
	c.Created("/session")
	c.SetSession(done.Session)
	return wire.DoneSetUp{
		Operator:     userView(done.Operator),
		Tenant:       wire.MadeTenant{ID: done.Tenant.String(), Name: n.Tenant},
		Invitation:   wire.MadeInvitation{Invitation: invitationView(done.Invitation), Token: done.Token.Reveal()},
		RecoveryCode: s.afterSetUp(ctx, c),
	}, nil
}

func (s *Server) newAppliance(ctx context.Context, w wire.SetUp) (n directory.NewAppliance, err error) {
	n = directory.NewAppliance{
		Operator: directory.NewUser{Email: w.Operator.Email, Name: w.Operator.Name}, Password: directory.NewSecret(w.Password), Tenant: w.Tenant,
		Admin: directory.NewUser{Email: w.Administrator.Email, Name: w.Administrator.Name},
	}
	mode, fixed, err := s.mode(ctx, directory.Settings{})
	switch {
	case err != nil:
	case fixed && w.Mode != "" && w.Mode != mode.String():
		err = refuse(kindConflict, "the configuration of the appliance fixes its mode, to %s: leave it out", mode)
	case fixed:
		n.Mode = mode
	default:
		n.Mode, err = modeNamed(w.Mode, "/mode")
	}
	return n, err
}

// afterSetUp takes up the mode and makes the store's recovery code anew: the one of the store's making was never shown to
// the operator. The appliance is set up by then, so that what fails here is the log's to tell, and to be mended by the operator.
func (s *Server) afterSetUp(ctx context.Context, c *Call) (recovery string) {
	if s.options.Mode != nil {
		if err := s.options.Mode.TakeUp(ctx); err != nil {
			s.log.Error("the mode that was set up does not hold yet: restart the appliance", "request_id", c.Source.Request, "error", err)
		}
	}
	renew := s.options.Recovery
	if renew == nil {
		renew = func(ctx context.Context, by store.Principal) (string, error) { return s.db.ReplaceRecovery(ctx, by) }
	}
	// The operator can do nothing before enrolling a second factor; whoever had the code may have the recovery code.
	recovery, err := renew(context.WithoutCancel(ctx), directory.HostOperator("set-up", c.Source))
	if err != nil {
		s.log.Error("no recovery code was made: make one with qrsd key recovery", "request_id", c.Source.Request, "error", err)
		return ""
	}
	return recovery
}
