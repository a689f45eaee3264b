package web

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
)

func signInPages() []route {
	return []route{
		{Route{Method: "GET", Path: page.SignInPath, Operation: "showSignIn", Access: LockedToo, Page: true}, do((*Server).showSignIn)},
		{Route{Method: "POST", Path: page.SignInPath, Operation: "sendSignIn", Access: Open, Page: true, Secret: true}, do((*Server).sendSignIn)},
		{Route{Method: "GET", Path: page.SecondFactorPath, Operation: "showSecondFactor", Access: Open, Page: true}, do((*Server).showSecondFactor)},
		{Route{Method: "POST", Path: page.SecondFactorPath, Operation: "sendSecondFactor", Access: Open, Page: true, Secret: true}, do((*Server).sendSecondFactor)},
		{Route{Method: "POST", Path: "/sign-out", Operation: "sendSignOut", Access: SignedIn, Verb: "session.sign-out", Page: true}, do((*Server).sendSignOut)},
	}
}

// showSignIn asks who it is: or says what has to come first, of an appliance that is not set up or whose store is locked.
func (s *Server) showSignIn(ctx context.Context, _ *Call, in struct {
	Next string `query:"next"`
	Done string `query:"done"`
}) (any, error) {
	needs, err := s.directory.NeedsSetUp(ctx)
	switch {
	case errors.Is(err, store.ErrLocked):
		return s.draw(page.Tell{
			Frame: page.Frame{Title: "The store is locked"},
			Texts: []string{"Nobody can sign in until an operator has unlocked it with its passphrase or a recovery code. Nothing is lost meanwhile."},
			Next:  page.Link{Path: page.UnlockPath, Text: "Unlock the store"},
		})
	case err != nil:
		return nil, err
	case needs:
		return &Redirect{page.SetUpPath}, nil
	}
	ask := s.askSignIn(signInForm{Next: cmp.Or(in.Next, "/")})
	ask.Notice = doneTexts()[in.Done]
	return s.draw(ask)
}

type signInForm struct {
	Email    string           `form:"email"`
	Password directory.Secret `form:"password"`
	Tenant   string           `form:"tenant"`
	Next     string           `form:"next"`
}

// askSignIn is the page of a sign-in, with what was typed before but the password.
func (s *Server) askSignIn(f signInForm, tenants ...store.ID) page.Ask {
	next := localPath(f.Next)
	fields := []page.Field{page.Email(f.Email), page.Password(), page.Hidden("next", next)}
	if len(tenants) > 0 {
		tenant := page.Field{Name: "tenant", ID: "tenant", Label: "Tenant", Type: "radio", Value: f.Tenant,
			Hint: "Your address is known in several. Choose one and give the password again."}
		for _, t := range tenants {
			tenant.Choices = append(tenant.Choices, page.Choice{Value: t.String(), Text: t.String()})
		}
		fields = append(fields, tenant)
	}
	ask := page.Ask{
		Frame: page.Frame{Title: "Sign in"},
		Form:  page.Form{Action: page.SignInPath, Button: "Sign in"}.Of(fields...),
		Links: []page.Link{{Path: page.ResetPath, Text: "I forgot my password"}},
	}
	if s.directory.PasskeysOffered() {
		ask.Passkey = page.Passkey{Use: "sign-in", Text: "Sign in with a passkey", Next: next, Or: true}
	}
	return ask
}

// sendSignIn takes address and password. A second factor is asked for by a page that holds a ticket in place of the password.
func (s *Server) sendSignIn(ctx context.Context, c *Call, in signInForm) (any, error) {
	if faults := missing(map[string]bool{"email": in.Email == "", "password": in.Password.IsZero()}); faults != nil {
		return nil, again(s.askSignIn(in), "email", faults)
	}
	given := directory.Credentials{Email: in.Email, Password: in.Password}
	if in.Tenant != "" {
		id, err := store.ParseID(in.Tenant)
		if err != nil {
			return nil, again(s.askSignIn(in), "tenant", badField("/tenant", "choose one of the tenants"))
		}
		given.Tenant = id
	}
	_, token, err := s.directory.SignIn(ctx, given, c.Source)
	var second *directory.SecondFactorNeeded
	var which *directory.ErrTenantNeeded
	switch {
	case errors.As(err, &second):
		return s.draw(askSecondFactor(second, in.Next))
	case errors.As(err, &which):
		return nil, again(s.askSignIn(in, which.Tenants...), "tenant-0", err)
	case err != nil:
		return nil, again(s.askSignIn(in), "email", err)
	}
	c.SetSession(token)
	return &Redirect{localPath(in.Next)}, nil
}

// showSecondFactor is where one comes by hand: without a password there is no second factor.
func (s *Server) showSecondFactor(context.Context, *Call, struct{}) (*Redirect, error) {
	return &Redirect{page.SignInPath}, nil
}

// askSecondFactor is the page for what is left to give after the password.
func askSecondFactor(n *directory.SecondFactorNeeded, next string) page.Ask {
	next = localPath(next)
	ways := []string{}
	if n.Code {
		ways = append(ways, "code")
	}
	if n.Passkey {
		ways = append(ways, "passkey")
	}
	code := page.Code()
	code.Hint = "A recovery code. Each is good once."
	if n.Code {
		code.Hint = "The six digits of your authenticator application, or a recovery code."
	}
	code.InputMode = "text" // recovery codes have letters
	ask := page.Ask{
		Frame: page.Frame{Title: "Second factor", Lead: "The password is right. Now show that it is you."},
		Form: page.Form{Action: page.SecondFactorPath, Button: "Continue"}.Of(
			code, page.Hidden("ticket", n.Ticket.Reveal()), page.Hidden("ways", strings.Join(ways, " ")), page.Hidden("next", next)),
		Links: []page.Link{{Path: page.SignInPath, Text: "Sign in as somebody else"}},
	}
	if n.Passkey {
		ask.Passkey = page.Passkey{Use: "sign-in", Text: "Use a passkey", Next: next, Ticket: n.Ticket.Reveal(), Or: true}
	}
	return ask
}

// sendSecondFactor ends a sign-in. A wrong code asks again, with the same ticket.
func (s *Server) sendSecondFactor(ctx context.Context, c *Call, in struct {
	Code   directory.Secret `form:"code"`
	Ticket directory.Secret `form:"ticket"`
	Ways   string           `form:"ways"`
	Next   string           `form:"next"`
}) (any, error) {
	ways := strings.Fields(in.Ways)
	ask := askSecondFactor(&directory.SecondFactorNeeded{
		Ticket: in.Ticket, Code: slices.Contains(ways, "code"), Passkey: slices.Contains(ways, "passkey"),
	}, in.Next)
	if faults := missing(map[string]bool{"code": in.Code.IsZero()}); faults != nil {
		return nil, again(ask, "code", faults)
	}
	_, token, err := s.directory.SignInSecond(ctx, directory.SecondFactor{Ticket: in.Ticket, Code: in.Code}, c.Source)
	switch {
	case errors.Is(err, directory.ErrNoCeremony):
		return &Redirect{page.SignInPath + "?done=again&next=" + url.QueryEscape(localPath(in.Next))}, nil
	case errors.Is(err, directory.ErrWrongCredentials):
		return nil, againSaying(ask, "code", "the code is wrong or was used already; wait for the next one, or use a recovery code", err)
	case err != nil:
		return nil, again(ask, "code", err)
	}
	c.SetSession(token)
	return &Redirect{localPath(in.Next)}, nil
}

// sendSignOut ends the session.
func (s *Server) sendSignOut(ctx context.Context, c *Call, in struct{}) (*Redirect, error) {
	if _, err := s.signOut(ctx, c, in); err != nil {
		return nil, err
	}
	return &Redirect{page.SignInPath + "?done=signed-out"}, nil
}
