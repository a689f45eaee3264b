package web

import (
	"context"
	"errors"
	"time"

	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// workspace is the caller's own.
func (s *Server) workspace(ctx context.Context, c *Call) (*workspace.Workspace, error) {
	t, err := s.own(ctx, c)
	if err != nil {
		return nil, err
	}
	return workspace.Open(t), nil
}

// workRefusal is the problem of an error of the workspace; nil: it is none of those that are expected of it.
func workRefusal(err error) *refusal {
	var invalid *workspace.Invalid
	var state *workspace.StateError
	var unfinished *workspace.UnfinishedError
	var quota *workspace.QuotaError
	var own *workspace.OwnRequestError
	var another *workspace.NotOwnRequestError
	switch {
	case errors.Is(err, workspace.ErrVoid):
		return &refusal{kind: kindConflict, detail: "what was to be approved has been changed since; request it again"}
	case errors.As(err, &invalid):
		return &refusal{kind: kindInvalid, faults: []wire.Fault{{Pointer: "/" + invalid.Field, Detail: invalid.Reason}}}
	case errors.As(err, &state):
		return &refusal{kind: kindConflict, detail: state.Error()}
	case errors.As(err, &unfinished):
		return &refusal{kind: kindConflict, detail: unfinished.Error()}
	case errors.As(err, &quota):
		return &refusal{kind: kindTooMany, detail: quota.Error(), retryAfter: quotaPause}
	case errors.As(err, &own): // of the same tenant: that there is such a request is no secret
		return &refusal{kind: kindDenied, detail: own.Error()}
	case errors.As(err, &another):
		return &refusal{kind: kindDenied, detail: another.Error()}
	}
	return nil
}

// quotaPause is when to ask again for what a tenant has too much of: about as long as a run takes.
const quotaPause = time.Minute
