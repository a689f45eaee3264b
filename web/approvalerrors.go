package web

import (
	"errors"

	"github.com/qrsrisk/qrsd/store/workspace"
)

// approvalRefusal is the problem of a decision that is refused; nil: the error is another. Who may not decide on a request of its own
// tenant is told so: that there is such a request is no secret to it.
func approvalRefusal(err error) *refusal {
	var own *workspace.OwnRequestError
	var another *workspace.NotOwnRequestError
	switch {
	case errors.Is(err, workspace.ErrVoid):
		return &refusal{kind: kindConflict, detail: "what was to be approved has been changed since, and the request is void; request it again"}
	case errors.As(err, &own):
		return &refusal{kind: kindDenied, detail: own.Error()}
	case errors.As(err, &another):
		return &refusal{kind: kindDenied, detail: another.Error()}
	}
	return nil
}
