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
		{Route{Method: "POST", Path: path + "/step-up", Operation: "stepUp", Access: SignedIn, Verb: "session.step-up"}, do((*Server).stepUp)},
		{Route{Method: "POST", Path: path + "/step-up/options", Operation: "passkeyStepUpOptions", Access: SignedIn, Verb: "session.step-up"}, do((*Server).passkeyStepUpOptions)},
		{Route{Method: "POST", Path: path + "/passkey/options", Operation: "passkeySignInOptions", Access: Open}, do((*Server).passkeySignInOptions)},
		{Route{Method: "POST", Path: path + "/passkey", Operation: "signInWithPasskey", Access: Open}, do((*Server).signInWithPasskey)},
	}
}

// signIn begins a session by password and code, and gives its token in the cookie only.
func (s *Server) signIn(ctx context.Context, c *Call, in struct {
	Body wire.SignIn `body:"json"`
}) (wire.Session, error) {
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
	_, token, err := s.directory.SignIn(ctx, given, c.Source)
	return s.begun(ctx, c, token, err)
}

// passkeySignInOptions is what the browser is called with.
func (s *Server) passkeySignInOptions(ctx context.Context, c *Call, in struct {
	Body wire.PasskeyBegin `body:"json"`
}) (wire.PasskeyChallenge, error) {
	if in.Body.Ticket != "" {
		return challenge(s.directory.BeginSecondFactor(ctx, directory.NewSecret(in.Body.Ticket), c.Source))
	}
	return challenge(s.directory.BeginPasskeySignIn(ctx, c.Source))
}

// signInWithPasskey begins a session by a passkey, alone or after the password.
func (s *Server) signInWithPasskey(ctx context.Context, c *Call, in struct {
	Body wire.PasskeySignIn `body:"json"`
}) (wire.Session, error) {
	answer := directory.PasskeyAnswer{Ceremony: in.Body.Ceremony, Response: in.Body.Credential}
	if in.Body.Ticket != "" {
		_, token, err := s.directory.SignInSecond(ctx, directory.SecondFactor{Ticket: directory.NewSecret(in.Body.Ticket), Passkey: &answer}, c.Source)
		return s.begun(ctx, c, token, err)
	}
	_, token, err := s.directory.SignInWithPasskey(ctx, answer, c.Source)
	return s.begun(ctx, c, token, err)
}

// begun ends a sign-in with the new session, unless it failed.
func (s *Server) begun(ctx context.Context, c *Call, token directory.SessionToken, err error) (wire.Session, error) {
	if err != nil {
		return wire.Session{}, err
	}
	c.Created("/session")
	return s.goOn(ctx, c, token)
}

// goOn gives the browser a session's new token and says how the session stands.
func (s *Server) goOn(ctx context.Context, c *Call, token directory.SessionToken) (wire.Session, error) {
	c.SetSession(token)
	p, now, err := s.directory.Session(ctx, token, c.Source)
	if err != nil {
		return wire.Session{}, err
	}
	return sessionView(p, now), nil
}

func sessionView(p store.Principal, now directory.Session) wire.Session {
	return wire.Session{
		User: p.User().String(), Tenant: p.Tenant().String(), Role: p.Role().String(),
		Restricted: now.Restricted(), MustDo: mustDo(now.MustChangePassword, now.MustEnrol), SteppedUp: moment(now.Proved),
	}
}

// mustDo is what has to be done before anything else.
func mustDo(password, factor bool) []string {
	all := []string{}
	if password {
		all = append(all, "change-password")
	}
	if factor {
		all = append(all, "enrol-second-factor")
	}
	return all
}

// getSession says who is signed in.
func (s *Server) getSession(ctx context.Context, c *Call, _ struct{}) (wire.Session, error) {
	if _, err := s.directory.Self(ctx, c.Principal); err != nil { // the reading that is entered
		return wire.Session{}, err
	}
	return sessionView(c.Principal, c.exchange.session), nil
}

// signOut ends the session of the cookie.
func (s *Server) signOut(ctx context.Context, c *Call, _ struct{}) (Nothing, error) {
	if err := s.directory.SignOut(ctx, c.Principal, c.Session); err != nil {
		return Nothing{}, err
	}
	c.ClearSession()
	return Nothing{}, nil
}

// passkeyStepUpOptions is what the browser is called with, to prove anew who one is.
func (s *Server) passkeyStepUpOptions(ctx context.Context, c *Call, _ struct{}) (wire.PasskeyChallenge, error) {
	return challenge(s.directory.BeginStepUp(ctx, c.Principal, c.Session))
}

// stepUp proves anew who one is. The session goes on under another token.
func (s *Server) stepUp(ctx context.Context, c *Call, in struct {
	Body wire.StepUp `body:"json"`
}) (wire.Session, error) {
	proof := directory.Proof{Password: directory.NewSecret(in.Body.Password), Code: directory.NewSecret(in.Body.Code)}
	if in.Body.Passkey != nil {
		proof.Passkey = &directory.PasskeyAnswer{Ceremony: in.Body.Passkey.Ceremony, Response: in.Body.Passkey.Credential}
	}
	if (proof.Passkey == nil) == (in.Body.Password == "") {
		return wire.Session{}, badField("", "give either password, with code where there is a second factor, or passkey")
	}
	token, err := s.directory.StepUp(ctx, c.Principal, c.Session, proof)
	if err != nil {
		return wire.Session{}, err
	}
	return s.goOn(ctx, c, token)
}

// challenge is a ceremony in JSON.
func challenge(c directory.Ceremony, err error) (wire.PasskeyChallenge, error) {
	if err != nil {
		return wire.PasskeyChallenge{}, err
	}
	return wire.PasskeyChallenge{Ceremony: c.ID, Options: c.Options, Expires: c.Expires.UTC()}, nil
}
