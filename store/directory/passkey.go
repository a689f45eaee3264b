package directory

import (
	"context"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// maxPasskeys bounds the passkeys of one user.
const maxPasskeys = 20

// Passkey is a passkey as its owner sees it.
type Passkey struct {
	ID       store.ID   `json:"id"`
	Name     string     `json:"name"`
	Created  time.Time  `json:"created"`
	Used     time.Time  `json:"used,omitzero"`    // last
	Synced   bool       `json:"synced"`           // may be on several devices: it can be backed up (WebAuthn level 3 section 6.1.3)
	AAGUID   string     `json:"aaguid,omitempty"` // the authenticator's model, as it says itself
	Copied   *time.Time `json:"copied,omitempty"` // when it was last refused because its counter went back
	Attached string     `json:"attached,omitempty"`
}

// BeginPasskey begins the registration of a passkey of the caller's, in the session of the token, whose proof must be fresh
// (see StepUp). Errors: ErrPasskeysOff, ErrStepUpNeeded, ErrNoSession, ErrTooManyPasskeys.
func (d *Directory) BeginPasskey(ctx context.Context, by store.Principal, token SessionToken) (Ceremony, error) {
	return Ceremony{}, ErrPasskeysOff
}

// PasskeyAdded is what is shown once after a registration.
type PasskeyAdded struct {
	Passkey  Passkey
	Token    SessionToken // in place of the caller's
	Recovery []Secret     // ten codes, where the passkey is the first second factor; nil otherwise
}

// AddPasskey ends the registration that BeginPasskey began, with a name of 1 to 200 characters for the list. All sessions
// end, and one with the returned token takes the place of the caller's.
func (d *Directory) AddPasskey(ctx context.Context, by store.Principal, token SessionToken, name string, answer PasskeyAnswer) (PasskeyAdded, error) {
	return PasskeyAdded{}, ErrPasskeysOff
}

// Passkeys lists the caller's passkeys, oldest first.
func (d *Directory) Passkeys(ctx context.Context, by store.Principal) (all []Passkey, err error) {
	return nil, nil
}

// RenamePasskey gives one of the caller's passkeys another name. store.ErrNotFound.
func (d *Directory) RenamePasskey(ctx context.Context, by store.Principal, id store.ID, name string) error {
	return store.ErrNotFound
}

// RemovePasskey takes one of the caller's passkeys away, in the session of the token, whose proof must be fresh. Errors:
// store.ErrNotFound, ErrStepUpNeeded, ErrNoSession; ErrSecondFactorRequired where it is the last factor of an account that
// needs one.
func (d *Directory) RemovePasskey(ctx context.Context, by store.Principal, token SessionToken, id store.ID) error {
	return store.ErrNotFound
}
