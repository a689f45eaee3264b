package wire

import "time"

// TrustControls is what the appliance says of its controls, and what it does not claim: GET /api/v1/trust/controls.
type TrustControls struct {
	At         time.Time    `json:"at"` // when those that are watched were looked at
	Done       int          `json:"done"`
	InAudit    int          `json:"in_audit"`
	Planned    int          `json:"planned"`
	Lapsed     int          `json:"lapsed"`
	Items      []Control    `json:"items"`
	NotClaimed []NotClaimed `json:"not_claimed"`
}

// Control is one control with its evidence.
type Control struct {
	ID       string     `json:"id"`
	Domain   string     `json:"domain"`
	Title    string     `json:"title"`
	Says     string     `json:"says"`   // what is controlled, and how
	Status   string     `json:"status"` // done, in-audit, planned; or lapsed: it was done, and what is seen here says that it is not now
	Since    string     `json:"since"`  // date of the status in the release, YYYY-MM-DD
	Owner    string     `json:"owner"`  // a role, not a person
	Evidence []Evidence `json:"evidence"`
	Seen     *Seen      `json:"seen,omitempty"` // absent: the control is not watched
}

// Evidence is where a control can be checked.
type Evidence struct {
	Kind string `json:"kind"` // address of this appliance, test of the release, document of the release
	At   string `json:"at"`   // path; file and test; file and section
}

// Seen is what this appliance itself shows of a control.
type Seen struct {
	Holds bool       `json:"holds"`
	Says  string     `json:"says"`
	At    *time.Time `json:"at,omitempty"` // of what was seen, where it has a time, such as a drill
}

// NotClaimed is something that a reader may look for, and that is not claimed.
type NotClaimed struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// TrustDestinations are all kinds of places that data can go to: GET /api/v1/trust/destinations.
type TrustDestinations struct {
	Mode       string     `json:"mode"`                  // air-gapped, hybrid or connected
	RecordedTo *time.Time `json:"recorded_to,omitempty"` // of the last line of the record of connections; absent: it has none, or a stranger asks
	// RecordFault says why the record of connections does not verify; absent: it does.
	RecordFault string             `json:"record_fault,omitempty"`
	Items       []TrustDestination `json:"items"`
}

// TrustDestination is a kind of place that data can go to.
type TrustDestination struct {
	Purpose string   `json:"purpose"` // as the record of connections has it
	Name    string   `json:"name"`
	Party   string   `json:"party"`          // who receives it
	For     string   `json:"for"`            // why
	Sends   string   `json:"sends"`          // what goes
	Region  string   `json:"region"`         // where it goes to
	Setting string   `json:"setting"`        // what turns it on; off without it
	On      bool     `json:"on"`             // mode and configuration allow it at this moment
	Hosts   []string `json:"hosts"`          // that the configuration allows, host:port; for operators only
	Last    *LastUse `json:"last,omitempty"` // absent: there was none, or a stranger asks
}

// LastUse is the last connection of a purpose, opened or refused.
type LastUse struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"` // opened, failed, refused; "" while it is being opened
	Opened  int64     `json:"opened"`  // connections of the purpose that were opened, over the whole record
	Sent    int64     `json:"sent"`    // bytes that left in them
}
