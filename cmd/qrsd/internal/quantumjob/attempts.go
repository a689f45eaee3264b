package quantumjob

import "github.com/qrsrisk/qrsd/quantum/braket"

// Attempts is what became of one circuit at the service: the task that counts, and those before it that ended without a result.
type Attempts struct {
	Attempt  int           `json:"attempt"`        // of Task; the same number is the same task, also after a crash
	Task     *braket.Task  `json:"task,omitempty"` // nil: not submitted
	Status   braket.Status `json:"status,omitempty"`
	Reason   string        `json:"failure_reason,omitempty"` // the service's, verbatim
	Replaced []braket.Task `json:"replaced,omitempty"`       // of earlier attempts; they were quoted and count as spent
}

// due reports whether the circuit is to be submitted: it never was, or its task ended without a result.
func (a *Attempts) due() bool {
	return a.Task == nil || a.Status == braket.Failed || a.Status == braket.Cancelled
}

// next is the number of the attempt that is due.
func (a *Attempts) next() int {
	if a.Task == nil {
		return a.Attempt
	}
	return a.Attempt + 1 // the token of this attempt would find the ended task again
}

// begin puts a created task in place of one that ended. Told twice of one task, it changes nothing.
func (a *Attempts) begin(attempt int, t braket.Task) {
	if a.Task != nil && a.Task.ARN == t.ARN {
		return
	}
	if a.Task != nil {
		a.Replaced = append(a.Replaced, *a.Task)
	}
	a.Attempt, a.Task, a.Status, a.Reason = attempt, &t, braket.Created, ""
}

// tell notes what the service said of a task, unless another has taken its place.
func (a *Attempts) tell(arn string, s braket.State) {
	if a.Task != nil && a.Task.ARN == arn {
		a.Status, a.Reason = s.Status, s.FailureReason
	}
}

// failed is the error of a task that ended without a result, or nil.
func (a *Attempts) failed() error {
	if a.Task == nil || !a.due() {
		return nil
	}
	return &braket.FailedError{ARN: a.Task.ARN, Status: a.Status, Reason: a.Reason}
}

// quoted is what all tasks were quoted at.
func (a *Attempts) quoted() braket.USD {
	var sum braket.USD
	if a.Task != nil {
		sum = a.Task.Quote.Total
	}
	for _, t := range a.Replaced {
		sum += t.Quote.Total
	}
	return sum
}
