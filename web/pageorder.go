package web

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
)

// Pages that put one's own account in order: password, second factor, recovery codes, and the proof that it is still oneself. They
// answer accounts too that may do nothing else yet.

func orderPages(as like) []route {
	own := func(method, path, operation string, secret bool, e endpoint) route {
		return route{Route{Method: method, Path: path, Operation: operation, Access: SignedIn, Verb: "user.self", Page: true, Secret: secret}, e}
	}
	return []route{
		own("GET", page.ChangePath, "showPasswordChange", false, do((*Server).showPasswordChange)),
		own("POST", page.ChangePath, "sendPasswordChange", true, do((*Server).sendPasswordChange)),
		own("GET", page.EnrolPath, "showEnrolment", false, do((*Server).showEnrolment)),
		as("POST", page.EnrolPath, "enrolSecondFactor", "sendEnrolment", do((*Server).sendEnrolment)),
		as("POST", page.EnrolPath+"/confirm", "confirmSecondFactor", "sendEnrolmentCode", do((*Server).sendEnrolmentCode)),
		own("GET", page.ConfirmPath, "showConfirmation", false, do((*Server).showConfirmation)),
		as("POST", page.ConfirmPath, "stepUp", "sendConfirmation", do((*Server).sendConfirmation)),
	}
}

// askPasswordChange asks for the present password and the new one. single is for those who can do nothing else.
func (s *Server) askPasswordChange(c *Call) page.Ask {
	old := page.Password()
	old.Name, old.ID, old.Label = "old", "old", "Present password"
	ask := page.Ask{
		Frame: s.frame(c, "Change your password"),
		Form:  page.Form{Action: page.ChangePath, Button: "Change the password", Back: page.HomePath}.Of(old, page.NewPassword("New password")),
	}
	ask.Lead = "All your other sessions end."
	if c.restricted() {
		ask.Lead = "Your password was set by somebody else. Choose one that only you know."
		ask.Form.Back, old.Label = "", "One-time password"
		ask.Form.Groups[0].Fields[0] = old
	}
	return ask
}

func (s *Server) showPasswordChange(ctx context.Context, c *Call, _ struct{}) (*Document, error) {
	if _, err := s.directory.Self(ctx, c.Principal); err != nil {
		return nil, err
	}
	return s.draw(s.askPasswordChange(c))
}

func (s *Server) sendPasswordChange(ctx context.Context, c *Call, in struct {
	Old      directory.Secret `form:"old"`
	Password directory.Secret `form:"password"`
}) (*Redirect, error) {
	if faults := missing(map[string]bool{"old": in.Old.IsZero(), "password": in.Password.IsZero()}); faults != nil {
		return nil, again(s.askPasswordChange(c), "old", faults)
	}
	token, err := s.directory.SetPassword(ctx, c.Principal, in.Old, in.Password)
	switch {
	case errors.Is(err, directory.ErrWrongCredentials):
		return nil, againSaying(s.askPasswordChange(c), "old", "this is not your present password", err)
	case err != nil:
		return nil, again(s.askPasswordChange(c), "password", err)
	}
	c.SetSession(token)
	return &Redirect{page.HomePath + "?done=changed"}, nil
}

// askEnrolment offers the ways to a second factor. The account's address goes along for the print of the recovery codes, which have to say
// whose they are.
func (s *Server) askEnrolment(c *Call, account string) page.Ask {
	ask := page.Ask{
		Frame: s.frame(c, "Add a second factor"),
		Form: page.Form{Title: "With an authenticator application", Action: page.EnrolPath, Button: "Continue with an application",
			Hint: "An application on your telephone shows six digits that change every half minute."}.Of(page.Password(), page.Hidden("account", account)),
	}
	ask.Lead = "Something that you have, besides the password that you know."
	if s.directory.PasskeysOffered() {
		ask.Passkey = page.Passkey{Use: "add", Text: "Add a passkey", Next: page.HomePath, Sheet: s.sheet(c, account), Or: true}
	}
	return ask
}

// showEnrolment offers them to whoever proved a moment ago who it is, and asks others for it first: what begins here wants it.
func (s *Server) showEnrolment(ctx context.Context, c *Call, _ struct{}) (any, error) {
	self, err := s.directory.Self(ctx, c.Principal)
	switch {
	case err != nil:
		return nil, err
	case !s.directory.Fresh(c.exchange.session):
		return &Redirect{page.ConfirmPath + "?next=" + url.QueryEscape(page.EnrolPath)}, nil
	}
	return s.draw(s.askEnrolment(c, self.Email))
}

// sendEnrolment begins an authenticator application: its key is shown here and nowhere else.
func (s *Server) sendEnrolment(ctx context.Context, c *Call, in struct {
	Password directory.Secret `form:"password"`
	Account  string           `form:"account"`
}) (*Document, error) {
	if faults := missing(map[string]bool{"password": in.Password.IsZero()}); faults != nil {
		return nil, again(s.askEnrolment(c, in.Account), "password", faults)
	}
	e, err := s.directory.EnrolSecondFactor(ctx, c.Principal, c.Session, in.Password, s.options.Hosts[0])
	switch {
	case errors.Is(err, directory.ErrWrongCredentials):
		return nil, againSaying(s.askEnrolment(c, in.Account), "password", "this is not your password", err)
	case err != nil:
		return nil, again(s.askEnrolment(c, in.Account), "password", err)
	}
	qr, err := page.NewQR(e.URI.Reveal())
	if err != nil {
		return nil, err
	}
	enrol := page.Enrol{Frame: s.frame(c, "Bring the application in"), QR: qr, Secret: e.Secret.Reveal(), Form: enrolmentForm(in.Account)}
	return s.draw(enrol)
}

func enrolmentForm(account string) page.Form {
	return page.Form{Action: page.EnrolPath + "/confirm", Button: "Confirm the code", Back: page.EnrolPath}.Of(page.Code(), page.Hidden("account", account))
}

// sendEnrolmentCode puts the application in place and shows the recovery codes.
func (s *Server) sendEnrolmentCode(ctx context.Context, c *Call, in struct {
	Code    directory.Secret `form:"code"`
	Account string           `form:"account"`
}) (*Document, error) {
	// The key is not shown again: the application has it, or the reader begins anew.
	ask := page.Ask{Frame: s.frame(c, "Type the next code"), Form: enrolmentForm(in.Account), Links: []page.Link{{Path: page.EnrolPath, Text: "Begin again with a new key"}}}
	if faults := missing(map[string]bool{"code": in.Code.IsZero()}); faults != nil {
		return nil, again(ask, "code", faults)
	}
	token, codes, err := s.directory.ConfirmSecondFactor(ctx, c.Principal, c.Session, in.Code)
	switch {
	case errors.Is(err, directory.ErrWrongCredentials):
		return nil, againSaying(ask, "code", "the code is wrong; wait for the next one, and see that the clock of your telephone is right", err)
	case err != nil:
		return nil, again(ask, "code", err)
	}
	c.SetSession(token)
	return s.draw(s.showCodes(c, in.Account, codes))
}

// sheet is what a print of recovery codes says of them.
func (s *Server) sheet(c *Call, account string) page.Codes {
	return page.Codes{Account: account, Host: s.options.Hosts[0], Made: c.Received.UTC().Format("2 January 2006")}
}

// showCodes is the sheet of recovery codes.
func (s *Server) showCodes(c *Call, account string, codes []directory.Secret) page.Show {
	list := s.sheet(c, account)
	for _, code := range codes {
		list.List = append(list.List, code.Reveal())
	}
	show := page.Show{
		Frame:   s.frame(c, "Your recovery codes"),
		Caution: "Each opens your account once where the second factor is lost. They are shown now and never again.",
		Codes:   &list, Next: page.Link{Path: page.HomePath, Text: "I have kept them, go on"},
	}
	return show
}

// askConfirmation asks for a fresh proof, in the ways that the account has: "code" or "recovery" besides the password, and
// "passkey".
func (s *Server) askConfirmation(c *Call, ways []string, next string) page.Ask {
	next = localPath(next)
	fields := []page.Field{page.Password()}
	code := page.Code()
	code.InputMode = "text"
	switch {
	case slices.Contains(ways, "code"):
		code.Hint = "The six digits of your authenticator application, or a recovery code."
		fields = append(fields, code)
	case slices.Contains(ways, "recovery"):
		code.Label, code.Hint, code.Autocomplete = "Recovery code", "If you cannot use your passkey. Each is good once.", "off"
		fields = append(fields, code)
	}
	fields = append(fields, page.Hidden("ways", strings.Join(ways, " ")), page.Hidden("next", next))
	ask := page.Ask{
		Frame: s.frame(c, "Confirm that it is you"),
		Form:  page.Form{Action: page.ConfirmPath, Button: "Confirm", Back: next}.Of(fields...),
	}
	ask.Lead = "What you are about to do asks for it. It holds for ten minutes."
	if slices.Contains(ways, "passkey") && s.directory.PasskeysOffered() {
		ask.Passkey = page.Passkey{Use: "step-up", Text: "Confirm with a passkey", Next: next, Or: true}
	}
	return ask
}

// waysOf are the ways in which an account proves itself.
func waysOf(self directory.Self) (ways []string) {
	if self.Authenticator {
		ways = append(ways, "code")
	} else if self.SecondFactor {
		ways = append(ways, "recovery")
	}
	if self.Passkeys > 0 {
		ways = append(ways, "passkey")
	}
	return ways
}

func (s *Server) showConfirmation(ctx context.Context, c *Call, in struct {
	Next string `query:"next"`
}) (*Document, error) {
	self, err := s.directory.Self(ctx, c.Principal)
	if err != nil {
		return nil, err
	}
	return s.draw(s.askConfirmation(c, waysOf(self), in.Next))
}

// sendConfirmation takes the proof. The page from before is led back to, not what was sent from it: a change is sent again by
// whoever wants it.
func (s *Server) sendConfirmation(ctx context.Context, c *Call, in struct {
	Password directory.Secret `form:"password"`
	Code     directory.Secret `form:"code"`
	Ways     string           `form:"ways"`
	Next     string           `form:"next"`
}) (*Redirect, error) {
	ways := strings.Fields(in.Ways)
	ask := s.askConfirmation(c, ways, in.Next)
	if faults := missing(map[string]bool{"password": in.Password.IsZero(), "code": len(ways) > 0 && in.Code.IsZero()}); faults != nil {
		return nil, again(ask, "password", faults)
	}
	token, err := s.directory.StepUp(ctx, c.Principal, c.Session, directory.Proof{Password: in.Password, Code: in.Code})
	if err != nil {
		return nil, again(ask, "password", err)
	}
	c.SetSession(token)
	return &Redirect{localPath(in.Next)}, nil
}
