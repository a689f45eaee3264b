package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/wire"
)

// userRoutes are users as those see them who administer them: of the caller's own tenant, which for operators is the appliance
// itself, or for operators of the tenant that they name.
func userRoutes() []route {
	const path, one = api + "/users", api + "/users/{id}"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listUsers", Access: Permitted, Verb: "user.list"}, do((*Server).listUsers)},
		{Route{Method: "POST", Path: path, Operation: "addUser", Access: Permitted, Verb: "user.add", StepUp: true, Secret: true, Keyed: true}, do((*Server).addUser)},
		{Route{Method: "GET", Path: one, Operation: "getUser", Access: Permitted, Verb: "user.list"}, do((*Server).getUser)},
		{Route{Method: "PATCH", Path: one, Operation: "changeUser", Access: Permitted, Verb: "user.change", OperatorVerb: "user.disable", StepUp: true}, do((*Server).changeUser)},
		{Route{Method: "POST", Path: one + "/password", Operation: "resetUserPassword", Access: Permitted, Verb: "user.change", OperatorVerb: "operator.change", StepUp: true, Secret: true}, do((*Server).resetUserPassword)},
		{Route{Method: "DELETE", Path: one + "/second-factor", Operation: "resetUserSecondFactor", Access: Permitted, Verb: "user.change", OperatorVerb: "operator.change", StepUp: true}, do((*Server).resetUserSecondFactor)},
		{Route{Method: "GET", Path: one + "/sessions", Operation: "listUserSessions", Access: Permitted, Verb: "session.list"}, do((*Server).listUserSessions)},
		{Route{Method: "DELETE", Path: one + "/sessions", Operation: "endUserSessions", Access: Permitted, Verb: "session.revoke"}, do((*Server).endUserSessions)},
	}
}

// ofUser is the input of a route about one user.
type ofUser struct {
	ID     store.ID  `path:"id"`
	Tenant *store.ID `query:"tenant"`
}

func (s *Server) listUsers(ctx context.Context, c *Call, in struct {
	Tenant *store.ID `query:"tenant"`
	Cursor string    `query:"cursor"`
	Limit  *int      `query:"limit"`
}) (wire.Page[wire.User], error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return wire.Page[wire.User]{}, err
	}
	all, err := s.directory.Users(ctx, c.Principal, c.tenantOr(in.Tenant), store.Cursor(in.Cursor), limit)
	if err != nil {
		return wire.Page[wire.User]{}, err
	}
	return pageOf(c, all.Users, string(all.Next), userView), nil
}

// addUser makes a user with a one-time password, which is in this reply and nowhere else.
func (s *Server) addUser(ctx context.Context, c *Call, in struct {
	Tenant *store.ID    `query:"tenant"`
	Body   wire.NewUser `body:"json"`
}) (wire.AddedUser, error) {
	n, err := newUser(in.Body)
	if err != nil {
		return wire.AddedUser{}, err
	}
	added, password, err := s.directory.AddUser(ctx, c.Principal, c.tenantOr(in.Tenant), n)
	if err != nil {
		return wire.AddedUser{}, err
	}
	c.Created("/users/" + added.ID.String())
	return wire.AddedUser{User: userView(added), OneTimePassword: password.Reveal()}, nil
}

func (s *Server) getUser(ctx context.Context, c *Call, in ofUser) (wire.User, error) {
	u, err := s.directory.User(ctx, c.Principal, c.tenantOr(in.Tenant), in.ID)
	return versionedUser(c, u, err)
}

// changeUser changes name, role and state in one transaction. Operators, of users of a tenant, can change the state to disabled.
func (s *Server) changeUser(ctx context.Context, c *Call, in struct {
	ID     store.ID        `path:"id"`
	Tenant *store.ID       `query:"tenant"`
	Body   wire.UserChange `body:"json"`
}) (wire.User, error) {
	version, err := c.IfMatch()
	if err != nil {
		return wire.User{}, err
	}
	change, err := userChange(in.Body)
	if err != nil {
		return wire.User{}, err
	}
	u, err := s.directory.ChangeUser(ctx, c.Principal, c.tenantOr(in.Tenant), in.ID, change, version)
	return versionedUser(c, u, err)
}

func userChange(w wire.UserChange) (change directory.UserChange, err error) {
	change.Name = w.Name
	if w.Role != nil {
		role, err := roleNamed(*w.Role)
		if err != nil {
			return change, err
		}
		change.Role = &role
	}
	if w.State != nil {
		state := directory.State(*w.State)
		if state != directory.Active && state != directory.Disabled {
			return change, badField("/state", `it can be changed to "active" or "disabled"`)
		}
		change.State = &state
	}
	if change == (directory.UserChange{}) {
		return change, badField("", "nothing is to be changed: give name, role or state")
	}
	return change, nil
}

// resetUserPassword gives a one-time password, which is in this reply and nowhere else.
func (s *Server) resetUserPassword(ctx context.Context, c *Call, in ofUser) (wire.OneTimePassword, error) {
	password, err := s.directory.ResetPassword(ctx, c.Principal, c.tenantOr(in.Tenant), in.ID)
	if err != nil {
		return wire.OneTimePassword{}, err
	}
	c.Created("/users/" + in.ID.String())
	return wire.OneTimePassword{OneTimePassword: password.Reveal()}, nil
}

func (s *Server) resetUserSecondFactor(ctx context.Context, c *Call, in ofUser) (Nothing, error) {
	return Nothing{}, s.directory.ResetSecondFactor(ctx, c.Principal, c.tenantOr(in.Tenant), in.ID)
}

func (s *Server) listUserSessions(ctx context.Context, c *Call, in byID) (wire.Page[wire.UserSession], error) {
	all, err := s.directory.Sessions(ctx, c.Principal, in.ID)
	if err != nil {
		return wire.Page[wire.UserSession]{}, err
	}
	return pageOf(c, all, "", userSessionView), nil
}

func (s *Server) endUserSessions(ctx context.Context, c *Call, in byID) (Nothing, error) {
	return Nothing{}, s.directory.CloseSession(ctx, c.Principal, in.ID, store.ID{})
}

func versionedUser(c *Call, u directory.User, err error) (wire.User, error) {
	if err != nil {
		return wire.User{}, err
	}
	c.Version(u.Version)
	return userView(u), nil
}

func userView(u directory.User) wire.User {
	return wire.User{
		ID: u.ID.String(), Email: u.Email, Name: u.Name, Role: u.Role.String(), State: string(u.State), Created: u.Created.UTC(),
		SignedIn: moment(u.SignedIn), SecondFactor: u.SecondFactor,
	}
}

func newUser(w wire.NewUser) (directory.NewUser, error) {
	role, err := roleNamed(w.Role)
	return directory.NewUser{Email: w.Email, Name: w.Name, Role: role}, err
}

// roleNamed reads a role of a user. Where an operator can be one, says the directory.
func roleNamed(name string) (role store.Role, err error) {
	if name == store.Operator.String() {
		return store.Operator, nil
	}
	if role, err = store.ParseRole(name); err != nil {
		return role, badField("/role", err.Error())
	}
	return role, nil
}

func userSessionView(s directory.SessionInfo) wire.UserSession {
	return wire.UserSession{
		ID: s.ID.String(), Begun: s.Begun.UTC(), Seen: s.Seen.UTC(), Ends: s.Ends.UTC(), Address: s.Address, UserAgent: s.UserAgent,
	}
}
