package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

func sessionRoutes() []route {
	const path = api + "/session"
	return []route{
		{Route{Method: "POST", Path: path, Operation: "signIn", Access: Open}, do((*Server).signIn)},
		{Route{Method: "GET", Path: path, Operation: "getSession", Access: SignedIn, Verb: "user.self"}, do((*Server).getSession)},
		{Route{Method: "DELETE", Path: path, Operation: "signOut", Access: SignedIn, Verb: "session.sign-out"}, do((*Server).signOut)},
	}
}

type signInInput struct {
	Body wire.SignIn `body:"json"`
}

// signIn begins a session, and gives its token in the cookie only.
func (s *Server) signIn(ctx context.Context, c *Call, in signInInput) (wire.Session, error) {
	given := directory.Credentials{
		Email: in.Body.Email, Password: directory.NewSecret(in.Body.Password), Code: directory.NewSecret(in.Body.Code),
	}
	if in.Body.Tenant != "" {
		id, err := store.ParseID(in.Body.Tenant)
		if err != nil {
			return wire.Session{}, badField("/tenant", err.Error())
		}
		given.Tenant = id
	}
	p, token, err := s.directory.SignIn(ctx, given, c.Source)
	if err != nil {
		return wire.Session{}, err
	}
	c.SetSession(token)
	return session(p), nil
}

// getSession says who is signed in.
func (s *Server) getSession(ctx context.Context, c *Call, _ struct{}) (wire.Session, error) {
	self, err := s.directory.Self(ctx, c.Principal)
	if err != nil {
		return wire.Session{}, err
	}
	now := session(c.Principal)
	if self.MustChangePassword {
		now.MustDo = append(now.MustDo, "change-password")
	}
	if self.MustEnrol {
		now.MustDo = append(now.MustDo, "enrol-second-factor")
	}
	return now, nil
}

func session(p store.Principal) wire.Session {
	return wire.Session{User: p.User().String(), Tenant: p.Tenant().String(), Role: p.Role().String(), MustDo: []string{}}
}

// signOut ends the session of the cookie.
func (s *Server) signOut(ctx context.Context, c *Call, _ struct{}) (Nothing, error) {
	if err := s.directory.SignOut(ctx, c.Principal, c.Session); err != nil {
		return Nothing{}, err
	}
	c.ClearSession()
	return Nothing{}, nil
}
