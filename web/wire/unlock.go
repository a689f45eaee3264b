package wire

// Unlock opens the locked store: POST /api/v1/system/unlock. Exactly one of the two is given.
type Unlock struct {
	Passphrase   string `json:"passphrase,omitempty"`
	RecoveryCode string `json:"recovery_code,omitempty"`
}
