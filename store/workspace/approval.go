package workspace

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/internal/rights"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// Decision is how a request for approval stands.
type Decision string

// The decisions. Void: what was to be approved is no longer what it was.
const (
	Requested Decision = "requested"
	Approved  Decision = "approved"
	Rejected  Decision = "rejected"
	Void      Decision = "void"
)

// Subject kinds of approvals.
const (
	OfRun       = "run"
	OfPortfolio = "portfolio"
)

// Approval is a request that someone else approve a run's result or a portfolio, in the version that it had.
type Approval struct {
	Kind     string     `json:"kind"` // OfRun or OfPortfolio
	Object   store.ID   `json:"object"`
	Version  uint64     `json:"version"` // of the object, when the request was made
	By       store.ID   `json:"by"`
	At       time.Time  `json:"at"`
	Comment  string     `json:"comment,omitempty"`
	Decision Decision   `json:"decision"`
	Decider  store.ID   `json:"decider"`
	Decided  *time.Time `json:"decided,omitempty"`
	Reason   string     `json:"reason,omitempty"`
}

var (
	approvals = store.Define[Approval]("approvals", 1)
	// openRequest leads from an object to its request that is not decided yet; there is one at most.
	openRequest = store.DefineIndex("approval.open")
)

// ErrOwnRequest refuses a decision on one's own request.
var ErrOwnRequest error = &Invalid{"approver", "the one who requests an approval cannot decide on it"}

// ErrVoid refuses a decision on a request whose object was changed since.
var ErrVoid error = &Invalid{"request", "what was to be approved has been changed since; request it again"}

// version reads the version of what is to be approved.
func objectVersion(tx store.Reader, kind string, object store.ID) (uint64, error) {
	switch kind {
	case OfRun:
		r, err := runs.Get(tx, object)
		if err == nil && r.Value.State != Done {
			err = &Invalid{"run", fmt.Sprintf("it is %s; only a finished run can be approved", r.Value.State)}
		}
		return r.Version, err
	case OfPortfolio:
		r, err := portfolios.Get(tx, object)
		return r.Version, err
	}
	return 0, &Invalid{"kind", fmt.Sprintf("%q is neither run nor portfolio", kind)}
}

// RequestApproval asks for a decision on an object as it is now.
func (w *Workspace) RequestApproval(ctx context.Context, kind string, object store.ID, comment string) (id store.ID, err error) {
	err = w.tenant.Update(ctx, store.Action{Verb: rights.ApprovalRequest, Object: object}, func(tx *store.WriteTx) error {
		version, err := objectVersion(tx, kind, object)
		if err != nil {
			return err
		}
		if err := voidStale(tx, object, version); err != nil {
			return err
		}
		id = tx.NewID()
		if err := openRequest.Set(tx, object.String(), id); err != nil {
			return err // store.ErrExists: it is requested already
		}
		return approvals.Insert(tx, id, Approval{
			Kind: kind, Object: object, Version: version, By: w.tenant.Principal().User(), At: stamp(tx.Now()), Comment: comment, Decision: Requested,
		})
	})
	return id, err
}

// voidStale voids an open request of another version, so that the object can be requested again.
func voidStale(tx *store.WriteTx, object store.ID, version uint64) error {
	r, err := openApproval(tx, object)
	if err != nil || r == nil || r.Value.Version == version {
		return err
	}
	return void(tx, *r, "changed since")
}

// voidRequests voids an object's open request because of an edit that is part of the same transaction.
func voidRequests(tx *store.WriteTx, object store.ID, reason string) error {
	r, err := openApproval(tx, object)
	if err != nil || r == nil {
		return err
	}
	return void(tx, *r, reason)
}

func openApproval(tx store.Reader, object store.ID) (*store.Record[Approval], error) {
	id, err := openRequest.Find(tx, object.String())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := approvals.Get(tx, id)
	return &r, err
}

func void(tx *store.WriteTx, r store.Record[Approval], reason string) error {
	now := stamp(tx.Now())
	r.Value.Decision, r.Value.Decided, r.Value.Reason = Void, &now, reason
	if _, err := approvals.Put(tx, r); err != nil {
		return err
	}
	return openRequest.Remove(tx, r.Value.Object.String())
}

// Decide approves or rejects a request of someone else. Where the object was changed since, the request is voided, and ErrVoid returned.
func (w *Workspace) Decide(ctx context.Context, id store.ID, approve bool, reason string) error {
	voided := false
	err := w.tenant.Update(ctx, store.Action{Verb: rights.ApprovalDecide, Object: id}, func(tx *store.WriteTx) error {
		voided = false
		r, err := approvals.Get(tx, id)
		if err != nil {
			return err
		}
		v := &r.Value
		switch {
		case v.Decision != Requested:
			return fmt.Errorf("request %s is %s: %w", id, v.Decision, store.ErrConflict)
		case v.By == w.tenant.Principal().User():
			return ErrOwnRequest
		}
		if version, err := objectVersion(tx, v.Kind, v.Object); errors.Is(err, store.ErrNotFound) || err == nil && version != v.Version {
			voided = true
			return void(tx, r, "changed since")
		} else if err != nil {
			return err
		}
		return w.decided(tx, r, approve, reason)
	})
	if err == nil && voided {
		return ErrVoid
	}
	return err
}

func (w *Workspace) decided(tx *store.WriteTx, r store.Record[Approval], approve bool, reason string) error {
	now := stamp(tx.Now())
	v := &r.Value
	v.Decision, v.Decider, v.Decided, v.Reason = Rejected, w.tenant.Principal().User(), &now, reason
	if approve {
		v.Decision = Approved
	}
	if _, err := approvals.Put(tx, r); err != nil {
		return err
	}
	tx.Enter(leaf(ledger.ApprovalDecided, v.Object, map[string]ledger.Digest{"request": digestOf(r.ID[:])}, string(v.Decision)))
	return openRequest.Remove(tx, v.Object.String())
}

// Approvals lists requests, newest first, up to limit from a cursor.
func (w *Workspace) Approvals(ctx context.Context, after store.Cursor, limit int) (page store.Page[Approval], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.ApprovalRead}, func(tx *store.ReadTx) (err error) {
		page, err = approvals.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

func digestOf(b []byte) ledger.Digest { return sha256.Sum256(b) }
