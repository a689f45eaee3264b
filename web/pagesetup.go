package web

import (
	"context"

	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

func setUpPages() []route {
	return []route{
		{Route{Method: "GET", Path: page.SetUpPath, Operation: "showSetUp", Access: Open, Page: true}, do((*Server).showSetUp)},
		{Route{Method: "POST", Path: page.SetUpPath, Operation: "sendSetUp", Access: Open, Page: true, Secret: true}, do((*Server).sendSetUp)},
	}
}

type setUpForm struct {
	Code          string `form:"code"`
	OperatorName  string `form:"operator-name"`
	OperatorEmail string `form:"operator-email"`
	Password      string `form:"password"`
	Tenant        string `form:"tenant"`
	AdminName     string `form:"administrator-name"`
	AdminEmail    string `form:"administrator-email"`
	Mode          string `form:"mode"`
}

// askSetUp is the page of the first start, with what was typed before but code and password.
func (s *Server) askSetUp(ctx context.Context, f setUpForm) page.Ask {
	code := page.Field{Name: "code", ID: "code", Label: "Set-up code", Type: "text", Autocomplete: "off", Plain: true, Class: "code",
		Hint: "It stands in the log of the appliance since it was started: journalctl -u qrsd"}
	text := func(name, label, hint, value string) page.Field {
		return page.Field{Name: name, ID: name, Label: label, Type: "text", Value: value, Hint: hint, Autocomplete: "off"}
	}
	administrator := page.Email(f.AdminEmail)
	administrator.Name, administrator.ID, administrator.Autocomplete = "administrator-email", "administrator-email", "off"
	administrator.Label = "E-mail address of its administrator"
	operator := page.Email(f.OperatorEmail)
	operator.Name, operator.ID, operator.Autocomplete, operator.Label = "operator-email", "operator-email", "username", "Your e-mail address"
	name := text("operator-name", "Your name", "", f.OperatorName)
	name.Autocomplete = "name"
	groups := []page.Group{
		{Fields: []page.Field{code}},
		{Legend: "You, the operator", Fields: []page.Field{name, operator, page.NewPassword("Your password")}},
		{Legend: "The first tenant", Fields: []page.Field{
			text("tenant", "Name of the tenant", "A company whose portfolios are kept apart from all others. The operator does not see what is in it.", f.Tenant),
			text("administrator-name", "Name of its administrator", "", f.AdminName),
			administrator,
		}},
	}
	if !s.modeFixed(ctx) {
		groups = append(groups, page.Group{Legend: "How far the appliance reaches", Fields: []page.Field{modeField(f.Mode)}})
	}
	return page.Ask{
		Frame: page.Frame{Title: "Set up the appliance", Step: "Step 1 of 3", Wide: true,
			Lead: "This is done once. It makes you the operator, makes the first tenant, and invites its administrator."},
		Form: page.Form{Action: page.SetUpPath, Button: "Set up and go on", Groups: groups},
	}
}

// modeField asks for the mode. Air-gapped is what is meant where nobody says anything else.
func modeField(mode string) page.Field {
	if mode == "" {
		mode = "air-gapped"
	}
	return page.Field{Name: "mode", ID: "mode", Label: "Mode", Type: "radio", Value: mode, Hint: "It can be changed later.", Choices: []page.Choice{
		{Value: "air-gapped", Text: "Air-gapped", Hint: "No connection leaves this host. Circuits travel on files."},
		{Value: "hybrid", Text: "Hybrid", Hint: "Only the destinations that the configuration allows, each connection on record."},
		{Value: "connected", Text: "Connected", Hint: "All destinations that features need, each connection on record."},
	}}
}

func (s *Server) showSetUp(ctx context.Context, _ *Call, _ struct{}) (any, error) {
	needs, err := s.directory.NeedsSetUp(ctx)
	switch {
	case err != nil:
		return nil, err
	case !needs:
		return &Redirect{page.SignInPath}, nil
	}
	return s.draw(s.askSetUp(ctx, setUpForm{}))
}

// sendSetUp sets the appliance up and shows, once, what belongs into other hands: the way in of the first administrator, and the
// recovery code of the store.
func (s *Server) sendSetUp(ctx context.Context, c *Call, in setUpForm) (*Document, error) {
	done, err := s.setUp(ctx, c, jsonBody[wire.SetUp]{wire.SetUp{
		Code: in.Code, Password: in.Password, Tenant: in.Tenant, Mode: in.Mode,
		Operator:      wire.Person{Email: in.OperatorEmail, Name: in.OperatorName},
		Administrator: wire.Person{Email: in.AdminEmail, Name: in.AdminName},
	}})
	if err != nil {
		return nil, again(s.askSetUp(ctx, in), "code", err)
	}
	show := page.Show{
		Frame:   page.Frame{Title: "The appliance is set up", Step: "Step 2 of 3", Account: "Operator", Wide: true},
		Caution: "What is on this page is shown once. Print it or copy it before you go on, and keep both parts where keys are kept.",
		Next:    page.Link{Path: page.EnrolPath, Text: "Go on to your second factor"},
	}
	if done.RecoveryCode != "" {
		show.Secrets = append(show.Secrets, page.Shown{Label: "Recovery code of the store", Text: done.RecoveryCode,
			Hint: "It unlocks the store where its key or passphrase is lost. Any earlier one is void."})
	}
	if done.Invitation.Token != "" {
		show.Secrets = append(show.Secrets, page.Shown{Label: "Invitation of the administrator", Text: page.AcceptLink(s.base(c), done.Invitation.Token),
			Hint: "For " + done.Invitation.Invitation.User.Email + ", good once and for seven days."})
	}
	return s.draw(show)
}
