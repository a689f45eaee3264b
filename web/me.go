package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// meRoutes are one's own account. Users who have to put it in order reach them, and nothing else.
func meRoutes() []route {
	const path = api + "/me"
	own := func(method, below, operation, verb string) Route {
		return Route{Method: method, Path: path + below, Operation: operation, Access: SignedIn, Verb: verb}
	}
	shownOnce := func(r Route) Route { r.Secret = true; return r }
	// What proves who somebody is, and where it is signed in, changes after a fresh proof only (OWASP ASVS 5.0, 7.5.1 and 7.5.2).
	proved := func(r Route) Route { r.StepUp = true; return r }
	return []route{
		{own("GET", "", "getMe", "user.self"), do((*Server).getMe)},
		{own("PATCH", "", "changeMe", "user.self"), do((*Server).changeMe)},
		{own("PUT", "/password", "setPassword", "user.self"), do((*Server).setPassword)},
		{proved(shownOnce(own("POST", "/second-factor", "enrolSecondFactor", "user.self"))), do((*Server).enrolSecondFactor)},
		{proved(shownOnce(own("POST", "/second-factor/confirm", "confirmSecondFactor", "user.self"))), do((*Server).confirmSecondFactor)},
		{proved(own("DELETE", "/second-factor", "removeSecondFactor", "user.self")), do((*Server).removeSecondFactor)},
		{proved(shownOnce(own("POST", "/recovery-codes", "renewRecoveryCodes", "user.self"))), do((*Server).renewRecoveryCodes)},
		{own("GET", "/sessions", "listMySessions", "session.list"), do((*Server).listMySessions)},
		{proved(own("DELETE", "/sessions", "endMySessions", "session.revoke")), do((*Server).endMySessions)},
		{proved(own("DELETE", "/sessions/{id}", "endMySession", "session.revoke")), do((*Server).endMySession)},
		{own("GET", "/passkeys", "listMyPasskeys", "user.self"), do((*Server).listMyPasskeys)},
		{proved(own("POST", "/passkeys/options", "passkeyRegistrationOptions", "user.self")), do((*Server).passkeyRegistrationOptions)},
		{proved(shownOnce(own("POST", "/passkeys", "addMyPasskey", "user.self"))), do((*Server).addMyPasskey)},
		{proved(own("DELETE", "/passkeys/{id}", "removeMyPasskey", "user.self")), do((*Server).removeMyPasskey)},
	}
}

func (s *Server) getMe(ctx context.Context, c *Call, _ struct{}) (wire.Me, error) {
	self, err := s.directory.Self(ctx, c.Principal)
	return versionedMe(c, self, err)
}

func meView(self directory.Self) wire.Me {
	return wire.Me{
		ID: self.ID.String(), Tenant: self.Tenant.String(), TenantName: self.TenantName, Email: self.Email, Name: self.Name, Role: self.Role.String(),
		Created: self.Created.UTC(), SignedIn: moment(self.SignedIn),
		SecondFactor: self.SecondFactor, Authenticator: self.Authenticator, Passkeys: self.Passkeys, RecoveryCodes: self.RecoveryCodes,
		MustDo: mustDo(self.MustChangePassword, self.MustEnrol),
	}
}

// changeMe gives oneself another display name. An administrator changes the rest.
func (s *Server) changeMe(ctx context.Context, c *Call, in struct {
	Body wire.MeChange `body:"json"`
}) (wire.Me, error) {
	version, err := c.IfMatch()
	if err != nil {
		return wire.Me{}, err
	}
	self, err := s.directory.RenameSelf(ctx, c.Principal, in.Body.Name, version)
	return versionedMe(c, self, err)
}

func versionedMe(c *Call, self directory.Self, err error) (wire.Me, error) {
	if err != nil {
		return wire.Me{}, err
	}
	c.Version(self.Version)
	return meView(self), nil
}

// setPassword changes one's password. All sessions end; this one goes on under another token.
func (s *Server) setPassword(ctx context.Context, c *Call, in struct {
	Body wire.PasswordChange `body:"json"`
}) (wire.Session, error) {
	token, err := s.directory.SetPassword(ctx, c.Principal, directory.NewSecret(in.Body.Password), directory.NewSecret(in.Body.NewPassword))
	if err != nil {
		return wire.Session{}, err
	}
	return s.goOn(ctx, c, token)
}

// enrolSecondFactor begins an authenticator application, whose secret is in this reply and nowhere else.
func (s *Server) enrolSecondFactor(ctx context.Context, c *Call, in passwordProof) (wire.Enrolment, error) {
	e, err := s.directory.EnrolSecondFactor(ctx, c.Principal, c.Session, directory.NewSecret(in.Body.Password), s.options.Hosts[0])
	if err != nil {
		return wire.Enrolment{}, err
	}
	code, err := page.NewQR(e.URI.Reveal())
	if err != nil {
		return wire.Enrolment{}, err
	}
	c.Created("/me/second-factor")
	return wire.Enrolment{Secret: e.Secret.Reveal(), URI: e.URI.Reveal(), QR: wire.QR(code)}, nil
}

type passwordProof struct {
	Body wire.PasswordProof `body:"json"`
}

// confirmSecondFactor puts the authenticator in place. All sessions end; this one goes on under another token.
func (s *Server) confirmSecondFactor(ctx context.Context, c *Call, in struct {
	Body wire.Code `body:"json"`
}) (wire.RecoveryCodes, error) {
	token, codes, err := s.directory.ConfirmSecondFactor(ctx, c.Principal, c.Session, directory.NewSecret(in.Body.Code))
	if err != nil {
		return wire.RecoveryCodes{}, err
	}
	c.SetSession(token)
	return wire.RecoveryCodes{RecoveryCodes: revealed(codes)}, nil
}

func (s *Server) removeSecondFactor(ctx context.Context, c *Call, in passwordProof) (Nothing, error) {
	return Nothing{}, s.directory.RemoveSecondFactor(ctx, c.Principal, c.Session, directory.NewSecret(in.Body.Password))
}

func (s *Server) renewRecoveryCodes(ctx context.Context, c *Call, in passwordProof) (wire.RecoveryCodes, error) {
	codes, err := s.directory.RenewRecoveryCodes(ctx, c.Principal, c.Session, directory.NewSecret(in.Body.Password))
	if err != nil {
		return wire.RecoveryCodes{}, err
	}
	c.Created("/me/recovery-codes")
	return wire.RecoveryCodes{RecoveryCodes: revealed(codes)}, nil
}

// revealed are secrets on their way to whom they belong; none are an empty array.
func revealed(all []directory.Secret) []string {
	texts := make([]string, 0, len(all))
	for _, s := range all {
		texts = append(texts, s.Reveal())
	}
	return texts
}

func (s *Server) listMySessions(ctx context.Context, c *Call, _ struct{}) (wire.Page[wire.UserSession], error) {
	all, err := s.directory.Sessions(ctx, c.Principal, c.Principal.User())
	if err != nil {
		return wire.Page[wire.UserSession]{}, err
	}
	return pageOf(c, all, "", func(one directory.SessionInfo) wire.UserSession {
		v := userSessionView(one)
		v.Current = one.ID == c.exchange.session.ID
		return v
	}), nil
}

// endMySessions ends all of one's sessions, this one included.
func (s *Server) endMySessions(ctx context.Context, c *Call, _ struct{}) (Nothing, error) {
	if err := s.directory.CloseSession(ctx, c.Principal, c.Principal.User(), store.ID{}); err != nil {
		return Nothing{}, err
	}
	c.ClearSession()
	return Nothing{}, nil
}

func (s *Server) endMySession(ctx context.Context, c *Call, in byID) (Nothing, error) {
	if in.ID.IsZero() { // which means all of them to the directory
		return Nothing{}, &refusal{kind: kindNotFound}
	}
	if err := s.directory.CloseSession(ctx, c.Principal, c.Principal.User(), in.ID); err != nil {
		return Nothing{}, err
	}
	if in.ID == c.exchange.session.ID {
		c.ClearSession()
	}
	return Nothing{}, nil
}

func (s *Server) listMyPasskeys(ctx context.Context, c *Call, _ struct{}) (wire.Page[wire.Passkey], error) {
	all, err := s.directory.Passkeys(ctx, c.Principal)
	if err != nil {
		return wire.Page[wire.Passkey]{}, err
	}
	return pageOf(c, all, "", passkeyView), nil
}

func passkeyView(k directory.Passkey) wire.Passkey {
	return wire.Passkey{ID: k.ID.String(), Name: k.Name, Created: k.Created.UTC(), Used: moment(k.Used), Synced: k.Synced, Copied: momentOf(k.Copied)}
}

// passkeyRegistrationOptions is what the browser is called with.
func (s *Server) passkeyRegistrationOptions(ctx context.Context, c *Call, _ struct{}) (wire.PasskeyChallenge, error) {
	return challenge(s.directory.BeginPasskey(ctx, c.Principal, c.Session))
}

// addMyPasskey ends a registration. All sessions end; this one goes on under another token.
func (s *Server) addMyPasskey(ctx context.Context, c *Call, in struct {
	Body wire.PasskeyRegistration `body:"json"`
}) (wire.PasskeyAdded, error) {
	answer := directory.PasskeyAnswer{Ceremony: in.Body.Ceremony, Response: in.Body.Credential}
	added, err := s.directory.AddPasskey(ctx, c.Principal, c.Session, in.Body.Name, answer)
	if err != nil {
		return wire.PasskeyAdded{}, err
	}
	c.SetSession(added.Token)
	c.Created("/me/passkeys/" + added.Passkey.ID.String())
	return wire.PasskeyAdded{Passkey: passkeyView(added.Passkey), RecoveryCodes: revealed(added.Recovery)}, nil
}

func (s *Server) removeMyPasskey(ctx context.Context, c *Call, in struct {
	ID store.ID `path:"id"`
}) (Nothing, error) {
	return Nothing{}, s.directory.RemovePasskey(ctx, c.Principal, c.Session, in.ID)
}
