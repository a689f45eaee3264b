package directory

import (
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// State is whether a user can sign in.
type State string

// The states.
const (
	Active   State = "active"
	Disabled State = "disabled"
	Invited  State = "invited" // until the invitation is accepted
)

// userRecord is what others may know of a user.
type userRecord struct {
	Email   string     `json:"email"`
	Name    string     `json:"name"`
	Role    store.Role `json:"role"`
	State   State      `json:"state"`
	Created time.Time  `json:"created"`
}

// credential is how a user proves who it is; its id is the user's. Apart from the user, because every sign-in changes it.
type credential struct {
	Password string     `json:"password,omitempty"` // PHC string; "" while invited
	Changed  time.Time  `json:"changed,omitzero"`
	OneTime  *time.Time `json:"one_time,omitempty"` // the password was set by another and ends then
	Code     *factor    `json:"code,omitempty"`     // the second factor
	Pending  *factor    `json:"pending,omitempty"`  // being enrolled
	Recovery []string   `json:"recovery,omitempty"` // digests of the codes that are left
	Passkeys int        `json:"passkeys,omitempty"` // how many are in place; see passkeys

	Wrong       int       `json:"wrong,omitempty"` // codes in a row
	BarredUntil time.Time `json:"barred_until,omitzero"`

	SignedIn  time.Time `json:"signed_in,omitzero"`
	Addresses []string  `json:"addresses,omitempty"` // networks signed in from, newest last
}

// hasSecondFactor reports whether an authenticator application or a passkey is in place.
func (c *credential) hasSecondFactor() bool { return c.Code != nil || c.Passkeys > 0 }

// factor is a TOTP generator (RFC 6238: SHA-1, 6 digits, 30 seconds).
type factor struct {
	Secret string    `json:"secret"` // base 32
	Since  time.Time `json:"since"`
	Last   int64     `json:"last"` // the last accepted time step: an earlier code is a replay
}

// sessionsRecord are the sessions of a user; its id is the user's.
type sessionsRecord struct {
	Open []session `json:"open"` // oldest first
}

type session struct {
	ID        store.ID  `json:"id"`
	Digest    string    `json:"digest"` // of the token
	Begun     time.Time `json:"begun"`
	Seen      time.Time `json:"seen"`
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Proved    time.Time `json:"proved,omitzero"` // when the owner last gave all factors
}

// apiKey is a key of the API.
type apiKey struct {
	Owner   store.ID    `json:"owner"`
	Name    string      `json:"name"`
	KeyID   string      `json:"key_id"`
	Secrets []keySecret `json:"secrets,omitempty"` // newest last; none when revoked
	Scopes  []string    `json:"scopes"`
	Created time.Time   `json:"created"`
	Expires time.Time   `json:"expires"`
	Used    time.Time   `json:"used,omitzero"`
	Revoked *time.Time  `json:"revoked,omitempty"`
}

type keySecret struct {
	Digest string     `json:"digest"`
	Until  *time.Time `json:"until,omitempty"` // of one that was rotated
}

// invitation leads a user in state Invited to a password.
type invitation struct {
	User    store.ID  `json:"user"`
	Digest  string    `json:"digest"` // of the token
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Notice  store.ID  `json:"notice"` // that carries the token; zero in those of before notices
}

// Policy is what a tenant asks of its users.
type Policy struct {
	// RequireSecondFactor asks for a second factor of every user. Administrators and approvers need one in any case.
	RequireSecondFactor bool `json:"require_second_factor"`
	// Version grows with every change, from 1. Given to SetPolicy, it is the one that the caller read; 0 is any.
	Version uint64 `json:"-"`
}

// collections are those of the directory; see the store's register.
type collections struct {
	users       store.Collection[userRecord]
	credentials store.Collection[credential]
	sessions    store.Collection[sessionsRecord]
	keys        store.Collection[apiKey]
	invitations store.Collection[invitation]
	policies    store.Collection[Policy] // one, under the tenant's id
	notices     store.Collection[notice]
	resets      store.Collection[passwordReset] // under the user's id
	settings    store.Collection[settings]      // one, of the appliance
	passkeys    store.Collection[passkeysRecord]

	email        store.Index    // unique within the tenant
	emails       store.Signpost // which tenants have an address
	tokens       store.Signpost // of sessions, by digest, to the user
	keyIDs       store.Signpost // of API keys
	inviteTokens store.Signpost // by digest
	resetTokens  store.Signpost // by digest, to the user
	outbox       store.Signpost // to the tenants that have notices
	passkeyIDs   store.Signpost // by digest of the credential's id, to the user
}

func defineCollections() collections {
	return collections{
		users:       store.Define[userRecord]("users", 1),
		credentials: store.Define[credential]("credentials", 1),
		sessions:    store.Define[sessionsRecord]("sessions", 1),
		keys:        store.Define[apiKey]("api-keys", 1),
		invitations: store.Define[invitation]("invitations", 1),
		policies:    store.Define[Policy]("policies", 1),
		notices:     store.Define[notice]("notices", 1),
		resets:      store.Define[passwordReset]("password-resets", 1),
		settings:    store.Define[settings]("appliance-settings", 1),
		passkeys:    store.Define[passkeysRecord]("passkeys", 1),

		email:        store.DefineIndex("directory e-mail"),
		emails:       store.DefineSignpost("directory e-mail"),
		tokens:       store.DefineSignpost("directory session"),
		keyIDs:       store.DefineSignpost("directory API key"),
		inviteTokens: store.DefineSignpost("directory invitation"),
		resetTokens:  store.DefineSignpost("directory password reset"),
		outbox:       store.DefineSignpost("directory notices"),
		passkeyIDs:   store.DefineSignpost("directory passkey"),
	}
}

// account is all that is kept of one user.
type account struct {
	user       store.Record[userRecord]
	credential store.Record[credential]
}

func (d *Directory) account(tx store.Reader, id store.ID) (a account, err error) {
	if a.user, err = d.users.Get(tx, id); err != nil {
		return a, fmt.Errorf("user %s: %w", id, err)
	}
	a.credential, err = find(tx, d.credentials, id)
	return a, err
}

// mustHaveCode says whether the account has to have a second factor: everybody where the policy asks for it, and whoever
// administers, approves or operates.
func (d *Directory) mustHaveCode(tx store.Reader, tenant store.ID, r store.Role) (bool, error) {
	if elevated := r == store.Admin || r == store.Approver || r == store.Operator; elevated && !d.options.SecondFactorOptional {
		return true, nil
	}
	p, err := find(tx, d.policies, tenant)
	return p.Value.RequireSecondFactor, err
}
