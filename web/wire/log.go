package wire

import (
	"encoding/json"
	"time"
)

// Checkpoint is the signed head of a log: GET /api/v1/audit/checkpoint and /api/v1/ledger/checkpoint.
type Checkpoint struct {
	Log        string   `json:"log"`        // audit or ledger
	Checkpoint string   `json:"checkpoint"` // C2SP tlog-checkpoint in a signed note
	Keys       []string `json:"keys"`       // verifier keys of signed-note under which it is signed, old ones among them
}

// Proof shows that a leaf is in a log: GET /api/v1/audit/entries/{sequence}/proof and /api/v1/ledger/entries/{sequence}/proof
// (RFC 6962 §2.1.1). Hashes are base64.
type Proof struct {
	Sequence   int64    `json:"sequence"`
	Leaf       string   `json:"leaf"`       // hash of the leaf
	Size       int64    `json:"size"`       // of the tree, in leaves
	Root       string   `json:"root"`       // hash of the tree
	Path       []string `json:"path"`       // from the leaf to the root
	Checkpoint string   `json:"checkpoint"` // that signs size and root
}

// Growth shows that a log only grew between two sizes: GET /api/v1/audit/consistency (RFC 6962 §2.1.2). Hashes are base64.
type Growth struct {
	Earlier     int64    `json:"earlier"` // size, in leaves
	EarlierRoot string   `json:"earlier_root"`
	Size        int64    `json:"size"`
	Root        string   `json:"root"`
	Path        []string `json:"path"`
	Checkpoint  string   `json:"checkpoint"` // that signs size and root
}

// LogVerification is what verifying logs from their stored bytes gave: GET /api/v1/audit/verification and /api/v1/ledger/verification.
type LogVerification struct {
	Valid bool        `json:"valid"` // no log has a fault
	Began time.Time   `json:"began"`
	Ended time.Time   `json:"ended"`
	Logs  []LogReport `json:"logs"` // the caller's; for operators those of all tenants
}

// LogReport is what verifying one log found.
type LogReport struct {
	Tenant      string `json:"tenant"`
	Log         string `json:"log"`    // audit or ledger
	Leaves      int64  `json:"leaves"` // hashed anew from their stored bytes
	Opaque      int64  `json:"opaque"` // of these, whose text is gone with its key
	Checkpoints int    `json:"checkpoints"`
	Root        string `json:"root"`            // base64
	Fault       string `json:"fault,omitempty"` // the first; absent: none
}

// LedgerEntry is one leaf of a tenant's ledger: GET /api/v1/ledger/entries.
type LedgerEntry struct {
	Sequence int64           `json:"sequence"`
	Leaf     string          `json:"leaf"`    // hash of the leaf, base64
	Lineage  json.RawMessage `json:"lineage"` // object; exactly the text that the leaf commits to (RFC 8785)
}

// AuditEntry is one entry of an audit log: GET /api/v1/audit/entries and /api/v1/audit/trail.
type AuditEntry struct {
	Sequence int64         `json:"sequence"`
	Time     time.Time     `json:"time"`
	Clock    *time.Time    `json:"clock,omitempty"` // what the clock said, where it had gone back behind time
	Tenant   string        `json:"tenant"`
	Actor    string        `json:"actor"`            // a user's id, "operator", "qrsd" for the appliance itself, or "" for nobody
	Role     string        `json:"role"`             // of the actor; "" for nobody
	Home     string        `json:"home,omitempty"`   // the actor's own tenant, where it is another
	Action   string        `json:"action"`           // verb of the permission table
	Object   string        `json:"object,omitempty"` // id of what it was done to
	Outcome  string        `json:"outcome"`          // done, denied, failed or intent
	Reason   string        `json:"reason,omitempty"` // why it was denied or failed, as a class
	Request  string        `json:"request,omitempty"`
	Changes  []AuditChange `json:"changes,omitempty"`
	Keys     []AuditKeys   `json:"keys,omitempty"`
	Heads    []AuditHead   `json:"heads,omitempty"`
	Lineage  []int64       `json:"lineage,omitempty"` // sequences of ledger leaves written with it
	Person   *AuditPerson  `json:"person,omitempty"`  // absent where the tenant was erased
}

// AuditChange is a record that a transaction wrote.
type AuditChange struct {
	Collection string `json:"collection"`
	Record     string `json:"record"`
	Digest     string `json:"digest,omitempty"`   // SHA-256 of the encrypted value; absent: deleted
	Replaced   string `json:"replaced,omitempty"` // digest of what was there before, of signposts
	Tenant     string `json:"tenant,omitempty"`   // whose record, where the entry is in another's log
}

// AuditKeys says what happened to keys.
type AuditKeys struct {
	Kind string   `json:"kind"` // created, unwrapped, rotated, destroyed
	Of   string   `json:"of"`   // which sort of key
	Keys []string `json:"keys,omitempty"`
}

// AuditHead is the head of another log, entered in the appliance's.
type AuditHead struct {
	Tenant string `json:"tenant"`
	Log    string `json:"log"`
	Size   int64  `json:"size"`
	Root   string `json:"root"` // base64
}

// AuditPerson is what an entry says of a person. It dies with the tenant's keys.
type AuditPerson struct {
	Address   string `json:"address,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Account   string `json:"account,omitempty"` // host account of an operator
}
