package wire

import (
	"encoding/json"
	"time"
)

// Me is one's own account: GET /api/v1/me, with an ETag.
type Me struct {
	ID            string     `json:"id"`
	Tenant        string     `json:"tenant"`
	TenantName    string     `json:"tenant_name,omitempty"` // absent of the appliance, whose users are operators
	Email         string     `json:"email"`
	Name          string     `json:"name"`
	Role          string     `json:"role"`
	Created       time.Time  `json:"created"`
	SignedIn      *time.Time `json:"signed_in,omitempty"` // last; absent: never
	SecondFactor  bool       `json:"second_factor"`       // one is in place: TOTP or a passkey
	Authenticator bool       `json:"authenticator"`       // an authenticator application (TOTP) is in place
	Passkeys      int        `json:"passkeys"`            // in place
	RecoveryCodes int        `json:"recovery_codes"`      // left
	MustDo        []string   `json:"must_do"`             // as in Session
}

// MeChange is what is to be changed of one's own account: PATCH /api/v1/me.
type MeChange struct {
	Name string `json:"name"` // 1 to 200 characters
}

// PasswordChange is the present password and the one to be: PUT /api/v1/me/password.
type PasswordChange struct {
	Password    string `json:"password"`
	NewPassword string `json:"new_password"` // 12 to 256 characters
}

// PasswordProof is the password once more.
type PasswordProof struct {
	Password string `json:"password"`
}

// Code is a code of the second factor: six digits.
type Code struct {
	Code string `json:"code"`
}

// StepUp proves who one is once more: POST /api/v1/session/step-up. Password, with a code where there is a second factor; or the answer
// of a passkey to POST /api/v1/session/step-up/options.
type StepUp struct {
	Password string         `json:"password,omitempty"`
	Code     string         `json:"code,omitempty"` // six digits, or a recovery code
	Passkey  *PasskeyAnswer `json:"passkey,omitempty"`
}

// Enrolment is a second factor that was begun, shown once.
type Enrolment struct {
	Secret string `json:"secret"` // in base 32, to be typed
	URI    string `json:"uri"`    // otpauth://..., to be shown as a QR code
	QR     QR     `json:"qr"`     // which is this one
}

// QR is a QR code, drawn.
type QR struct {
	Side int    `json:"side"` // in modules, quiet zone included
	Path string `json:"path"` // dark modules as unit squares, for a path of SVG
}

// RecoveryCodes stand in for the second factor, each once. They are shown once.
type RecoveryCodes struct {
	RecoveryCodes []string `json:"recovery_codes"`
}

// Passkey is a passkey of an account.
type Passkey struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used,omitempty"`   // last; absent: never
	Synced  bool       `json:"synced"`           // may be on several devices
	Copied  *time.Time `json:"copied,omitempty"` // when it was last refused because its counter went back
}

// PasskeyBegin begins a sign-in with a passkey: alone, or after the password with the ticket of problem second-factor-needed.
type PasskeyBegin struct {
	Ticket string `json:"ticket,omitempty"`
}

// PasskeyChallenge is what a browser is called with, good once and for five minutes.
type PasskeyChallenge struct {
	Ceremony string          `json:"ceremony"` // to be sent back with the answer
	Options  json.RawMessage `json:"options"`  // for PublicKeyCredential.parseRequestOptionsFromJSON, or parseCreationOptionsFromJSON
	Expires  time.Time       `json:"expires"`
}

// PasskeyAnswer is what the browser gave.
type PasskeyAnswer struct {
	Ceremony   string          `json:"ceremony"`
	Credential json.RawMessage `json:"credential"` // toJSON of the PublicKeyCredential
}

// PasskeySignIn ends a sign-in with a passkey.
type PasskeySignIn struct {
	Ticket     string          `json:"ticket,omitempty"` // where the passkey comes after the password
	Ceremony   string          `json:"ceremony"`
	Credential json.RawMessage `json:"credential"`
}

// PasskeyRegistration is a new passkey, as the browser gave it.
type PasskeyRegistration struct {
	Ceremony   string          `json:"ceremony"`
	Name       string          `json:"name"` // for its owner, 1 to 200 characters
	Credential json.RawMessage `json:"credential"`
}

// PasskeyAdded is a registered passkey, and recovery codes where it is the first second factor. Shown once.
type PasskeyAdded struct {
	Passkey       Passkey  `json:"passkey"`
	RecoveryCodes []string `json:"recovery_codes,omitempty"`
}
