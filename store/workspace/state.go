package workspace

import "slices"

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

// next lists what a state can become. A running run becomes running again when another worker takes it over.
var next = map[State][]State{
	Queued:  {Running, Cancelled},
	Running: {Running, Done, Failed, Cancelled},
}

// CanBecome reports whether a run in this state can be brought into the other.
func (s State) CanBecome(other State) bool { return slices.Contains(next[s], other) }

// Ended reports whether nothing can follow.
func (s State) Ended() bool { return len(next[s]) == 0 }
