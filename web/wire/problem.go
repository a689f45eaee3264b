package wire

// ProblemType is the media type of Problem (RFC 9457 §3).
const ProblemType = "application/problem+json"

// Problem says why a request did not succeed (RFC 9457). Type is a relative reference into the API's documentation.
type Problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail,omitempty"`
	RequestID string  `json:"request_id"`
	Errors    []Fault `json:"errors,omitempty"`
	// Tenants are those that address and password belong to, of problem "tenant-needed": the sign-in is to name one.
	Tenants []string `json:"tenants,omitempty"`
	// SecondFactor is how the sign-in of problem "second-factor-needed" goes on.
	SecondFactor *SecondFactorNeeded `json:"second_factor,omitempty"`
	// Exposure says what is wrong with exposure that was not imported, of problem "exposure-faults".
	Exposure *RefusedExposure `json:"exposure,omitempty"`
}

// Fault is one thing wrong with a request: where, and what would be right.
type Fault struct {
	Pointer   string `json:"pointer,omitempty"`   // into the body (RFC 6901); "" is the whole of it
	Parameter string `json:"parameter,omitempty"` // of path or query, where it is not in the body
	Header    string `json:"header,omitempty"`
	Detail    string `json:"detail"`
}

// SecondFactorNeeded says what ends a sign-in whose password was right: POST /session again with code, or a passkey with the ticket
// (POST /session/passkey/options).
type SecondFactorNeeded struct {
	Ticket  string `json:"ticket,omitempty"` // good for five minutes
	Code    bool   `json:"code"`             // an authenticator application is in place; a recovery code is good in any case
	Passkey bool   `json:"passkey"`          // a passkey is in place
}
