package seal

// Check is one step of a verification: what was compared, and how it came out.
type Check struct {
	// Name is the step, in words.
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Got and Want are what was compared, such as two hashes; "" where nothing was.
	Got  string `json:"got,omitempty"`
	Want string `json:"want,omitempty"`
	// Reason says why the step failed and what to do, or, of one that holds, what a reader must know with it.
	Reason string `json:"reason,omitempty"`
}

// AllOK reports whether there are checks and every one holds.
func AllOK(checks []Check) bool {
	for _, c := range checks {
		if !c.OK {
			return false
		}
	}
	return len(checks) > 0
}

// equal is a step that compares.
func equal(name, got, want, reason string) Check {
	c := Check{Name: name, OK: got == want, Got: got, Want: want}
	if !c.OK {
		c.Reason = reason
	}
	return c
}

// holds is a step that an error ends.
func holds(name, got string, err error) Check {
	c := Check{Name: name, OK: err == nil, Got: got}
	if err != nil {
		c.Reason = err.Error()
	}
	return c
}
