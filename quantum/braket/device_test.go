package braket

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestReadDevice: a device that does not say what it can do and what it costs is not used.
func TestReadDevice(t *testing.T) {
	const can = `{"service":{"shotsRange":[1,10],"deviceCost":{"price":8e-2,"unit":"shot"}},"paradigm":{"qubitCount":36},` +
		`"action":{"braket.ir.openqasm.program":{"supportedOperations":["CNot","x"]}}}`
	read := func(arn, capabilities string) (*Device, error) {
		body, err := json.Marshal(map[string]string{"deviceArn": arn, "deviceStatus": "ONLINE", "deviceCapabilities": capabilities})
		if err != nil {
			t.Fatal(err)
		}
		return readDevice(Forte1, body)
	}
	if d, err := read(Forte1, can); err != nil || d.Price.String() != "0.08" || d.Gates[0] != "cnot" || d.AllMeasured || d.Poll != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := read(SV1, can); err == nil || !strings.Contains(err.Error(), "was asked for") {
		t.Errorf("another device: %v", err)
	}
	for old, words := range map[string]string{
		`[1,10]`: "shotsRange", `{"price":8e-2,"unit":"shot"}`: "deviceCost", `{"qubitCount":36}`: "qubitCount", `["CNot","x"]`: "supportedOperations",
		`{"braket.ir.openqasm.program":{"supportedOperations":["CNot","x"]}}`: "OpenQASM", "8e-2": "service.deviceCost",
	} {
		changed := map[string]string{"8e-2": "-1"}[old]
		if changed == "" {
			changed = "null"
		}
		if _, err := read(Forte1, strings.Replace(can, old, changed, 1)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("without %s: %v", words, err)
		}
	}
	if _, err := readDevice(Forte1, []byte("{")); err == nil {
		t.Error("broken JSON")
	}
}
