package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Pages of administrators: who has an account, who is invited, what is asked of all. Operators see those of the appliance.

const (
	usersPath       = page.HomePath + "/users"
	invitationsPath = page.HomePath + "/invitations"
	policyPath      = page.HomePath + "/policy"
)

func userPages(as like) []route {
	return []route{
		as("GET", usersPath, "listUsers", "showUsers", do((*Server).showUsers)),
		as("GET", usersPath+"/{id}", "getUser", "showUser", do((*Server).showUser)),
		as("POST", usersPath+"/{id}", "changeUser", "sendUserChange", do((*Server).sendUserChange)),
		as("POST", usersPath+"/{id}/password", "resetUserPassword", "sendPasswordReplacement", do((*Server).sendPasswordReplacement)),
		as("POST", usersPath+"/{id}/second-factor", "resetUserSecondFactor", "sendFactorReset", do((*Server).sendFactorReset)),
		as("GET", invitationsPath, "listInvitations", "showInvitations", do((*Server).showInvitations)),
		as("POST", invitationsPath, "invite", "sendInvitation", do((*Server).sendInvitation)),
		as("POST", invitationsPath+"/{id}/withdraw", "withdrawInvitation", "sendWithdrawal", do((*Server).sendWithdrawal)),
		as("GET", policyPath, "getPolicy", "showPolicy", do((*Server).showPolicy)),
		as("POST", policyPath, "setPolicy", "sendPolicy", do((*Server).sendPolicy)),
	}
}

func (s *Server) showUsers(ctx context.Context, c *Call, in struct {
	Cursor string `query:"cursor"`
	Done   string `query:"done"`
}) (*Document, error) {
	all, err := s.directory.Users(ctx, c.Principal, c.Principal.Tenant(), store.Cursor(in.Cursor), usualPage)
	if err != nil {
		return nil, err
	}
	list := page.List{Frame: s.doneFrame(c, "Users", in.Done), Columns: []string{"Name", "E-mail address", "Role", "State", "Second factor", "Last sign-in"}}
	list.Lead = "To add somebody, send an invitation."
	for _, u := range all.Users {
		list.Rows = append(list.Rows, page.Row{Cells: []page.Cell{
			{Text: u.Name, Path: usersPath + "/" + u.ID.String()}, {Text: u.Email}, {Text: roleName(u.Role)}, stateCell(u.State), factorCell(u.SecondFactor),
			{Text: page.Time(u.SignedIn)},
		}})
	}
	if all.Next != "" {
		list.More = usersPath + "?cursor=" + string(all.Next)
	}
	return s.draw(list)
}

func stateCell(state directory.State) page.Cell {
	tag := map[directory.State]string{directory.Active: "ok", directory.Disabled: "error", directory.Invited: "plain"}[state]
	return page.Cell{Text: string(state), Tag: tag}
}

func factorCell(inPlace bool) page.Cell {
	if inPlace {
		return page.Cell{Text: "in place", Tag: "ok"}
	}
	return page.Cell{Text: "none", Tag: "plain"}
}

// showUser is one user with what an administrator can do.
func (s *Server) showUser(ctx context.Context, c *Call, in struct {
	ID   store.ID `path:"id"`
	Done string   `query:"done"`
}) (*Document, error) {
	u, err := s.directory.User(ctx, c.Principal, c.Principal.Tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	at := usersPath + "/" + u.ID.String()
	record := page.Record{
		Frame: s.doneFrame(c, u.Name, in.Done),
		Facts: []page.Fact{
			{Name: "E-mail address", Cell: page.Cell{Text: u.Email}}, {Name: "Role", Cell: page.Cell{Text: roleName(u.Role)}}, {Name: "State", Cell: stateCell(u.State)},
			{Name: "Second factor", Cell: factorCell(u.SecondFactor)}, {Name: "Created", Cell: page.Cell{Text: page.Time(u.Created)}},
			{Name: "Last sign-in", Cell: page.Cell{Text: page.Time(u.SignedIn)}}, {Name: "User", Cell: page.Cell{Text: u.ID.String(), Mono: true}},
		},
		Gate:  s.gate(c, "To change this account, confirm that it is you.", at),
		Links: []page.Link{{Path: usersPath, Text: "All users"}},
	}
	switch {
	case u.ID == c.Principal.User():
		record.Lead, record.Gate = "This is you. What concerns your own account is on its pages.", nil
		record.Links = append(record.Links, page.Link{Path: page.HomePath, Text: "Your account"})
	case record.Gate == nil:
		record.Forms = userForms(c, u, at)
	}
	return s.draw(record)
}

// userForms are what can be done with the account of another.
func userForms(c *Call, u directory.User, at string) []page.Form {
	all := []page.Form{userForm(c, userFields{Name: u.Name, Role: u.Role.String(), State: string(u.State)}, at)}
	if u.State == directory.Active {
		all = append(all, page.Form{Title: "Forgotten password", Hint: "The user gets a one-time password from you, signs in with it, and has to choose another one. Its sessions end.",
			Action: at + "/password", Button: "Make a one-time password"})
	}
	if u.SecondFactor {
		all = append(all, page.Form{Title: "Lost second factor", Hint: "Takes the authenticator application, all passkeys and the recovery codes away. Be sure that it is the user who asks. The user gets a message.",
			Action: at + "/second-factor", Button: "Reset the second factor", Danger: true})
	}
	return all
}

type userFields struct {
	ID    store.ID `path:"id"`
	Name  string   `form:"name"`
	Role  string   `form:"role"`
	State string   `form:"state"`
}

func userForm(c *Call, f userFields, at string) page.Form {
	fields := []page.Field{{Name: "name", ID: "name", Label: "Name", Type: "text", Value: f.Name, Autocomplete: "off"}, roleField(c, f.Role)}
	if f.State != string(directory.Invited) {
		fields = append(fields, page.Field{Name: "state", ID: "state", Label: "State", Type: "radio", Value: f.State, Choices: []page.Choice{
			{Value: "active", Text: "Active"}, {Value: "disabled", Text: "Disabled", Hint: "The sessions end now, API keys stop."},
		}})
	}
	return page.Form{Title: "Change the account", Action: at, Button: "Save the changes"}.Of(fields...)
}

// roleField offers the roles that users of the caller's tenant can have.
func roleField(c *Call, role string) page.Field {
	f := page.Field{Name: "role", ID: "role", Label: "Role", Type: "select", Value: role, Hint: "A change of role ends the user's sessions."}
	if c.Principal.Role() == store.Operator {
		f.Hint, f.Choices = "", []page.Choice{{Value: "operator", Text: "Operator"}}
		return f
	}
	for _, r := range []store.Role{store.Viewer, store.Analyst, store.Modeler, store.Approver, store.Admin} {
		f.Choices = append(f.Choices, page.Choice{Value: r.String(), Text: roleName(r)})
	}
	return f
}

func (s *Server) sendUserChange(ctx context.Context, c *Call, in userFields) (*Redirect, error) {
	change := wire.UserChange{Name: &in.Name, Role: &in.Role}
	if in.State != "" {
		change.State = &in.State
	}
	at := usersPath + "/" + in.ID.String()
	_, err := s.changeUser(ctx, c, struct {
		ID     store.ID        `path:"id"`
		Tenant *store.ID       `query:"tenant"`
		Body   wire.UserChange `body:"json"`
	}{ID: in.ID, Body: change})
	if err != nil {
		ask := page.Ask{Frame: s.frame(c, "Change the account"), Form: userForm(c, in, at)}
		ask.Form.Title, ask.Form.Back = "", at
		return nil, again(ask, "name", err)
	}
	return &Redirect{at + "?done=changed"}, nil
}

func (s *Server) sendPasswordReplacement(ctx context.Context, c *Call, in byID) (*Document, error) {
	made, err := s.resetUserPassword(ctx, c, ofUser{ID: in.ID})
	if err != nil {
		return nil, err
	}
	return s.draw(page.Show{
		Frame:   s.frame(c, "One-time password"),
		Caution: "The password is shown now and never again. Hand it to the user in person or by telephone.",
		Secrets: []page.Shown{{Label: "One-time password", Text: made.OneTimePassword, Hint: "Good for seven days. It has to be replaced at the first sign-in."}},
		Next:    page.Link{Path: usersPath + "/" + in.ID.String(), Text: "Go back to the user"},
	})
}

func (s *Server) sendFactorReset(ctx context.Context, c *Call, in byID) (*Redirect, error) {
	if _, err := s.resetUserSecondFactor(ctx, c, ofUser{ID: in.ID}); err != nil {
		return nil, err
	}
	return &Redirect{usersPath + "/" + in.ID.String() + "?done=changed"}, nil
}

func (s *Server) showInvitations(ctx context.Context, c *Call, in doneInput) (*Document, error) {
	all, err := s.directory.Invitations(ctx, c.Principal, c.Principal.Tenant())
	if err != nil {
		return nil, err
	}
	list := page.List{
		Frame: s.doneFrame(c, "Invitations", in.Done), Columns: []string{"Name", "E-mail address", "Role", "Sent", "Good until"}, Empty: "Nobody is invited.",
		Gate: s.gate(c, "To invite somebody, confirm that it is you.", invitationsPath),
	}
	for _, i := range all {
		until := page.Cell{Text: page.Time(i.Expires)}
		if !i.Expires.After(c.Received) {
			until = page.Cell{Text: "expired", Tag: "warn", Detail: page.Time(i.Expires)}
		}
		list.Rows = append(list.Rows, page.Row{
			Cells:   []page.Cell{{Text: i.User.Name}, {Text: i.User.Email}, {Text: roleName(i.User.Role)}, {Text: page.Time(i.Created)}, until},
			Actions: []page.Action{{Text: "Withdraw", About: "the invitation of " + i.User.Name, Path: invitationsPath + "/" + i.ID.String() + "/withdraw", Danger: true}},
		})
	}
	if list.Gate == nil {
		list.Forms = []page.Form{invitationForm(c, invitationFields{})}
	}
	return s.draw(list)
}

type invitationFields struct {
	Name  string `form:"name"`
	Email string `form:"email"`
	Role  string `form:"role"`
}

func invitationForm(c *Call, f invitationFields) page.Form {
	email := page.Email(f.Email)
	email.Autocomplete = "off"
	role := roleField(c, f.Role)
	role.Hint = ""
	return page.Form{Title: "Invite somebody", Action: invitationsPath, Button: "Invite"}.Of(
		page.Field{Name: "name", ID: "name", Label: "Name", Type: "text", Value: f.Name, Autocomplete: "off"}, email, role)
}

// sendInvitation invites somebody into one's own tenant.
func (s *Server) sendInvitation(ctx context.Context, c *Call, in invitationFields) (*Document, error) {
	made, err := s.inviteTo(ctx, c, nil, wire.NewUser{Email: in.Email, Name: in.Name, Role: in.Role})
	if err != nil {
		ask := page.Ask{Frame: s.frame(c, "Invite somebody"), Form: invitationForm(c, in)}
		ask.Form.Title, ask.Form.Back = "", invitationsPath
		return nil, again(ask, "email", err)
	}
	return s.draw(s.showInvitation(c, made, page.Link{Path: invitationsPath, Text: "Go back to the invitations"}))
}

func (s *Server) sendWithdrawal(ctx context.Context, c *Call, in byID) (*Redirect, error) {
	if _, err := s.withdrawInvitation(ctx, c, ofUser{ID: in.ID}); err != nil {
		return nil, err
	}
	return &Redirect{invitationsPath + "?done=withdrawn"}, nil
}

func policyForm(require bool) page.Form {
	value := ""
	if require {
		value = "yes"
	}
	return page.Form{Action: policyPath, Button: "Save the policy"}.Of(page.Field{
		Name: "require_second_factor", ID: "require_second_factor", Type: "checkbox", Value: value, Label: "Every user needs a second factor",
		Hint: "Administrators and approvers need one in any case. Who has none can do nothing else from the next request on.",
	})
}

func (s *Server) showPolicy(ctx context.Context, c *Call, in doneInput) (*Document, error) {
	now, err := s.getPolicy(ctx, c, struct{}{})
	if err != nil {
		return nil, err
	}
	record := page.Record{Frame: s.doneFrame(c, "Policy", in.Done), Gate: s.gate(c, "To change the policy, confirm that it is you.", policyPath)}
	record.Facts = []page.Fact{{Name: "Second factor", Cell: page.Cell{Text: map[bool]string{true: "needed by every user", false: "needed by administrators and approvers"}[now.RequireSecondFactor]}}}
	if record.Gate == nil {
		record.Forms = []page.Form{policyForm(now.RequireSecondFactor)}
	}
	return s.draw(record)
}

func (s *Server) sendPolicy(ctx context.Context, c *Call, in struct {
	Require string `form:"require_second_factor"`
}) (*Redirect, error) {
	_, err := s.setPolicy(ctx, c, jsonBody[wire.Policy]{wire.Policy{RequireSecondFactor: in.Require != ""}})
	if err != nil {
		ask := page.Ask{Frame: s.frame(c, "Policy"), Form: policyForm(in.Require != "")}
		return nil, again(ask, "require_second_factor", err)
	}
	return &Redirect{policyPath + "?done=changed"}, nil
}
