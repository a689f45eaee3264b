package wire

import "time"

// RunSeal is a run's seal as it verifies at this moment: GET /api/v1/runs/{id}/seal.
type RunSeal struct {
	Run    string      `json:"run"`
	SHA256 string      `json:"sha256"` // of the envelope, hexadecimal
	Key    string      `json:"key"`    // SHA-256 of the key as SubjectPublicKeyInfo, hexadecimal
	Made   time.Time   `json:"made"`
	By     string      `json:"by,omitempty"` // a user's id; absent: the appliance itself
	Valid  bool        `json:"valid"`        // every step holds
	Checks []SealCheck `json:"checks"`
}

// SealCheck is one step of a verification.
type SealCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Got    string `json:"got,omitempty"`
	Want   string `json:"want,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// SealVerdict is what verifying an uploaded seal gave: POST /api/v1/seals/verify.
type SealVerdict struct {
	Valid  bool        `json:"valid"` // every step holds
	SHA256 string      `json:"sha256"`
	Key    string      `json:"key,omitempty"` // that it says it was signed with
	Run    string      `json:"run,omitempty"` // that was sealed; only where the signature holds
	Seed   string      `json:"seed,omitempty"`
	Model  string      `json:"model,omitempty"` // digest
	Engine string      `json:"engine,omitempty"`
	Checks []SealCheck `json:"checks"`
}

// SealEnvelope is a seal as it is given out, a DSSE envelope in its one form (package seal): POST /api/v1/seals/verify.
type SealEnvelope struct {
	Payload     string          `json:"payload"` // base64
	PayloadType string          `json:"payloadType"`
	Signatures  []SealSignature `json:"signatures"`
}

// SealSignature is one signature of an envelope.
type SealSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // base64
}
