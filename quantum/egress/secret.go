package egress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/estimate"
)

// Secret turns what came back into the answer. It never leaves the host: with it the mix is undone and the twins are known.
//
// It has no text form, no JSON and no equality. MarshalBinary is for encrypted keeping; whoever writes the bytes to a
// plain file protects them by the file's mode alone, and says so.
type Secret struct {
	_     [0]func() // not comparable
	seed  [32]byte  // of all randomness of the job
	mix   mix       // of the circuit itself
	parts []part    // as the job's circuits
}

// part is what only home knows of a circuit.
type part struct {
	power, shots int
	twin         bool
	amplitude    float64 // as sent; used for twins alone
}

// mix is the change of a payoff: f' = shift + slope f, and 1 - f' if complement.
type mix struct {
	slope, shift float64
	complement   bool
}

func (m mix) send(f float64) float64 {
	x := m.shift + float64(m.slope*f)
	if m.complement {
		x = 1 - x
	}
	return min(max(x, 0), 1)
}

// bring undoes send. It does not clip: an estimate from noisy counts may lie outside [0, 1], and that must show.
func (m mix) bring(x float64) float64 {
	if m.complement {
		x = 1 - x
	}
	return (x - m.shift) / m.slope
}

// Observations pairs the outcomes, in the order of the job's circuits, with what home knows: the power, and for twins the known
// amplitude. The amplitude that they estimate, and that of the twins, is the one sent; Amplitude and Interval bring an estimate home.
// The frame is the hardware's because readout errors are not symmetric: a complement undone in the counts would undo it
// for them too.
//
// Errors: a number of outcomes or shots other than was asked for, more ones than shots.
func (s *Secret) Observations(outcomes []circuit.Outcome) ([]estimate.Observation, error) {
	if len(outcomes) != len(s.parts) {
		return nil, fmt.Errorf("%d outcomes came back for %d circuits; all are needed, in the order of the job", len(outcomes), len(s.parts))
	}
	observations := make([]estimate.Observation, len(outcomes))
	for i, o := range outcomes {
		p := s.parts[i]
		if o.Shots != p.shots {
			return nil, fmt.Errorf("circuit %d: %d shots came back, and %d were asked for", i+1, o.Shots, p.shots)
		}
		if o.Ones < 0 || o.Ones > o.Shots {
			return nil, fmt.Errorf("circuit %d: %d ones in %d shots cannot be", i+1, o.Ones, o.Shots)
		}
		observations[i] = estimate.Observation{Power: p.power, Shots: o.Shots, Ones: o.Ones}
		if p.twin {
			observations[i].Twin = &s.parts[i].amplitude
		}
	}
	return observations, nil
}

// Amplitude brings an amplitude as sent home: that of the question's own payoff. It can lie outside [0, 1] where noise put
// the estimate there.
func (s *Secret) Amplitude(sent float64) float64 { return s.mix.bring(sent) }

// Interval brings an interval home; a complement turns its ends.
func (s *Secret) Interval(low, high float64) (float64, float64) {
	low, high = s.mix.bring(low), s.mix.bring(high)
	return min(low, high), max(low, high)
}

// Format keeps the secret out of every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "egress.Secret(not shown)") }

// MarshalJSON refuses: a secret in a JSON document is a mistake.
func (s Secret) MarshalJSON() ([]byte, error) {
	return nil, errors.New("egress: a Secret is not written as JSON; keep MarshalBinary's bytes encrypted")
}

// secretForm is the first byte of the binary form.
const secretForm = 1

// partBytes is the length of a part in the binary form.
const partBytes = 4 + 4 + 1 + 8

// MarshalBinary is the secret for encrypted keeping. It never fails.
func (s *Secret) MarshalBinary() ([]byte, error) {
	b := append([]byte{secretForm}, s.seed[:]...)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(s.mix.slope))
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(s.mix.shift))
	b = append(b, bit(s.mix.complement))
	for _, p := range s.parts {
		b = binary.BigEndian.AppendUint32(b, uint32(p.power))
		b = binary.BigEndian.AppendUint32(b, uint32(p.shots))
		b = append(b, bit(p.twin))
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(p.amplitude))
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote, and refuses anything else.
func (s *Secret) UnmarshalBinary(b []byte) error {
	const head = 1 + 32 + 8 + 8 + 1
	if len(b) < head || b[0] != secretForm || (len(b)-head)%partBytes != 0 || b[head-1] > 1 {
		return fmt.Errorf("the kept secret of %d bytes is not of form %d: it was cut or changed", len(b), secretForm)
	}
	var read Secret
	copy(read.seed[:], b[1:])
	read.mix.slope = math.Float64frombits(binary.BigEndian.Uint64(b[33:]))
	read.mix.shift = math.Float64frombits(binary.BigEndian.Uint64(b[41:]))
	read.mix.complement = b[49] == 1
	if m := read.mix; !(m.slope >= minSlope && m.slope <= maxSlope && m.shift >= 0 && m.shift <= 1-m.slope) {
		return errors.New("the kept secret holds a mix that was never drawn: it was changed")
	}
	for b = b[head:]; len(b) > 0; b = b[partBytes:] {
		p := part{
			power: int(binary.BigEndian.Uint32(b)), shots: int(binary.BigEndian.Uint32(b[4:])), twin: b[8] == 1,
			amplitude: math.Float64frombits(binary.BigEndian.Uint64(b[9:])),
		}
		if b[8] > 1 || p.power > maxPower || p.shots < 1 || !(p.amplitude >= 0 && p.amplitude <= 1) {
			return errors.New("the kept secret holds a circuit that was never built: it was changed")
		}
		read.parts = append(read.parts, p)
	}
	s.seed, s.mix, s.parts = read.seed, read.mix, read.parts
	return nil
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
