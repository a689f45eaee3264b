package directory

// authenticators checks what passkeys answer.
type authenticators struct{}

// challenge is what an answer is held to.
type challenge struct{}

// newAuthenticators has none to offer as long as the library of WebAuthn is not among the modules.
func newAuthenticators(RelyingParty) (*authenticators, error) { return nil, ErrPasskeysOff }
