package workspace

import (
	"fmt"
	"slices"
	"time"

	"github.com/qrsrisk/qrsd/store"
)

// State is where a run is in its life.
type State string

// The states of a run.
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// States lists them in the order of a run's life.
func States() []State { return []State{Queued, Running, Done, Failed, Cancelled} }

// next is what a state can become. A running run becomes running again when another worker takes it over.
func (s State) next() []State {
	switch s {
	case Queued:
		return []State{Running, Cancelled}
	case Running:
		return []State{Running, Done, Failed, Cancelled}
	}
	return nil
}

// CanBecome reports whether a run in this state can be brought into the other.
func (s State) CanBecome(other State) bool { return slices.Contains(s.next(), other) }

// Ended reports whether nothing can follow.
func (s State) Ended() bool { return len(s.next()) == 0 }

// StateError refuses a step that a run's state does not allow. It is a store.ErrConflict: someone else was faster.
type StateError struct {
	Run      store.ID
	Is, Want State
	Until    *time.Time // of a running run: when its worker's lease ends, and another may take it over
}

func (e *StateError) Error() string {
	switch {
	case e.Is == Running && e.Want == Running && e.Until != nil:
		return fmt.Sprintf("run %s is running; if its worker gives no sign of life it can be taken over at %s", e.Run, e.Until.Format(time.RFC3339))
	case e.Is == Running:
		return fmt.Sprintf("run %s is another worker's now", e.Run)
	}
	return fmt.Sprintf("run %s is %s and cannot become %s", e.Run, e.Is, e.Want)
}

// AuditReason is its class in the audit log.
func (e *StateError) AuditReason() string { return "state" }

// Unwrap makes it a conflict.
func (e *StateError) Unwrap() error { return store.ErrConflict }
