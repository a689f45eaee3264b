package brakettest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
)

const (
	forte  = "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1"
	sv1    = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
	bell   = "OPENQASM 3.0;\nbit[2] b;\nqubit[2] q;\nh q[0];\ncnot q[0], q[1];\nb[0] = measure q[0];\nb[1] = measure q[1];\n"
	agent  = "test BraketSchemas/1.8.0"
	header = `{"name":"braket.ir.openqasm.program","version":"1"}`
)

var keys = aws.Credentials{AccessKeyID: brakettest.ExampleKeyID, SecretAccessKey: brakettest.ExampleSecretKey}

// ask signs and sends one request to the emulator and returns status, exception and body.
func ask(t *testing.T, s *brakettest.Server, service, method, path, body string, keys aws.Credentials) (int, string, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://braket.example.com"+path, strings.NewReader(body))
	r.Header.Set("User-Agent", agent)
	digest := sha256.Sum256([]byte(body))
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(digest[:]))
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err := signer.SignHTTP(context.Background(), keys, r, hex.EncodeToString(digest[:]), service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	return send(s, r)
}

func send(s *brakettest.Server, r *http.Request) (int, string, string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	return w.Code, w.Header().Get("X-Amzn-ErrorType"), string(text)
}

// request is CreateQuantumTask with changes to its members; nil takes one out.
func request(changes map[string]any) string {
	action, _ := json.Marshal(map[string]any{"braketSchemaHeader": json.RawMessage(header), "source": bell})
	members := map[string]any{"action": string(action), "clientToken": "t", "deviceArn": sv1, "outputS3Bucket": "amazon-braket-x", "outputS3KeyPrefix": "p", "shots": 10}
	for name, value := range changes {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	}
	text, _ := json.Marshal(members)
	return string(text)
}

func parameters(name string, qubits int, more string) string {
	return `{"braketSchemaHeader":{"name":"` + name + `","version":"1"},"paradigmParameters":{"braketSchemaHeader":{"name":"braket.device_schema.gate_model_parameters","version":"1"},"qubitCount":` +
		string(rune('0'+qubits)) + `,"disableQubitRewiring":false}` + more + `}`
}

const (
	simulators = "braket.device_schema.simulators.gate_model_simulator_device_parameters"
	ionq       = "braket.device_schema.ionq.ionq_device_parameters"
)

// TestServiceModel: members outside the model, and values outside its bounds, are refused, in bodies, in the strings of
// JSON within, and in queries.
func TestServiceModel(t *testing.T) {
	action := func(text string) map[string]any { return map[string]any{"action": text} }
	for name, c := range map[string]struct {
		changes map[string]any
		says    string // "" is accepted
	}{
		"good":            {nil, ""},
		"whole model":     {map[string]any{"tags": map[string]string{"a": "b"}, "jobToken": "j", "associations": []any{}, "experimentalCapabilities": map[string]string{"enabled": "NONE"}}, ""},
		"parameters":      {map[string]any{"deviceParameters": parameters(simulators, 2, "")}, ""},
		"Forte":           {map[string]any{"deviceArn": forte, "deviceParameters": parameters(ionq, 2, "")}, ""},
		"stranger":        {map[string]any{"portfolio": "x"}, "portfolio"},
		"wrong type":      {map[string]any{"shots": "10"}, "not in the service model"},
		"stranger inside": {map[string]any{"experimentalCapabilities": map[string]string{"x": "y"}}, `unknown field "x"`},
		"no action":       {map[string]any{"action": nil}, "'action'"},
		"no token":        {map[string]any{"clientToken": nil}, "'clientToken'"},
		"long token":      {map[string]any{"clientToken": strings.Repeat("x", 65)}, "between 1 and 64"},
		"short bucket":    {map[string]any{"outputS3Bucket": "ab"}, "between 3 and 63"},
		"no prefix":       {map[string]any{"outputS3KeyPrefix": ""}, "between 1 and 1024"},
		"negative shots":  {map[string]any{"shots": -1}, "'shots'"},
		"many shots":      {map[string]any{"shots": 100_001}, "Shots 100001"},
		"long parameters": {map[string]any{"deviceParameters": strings.Repeat(" ", 48_001)}, "between 1 and 48000"},
		"in action":       {action(`{"braketSchemaHeader":` + header + `,"source":"","name":"x"}`), `unknown field "name"`},
		"schema":          {action(`{"braketSchemaHeader":{"name":"braket.ir.jaqcd.program","version":"1"},"source":""}`), "is not supported"},
		"source":          {action(`{"braketSchemaHeader":` + header + `,"source":"OPENQASM 3.0;\n// hello"}`), "line 2"},
		"no JSON":         {action(`hello`), "not in the service model"},
		"JSON and more":   {action(`{"braketSchemaHeader":` + header + `,"source":""} {}`), "after the JSON value"},
		"other device's":  {map[string]any{"deviceParameters": parameters(ionq, 2, "")}, "are not those of"},
		"qubitCount":      {map[string]any{"deviceParameters": parameters(simulators, 3, "")}, "qubitCount 3"},
		"in parameters":   {map[string]any{"deviceParameters": parameters(simulators, 2, `,"x":1`)}, `unknown field "x"`},
		"debias on SV1":   {map[string]any{"deviceParameters": parameters(simulators, 2, `,"errorMitigation":[{"type":"braket.device_schema.error_mitigation.debias.Debias"}]`)}, "not supported"},
		"few for debias": {map[string]any{"deviceArn": forte, "deviceParameters": parameters(ionq, 2, `,"errorMitigation":[{"type":"braket.device_schema.error_mitigation.debias.Debias"}]`)},
			"at least 2500"},
		"unknown device": {map[string]any{"deviceArn": forte + "0"}, "not found"},
		"retired device": {map[string]any{"deviceArn": strings.Replace(forte, "Forte", "Aria", 1)}, "is retired"},
	} {
		t.Run(name, func(t *testing.T) {
			s := brakettest.New(brakettest.Options{})
			status, exception, body := ask(t, s, "braket", "POST", "/quantum-task", request(c.changes), keys)
			switch {
			case c.says == "" && status != http.StatusCreated:
				t.Errorf("%d %s %s", status, exception, body)
			case c.says != "" && (status/100 != 4 || exception == "" || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), c.says)):
				t.Errorf("%d %s %s, want %s", status, exception, body, c.says)
			}
		})
	}
	s := brakettest.New(brakettest.Options{})
	for path, body := range map[string]string{
		"POST /spending-limit":  `{"clientToken":"t","deviceArn":"` + forte + `","spendingLimit":"3","name":"x"}`,
		"POST /spending-limits": `{"filters":[],"name":"x"}`,
		"PUT /quantum-task/" + url.QueryEscape(forte) + "/cancel":                       `{"clientToken":"t","name":"x"}`,
		"PATCH /spending-limit/" + url.QueryEscape(forte) + "/update":                   `{"clientToken":"t","name":"x"}`,
		"GET /device/" + url.QueryEscape(forte) + "?who=me":                             "",
		"GET /quantum-task/" + url.QueryEscape(forte) + "?additionalAttributeNames=All": "",
	} {
		method, path, _ := strings.Cut(path, " ")
		if status, exception, text := ask(t, s, "braket", method, path, body, keys); status != 400 || exception != "ValidationException" {
			t.Errorf("%s %s: %d %s %s", method, path, status, exception, text)
		}
	}
}

// TestRoutes: an ARN is one element of the escaped path.
func TestRoutes(t *testing.T) {
	s := brakettest.New(brakettest.Options{})
	for path, want := range map[string]int{
		"/device/" + url.QueryEscape(forte): 200, "/device/" + forte: 404, "/device/" + url.PathEscape(forte): 200, "/device": 404, "/": 404,
		"/devices/x": 404, "/tags/x": 404,
	} {
		if status, _, body := ask(t, s, "braket", "GET", path, "", keys); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestSignatures(t *testing.T) {
	s := brakettest.New(brakettest.Options{})
	device := "/device/" + url.QueryEscape(sv1)
	if status, exception, _ := send(s, httptest.NewRequestWithContext(t.Context(), "GET", device, nil)); status != 403 || exception != "MissingAuthenticationTokenException" {
		t.Errorf("%d %s", status, exception)
	}
	other := keys
	other.SecretAccessKey = "x"
	if status, exception, _ := ask(t, s, "braket", "GET", device, "", other); status != 403 || exception != "InvalidSignatureException" {
		t.Errorf("%d %s", status, exception)
	}
	if status, _, _ := ask(t, s, "s3", "GET", device, "", keys); status != 403 {
		t.Errorf("signed for another service: %d", status)
	}
	if status, _, body := ask(t, s, "s3", "GET", "/bucket/key", "", other); status != 403 || !strings.Contains(body, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := ask(t, s, "s3", "GET", "/bucket/key", "", keys); status != 404 || !strings.Contains(body, "<Code>NoSuchKey</Code>") {
		t.Errorf("%d %s", status, body)
	}
	if n := s.Received("GetDevice"); n != 0 {
		t.Errorf("%d requests got in", n)
	}
}

// TestOpenQASMNeedsSchemas: clients that do not say which schemas they read are not told of OpenQASM.
func TestOpenQASMNeedsSchemas(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "test": false, "x BraketSchemas/1.7.9": false, "xBraketSchemas/1.8.0": false,
		"x BraketSchemas/1.8.0": true, "BraketSchemas/1.26.0 x": true, "BraketSchemas/2.0": true,
	} {
		s := brakettest.New(brakettest.Options{})
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://braket.example.com/device/"+url.QueryEscape(forte), nil)
		r.Header.Set("User-Agent", name)
		digest := sha256.Sum256(nil)
		if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, hex.EncodeToString(digest[:]), "braket", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, _, body := send(s, r); strings.Contains(body, "braket.ir.openqasm.program") != want {
			t.Errorf("%q: told %v", name, !want)
		}
	}
}

// TestSameSeedSameShots: two servers of one seed give the same bytes, of another seed others.
func TestSameSeedSameShots(t *testing.T) {
	run := func(seed uint64) string {
		at := time.Now().Truncate(time.Second)
		s := brakettest.New(brakettest.Options{Seed: seed, Polls: -1, Now: func() time.Time { return at }})
		_, _, body := ask(t, s, "braket", "POST", "/quantum-task", request(nil), keys)
		arn := strings.Split(body, `"`)[3]
		if status, _, body := ask(t, s, "braket", "GET", "/quantum-task/"+url.QueryEscape(arn), "", keys); status != 200 || !strings.Contains(body, "COMPLETED") {
			t.Fatal(status, body)
		}
		status, _, body := ask(t, s, "s3", "GET", "/amazon-braket-x/p/"+arn[strings.LastIndexByte(arn, '/')+1:]+"/results.json", "", keys)
		if status != 200 {
			t.Fatal(status, body)
		}
		var result struct{ Measurements [][]int }
		if err := json.NewDecoder(bytes.NewReader([]byte(body))).Decode(&result); err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(result.Measurements)
		return arn + string(text)
	}
	if run(1) != run(1) || run(1) == run(2) {
		t.Error("shots are not a function of the seed")
	}
}

// TestTokenWithOtherParameters: a client token stands for one request.
func TestTokenWithOtherParameters(t *testing.T) {
	s := brakettest.New(brakettest.Options{})
	_, _, first := ask(t, s, "braket", "POST", "/quantum-task", request(nil), keys)
	if status, _, again := ask(t, s, "braket", "POST", "/quantum-task", request(nil), keys); status != 201 || again != first {
		t.Errorf("%d %s, was %s", status, again, first)
	}
	if status, _, body := ask(t, s, "braket", "POST", "/quantum-task", request(map[string]any{"shots": 11}), keys); status != 400 || !strings.Contains(body, "other parameters") {
		t.Errorf("%d %s", status, body)
	}
}
