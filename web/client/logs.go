package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

// AuditQuery says which entries of the audit log are wanted. The zero value wants all, oldest first.
type AuditQuery struct {
	From, To time.Time // From included, To not; zero: open
	Actor    string    // user's id, "operator" or "qrsd"
	Action   string    // verb, or its part before the dot
	Object   string    // id
	Outcome  string    // done, denied, failed or intent
	Newest   bool      // newest first
}

func (q AuditQuery) values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"actor": q.Actor, "action": q.Action, "object": q.Object, "outcome": q.Outcome} {
		if text != "" {
			v.Set(name, text)
		}
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Newest {
		v.Set("order", "newest")
	}
	return v
}

// AuditEntries lists entries of the caller's audit log.
func (c *Client) AuditEntries(ctx context.Context, q AuditQuery) iter.Seq2[wire.AuditEntry, error] {
	return list[wire.AuditEntry](ctx, c, at("audit", "entries"), q.values())
}

// trail is where the audit log has its second address, outside of the API's own.
const trail = "/audit/trail"

// AuditTrail is the same list under its other address.
func (c *Client) AuditTrail(ctx context.Context, q AuditQuery) iter.Seq2[wire.AuditEntry, error] {
	return list[wire.AuditEntry](ctx, c, trail, q.values())
}

// ProveAuditEntry proves that an entry is in the audit log. What it says is to be checked with store/ledger.
func (c *Client) ProveAuditEntry(ctx context.Context, sequence int64) (wire.Proof, error) {
	return call[wire.Proof](ctx, c, request{method: http.MethodGet, path: at("audit", "entries", strconv.FormatInt(sequence, 10), "proof")})
}

// AuditCheckpoint is the signed head of the audit log.
func (c *Client) AuditCheckpoint(ctx context.Context) (wire.Checkpoint, error) {
	return call[wire.Checkpoint](ctx, c, request{method: http.MethodGet, path: at("audit", "checkpoint")})
}

// ProveAuditConsistency proves that the audit log only grew since it had the earlier size.
func (c *Client) ProveAuditConsistency(ctx context.Context, earlier int64) (wire.Growth, error) {
	return call[wire.Growth](ctx, c, request{method: http.MethodGet, path: at("audit", "consistency"),
		query: url.Values{"earlier": {strconv.FormatInt(earlier, 10)}}})
}

// VerifyAudit has the appliance verify the audit log from its stored bytes; for operators those of all tenants.
func (c *Client) VerifyAudit(ctx context.Context) (wire.LogVerification, error) {
	return call[wire.LogVerification](ctx, c, request{method: http.MethodGet, path: at("audit", "verification")})
}

// ExportAudit writes the whole audit log with its proofs, which `qrsd audit verify` checks. After an error what was written is not whole.
func (c *Client) ExportAudit(ctx context.Context, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("audit", "export")}, to)
}

// ExportAuditTrail is the same export under its other address.
func (c *Client) ExportAuditTrail(ctx context.Context, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: trail + "/export"}, to)
}

// LedgerEntries lists the leaves of the tenant's ledger, oldest first.
func (c *Client) LedgerEntries(ctx context.Context) iter.Seq2[wire.LedgerEntry, error] {
	return list[wire.LedgerEntry](ctx, c, at("ledger", "entries"), nil)
}

// ProveLedgerEntry proves that a leaf is in the ledger.
func (c *Client) ProveLedgerEntry(ctx context.Context, sequence int64) (wire.Proof, error) {
	return call[wire.Proof](ctx, c, request{method: http.MethodGet, path: at("ledger", "entries", strconv.FormatInt(sequence, 10), "proof")})
}

// LedgerCheckpoint is the signed head of the ledger.
func (c *Client) LedgerCheckpoint(ctx context.Context) (wire.Checkpoint, error) {
	return call[wire.Checkpoint](ctx, c, request{method: http.MethodGet, path: at("ledger", "checkpoint")})
}

// VerifyLedger has the appliance verify the ledger from its stored bytes; for operators those of all tenants.
func (c *Client) VerifyLedger(ctx context.Context) (wire.LogVerification, error) {
	return call[wire.LogVerification](ctx, c, request{method: http.MethodGet, path: at("ledger", "verification")})
}

// ExportLedger writes the whole ledger with its proofs, which `qrsd ledger verify` checks. After an error what was written is not whole.
func (c *Client) ExportLedger(ctx context.Context, to io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("ledger", "export")}, to)
}
