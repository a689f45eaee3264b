package braket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The devices that circuits can be sent to. Others are refused by [Client.Device].
const (
	Forte1           = "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1"
	ForteEnterprise1 = "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-Enterprise-1"
	SV1              = "arn:aws:braket:::device/quantum-simulator/amazon/sv1" // exact state vector
	DM1              = "arn:aws:braket:::device/quantum-simulator/amazon/dm1" // density matrix
)

// Devices are the ARNs of the devices that can be used.
func Devices() []string { return []string{Forte1, ForteEnterprise1, SV1, DM1} }

// retired are devices that the service has withdrawn: the ends of their ARNs and their names.
func retired() [][2]string {
	return [][2]string{{"/ionq/Harmony", "IonQ Harmony"}, {"/ionq/ionQdevice", "IonQ Harmony"}, {"/ionq/Aria-1", "IonQ Aria 1"},
		{"/ionq/Aria-2", "IonQ Aria 2"}, {"/amazon/tn1", "the simulator TN1"}}
}

// RetiredError is a device that no longer exists; errors.Is finds ErrRetired.
type RetiredError struct{ Name, ARN string }

// Error names the device and those that can be used.
func (e *RetiredError) Error() string {
	return fmt.Sprintf("device %s (%s) is retired: Amazon Braket has withdrawn it; use IonQ Forte 1, IonQ Forte Enterprise 1, SV1 or DM1", e.Name, e.ARN)
}

// Unwrap is ErrRetired.
func (e *RetiredError) Unwrap() error { return ErrRetired }

// CheckDevice says whether circuits can be sent to the device: a *[RetiredError] or a list of those that can.
func CheckDevice(arn string) error {
	if slices.Contains(Devices(), arn) {
		return nil
	}
	for _, r := range retired() {
		if strings.HasSuffix(arn, r[0]) {
			return &RetiredError{r[1], arn}
		}
	}
	return fmt.Errorf("device %q: must be one of %s", arn, strings.Join(Devices(), ", "))
}

// Hardware reports whether the device is a quantum computer, and not a simulator.
func Hardware(arn string) bool { return strings.Contains(arn, ":device/qpu/") }

// family is the group of devices with the same parameters: "ionq" or "simulators".
func family(arn string) string {
	if Hardware(arn) {
		return "ionq"
	}
	return "simulators"
}

// Device is what GetDevice says of a device at one moment.
type Device struct {
	// ARN, Name and Provider name it.
	ARN, Name, Provider string

	// Status is ONLINE, OFFLINE or RETIRED. ONLINE does not mean that a task runs at once: see Windows.
	Status string

	// Queue is the number of tasks that wait, as the service writes it (">2000" is possible); "" if it does not say.
	Queue string

	// MinShots and MaxShots bound the shots of a task.
	MinShots, MaxShots int

	// Price is the cost by PriceUnit, "shot" or "minute", before the fee for a task.
	Price     USD
	PriceUnit string

	// Poll is how often the service wants to be asked for a task; 0 if it does not say.
	Poll time.Duration

	// Qubits is the size of the device.
	Qubits int

	// Gates are the operations that an OpenQASM program may use; NativeGates what they become.
	Gates, NativeGates []string

	// AllMeasured: every qubit must be measured. Contiguous: qubits must be 0 ... n-1.
	AllMeasured, Contiguous bool

	// MinMitigatedShots is the least number of shots for each error mitigation that the device offers, by its schema name.
	MinMitigatedShots map[Mitigation]int

	// Windows are the times at which the device runs tasks, as the service writes them (UTC).
	Windows []Window

	// Capabilities is the whole string that the rest was read from; SHA256 its digest in lower-case
	// hexadecimal, to be kept with the task.
	Capabilities, SHA256 string
}

// Window is one execution window.
type Window struct {
	Day   string `json:"executionDay"`
	Start string `json:"windowStartHour"`
	End   string `json:"windowEndHour"`
}

// Device asks for a device's state, abilities and price. Retired devices are refused before anything is sent.
func (c *Client) Device(ctx context.Context, arn string) (*Device, error) {
	if err := c.regional(arn); err != nil {
		return nil, err
	}
	a, err := c.exchange(ctx, call{"GetDevice", "braket", "GET", c.endpoint() + "/device/" + encoded(arn), nil})
	if err != nil {
		return nil, err
	}
	return readDevice(arn, a.body)
}

// regional checks the ARN and that this client's region serves it.
func (c *Client) regional(arn string) error {
	if err := CheckDevice(arn); err != nil {
		return err
	}
	if region := strings.Split(arn, ":")[3]; region != "" && region != c.Region {
		return fmt.Errorf("device %s is in region %s, and the client in %q: set the region to %[2]s", arn, region, c.Region)
	}
	return nil
}

// openQASM is the name of the action that runs OpenQASM text.
const openQASM = "braket.ir.openqasm.program"

// capabilities are the parts of deviceCapabilities that are used, in the words of the schemas.
type capabilities struct {
	Service struct {
		ShotsRange []int
		DeviceCost *struct {
			Price json.Number
			Unit  string
		}
		PollMillis *int     `json:"getTaskPollIntervalMillis"`
		Windows    []Window `json:"executionWindows"`
	}
	Paradigm struct {
		QubitCount    int
		NativeGateSet []string
	}
	Action map[string]struct {
		SupportedOperations            []string
		RequiresAllQubitsMeasurement   *bool
		RequiresContiguousQubitIndices *bool
	}
	Provider struct {
		ErrorMitigation map[Mitigation]struct{ MinimumShots int }
	}
}

// readDevice reads the answer of GetDevice.
func readDevice(arn string, body []byte) (*Device, error) {
	var said struct {
		DeviceArn, DeviceName, ProviderName, DeviceStatus, DeviceCapabilities string
		DeviceQueueInfo                                                       []struct{ Queue, QueuePriority, QueueSize string }
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, fmt.Errorf("GetDevice: reading the answer: %w", err)
	}
	if said.DeviceArn != arn {
		return nil, fmt.Errorf("GetDevice: the answer is about %q, and %s was asked for", said.DeviceArn, arn)
	}
	var can capabilities
	if err := json.Unmarshal([]byte(said.DeviceCapabilities), &can); err != nil {
		return nil, fmt.Errorf("GetDevice: reading deviceCapabilities of %s: %w", arn, err)
	}
	digest := sha256.Sum256([]byte(said.DeviceCapabilities))
	d := &Device{ARN: arn, Name: said.DeviceName, Provider: said.ProviderName, Status: said.DeviceStatus,
		Qubits: can.Paradigm.QubitCount, NativeGates: can.Paradigm.NativeGateSet, Windows: can.Service.Windows,
		Capabilities: said.DeviceCapabilities, SHA256: hex.EncodeToString(digest[:])}
	for _, q := range said.DeviceQueueInfo {
		if q.Queue == "QUANTUM_TASKS_QUEUE" && q.QueuePriority != "Priority" {
			d.Queue = q.QueueSize
		}
	}
	return d, d.read(&can)
}

// read takes what is needed to submit, and refuses a device that does not say it.
func (d *Device) read(can *capabilities) error {
	missing := func(what string) error {
		return fmt.Errorf("GetDevice: deviceCapabilities of %s does not say %s: it cannot be used safely", d.ARN, what)
	}
	action, ok := can.Action[openQASM]
	cost := can.Service.DeviceCost
	switch {
	case !ok:
		return missing("that it runs OpenQASM programs (action " + openQASM + ")")
	case len(action.SupportedOperations) == 0:
		return missing("which operations it supports (supportedOperations)")
	case d.Qubits < 1:
		return missing("how many qubits it has (paradigm.qubitCount)")
	case len(can.Service.ShotsRange) != 2 || can.Service.ShotsRange[0] > can.Service.ShotsRange[1]:
		return missing("how many shots it takes (service.shotsRange)")
	case cost == nil || cost.Unit == "":
		return missing("what it costs (service.deviceCost)")
	}
	price, err := ParseUSD(cost.Price.String())
	if err != nil {
		return fmt.Errorf("GetDevice: service.deviceCost of %s: %w", d.ARN, err)
	}
	d.Price, d.PriceUnit = price, cost.Unit
	d.MinShots, d.MaxShots = can.Service.ShotsRange[0], can.Service.ShotsRange[1]
	for _, name := range action.SupportedOperations {
		d.Gates = append(d.Gates, strings.ToLower(name))
	}
	d.AllMeasured = action.RequiresAllQubitsMeasurement != nil && *action.RequiresAllQubitsMeasurement
	d.Contiguous = action.RequiresContiguousQubitIndices != nil && *action.RequiresContiguousQubitIndices
	if ms := can.Service.PollMillis; ms != nil && *ms > 0 {
		d.Poll = time.Duration(*ms) * time.Millisecond
	}
	d.MinMitigatedShots = map[Mitigation]int{}
	for name, m := range can.Provider.ErrorMitigation {
		d.MinMitigatedShots[name] = m.MinimumShots
	}
	return nil
}
