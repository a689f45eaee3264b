package store

import (
	"context"
	"errors"
	"time"

	"github.com/qrsrisk/qrsd/store/internal/kv"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// LogHead is where a log stands and how far it is signed.
type LogHead struct {
	Tenant   ID          `json:"tenant"`
	Log      string      `json:"log"`
	Size     int64       `json:"size"` // leaves
	Root     ledger.Hash `json:"root"`
	Signed   int64       `json:"signed"`             // leaves under the last checkpoint; 0: there is none
	SignedAt time.Time   `json:"signed_at,omitzero"` // time of that checkpoint
}

// Heads lists the heads of all logs that have leaves, those of erased tenants included, the appliance's first. It is
// for the operator: sizes and hashes say nothing of what tenants do.
func (db *DB) Heads(ctx context.Context, p Principal) (all []LogHead, err error) {
	if err := db.ready(); err != nil {
		return nil, err
	}
	t, a := db.appliance(p), Action{Verb: rights.StoreStatus}
	if err := t.permit(ctx, a); err != nil {
		return nil, err
	}
	ids, err := db.tenantIDs(ctx)
	for _, id := range ids {
		for _, kind := range []LogKind{AuditLog, Lineage} {
			h, failed := db.head(ctx, db.logOf(id, kind))
			if err = errors.Join(err, failed); failed == nil && h.Size > 0 {
				all = append(all, h)
			}
		}
	}
	return all, t.settle(ctx, a, err)
}

// head reads one log's head, and its last checkpoint as verified.
func (db *DB) head(ctx context.Context, l log) (h LogHead, err error) {
	h = LogHead{Tenant: l.tenant, Log: l.kind.String()}
	if err := db.openLogKeys(l); err != nil {
		return h, err
	}
	err = db.kv.View(ctx, func(tx *kv.ReadTx) (err error) {
		if h.Size, err = l.size(tx); err != nil || h.Size == 0 {
			return err
		}
		h.Root, err = ledger.Root(h.Size, db.hashes(tx, l))
		return err
	})
	if err != nil || h.Size == 0 {
		return h, err
	}
	_, c, err := db.lastCheckpoint(ctx, l)
	if errors.Is(err, ErrNotFound) {
		return h, nil
	}
	h.Signed, h.SignedAt = c.Size, c.Time
	return h, err
}
