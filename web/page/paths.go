package page

import "net/url"

// Paths of the pages that letters and other pages lead to.
const (
	SignInPath       = "/sign-in"
	SecondFactorPath = "/second-factor"
	SetUpPath        = "/setup"
	UnlockPath       = "/unlock"
	AcceptPath       = "/accept"
	ResetPath        = "/reset"
	ResetAcceptPath  = "/reset/accept"
	ConfirmPath      = "/confirm"
	EnrolPath        = "/enrol"
	ChangePath       = "/change-password"
	HomePath         = "/signed-in"
)

// AcceptLink is the address at which an invitation is accepted, for a letter: base is the appliance's, such as
// https://cat.example.com. The page only shows the form; a mail scanner that opens it uses nothing up.
func AcceptLink(base, token string) string {
	return base + AcceptPath + "?token=" + url.QueryEscape(token)
}

// ResetLink is the address at which a forgotten password is set anew, for a letter.
func ResetLink(base, token string) string {
	return base + ResetAcceptPath + "?token=" + url.QueryEscape(token)
}
