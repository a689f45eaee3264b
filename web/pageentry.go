package web

import (
	"context"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Pages by which one gets in without being signed in: by an invitation, by a reset, by unlocking the store.

func entryPages() []route {
	return []route{
		{Route{Method: "GET", Path: page.AcceptPath, Operation: "showAcceptance", Access: Open, Page: true}, do((*Server).showAcceptance)},
		{Route{Method: "POST", Path: page.AcceptPath, Operation: "sendAcceptance", Access: Open, Page: true, Secret: true}, do((*Server).sendAcceptance)},
		{Route{Method: "GET", Path: page.ResetPath, Operation: "showReset", Access: Open, Page: true}, do((*Server).showReset)},
		{Route{Method: "POST", Path: page.ResetPath, Operation: "sendReset", Access: Open, Page: true}, do((*Server).sendReset)},
		{Route{Method: "GET", Path: page.ResetAcceptPath, Operation: "showResetAcceptance", Access: Open, Page: true}, do((*Server).showResetAcceptance)},
		{Route{Method: "POST", Path: page.ResetAcceptPath, Operation: "sendResetAcceptance", Access: Open, Page: true, Secret: true}, do((*Server).sendResetAcceptance)},
		{Route{Method: "GET", Path: page.UnlockPath, Operation: "showUnlock", Access: LockedToo, Page: true}, do((*Server).showUnlock)},
		{Route{Method: "POST", Path: page.UnlockPath, Operation: "sendUnlock", Access: LockedToo, Page: true, Secret: true}, do((*Server).sendUnlock)},
	}
}

// tokenInput is the token of a letter's link. Looking at the page uses nothing up: mail scanners open links too.
type tokenInput struct {
	Token string `query:"token"`
}

type tokenForm struct {
	Token    string           `form:"token"`
	Password directory.Secret `form:"password"`
}

// withToken are the fields of a page that an e-mail leads to. Who came without the link types the code in it.
func withToken(token string, fields ...page.Field) []page.Field {
	if token != "" {
		return append(fields, page.Hidden("token", token))
	}
	typed := page.Field{Name: "token", ID: "token", Label: "Code from the e-mail", Type: "text", Autocomplete: "off", Plain: true,
		Hint: "The long code at the end of the address that you were sent."}
	return append([]page.Field{typed}, fields...)
}

func askAcceptance(token string) page.Ask {
	return page.Ask{
		Frame: page.Frame{Title: "Accept the invitation", Lead: "Choose a password for your account. What else it needs comes next."},
		Form:  page.Form{Action: page.AcceptPath, Button: "Accept the invitation"}.Of(withToken(token, page.NewPassword("Your password"))...),
	}
}

func (s *Server) showAcceptance(_ context.Context, _ *Call, in tokenInput) (*Document, error) {
	return s.draw(askAcceptance(in.Token))
}

// sendAcceptance makes the account active and signs it in.
func (s *Server) sendAcceptance(ctx context.Context, c *Call, in tokenForm) (*Redirect, error) {
	ask := askAcceptance(in.Token)
	if faults := missing(map[string]bool{"token": in.Token == "", "password": in.Password.IsZero()}); faults != nil {
		return nil, again(ask, "password", faults)
	}
	_, token, err := s.directory.Accept(ctx, directory.NewSecret(in.Token), in.Password, c.Source)
	if err != nil {
		return nil, again(ask, "password", err)
	}
	c.SetSession(token)
	return &Redirect{page.HomePath + "?done=accepted"}, nil
}

func askReset(email string) page.Ask {
	return page.Ask{
		Frame: page.Frame{Title: "Reset your password", Lead: "You get an e-mail with a link that is good for an hour. Your second factor stays as it is."},
		Form:  page.Form{Action: page.ResetPath, Button: "Send the link", Back: page.SignInPath}.Of(page.Email(email)),
	}
}

func (s *Server) showReset(_ context.Context, _ *Call, in struct {
	Done string `query:"done"`
}) (*Document, error) {
	if in.Done != "" {
		return s.draw(page.Tell{
			Frame: page.Frame{Title: "Check your e-mail"},
			Texts: []string{
				"If an account has that address, an e-mail with a link is on its way. The link is good for an hour, and once.",
				"Where this appliance sends no e-mail, your administrator finds the link among the messages and hands it to you; or gives you a one-time password.",
			},
			Next: page.Link{Path: page.SignInPath, Text: "Go to the sign-in"},
		})
	}
	return s.draw(askReset(""))
}

// sendReset asks for a letter. Its answer does not say whether there is such an account.
func (s *Server) sendReset(ctx context.Context, c *Call, in struct {
	Email string `form:"email"`
}) (*Redirect, error) {
	if faults := missing(map[string]bool{"email": in.Email == ""}); faults != nil {
		return nil, again(askReset(""), "email", faults)
	}
	if err := s.directory.RequestPasswordReset(ctx, in.Email, c.Source); err != nil {
		return nil, again(askReset(in.Email), "email", err)
	}
	return &Redirect{page.ResetPath + "?done=sent"}, nil
}

func askResetAcceptance(token string) page.Ask {
	return page.Ask{
		Frame: page.Frame{Title: "Set a new password", Lead: "All your sessions end. Sign in with the new password afterwards."},
		Form:  page.Form{Action: page.ResetAcceptPath, Button: "Set the password"}.Of(withToken(token, page.NewPassword("New password"))...),
		Links: []page.Link{{Path: page.ResetPath, Text: "Ask for a new link"}},
	}
}

func (s *Server) showResetAcceptance(_ context.Context, _ *Call, in tokenInput) (*Document, error) {
	return s.draw(askResetAcceptance(in.Token))
}

// sendResetAcceptance sets the new password, and signs nobody in.
func (s *Server) sendResetAcceptance(ctx context.Context, c *Call, in tokenForm) (*Redirect, error) {
	ask := askResetAcceptance(in.Token)
	if faults := missing(map[string]bool{"token": in.Token == "", "password": in.Password.IsZero()}); faults != nil {
		return nil, again(ask, "password", faults)
	}
	if err := s.directory.AcceptPasswordReset(ctx, directory.NewSecret(in.Token), in.Password, c.Source); err != nil {
		return nil, again(ask, "password", err)
	}
	return &Redirect{page.SignInPath + "?done=password"}, nil
}

// askUnlock asks for what unlocks the store, one of two.
func askUnlock() page.Ask {
	passphrase := page.Field{Name: "passphrase", ID: "passphrase", Label: "Passphrase of the store", Type: "password", Autocomplete: "off", Plain: true}
	recovery := page.Field{Name: "recovery_code", ID: "recovery_code", Label: "Recovery code of the store", Type: "password", Autocomplete: "off", Plain: true,
		Hint: "It was printed when the store was made or the appliance set up."}
	return page.Ask{
		Frame: page.Frame{Title: "Unlock the store", Lead: "For operators. Give one of the two."},
		Form:  page.Form{Action: page.UnlockPath, Button: "Unlock with the passphrase"}.Of(passphrase),
		Others: []page.Form{
			page.Form{Title: "Without the passphrase", Action: page.UnlockPath, Button: "Unlock with the recovery code"}.Of(recovery),
		},
	}
}

func (s *Server) showUnlock(context.Context, *Call, struct{}) (any, error) {
	if !s.db.Locked() {
		return &Redirect{page.SignInPath}, nil
	}
	return s.draw(askUnlock())
}

// sendUnlock unlocks the store.
func (s *Server) sendUnlock(ctx context.Context, c *Call, in struct {
	Passphrase string `form:"passphrase"`
	Recovery   string `form:"recovery_code"`
}) (*Redirect, error) {
	if in.Passphrase == "" && in.Recovery == "" {
		return nil, again(askUnlock(), "passphrase", missing(map[string]bool{"passphrase": true}))
	}
	field := "passphrase"
	if in.Passphrase == "" {
		field = "recovery_code"
	}
	_, err := s.unlockStore(ctx, c, unlockInput{Body: wire.Unlock{Passphrase: in.Passphrase, RecoveryCode: in.Recovery}})
	if err != nil {
		return nil, again(askUnlock(), field, err)
	}
	return &Redirect{page.SignInPath + "?done=unlocked"}, nil
}
