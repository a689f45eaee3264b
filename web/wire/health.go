package wire

// Health is the body of /healthz and /readyz.
type Health struct {
	Status string            `json:"status"` // "ok", or of /readyz "locked", "stopping"
	Checks map[string]string `json:"checks,omitempty"`
}
