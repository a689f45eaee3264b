package brakettest

import (
	"encoding/json"
	"net/http"
)

// Fault is something that goes wrong with the next requests for an operation.
type Fault struct {
	// Operation is the call, "CreateQuantumTask"; "" is any.
	Operation string

	// Times is how many requests it hits; 0 means one.
	Times int

	// Status, Type and Message are the answer: 429, "ThrottlingException", "Rate exceeded".
	Status        int
	Type, Message string

	// After lets the operation take effect before the answer is replaced.
	After bool

	// Drop closes the connection without an answer, instead of Status.
	Drop bool
}

// Fail plays the fault on requests to come, after those that were asked for before.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(f.Times, 1)
	s.faults = append(s.faults, &f)
}

func (s *Server) nextFault(operation string) *Fault {
	for _, f := range s.faults {
		if f.Times > 0 && (f.Operation == "" || f.Operation == operation) {
			f.Times--
			return f
		}
	}
	return nil
}

func (f *Fault) play(w http.ResponseWriter, operation string) {
	if f.Drop {
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	}
	answer(w, operation, 0, nil, &refusal{f.Status, f.Type, f.Message})
}

// SetStatus makes a device ONLINE (as all begin), OFFLINE or RETIRED.
func (s *Server) SetStatus(deviceARN, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status[deviceARN] = status
}

// Plan is what becomes of a task.
type Plan struct {
	// FailureReason, if not empty, lets it end FAILED with this reason.
	FailureReason string

	// Stay lets it stay QUEUED until it is cancelled.
	Stay bool

	// NoResult leaves the result object out.
	NoResult bool

	// Alter, if not nil, changes the result before it is stored.
	Alter func(result map[string]any)
}

// Plan says what becomes of the next task that has no plan yet. Without one a task completes.
func (s *Server) Plan(p Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = append(s.plans, p)
}

func (s *Server) nextPlan() (p Plan) {
	if len(s.plans) > 0 {
		p, s.plans = s.plans[0], s.plans[1:]
	}
	return p
}

// altered is the text of a result after its plan changed it.
func (p Plan) altered(result any) ([]byte, error) {
	text, err := json.Marshal(result)
	if err != nil || p.Alter == nil {
		return text, err
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	p.Alter(members)
	return json.Marshal(members)
}
