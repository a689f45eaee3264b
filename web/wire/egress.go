package wire

import (
	"encoding/json"
	"time"
)

// RunEstimate is the quantum estimate of a run: GET /api/v1/runs/{id}/estimate.
type RunEstimate struct {
	Run    string          `json:"run"`
	File   string          `json:"file"`
	SHA256 string          `json:"sha256"` // of the file, hexadecimal
	Report json.RawMessage `json:"report"` // object; the content of the file
}

// EgressEntry is a line of the record of what left for the tenant: GET /api/v1/egress.
type EgressEntry struct {
	Number      int64     `json:"number"` // from 1
	Time        time.Time `json:"time"`
	Kind        string    `json:"kind"` // request, outcome, opening, connection, repair
	ID          string    `json:"id"`   // the same in a request and its outcome
	Purpose     string    `json:"purpose,omitempty"`
	Destination string    `json:"destination,omitempty"`
	Bytes       string    `json:"bytes"`  // base64; what left, or what came back
	SHA256      string    `json:"sha256"` // of the bytes, hexadecimal
	Failure     string    `json:"failure,omitempty"`
	Previous    string    `json:"previous"` // hash of the line before
	Hash        string    `json:"hash"`     // of this line
}
