package braket

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	leastPoll = 2 * time.Second
	mostPoll  = time.Minute
	longest   = 5 * 24 * time.Hour // as long as the service's own SDK waits
)

// ErrTooLong is a task that has not ended within five days. It may still end: Wait can be called again only
// with a later Submitted, State at any time.
var ErrTooLong = errors.New("the task has not ended within five days of its submission; cancel it, or ask for its state later")

// FailedError is a task that ended without a result.
type FailedError struct {
	ARN    string
	Status Status // FAILED or CANCELLED

	// Reason is the service's failureReason, verbatim.
	Reason string
}

// Error has the reason verbatim.
func (e *FailedError) Error() string {
	text := fmt.Sprintf("task %s: %s", e.ARN, e.Status)
	if e.Reason != "" {
		text += ": " + e.Reason
	} else if e.Status == Failed {
		text += "; the service gives no reason"
	}
	return text
}

// Wait asks for the task's state until it is final, as often as the device wants, else after 2, 4 ... 60 seconds. It needs nothing
// but the kept task, so that it goes on after a restart. seen, which may be nil, is given every answer.
//
// COMPLETED returns without error; FAILED and CANCELLED with a *[FailedError]. Cancelling ctx stops the waiting, not the task. A
// service that is throttled, at fault or out of reach is asked again; other refusals end the wait.
func (c *Client) Wait(ctx context.Context, t Task, seen func(State)) (State, error) {
	pause := leastPoll
	for {
		s, err := c.State(ctx, t)
		switch {
		case ctx.Err() != nil:
			return s, ctx.Err()
		case err != nil && !transient(err):
			return s, err
		case err == nil:
			if seen != nil {
				seen(s)
			}
			if s.Status == Completed {
				return s, nil
			}
			if s.Status.Final() {
				return s, &FailedError{t.ARN, s.Status, s.FailureReason}
			}
		}
		if c.now().Sub(t.Submitted) > longest {
			return s, errors.Join(fmt.Errorf("task %s, %s: %w", t.ARN, s.Status, ErrTooLong), err)
		}
		if err := c.sleep(ctx, t.poll(pause)); err != nil {
			return s, err
		}
		pause = min(2*pause, mostPoll)
	}
}

// poll is what the device asks for, within bounds; otherwise the growing pause.
func (t Task) poll(pause time.Duration) time.Duration {
	if t.Poll > 0 {
		return min(max(t.Poll, leastPoll), mostPoll)
	}
	return pause
}
