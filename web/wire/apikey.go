package wire

import "time"

// APIKey is an API key as its owner sees it: GET /api/v1/api-keys.
type APIKey struct {
	ID      string     `json:"id"`
	Owner   string     `json:"owner"` // id of the user who made it
	Name    string     `json:"name"`
	KeyID   string     `json:"key_id"` // the public part, as in qrs_<key id>_...
	Scopes  []string   `json:"scopes"` // verbs of the permission table
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"used,omitempty"`    // last, to within five minutes; absent: never
	Revoked *time.Time `json:"revoked,omitempty"` // absent: it was not
}

// NewAPIKey asks for a key: POST /api/v1/api-keys.
type NewAPIKey struct {
	Name    string     `json:"name"`              // 1 to 200 characters
	Scopes  []string   `json:"scopes"`            // verbs that the owner may, none about users, sessions and keys
	Expires *time.Time `json:"expires,omitempty"` // absent: in 90 days; at most 366 days from now
}

// MadeAPIKey is a new key with its secret, which is shown once.
type MadeAPIKey struct {
	APIKey APIKey `json:"api_key"`
	Secret string `json:"secret"` // the whole key, as it goes into Authorization: Bearer
}

// APIKeyRotation asks for a new secret of a key: POST /api/v1/api-keys/{id}/rotate.
type APIKeyRotation struct {
	OverlapSeconds int64 `json:"overlap_seconds"` // how long the secret before stays good: 0 to 604800 (seven days)
}

// RotatedAPIKey is a key's new secret, which is shown once.
type RotatedAPIKey struct {
	Secret string `json:"secret"` // the whole key, as it goes into Authorization: Bearer
}
