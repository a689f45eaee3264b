package directory

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// authenticators checks what passkeys answer. This file alone speaks to the library that does it; what it keeps between the
// two halves of a ceremony is its own, what the directory stores is not.
type authenticators struct{ lib *webauthn.WebAuthn }

// challenge is what an answer is held to: the random bytes, and what was asked for with them.
type challenge struct{ session webauthn.SessionData }

// random are the random bytes.
func (c challenge) random() ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(c.session.Challenge)
}

// newAuthenticators asks for user verification in every ceremony: a passkey here is something that one has and something that
// one knows or is, as second factor too. Keys are discoverable, so that they are good for a sign-in alone. Nobody is asked
// which model of authenticator it is.
func newAuthenticators(r RelyingParty) (*authenticators, error) {
	if r.IsZero() {
		return nil, ErrPasskeysOff
	}
	if err := r.Validate(); err != nil {
		return nil, errors.Join(ErrPasskeysOff, err)
	}
	name := r.Name
	if name == "" {
		name = r.ID
	}
	span := webauthn.TimeoutConfig{Timeout: ceremonyLife, TimeoutUVD: ceremonyLife} // for clients; the clock that counts is ours
	lib, err := webauthn.New(&webauthn.Config{
		RPID: r.ID, RPDisplayName: name, RPOrigins: r.Origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: span, Registration: span},
		// Password managers report extensions that nobody asked for.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, errors.Join(ErrPasskeysOff, err)
	}
	return &authenticators{lib}, nil
}

// algorithms are those asked for, best first: ECDSA with P-256, which all have; Ed25519; RSA, which some TPMs have alone.
func algorithms() (all []protocol.CredentialParameter) {
	for _, a := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256} {
		all = append(all, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a})
	}
	return all
}

// The library's view of a user.

func (h holder) WebAuthnID() []byte          { return h.handle }
func (h holder) WebAuthnName() string        { return h.email }
func (h holder) WebAuthnDisplayName() string { return h.name }

func (h holder) WebAuthnCredentials() (all []webauthn.Credential) {
	for _, k := range h.passkeys {
		c := webauthn.Credential{
			ID: k.Credential, PublicKey: k.PublicKey, AttestationType: k.Type, AttestationFormat: k.Format,
			Flags:         webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags)),
			Authenticator: webauthn.Authenticator{AAGUID: k.AAGUID, SignCount: k.Count, Attachment: protocol.AuthenticatorAttachment(k.Attachment)},
		}
		for _, t := range k.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		all = append(all, c)
	}
	return all
}

// creation begins a registration. Authenticators that hold a passkey of the user already are excluded.
func (a *authenticators) creation(h holder) (options any, c challenge, err error) {
	created, session, err := a.lib.BeginRegistration(h,
		webauthn.WithCredentialParameters(algorithms()),
		webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return nil, c, err
	}
	return created.Response, challenge{*session}, nil
}

// request begins a proof with one of the holder's passkeys, or with anybody's for nil.
func (a *authenticators) request(h *holder) (options any, c challenge, err error) {
	var asked *protocol.CredentialAssertion
	var session *webauthn.SessionData
	if h == nil {
		asked, session, err = a.lib.BeginDiscoverableLogin()
	} else {
		asked, session, err = a.lib.BeginLogin(h)
	}
	if err != nil {
		return nil, c, err
	}
	return asked.Response, challenge{*session}, nil
}

// asked is the challenge that request made for anybody with these random bytes.
func (a *authenticators) asked(random []byte) challenge {
	return challenge{webauthn.SessionData{
		Challenge: base64.RawURLEncoding.EncodeToString(random), RelyingPartyID: a.lib.Config.RPID, UserVerification: protocol.VerificationRequired,
	}}
}

// registered holds the answer to a registration (WebAuthn level 3 section 7.1) and gives the new passkey, with the handle that it was made for.
func (a *authenticators) registered(c challenge, answer []byte) (k passkey, handle []byte, err error) {
	if err := checkAnswer(answer); err != nil {
		return k, nil, err
	}
	said, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return k, nil, because{ErrPasskeyRefused, classOf(err)}
	}
	made, err := a.lib.CreateCredential(holder{handle: c.session.UserID}, c.session, said)
	if err != nil {
		return k, nil, because{ErrPasskeyRefused, classOf(err)}
	}
	k = passkey{
		Credential: made.ID, PublicKey: made.PublicKey, Flags: byte(made.Flags.ProtocolValue()), Count: made.Authenticator.SignCount,
		AAGUID: made.Authenticator.AAGUID, Attachment: string(made.Authenticator.Attachment), Format: made.AttestationFormat, Type: made.AttestationType,
	}
	for _, t := range made.Transport {
		k.Transports = append(k.Transports, string(t))
	}
	return k, c.session.UserID, nil
}

// assertion is an answer that was read and not checked yet.
type assertion struct {
	parsed *protocol.ParsedCredentialAssertionData
}

func readAssertion(answer []byte) (assertion, error) {
	if err := checkAnswer(answer); err != nil {
		return assertion{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return assertion{}, because{ErrPasskeyRefused, classOf(err)}
	}
	return assertion{parsed}, nil
}

// credential is the id of the passkey that says it answered.
func (s assertion) credential() []byte { return s.parsed.RawID }

// holds checks an answer of one of the holder's passkeys (WebAuthn level 3 section 7.2), all but the counter: see advance.
func (a *authenticators) holds(c challenge, h holder, s assertion) (p proofOfPasskey, err error) {
	if len(c.session.UserID) == 0 {
		_, _, err = a.lib.ValidatePasskeyLogin(func([]byte, []byte) (webauthn.User, error) { return h, nil }, c.session, s.parsed)
	} else {
		_, err = a.lib.ValidateLogin(h, c.session, s.parsed)
	}
	if err != nil {
		return p, because{ErrPasskeyRefused, classOf(err)}
	}
	data := s.parsed.Response.AuthenticatorData
	return proofOfPasskey{s.parsed.RawID, byte(data.Flags), data.Counter}, nil
}

// classOf is what is entered of an answer that does not hold. The library's own words may hold what the client sent, so they
// are not; one that they do not name is of the last class.
func classOf(err error) string {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return "passkey's answer malformed"
	}
	words := e.Type + " " + e.Details + " " + e.DevInfo
	for _, c := range []struct{ words, class string }{
		{"parse_error", "passkey's answer malformed"},
		{"Parse error", "passkey's answer malformed"},
		{"validating origin", "passkey used at another origin"},
		{"RP Hash mismatch", "passkey of another relying party"},
		{"validating challenge", "passkey answered another challenge"},
		{"User verification required", "passkey's user not verified"},
		{"invalid_signature", "passkey's signature wrong"},
		{"Backup", "passkey's backup flags changed"},
	} {
		if strings.Contains(words, c.words) {
			return c.class
		}
	}
	return "passkey's answer refused"
}
