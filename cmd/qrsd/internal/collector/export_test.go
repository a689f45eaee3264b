package collector

import "time"

// Frame is a place as it is sent.
type Frame = frame

// Parsed is what is taken out of a stack's text.
func Parsed(text string) []Frame { return culprit(parsed(text)) }

// SpansKept is how many spans the queue holds.
const SpansKept = spansKept

// NewTracesAt is NewTraces with a pace for tests.
func NewTracesAt(o TracesOptions, every, rest, farewell time.Duration) *Traces {
	return newTraces(o, pace{every, rest, farewell})
}

// NewFaultsAt is NewFaults with a pace for tests.
func NewFaultsAt(o FaultsOptions, rest, farewell time.Duration) *Faults {
	return newFaults(o, pace{0, rest, farewell})
}
