package wire

import "time"

// NewApproval asks for somebody else's decision: POST /api/v1/approvals.
type NewApproval struct {
	Kind   string `json:"kind"` // run or portfolio
	Object string `json:"object"`
	Note   string `json:"note,omitempty"` // for who decides
}

// Approval is a request for a decision on a run's result or a portfolio as it was, and what was decided.
type Approval struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"` // run or portfolio
	Object string `json:"object"`
	Digest string `json:"digest"` // of what is to be approved, SHA-256, hexadecimal
	// PortfolioVersion is which version of the portfolio it is about; 0: it is about a run, or it was asked before requests kept this.
	PortfolioVersion int `json:"portfolio_version,omitempty"`

	By       string     `json:"by"` // who asks; never who decides
	At       time.Time  `json:"at"`
	Note     string     `json:"note,omitempty"`
	Decision string     `json:"decision"` // requested, approved, rejected, withdrawn, void
	Decider  string     `json:"decider,omitempty"`
	Decided  *time.Time `json:"decided,omitempty"`
	Reason   string     `json:"reason,omitempty"`
}

// Reason is why something is decided: POST /api/v1/approvals/{id}/approve, /reject and /withdraw.
type Reason struct {
	Reason string `json:"reason"`
}

// LastApproval is the last request about an object, and whether it is about the object as it is now:
// GET /api/v1/runs/{id}/approval and /api/v1/portfolios/{id}/approval.
type LastApproval struct {
	Approval Approval `json:"approval"`
	Current  bool     `json:"current"` // the object is still what was asked about
}

// MadeApproval names a request that was made: POST /api/v1/approvals.
type MadeApproval struct {
	ID string `json:"id"`
}
