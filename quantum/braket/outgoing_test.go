package braket

import (
	"strings"
	"testing"
)

const bell = "OPENQASM 3.0;\nbit[2] b;\nqubit[2] q;\nh q[0];\ncnot q[0], q[1];\nb[0] = measure q[0];\nb[1] = measure q[1];\n"

// TestOutgoing plants what must not leave into otherwise good requests.
func TestOutgoing(t *testing.T) {
	c := &Client{Region: "us-east-1", Bucket: "amazon-braket-example", Prefix: "circuits"}
	token := strings.Repeat("0a", 32)
	good := text(createTask{Action(bell), token, Forte1, DeviceParameters(Forte1, 2, ""), c.Bucket, c.Prefix, 100})
	create := func(old, changed string) call {
		body := strings.Replace(good, old, changed, 1)
		if old != "" && body == good {
			t.Fatalf("%q is not in %s", old, good)
		}
		return call{"CreateQuantumTask", "braket", "POST", c.endpoint() + "/quantum-task", []byte(body)}
	}
	get := func(operation, method, path string) call {
		return call{operation, "braket", method, c.endpoint() + path, nil}
	}
	const task = "arn%3Aaws%3Abraket%3Aus-east-1%3A111122223333%3Aquantum-task%2F00000000-0000-0000-0000-000000000000"
	const object = "https://amazon-braket-example.s3.us-east-1.amazonaws.com/circuits/00000000-0000-0000-0000-000000000000/results.json"
	for name, x := range map[string]struct {
		call
		problem string
	}{
		"good":                 {create("", ""), ""},
		"debiased":             {create(`\"disableQubitRewiring\":false}`, `\"disableQubitRewiring\":false},\"errorMitigation\":[{\"type\":\"braket.device_schema.error_mitigation.debias.Debias\"}]`), ""},
		"tags":                 {create(`{"action"`, `{"tags":{"name":"x"},"action"`), "unknown field"},
		"member twice":         {create(`"shots":100`, `"shots":100,"shots":100`), "more than its form"},
		"blank":                {create(`"shots":`, `"shots": `), "more than its form"},
		"text after":           {create(`100}`, `100} {}`), "more than its form"},
		"member in action":     {create(`{\"braketSchemaHeader\"`, `{\"inputs\":{},\"braketSchemaHeader\"`), "action"},
		"action twice spelled": {create(`OPENQASM`, `\\u004fPENQASM`), "action"},
		"another schema":       {create(`openqasm.program\"`, `openqasm.program_set\"`), "schema"},
		"comment":              {create(`h q[0];`, `h q[0]; // us`), "must not leave"},
		"a name":               {create(`h q[0];`, `hh q[0];`), "must not leave"},
		"another device":       {create(`Forte-1`, `Aria-1`), "retired"},
		"parameters":           {create(`\"qubitCount\":2`, `\"qubitCount\":3`), "deviceParameters"},
		"mitigation":           {create(`\"disableQubitRewiring\":false}`, `\"disableQubitRewiring\":false},\"errorMitigation\":[{\"type\":\"x\"}]`), "deviceParameters"},
		"bucket":               {create(`amazon-braket-example`, `someone-elses`), "outputS3"},
		"prefix":               {create(`"circuits"`, `"portfolio-of-x"`), "outputS3"},
		"token":                {create(token, "our-name"), "clientToken"},
		"operation":            {get("SearchDevices", "POST", "/devices"), "none of the calls"},
		"another path":         {get("GetDevice", "GET", "/tags/"+task), "none of the calls"},
		"another host":         {call{"GetDevice", "braket", "GET", "https://example.com/device/x", nil}, "address"},
		"device":               {get("GetDevice", "GET", "/device/"+encoded(SV1)), ""},
		"raw ARN":              {get("GetDevice", "GET", "/device/"+SV1), "percent-encoded"},
		"unknown device":       {get("GetDevice", "GET", "/device/"+encoded("somebody")), "must be one of"},
		"device with body":     {call{"GetDevice", "braket", "GET", c.endpoint() + "/device/" + encoded(SV1), []byte("{}")}, "no body"},
		"device and query":     {get("GetDevice", "GET", "/device/"+encoded(SV1)+"?who=me"), "none of the calls"},
		"task":                 {get("GetQuantumTask", "GET", "/quantum-task/"+task+"?additionalAttributeNames=QueueInfo"), ""},
		"another query":        {get("GetQuantumTask", "GET", "/quantum-task/"+task+"?who=me"), "none of the calls"},
		"odd task":             {get("GetQuantumTask", "GET", "/quantum-task/"+task+"0?additionalAttributeNames=QueueInfo"), "task ARN"},
		"object":               {call{"GetObject", "s3", "GET", object, nil}, ""},
		"another object":       {call{"GetObject", "s3", "GET", strings.Replace(object, "circuits", "secrets", 1), nil}, "not a result"},
		"object with a query":  {call{"GetObject", "s3", "GET", object + "?acl", nil}, "not a result"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.checkOutgoing(x.call)
			if x.problem == "" && err != nil || x.problem != "" && (err == nil || !strings.Contains(err.Error(), x.problem)) {
				t.Errorf("got %v, want %q", err, x.problem)
			}
		})
	}
}

func TestClientCheck(t *testing.T) {
	for name, c := range map[string]Client{
		"region": {Region: "mars", Bucket: "abc", Prefix: "p"},
		"bucket": {Region: "us-east-1", Bucket: "a.b.c", Prefix: "p"},
		"prefix": {Region: "us-east-1", Bucket: "abc", Prefix: "Great Customer"},
	} {
		if err := c.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c := Client{Region: "us-east-1", Bucket: "abc", Prefix: "p"}
	if got := strings.Join(c.Destinations(), " "); got != "braket.us-east-1.amazonaws.com:443 abc.s3.us-east-1.amazonaws.com:443" {
		t.Error(got)
	}
}

// TestErrorTypes: the type stands in the header or in the body, in several spellings.
func TestErrorTypes(t *testing.T) {
	for body, want := range map[string]string{
		`{"message":"m"}`: "", `{"__type":"com.amazonaws.braket#DeviceOfflineException","message":"m"}`: "DeviceOfflineException",
		`{"code":"Throttling:http://x","message":"m"}`:              "Throttling",
		`<Error><Code>NoSuchKey</Code><Message>m</Message></Error>`: "NoSuchKey",
	} {
		if e := failure("X", 418, nil, []byte(body)); e.Type != want || e.Message != "m" {
			t.Errorf("%s: %q %q", body, e.Type, e.Message)
		}
	}
}
