package braket

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// Mitigation is an error mitigation by its schema name; "" is none.
type Mitigation string

// Debias averages over equivalent circuits on IonQ devices. Its averages are usable; the sharpened
// histogram that comes with it is a vote, not an average, and is never read.
const Debias Mitigation = "braket.device_schema.error_mitigation.debias.Debias"

// maxGateShots is the largest product of gates and shots of an on-demand task on IonQ devices:
// https://docs.aws.amazon.com/braket/latest/developerguide/braket-error-mitigation-ionq.html (read 2026-11-21). GetDevice does not state it.
const maxGateShots = 1_000_000

// Program is what a task runs.
type Program struct {
	// Source is OpenQASM 3 text of the closed form of egress.Check.
	Source string

	// Shots is how often it is measured.
	Shots int

	// Mitigation is the error mitigation to ask for.
	Mitigation Mitigation
}

// CheckSize holds gates and shots of a circuit to what is known of the device without asking it: *Device.Preflight holds them to the rest.
func CheckSize(deviceARN string, gates, shots int) error {
	// Per gate, so that the product cannot overflow.
	if Hardware(deviceARN) && gates > 0 && shots > maxGateShots/gates {
		return fmt.Errorf("%d gates x %d shots: must be at most %d gate-shots for a task on demand; at most %d shots for this circuit", gates, shots, maxGateShots, maxGateShots/gates)
	}
	return nil
}

// Preflight says everything for which the device would refuse the program, or for which it must not be sent, before
// anything is paid: grammar, operations, qubits, measurements, shots, gates x shots, mitigation, state of the device. nil: none.
func (d *Device) Preflight(p Program) error {
	shape, err := egress.Check(p.Source)
	if err != nil {
		return fmt.Errorf("device %s: %w", d.Name, err)
	}
	program, err := circuit.Parse(p.Source)
	if err != nil {
		return fmt.Errorf("device %s: %w", d.Name, err)
	}
	var faults []error
	fault := func(format string, values ...any) {
		faults = append(faults, fmt.Errorf("device "+d.Name+": "+format, values...))
	}
	if d.Status == "RETIRED" {
		faults = append(faults, &RetiredError{d.Name, d.ARN})
	} else if d.Status != "ONLINE" {
		faults = append(faults, fmt.Errorf("device %s: status %s: %w; its execution windows are %v", d.Name, d.Status, ErrOffline, d.Windows))
	}
	for _, name := range operations(program) {
		if !slices.Contains(d.Gates, name) {
			fault("gate %s: is not among its operations (%s)", name, strings.Join(d.Gates, ", "))
		}
	}
	if shape.Qubits > d.Qubits {
		fault("qubits %d: it has %d; use fewer loss bins", shape.Qubits, d.Qubits)
	}
	if d.Contiguous || d.AllMeasured {
		// The closed form measures q[0] ... q[n-1]; a qubit that no gate touches would leave a gap.
		for _, q := range untouched(program) {
			fault("qubit %d: no gate acts on it, and the device wants qubits without a gap", q)
		}
	}
	if p.Shots < d.MinShots || p.Shots > d.MaxShots {
		fault("shots %d: must lie in %d to %d", p.Shots, d.MinShots, d.MaxShots)
	}
	if err := CheckSize(d.ARN, shape.Gates, p.Shots); err != nil {
		fault("%w", err)
	}
	if p.Mitigation != "" {
		least, ok := d.MinMitigatedShots[p.Mitigation]
		if !ok || p.Mitigation != Debias {
			fault("error mitigation %q: is not offered", p.Mitigation)
		} else if p.Shots < least {
			fault("shots %d: error mitigation needs at least %d", p.Shots, least)
		}
	}
	return errors.Join(faults...)
}

// operations are the gates that a program uses, each once, in order of name.
func operations(p *circuit.Program) []string {
	var names []string
	for _, g := range p.Gates {
		names = append(names, g.Kind.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// untouched are the qubits of a program on which no gate acts.
func untouched(p *circuit.Program) (none []int) {
	touched := make([]bool, p.Qubits)
	for _, g := range p.Gates {
		touched[g.Target] = true
		touched[g.Control] = touched[g.Control] || g.Kind == circuit.CNOT
	}
	for q, t := range touched {
		if !t {
			none = append(none, q)
		}
	}
	return none
}

// header names a schema and its version.
type header struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// actionForm is braket.ir.openqasm.program version 1, without inputs.
type actionForm struct {
	Header header `json:"braketSchemaHeader"`
	Source string `json:"source"`
}

// parametersForm are the device parameters of IonQ devices and of the simulators, version 1.
type parametersForm struct {
	Header     header           `json:"braketSchemaHeader"`
	Paradigm   paradigmForm     `json:"paradigmParameters"`
	Mitigation []mitigationForm `json:"errorMitigation,omitempty"`
}

type paradigmForm struct {
	Header          header `json:"braketSchemaHeader"`
	QubitCount      int    `json:"qubitCount"`
	DisableRewiring bool   `json:"disableQubitRewiring"`
}

type mitigationForm struct {
	Type Mitigation `json:"type"`
}

// Action is the text of the member action of CreateQuantumTask for a source.
func Action(source string) string {
	return text(actionForm{header{openQASM, "1"}, source})
}

// DeviceParameters is the text of the member deviceParameters of CreateQuantumTask.
func DeviceParameters(deviceARN string, qubits int, m Mitigation) string {
	name := map[string]string{
		"ionq":       "braket.device_schema.ionq.ionq_device_parameters",
		"simulators": "braket.device_schema.simulators.gate_model_simulator_device_parameters",
	}[family(deviceARN)]
	p := parametersForm{Header: header{name, "1"}, Paradigm: paradigmForm{header{"braket.device_schema.gate_model_parameters", "1"}, qubits, false}}
	if m != "" {
		p.Mitigation = []mitigationForm{{m}}
	}
	return text(p)
}

// text is JSON of our own types, which cannot fail.
func text(v any) string {
	t, err := json.Marshal(v)
	if err != nil {
		panic("braket: writing JSON: " + err.Error())
	}
	return string(t)
}
