package wire

import "time"

// RunEvent is what is known of a run at a moment. The newest one of a run says all that is known: whoever has it needs none before.
type RunEvent struct {
	ID       string       `json:"id"` // where to go on from: Last-Event-ID, or ?after=
	Run      string       `json:"run"`
	At       time.Time    `json:"at"`
	State    string       `json:"state"`  // queued, running, done, failed, cancelled
	Sealed   bool         `json:"sealed"` // of a run that is done
	Reason   string       `json:"reason,omitempty"`
	Progress *RunProgress `json:"progress,omitempty"` // of a run that is being carried out
}

// RecentEvents are the events that are still at hand: GET /api/v1/events/recent.
type RecentEvents struct {
	Events []RunEvent `json:"events"`
	Last   string     `json:"last"` // ask for what comes after it
	Gap    bool       `json:"gap"`  // events before these are gone; the runs themselves say how they are
}
