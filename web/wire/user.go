package wire

import "time"

// User is a user of a tenant as its administrator or the appliance's operator sees it: GET /api/v1/users and /api/v1/users/{id},
// the latter with an ETag.
type User struct {
	ID           string     `json:"id"`    // 32 hexadecimal digits
	Email        string     `json:"email"` // trimmed, NFKC, lower case
	Name         string     `json:"name"`
	Role         string     `json:"role"`  // admin, modeler, analyst, approver, viewer or operator
	State        string     `json:"state"` // active, disabled or invited
	Created      time.Time  `json:"created"`
	SignedIn     *time.Time `json:"signed_in,omitempty"` // last; absent: never
	SecondFactor bool       `json:"second_factor"`       // one is in place
}

// Colleague is what everybody in a tenant may know of a colleague: GET /api/v1/people.
type Colleague struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// NewUser asks for a user, with a one-time password (POST /api/v1/users) or by invitation (POST /api/v1/invitations).
type NewUser struct {
	Email string `json:"email"`
	Name  string `json:"name"` // 1 to 200 characters
	Role  string `json:"role"` // admin, modeler, analyst, approver, viewer; operator only on the appliance itself
}

// AddedUser is a new user with its one-time password, which is shown once: it has to be replaced at the first sign-in and ends after
// seven days. Never stored or repeated.
type AddedUser struct {
	User            User   `json:"user"`
	OneTimePassword string `json:"one_time_password"`
}

// UserChange is what is to be changed of a user: PATCH /api/v1/users/{id} with If-Match. What is absent stays. A change of role or state
// ends the user's sessions.
type UserChange struct {
	Name  *string `json:"name,omitempty"`  // 1 to 200 characters
	Role  *string `json:"role,omitempty"`  // the last active administrator keeps the role
	State *string `json:"state,omitempty"` // active or disabled
}

// OneTimePassword is shown once, to whoever asked for it in place of a forgotten one: POST /api/v1/users/{id}/password.
type OneTimePassword struct {
	OneTimePassword string `json:"one_time_password"`
}

// Invitation is an open invitation: GET /api/v1/invitations.
type Invitation struct {
	ID      string    `json:"id"`
	User    User      `json:"user"` // who is to accept it, in state invited
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// MadeInvitation is a new invitation with its token, which is shown once: POST /api/v1/invitations. The token leads to the page
// /accept#TOKEN and to POST /api/v1/invitations/accept.
type MadeInvitation struct {
	Invitation Invitation `json:"invitation"`
	Token      string     `json:"token"`
}

// Acceptance accepts an invitation: POST /api/v1/invitations/accept.
type Acceptance struct {
	Token    string `json:"token"`
	Password string `json:"password"` // 12 to 256 characters, one's own choice
}

// PasswordResetRequest asks for a way to set a forgotten password: POST /api/v1/password-resets. The answer is the same whether anybody
// has the address or not.
type PasswordResetRequest struct {
	Email string `json:"email"`
}

// PasswordReset sets a forgotten password: POST /api/v1/password-resets/accept. It signs nobody in, and the second factor stays.
type PasswordReset struct {
	Token    string `json:"token"`    // of the notice
	Password string `json:"password"` // 12 to 256 characters
}

// Role is a role with what it may do: GET /api/v1/roles.
type Role struct {
	Name   string   `json:"name"`
	Verbs  []string `json:"verbs"`  // of the permission table, such as run.submit
	Scopes []string `json:"scopes"` // of these, those that API keys of the role can have
}

// UserSession is an open session of a user: GET /api/v1/me/sessions and /api/v1/users/{id}/sessions.
type UserSession struct {
	ID        string    `json:"id"`
	Begun     time.Time `json:"begun"`
	Seen      time.Time `json:"seen"` // last used, to within five minutes
	Ends      time.Time `json:"ends"` // at the latest
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Current   bool      `json:"current,omitempty"` // the request came with it; of one's own only
}
