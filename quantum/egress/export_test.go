package egress

import "github.com/qrsrisk/qrsd/quantum/circuit"

// Rebuild is the job again from table, schedule and the secret kept of it: that all of a job follows from the secret.
func (s *Secret) Rebuild(table circuit.Table, schedule Schedule) (*Job, error) {
	return (&Secret{seed: s.seed}).build(table, schedule)
}

// Sent is the amplitude as sent of the question's own, the inverse of Amplitude.
func (s *Secret) Sent(amplitude float64) float64 { return s.mix.send(amplitude) }

// Widening is the factor by which the mix widens every error: 1/slope.
func (s *Secret) Widening() float64 { return 1 / s.mix.slope }
