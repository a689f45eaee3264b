package workspace

import (
	"context"
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
	Withdrawn Decision = "withdrawn" // by who requested it
	Void      Decision = "void"
)

// Kinds of what can be approved.
const (
	OfRun       = "run"
	OfPortfolio = "portfolio"
)

// Approval is a request that someone else approve a run's result or a portfolio as it was when the request was made, and
// what was decided.
type Approval struct {
	Kind   string        `json:"kind"` // OfRun or OfPortfolio
	Object store.ID      `json:"object"`
	Digest ledger.Digest `json:"digest"` // of what is to be approved: everything of it that a person put in or that came out
	// PortfolioVersion is the version of the portfolio that was the latest when the request was made; 0: of a run, or not known.
	PortfolioVersion int `json:"portfolio_version,omitempty"`

	By       store.ID   `json:"by"`
	At       time.Time  `json:"at"`
	Comment  string     `json:"comment,omitempty"`
	Decision Decision   `json:"decision"`
	Decider  store.ID   `json:"decider"` // zero: nobody
	Decided  *time.Time `json:"decided,omitempty"`
	Reason   string     `json:"reason,omitempty"`
}

var (
	// Schema 2 brought the portfolio's version; what was requested before says none.
	approvals = store.Define[Approval]("approvals", 2, store.Upgrade{From: 1, Do: nothingMissing})
	// latestApproval leads from an object to the last request for its approval. All before it are decided or void.
	latestApproval = store.DefineIndex("approval.latest")
)

// OwnRequestError refuses a decision on one's own request. It is a denial.
type OwnRequestError struct {
	Request store.ID
	Role    store.Role
}

func (e *OwnRequestError) Error() string {
	return fmt.Sprintf("request %s is your own: someone else must decide on it", e.Request)
}

// NotOwnRequestError refuses to withdraw somebody else's request. It is a denial.
type NotOwnRequestError struct {
	Request store.ID
	Role    store.Role
}

func (e *NotOwnRequestError) Error() string {
	return fmt.Sprintf("request %s is somebody else's: only who made it can withdraw it; an approver can reject it", e.Request)
}

// Unwrap makes it a denial for the audit log and for exit codes.
func (e *NotOwnRequestError) Unwrap() error {
	return &store.DeniedError{Verb: rights.ApprovalRequest, Role: e.Role}
}

// Unwrap makes it a denial for the audit log and for exit codes.
func (e *OwnRequestError) Unwrap() error {
	return &store.DeniedError{Verb: rights.ApprovalDecide, Role: e.Role}
}

// ErrVoid refuses a decision on a request whose object was changed or deleted since.
var ErrVoid error = &Invalid{"request", "what was to be approved has been changed since; request it again"}

// subject digests what is to be approved. How a run is sealed, or which process ran it, is not part of it.
func subject(tx store.Reader, kind string, object store.ID) (ledger.Digest, error) {
	switch kind {
	case OfRun:
		return subjectRun(tx, object)
	case OfPortfolio:
		r, err := portfolios.Get(tx, object)
		if err != nil {
			return ledger.Digest{}, err
		}
		return digestOf(struct {
			Name   string        `json:"name"`
			Digest ledger.Digest `json:"digest"`
			Files  []fileDigest  `json:"files"`
		}{r.Value.Name, r.Value.Digest, fileDigests(r.Value.Files)})
	}
	return ledger.Digest{}, &Invalid{"kind", fmt.Sprintf("%.80q is neither run nor portfolio", kind)}
}

// versionOf is the portfolio's version that a request is about, 0: it is about a run.
func versionOf(tx store.Reader, kind string, object store.ID) (int, error) {
	if kind != OfPortfolio {
		return 0, nil
	}
	r, err := portfolios.Get(tx, object)
	return r.Value.Number, err
}

func subjectRun(tx store.Reader, id store.ID) (ledger.Digest, error) {
	r, err := runs.Get(tx, id)
	if err != nil {
		return ledger.Digest{}, err
	}
	if r.Value.State != Done {
		return ledger.Digest{}, &Invalid{"run", fmt.Sprintf("it is %s; only a run that is done can be approved", r.Value.State)}
	}
	result, err := results.Get(tx, id)
	if err != nil {
		return ledger.Digest{}, err
	}
	spec, err := specDigest(r.Value.Spec)
	if err != nil {
		return ledger.Digest{}, err
	}
	return digestOf(struct {
		Exposure ledger.Digest `json:"exposure"`
		Model    ledger.Digest `json:"model"`
		Spec     ledger.Digest `json:"spec"`
		Files    []fileDigest  `json:"files"`
		Name     string        `json:"name,omitempty"`
		Note     string        `json:"note,omitempty"`
	}{r.Value.Exposure, r.Value.Model, spec, fileDigests(result.Value.Files), r.Value.Name, r.Value.Note})
}

// fileDigest is a file without its blob, which moves when the store is re-encrypted.
type fileDigest struct {
	Name   string        `json:"name"`
	Role   string        `json:"role"`
	Digest ledger.Digest `json:"digest"`
}

func fileDigests(files []File) []fileDigest {
	all := make([]fileDigest, len(files))
	for i, f := range files {
		all[i] = fileDigest{f.Name, f.Role, f.Digest}
	}
	return all
}

// RequestApproval asks for a decision on an object as it is now. store.ErrExists: it is requested already, or approved as it is.
func (w *Workspace) RequestApproval(ctx context.Context, kind string, object store.ID, comment string) (id store.ID, err error) {
	first := func() error { return checkText("comment", comment, 0, maxRemark) }
	err = w.change(ctx, store.Action{Verb: rights.ApprovalRequest, Object: object}, first, func(tx *store.WriteTx) error {
		digest, err := subject(tx, kind, object)
		if err != nil {
			return err
		}
		version, err := versionOf(tx, kind, object)
		if err != nil {
			return err
		}
		if err := w.makeRoom(tx, object, digest); err != nil {
			return err
		}
		id = tx.NewID()
		if err := latestApproval.Set(tx, object.String(), id); err != nil {
			return err
		}
		err = approvals.Insert(tx, id, Approval{
			Kind: kind, Object: object, Digest: digest, PortfolioVersion: version,
			By: w.tenant.Principal().User(), At: stamp(tx.Now()), Comment: comment, Decision: Requested,
		})
		if err != nil {
			return err
		}
		return w.announceOf(tx, ApprovalRequested, object, string(Requested))
	})
	if err != nil {
		return store.ID{}, err
	}
	return id, nil
}

// makeRoom takes the last request for an object out of the way of a new one, if it is decided or of another content.
func (w *Workspace) makeRoom(tx *store.WriteTx, object store.ID, digest ledger.Digest) error {
	r, err := latest(tx, object)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	same := r.Value.Digest == digest
	if d := r.Value.Decision; same && (d == Requested || d == Approved) {
		return fmt.Errorf("approval %s of it as it is, %s: %w", r.ID, d, store.ErrExists)
	}
	if r.Value.Decision == Requested {
		if err := w.void(tx, r, "changed since"); err != nil {
			return err
		}
	}
	return latestApproval.Remove(tx, object.String())
}

// latest reads the last request for an object.
func latest(tx store.Reader, object store.ID) (store.Record[Approval], error) {
	id, err := latestApproval.Find(tx, object.String())
	if err != nil {
		return store.Record[Approval]{}, err
	}
	return approvals.Get(tx, id)
}

// voidRequest voids an object's request that is not decided, because of an edit that is part of the same transaction.
func (w *Workspace) voidRequest(tx *store.WriteTx, object store.ID, reason string) error {
	r, err := latest(tx, object)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Value.Decision != Requested {
		return nil
	}
	if err != nil {
		return err
	}
	return w.void(tx, r, reason)
}

func (w *Workspace) void(tx *store.WriteTx, r store.Record[Approval], reason string) error {
	now := stamp(tx.Now())
	r.Value.Decision, r.Value.Decided, r.Value.Reason = Void, &now, reason
	if _, err := approvals.Put(tx, r); err != nil {
		return err
	}
	return w.announceOf(tx, ApprovalDecided, r.Value.Object, string(Void))
}

// Decide approves or rejects a request of someone else (*OwnRequestError). Where the object is no longer what it was, the
// request is voided, and ErrVoid returned. store.ErrConflict: the request is decided already.
func (w *Workspace) Decide(ctx context.Context, id store.ID, approve bool, reason string) error {
	voided := false
	first := func() error { return checkText("reason", reason, 0, maxRemark) }
	err := w.change(ctx, store.Action{Verb: rights.ApprovalDecide, Object: id}, first, func(tx *store.WriteTx) error {
		r, err := approvals.Get(tx, id)
		if err != nil {
			return err
		}
		who := w.tenant.Principal()
		switch r.Value.Decision {
		case Requested:
		case Void:
			return ErrVoid
		default:
			return fmt.Errorf("request %s is %s: %w", id, r.Value.Decision, store.ErrConflict)
		}
		if r.Value.By == who.User() {
			return &OwnRequestError{id, who.Role()}
		}
		digest, err := subject(tx, r.Value.Kind, r.Value.Object)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if voided = err != nil || digest != r.Value.Digest; voided {
			return w.void(tx, r, "changed since")
		}
		to := Rejected
		if approve {
			to = Approved
		}
		return w.decide(tx, r, who.User(), to, reason)
	})
	if err == nil && voided {
		return ErrVoid
	}
	return err
}

// decide enters the decision. The leaf says of what, by its digest.
func (w *Workspace) decide(tx *store.WriteTx, r store.Record[Approval], who store.ID, to Decision, reason string) error {
	now := stamp(tx.Now())
	v := &r.Value
	v.Decision, v.Decider, v.Decided, v.Reason = to, who, &now, reason
	tx.Enter(leaf(ledger.ApprovalDecided, v.Object, map[string]ledger.Digest{v.Kind: v.Digest}, string(to)))
	if _, err := approvals.Put(tx, r); err != nil {
		return err
	}
	return w.announceOf(tx, ApprovalDecided, v.Object, string(to))
}

// Withdraw takes one's own request back (*NotOwnRequestError) that nobody has decided on. store.ErrConflict: it is decided already.
func (w *Workspace) Withdraw(ctx context.Context, id store.ID, reason string) error {
	first := func() error { return checkText("reason", reason, 0, maxRemark) }
	return w.change(ctx, store.Action{Verb: rights.ApprovalRequest, Object: id}, first, func(tx *store.WriteTx) error {
		r, err := approvals.Get(tx, id)
		if err != nil {
			return err
		}
		who := w.tenant.Principal()
		switch {
		case r.Value.By != who.User():
			return &NotOwnRequestError{id, who.Role()}
		case r.Value.Decision != Requested:
			return fmt.Errorf("request %s is %s: %w", id, r.Value.Decision, store.ErrConflict)
		}
		return w.decide(tx, r, who.User(), Withdrawn, reason)
	})
}

// Approval reads one request.
func (w *Workspace) Approval(ctx context.Context, id store.ID) (r store.Record[Approval], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.ApprovalRead, Object: id}, func(tx *store.ReadTx) (err error) {
		r, err = approvals.Get(tx, id)
		return err
	})
	return r, err
}

// Approvals lists requests, newest first, up to limit (1 to 1,000) from a cursor.
func (w *Workspace) Approvals(ctx context.Context, after store.Cursor, limit int) (page store.Page[Approval], err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.ApprovalRead}, func(tx *store.ReadTx) (err error) {
		page, err = approvals.ListNewest(tx, after, limit)
		return err
	})
	return page, err
}

// ApprovalOf reads the last request for an object, and whether it is about the object as it is now; store.ErrNotFound: none
// was made.
func (w *Workspace) ApprovalOf(ctx context.Context, object store.ID) (r store.Record[Approval], current bool, err error) {
	err = w.tenant.View(ctx, store.Action{Verb: rights.ApprovalRead, Object: object}, func(tx *store.ReadTx) (err error) {
		if r, err = latest(tx, object); err != nil {
			return err
		}
		digest, err := subject(tx, r.Value.Kind, object)
		if errors.Is(err, store.ErrNotFound) {
			return nil // deleted since
		}
		current = err == nil && digest == r.Value.Digest
		return err
	})
	return r, current, err
}
