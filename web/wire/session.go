package wire

import "time"

// SignIn is the body of POST /session.
type SignIn struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Tenant   string `json:"tenant,omitempty"` // needed where address and password belong to several
	Code     string `json:"code,omitempty"`   // of the second factor: six digits or a recovery code
}

// Session is who is signed in, and what is still to be put in order.
type Session struct {
	User       string     `json:"user"`
	Tenant     string     `json:"tenant"`
	Role       string     `json:"role"`
	Restricted bool       `json:"restricted"` // only one's own account can be reached, until MustDo is done
	MustDo     []string   `json:"must_do"`    // "change-password", "enrol-second-factor"
	SteppedUp  *time.Time `json:"stepped_up,omitempty"`
}
