package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Pages of one's own account: who am I, where am I signed in, with what do I prove it.

const (
	sessionsPath = page.HomePath + "/sessions"
	factorPath   = page.HomePath + "/second-factor"
	passkeysPath = page.HomePath + "/passkeys"
)

func accountPages(as like) []route {
	own := func(method, path, operation, verb string, e endpoint) route {
		return route{Route{Method: method, Path: path, Operation: operation, Access: SignedIn, Verb: verb, Page: true}, e}
	}
	return []route{
		own("GET", page.HomePath, "showAccount", "user.self", do((*Server).showAccount)),
		as("POST", page.HomePath+"/name", "changeMe", "sendName", do((*Server).sendName)),
		own("GET", sessionsPath, "showSessions", "session.list", do((*Server).showSessions)),
		as("POST", sessionsPath+"/end", "endMySessions", "sendEndOfSessions", do((*Server).sendEndOfSessions)),
		as("POST", sessionsPath+"/{id}/end", "endMySession", "sendEndOfSession", do((*Server).sendEndOfSession)),
		own("GET", factorPath, "showFactor", "user.self", do((*Server).showFactor)),
		as("POST", factorPath+"/codes", "renewRecoveryCodes", "sendRenewal", do((*Server).sendRenewal)),
		as("POST", factorPath+"/remove", "removeSecondFactor", "sendFactorRemoval", do((*Server).sendFactorRemoval)),
		own("GET", passkeysPath, "showPasskeys", "user.self", do((*Server).showPasskeys)),
		as("POST", passkeysPath+"/{id}/remove", "removeMyPasskey", "sendPasskeyRemoval", do((*Server).sendPasskeyRemoval)),
	}
}

// doneInput is the input of a page that a form leads to.
type doneInput struct {
	Done string `query:"done"`
}

// showAccount is where one lands: one's own account, or what has to be put in order first.
func (s *Server) showAccount(ctx context.Context, c *Call, in doneInput) (any, error) {
	self, err := s.directory.Self(ctx, c.Principal)
	switch {
	case err != nil:
		return nil, err
	case self.MustChangePassword:
		return &Redirect{page.ChangePath}, nil
	case self.MustEnrol:
		return &Redirect{page.EnrolPath}, nil
	}
	tenant := page.Cell{Text: self.TenantName, Detail: self.Tenant.String()}
	if self.TenantName == "" {
		tenant = page.Cell{Text: "The appliance itself"}
	}
	return s.draw(page.Record{
		Frame: s.doneFrame(c, "Account", in.Done),
		Facts: []page.Fact{
			{Name: "Name", Cell: page.Cell{Text: self.Name}}, {Name: "E-mail address", Cell: page.Cell{Text: self.Email}},
			{Name: "Role", Cell: page.Cell{Text: roleName(self.Role)}}, {Name: "Tenant", Cell: tenant}, {Name: "Second factor", Cell: factorOf(self)},
			{Name: "Last sign-in", Cell: page.Cell{Text: page.Time(self.SignedIn)}}, {Name: "User", Cell: page.Cell{Text: self.ID.String(), Mono: true}},
		},
		Forms: []page.Form{nameForm(self.Name)},
		Links: []page.Link{{Path: page.ChangePath, Text: "Change your password"}},
	})
}

func nameForm(name string) page.Form {
	return page.Form{Title: "Change your name", Action: page.HomePath + "/name", Button: "Save the name"}.Of(
		page.Field{Name: "name", ID: "name", Label: "Name", Type: "text", Value: name, Autocomplete: "name"})
}

// sendName changes how one is shown to others.
func (s *Server) sendName(ctx context.Context, c *Call, in struct {
	Name string `form:"name"`
}) (*Redirect, error) {
	if _, err := s.changeMe(ctx, c, jsonBody[wire.MeChange]{wire.MeChange{Name: in.Name}}); err != nil {
		ask := page.Ask{Frame: s.frame(c, "Change your name"), Form: nameForm(in.Name)}
		ask.Form.Title, ask.Form.Back = "", page.HomePath
		return nil, again(ask, "name", err)
	}
	return &Redirect{page.HomePath + "?done=changed"}, nil
}

// factorOf is how an account's second factor stands.
func factorOf(self directory.Self) page.Cell {
	if !self.SecondFactor {
		return page.Cell{Text: "none", Tag: "warn"}
	}
	var has []string
	if self.Authenticator {
		has = append(has, "authenticator application")
	}
	if self.Passkeys > 0 {
		has = append(has, fmt.Sprintf("passkeys: %d", self.Passkeys))
	}
	return page.Cell{Text: "in place", Tag: "ok", Detail: fmt.Sprintf("%s; recovery codes left: %d", strings.Join(has, ", "), self.RecoveryCodes)}
}

// doneFrame is frame with what a form did.
func (s *Server) doneFrame(c *Call, title, done string) page.Frame {
	f := s.frame(c, title)
	f.Notice = doneTexts()[done]
	return f
}

func (s *Server) showSessions(ctx context.Context, c *Call, in doneInput) (*Document, error) {
	all, err := s.directory.Sessions(ctx, c.Principal, c.Principal.User())
	if err != nil {
		return nil, err
	}
	list := page.List{Frame: s.doneFrame(c, "Sessions", in.Done), Columns: []string{"Signed in", "Last used", "Ends at the latest", "From", "With"}}
	list.Lead = "Where you are signed in. End what you do not know, and change your password then."
	list.Gate = s.gate(c, "To end a session, confirm that it is you.", sessionsPath)
	for _, one := range all {
		row := page.Row{Cells: []page.Cell{
			{Text: page.Time(one.Begun)}, {Text: page.Time(one.Seen)}, {Text: page.Time(one.Ends)}, {Text: one.Address}, {Text: one.UserAgent},
		}}
		if one.ID == c.exchange.session.ID {
			row.Cells[0].Detail = "this session"
		} else if list.Gate == nil {
			row.Actions = []page.Action{{Text: "End", About: "the session of " + page.Time(one.Begun), Path: sessionsPath + "/" + one.ID.String() + "/end", Danger: true}}
		}
		list.Rows = append(list.Rows, row)
	}
	if list.Gate != nil {
		return s.draw(list)
	}
	list.Forms = []page.Form{{Title: "End all sessions", Hint: "This one too: you sign in again afterwards.", Action: sessionsPath + "/end", Button: "End all sessions", Danger: true}}
	return s.draw(list)
}

func (s *Server) sendEndOfSession(ctx context.Context, c *Call, in byID) (*Redirect, error) {
	if _, err := s.endMySession(ctx, c, in); err != nil {
		return nil, err
	}
	return &Redirect{sessionsPath + "?done=ended"}, nil
}

func (s *Server) sendEndOfSessions(ctx context.Context, c *Call, _ struct{}) (*Redirect, error) {
	if err := s.directory.CloseSession(ctx, c.Principal, c.Principal.User(), store.ID{}); err != nil {
		return nil, err
	}
	c.ClearSession()
	return &Redirect{page.SignInPath + "?done=signed-out"}, nil
}

func (s *Server) showFactor(ctx context.Context, c *Call, in doneInput) (*Document, error) {
	self, err := s.directory.Self(ctx, c.Principal)
	if err != nil {
		return nil, err
	}
	record := page.Record{Frame: s.doneFrame(c, "Second factor", in.Done)}
	record.Facts = []page.Fact{{Name: "Second factor", Cell: factorOf(self)}}
	if !self.Authenticator {
		record.Links = append(record.Links, page.Link{Path: page.EnrolPath, Text: "Add an authenticator application"})
	}
	record.Links = append(record.Links, page.Link{Path: passkeysPath, Text: "Passkeys"})
	if self.SecondFactor {
		record.Gate = s.gate(c, "To change your second factor, confirm that it is you.", factorPath)
	}
	if record.Gate != nil {
		return s.draw(record)
	}
	if self.SecondFactor {
		record.Forms = append(record.Forms, renewalForm(self.Email))
	}
	if self.Authenticator {
		record.Forms = append(record.Forms, removalForm())
	}
	return s.draw(record)
}

func renewalForm(account string) page.Form {
	return page.Form{Title: "New recovery codes", Hint: "Those that you have become void.", Action: factorPath + "/codes", Button: "Make new recovery codes"}.
		Of(passwordAs("codes-password"), page.Hidden("account", account))
}

func removalForm() page.Form {
	return page.Form{Title: "Remove the authenticator application", Hint: "To move to another telephone, remove this one and add the other.",
		Action: factorPath + "/remove", Button: "Remove the application", Danger: true}.Of(passwordAs("remove-password"))
}

// passwordAs is the field of the password where a page has several.
func passwordAs(id string) page.Field {
	f := page.Password()
	f.ID = id
	return f
}

type passwordForm struct {
	Password directory.Secret `form:"password"`
}

// sendRenewal makes new recovery codes and shows them.
func (s *Server) sendRenewal(ctx context.Context, c *Call, in struct {
	Password directory.Secret `form:"password"`
	Account  string           `form:"account"`
}) (*Document, error) {
	codes, err := s.directory.RenewRecoveryCodes(ctx, c.Principal, c.Session, in.Password)
	if err != nil {
		ask := page.Ask{Frame: s.frame(c, "New recovery codes"), Form: renewalForm(in.Account)}
		ask.Form.Title, ask.Form.Back = "", factorPath
		return nil, s.againForPassword(ask, "codes-password", err)
	}
	return s.draw(s.showCodes(c, in.Account, codes))
}

func (s *Server) sendFactorRemoval(ctx context.Context, c *Call, in passwordForm) (*Redirect, error) {
	if err := s.directory.RemoveSecondFactor(ctx, c.Principal, c.Session, in.Password); err != nil {
		ask := page.Ask{Frame: s.frame(c, "Remove the authenticator application"), Form: removalForm()}
		ask.Form.Title, ask.Form.Back = "", factorPath
		return nil, s.againForPassword(ask, "remove-password", err)
	}
	return &Redirect{factorPath + "?done=removed"}, nil
}

// againForPassword asks again where a password was all that was asked for.
func (s *Server) againForPassword(ask page.Ask, field string, err error) error {
	if errors.Is(err, directory.ErrWrongCredentials) {
		return againSaying(ask, field, "this is not your password", err)
	}
	return again(ask, field, err)
}

func (s *Server) showPasskeys(ctx context.Context, c *Call, in doneInput) (*Document, error) {
	all, err := s.directory.Passkeys(ctx, c.Principal)
	if err != nil {
		return nil, err
	}
	list := page.List{Frame: s.doneFrame(c, "Passkeys", in.Done), Columns: []string{"Name", "Added", "Last used", "Kept"}, Empty: "You have no passkey."}
	list.Lead = "A passkey is password and second factor in one. It is kept by your device, your browser or a security key."
	list.Gate = s.gate(c, "To add or remove a passkey, confirm that it is you.", passkeysPath)
	for _, one := range all {
		kept := page.Cell{Text: "on one device"}
		if one.Synced {
			kept.Text = "by its provider, on several devices"
		}
		if one.Copied != nil {
			kept = page.Cell{Text: "refused: a copy is in use", Tag: "error", Detail: page.Time(*one.Copied)}
		}
		row := page.Row{Cells: []page.Cell{{Text: one.Name}, {Text: page.Time(one.Created)}, {Text: page.Time(one.Used)}, kept}}
		if list.Gate == nil {
			row.Actions = []page.Action{{Text: "Remove", About: one.Name, Path: passkeysPath + "/" + one.ID.String() + "/remove", Danger: true}}
		}
		list.Rows = append(list.Rows, row)
	}
	switch {
	case !s.directory.PasskeysOffered():
		list.Empty = "This appliance offers no passkeys: its configuration does not say by which name it is reached."
		list.Gate = nil
	case list.Gate == nil:
		list.Passkey = page.Passkey{Use: "add", Text: "Add a passkey", Next: passkeysPath, Sheet: s.sheet(c, "this account")}
	}
	return s.draw(list)
}

func (s *Server) sendPasskeyRemoval(ctx context.Context, c *Call, in byID) (*Redirect, error) {
	if err := s.directory.RemovePasskey(ctx, c.Principal, c.Session, in.ID); err != nil {
		return nil, err
	}
	return &Redirect{passkeysPath + "?done=removed"}, nil
}

// gate leads to the proof that something asks for; nil where the session has a fresh one.
func (s *Server) gate(c *Call, text, back string) *page.Gate {
	if s.directory.Fresh(c.exchange.session) {
		return nil
	}
	return &page.Gate{Text: text, Path: page.ConfirmPath + "?next=" + url.QueryEscape(back)}
}
