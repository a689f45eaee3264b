package brakettest

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// device is what the emulator knows of a device.
type device struct {
	arn, name, provider, kind string
	qubits, minShots, shots   int
	price                     json.Number
	unit                      string
	gates, native             []string
	retired                   bool
}

// ionqGates are the operations that Amazon Braket lists for IonQ devices outside of verbatim boxes.
func ionqGates() []string {
	return strings.Fields("x y z rx ry rz h cnot s si t ti v vi xx yy zz swap")
}

func simulatorGates() []string {
	return strings.Fields("ccnot cnot cphaseshift cswap cy cz h i iswap phaseshift rx ry rz s si swap t ti v vi x xx xy y yy z zz")
}

// devices are those of the account, those of the past included.
func devices() []device {
	ionq := func(name, label string, retired bool) device {
		return device{"arn:aws:braket:us-east-1::device/qpu/ionq/" + name, label, "IonQ", "QPU", 36, 1, 5000, "0.08", "shot",
			ionqGates(), []string{"GPI", "GPI2", "ZZ"}, retired}
	}
	amazon := func(name string, qubits int, retired bool) device {
		return device{"arn:aws:braket:::device/quantum-simulator/amazon/" + name, strings.ToUpper(name), "Amazon Braket", "SIMULATOR", qubits, 0, 100_000,
			"0.075", "minute", simulatorGates(), nil, retired}
	}
	return []device{
		ionq("Forte-1", "Forte 1", false), ionq("Forte-Enterprise-1", "Forte Enterprise 1", false),
		ionq("Aria-1", "Aria 1", true), ionq("Aria-2", "Aria 2", true), ionq("Harmony", "Harmony", true),
		amazon("sv1", 34, false), amazon("dm1", 17, false), amazon("tn1", 50, true),
	}
}

func (s *Server) device(arn string) (device, error) {
	for _, d := range devices() {
		if d.arn == arn {
			return d, nil
		}
	}
	return device{}, notFound("Device %s not found", arn)
}

// deviceStatus is ONLINE unless it was set, RETIRED for devices of the past.
func (s *Server) deviceStatus(d device) string {
	switch status := s.status[d.arn]; {
	case status != "":
		return status
	case d.retired:
		return "RETIRED"
	}
	return "ONLINE"
}

// schemas is the part of the User-Agent that tells the service which capabilities the client can read.
var schemas = regexp.MustCompile(`(?:^| )BraketSchemas/(\d+)\.(\d+)`)

// readsOpenQASM: the service leaves OpenQASM out for clients of BraketSchemas before 1.8.0 and for those that do not say.
func readsOpenQASM(userAgent string) bool {
	m := schemas.FindStringSubmatch(userAgent)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major > 1 || major == 1 && minor >= 8
}

func (s *Server) getDevice(arn, userAgent string) (any, error) {
	d, err := s.device(arn)
	if err != nil {
		return nil, err
	}
	capabilities, err := json.Marshal(d.capabilities(readsOpenQASM(userAgent)))
	if err != nil {
		return nil, err
	}
	waiting := 0
	for _, t := range s.tasks {
		if t.device.arn == arn && !t.final() {
			waiting++
		}
	}
	return map[string]any{
		"deviceArn": d.arn, "deviceName": d.name, "providerName": d.provider, "deviceType": d.kind, "deviceStatus": s.deviceStatus(d),
		"deviceCapabilities": string(capabilities),
		"deviceQueueInfo": []map[string]string{
			{"queue": "QUANTUM_TASKS_QUEUE", "queueSize": strconv.Itoa(waiting), "queuePriority": "Normal"},
			{"queue": "QUANTUM_TASKS_QUEUE", "queueSize": "0", "queuePriority": "Priority"},
			{"queue": "JOBS_QUEUE", "queueSize": "0"},
		},
	}, nil
}

type object = map[string]any

func schema(name, version string) object { return object{"name": name, "version": version} }

// capabilities are deviceCapabilities in the shape of the schemas ionq_device_capabilities and
// gate_model_simulator_device_capabilities, version 1.
func (d device) capabilities(withOpenQASM bool) object {
	actions := object{"braket.ir.jaqcd.program": object{"version": []string{"1"}, "actionType": "braket.ir.jaqcd.program", "supportedOperations": d.gates}}
	if withOpenQASM {
		actions["braket.ir.openqasm.program"] = object{
			"version": []string{"1"}, "actionType": "braket.ir.openqasm.program", "supportedOperations": d.gates,
			"supportedResultTypes": []object{}, "supportedPragmas": []string{"verbatim"}, "forbiddenPragmas": []string{"braket_noise"},
			"supportPhysicalQubits": d.kind == "QPU", "requiresAllQubitsMeasurement": d.kind == "QPU",
			"requiresContiguousQubitIndices": d.kind == "QPU", "supportsPartialVerbatimBox": false,
		}
	}
	all := object{
		"braketSchemaHeader": schema("braket.device_schema."+d.family(), "1"),
		"action":             actions,
		"service": object{
			"braketSchemaHeader":        schema("braket.device_schema.device_service_properties", "1"),
			"executionWindows":          []object{{"executionDay": "Everyday", "windowStartHour": "00:00", "windowEndHour": "23:59:59"}},
			"shotsRange":                []int{d.minShots, d.shots},
			"deviceCost":                object{"price": d.price, "unit": d.unit},
			"deviceLocation":            "us-east-1",
			"getTaskPollIntervalMillis": d.pollMillis(),
		},
		"paradigm": object{
			"braketSchemaHeader": schema("braket.device_schema.gate_model_qpu_paradigm_properties", "1"),
			"qubitCount":         d.qubits, "nativeGateSet": d.native,
			"connectivity": object{"fullyConnected": true, "connectivityGraph": object{}},
		},
		"deviceParameters": object{},
	}
	if d.kind == "QPU" {
		all["provider"] = object{
			"braketSchemaHeader": schema("braket.device_schema.ionq.ionq_provider_properties", "1"),
			"fidelity":           object{"1Q": object{"mean": 0.9998}, "2Q": object{"mean": 0.996}, "spam": object{"mean": 0.996}},
			"timing":             object{"T1": 100, "T2": 1, "1Q": 0.00013, "2Q": 0.00097, "readout": 0.00015, "reset": 0.00004},
			"errorMitigation":    object{debias: object{"minimumShots": 2500}},
		}
	}
	return all
}

func (d device) family() string {
	if d.kind == "QPU" {
		return "ionq.ionq_device_capabilities"
	}
	return "simulators.gate_model_simulator_device_capabilities"
}

// pollMillis is null for the simulators, as the schema allows.
func (d device) pollMillis() any {
	if d.kind == "QPU" {
		return 30_000
	}
	return nil
}

const debias = "braket.device_schema.error_mitigation.debias.Debias"
