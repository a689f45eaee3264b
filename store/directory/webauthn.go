package directory

// authenticators checks what passkeys answer.
type authenticators struct{}

// challenge is what an answer is held to.
type challenge struct{}

// assertion is an answer that was read and not checked yet.
type assertion struct{}

// newAuthenticators has none to offer as long as the library of WebAuthn is not among the modules.
func newAuthenticators(RelyingParty) (*authenticators, error) { return nil, ErrPasskeysOff }

func (*authenticators) creation(holder) (any, challenge, error) {
	return nil, challenge{}, ErrPasskeysOff
}
func (*authenticators) request(*holder) (any, challenge, error) {
	return nil, challenge{}, ErrPasskeysOff
}
func (*authenticators) registered(challenge, []byte) (passkey, []byte, error) {
	return passkey{}, nil, ErrPasskeysOff
}
func (*authenticators) holds(challenge, holder, assertion) (proofOfPasskey, error) {
	return proofOfPasskey{}, ErrPasskeysOff
}
func readAssertion([]byte) (assertion, error) { return assertion{}, ErrPasskeysOff }
func (assertion) credential() []byte          { return nil }
