package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/egressfile"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// emulatorKey finds the scriptEmulator of a script among its values.
type emulatorKey struct{}

// scriptEmulator is the emulator that a script has started; nil before.
type scriptEmulator struct{ *brakettest.Server }

// serviceOf is the running emulator of a script.
func serviceOf(ts *testscript.TestScript) *brakettest.Server {
	s := ts.Value(emulatorKey{}).(*scriptEmulator).Server
	if s == nil {
		ts.Fatalf("the script has started no emulator")
	}
	return s
}

// quantumCommands are the commands of scripts about quantum hardware.
func quantumCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"emulator": emulator, "received": received, "job-of": jobOf, "previewed-left": previewedLeft,
		"fingerprint": fingerprintOf, "certificate": certificate,
	}
}

// emulator [ready] starts an emulator of Amazon Braket and S3 with the noise of a device and points the script's environment to it, with
// its example credentials; ready: tasks are complete when they are first asked for. emulator fails REASON lets the next task fail,
// emulator stays the next six stay in the queue, emulator offline DEVICE-ARN takes a device away.
func emulator(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case neg:
		ts.Fatalf("usage: emulator [ready | fails REASON | stays | offline ARN]")
	case len(args) == 2 && args[0] == "fails":
		serviceOf(ts).Plan(brakettest.Plan{FailureReason: args[1]})
	case len(args) == 1 && args[0] == "stays":
		for range 6 {
			serviceOf(ts).Plan(brakettest.Plan{Stay: true})
		}
	case len(args) == 2 && args[0] == "offline":
		serviceOf(ts).SetStatus(args[1], "OFFLINE")
	default:
		startEmulator(ts, len(args) == 1 && args[0] == "ready")
	}
}

func startEmulator(ts *testscript.TestScript, ready bool) {
	options := brakettest.Options{Seed: 3, Noise: brakettest.Noise{Depolarising: 0.002, Read1As0: 0.003, Read0As1: 0.003}}
	if ready {
		options.Polls = -1
	}
	s := brakettest.New(options)
	server := httptest.NewServer(s)
	ts.Defer(server.Close)
	for name, value := range map[string]string{
		"QRSD_BRAKET_ENDPOINT": server.URL, "QRSD_S3_ENDPOINT": server.URL, "QRSD_BRAKET_BUCKET": "results-example",
		"AWS_ACCESS_KEY_ID": brakettest.ExampleKeyID, "AWS_SECRET_ACCESS_KEY": brakettest.ExampleSecretKey,
	} {
		ts.Setenv(name, value)
	}
	ts.Value(emulatorKey{}).(*scriptEmulator).Server = s
}

// received OPERATION N wants that so many requests for the operation came.
func received(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: received OPERATION N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := serviceOf(ts).Received(args[0]); got != want {
		ts.Fatalf("%d requests for %s came, want %d", got, args[0], want)
	}
}

// job-of VARIABLE FILE sets a variable to the id of the job in a file of JSON.
func jobOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: job-of VARIABLE FILE")
	}
	var said struct{ Job string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &said))
	if len(said.Job) != 64 {
		ts.Fatalf("%s names job %q", args[1], said.Job)
	}
	ts.Setenv(args[0], said.Job)
}

// fingerprint VARIABLE HOME quantum|relay sets a variable to the fingerprint of the key that a host or a relay has.
func fingerprintOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fingerprint VARIABLE HOME quantum|relay")
	}
	var out strings.Builder
	if code := run(context.Background(), []string{args[2], "key", "--json", "--home", ts.MkAbs(args[1])}, console{&out, &out}); code != exitOK {
		ts.Fatalf("qrsd %s key: %s", args[2], out.String())
	}
	var said struct{ Fingerprint string }
	ts.Check(json.Unmarshal([]byte(out.String()), &said))
	ts.Setenv(args[0], said.Fingerprint)
}

// certificate FILE writes a certificate of an authority that nothing here uses.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate FILE")
	}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// TestRemoteFlags: which destinations flags open, and for which of them plain text.
func TestRemoteFlags(t *testing.T) {
	for name, c := range map[string]struct {
		flags remoteFlags
		host  string
		port  int
		plain bool
	}{
		"localhost without a port": {remoteFlags{Endpoint: "http://localhost"}, "localhost", 80, true},
		"prefix of another port":   {remoteFlags{Endpoint: "http://127.0.0.1:8080", ObjectEndpoint: "https://127.0.0.1:80"}, "127.0.0.1", 80, false},
		"private":                  {remoteFlags{ObjectEndpoint: "http://10.1.2.3:9000"}, "10.1.2.3", 9000, true},
		"container":                {remoteFlags{ContainerRole: true}, "169.254.170.2", 80, true},
		"pod":                      {remoteFlags{ContainerRole: true}, "169.254.170.23", 80, true},
		"another region's sign-on": {remoteFlags{Allow: []string{"portal.sso.eu-west-1.amazonaws.com:443"}}, "portal.sso.eu-west-1.amazonaws.com", 443, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.flags
			f.Mode, f.Region, f.Bucket = "hybrid", "us-east-1", "results-example"
			journal := &egressfile.Journal{Path: filepath.Join(t.TempDir(), "egress.jsonl"), Now: time.Now}
			dialer, err := f.dialer(&braket.Client{Region: f.Region, Bucket: f.Bucket, Endpoint: f.Endpoint, ObjectEndpoint: f.ObjectEndpoint}, journal)
			if err != nil {
				t.Fatal(err)
			}
			if err := dialer.Check(outbound.Circuits, c.host, c.port); err != nil {
				t.Error(err)
			}
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+net.JoinHostPort(c.host, strconv.Itoa(c.port)), nil)
			if err != nil {
				t.Fatal(err)
			}
			ended, stop := context.WithCancel(t.Context())
			stop()                                                             // refused or not, nothing is dialed: the guard answers before the transport asks for a connection
			_, err = dialer.Client(outbound.Circuits).Do(r.WithContext(ended)) //nolint:bodyclose // it never answers
			if refused := err != nil && strings.Contains(err.Error(), "allowed with TLS only"); refused == c.plain {
				t.Errorf("plain text: %v", err)
			}
			if err := (&remoteFlags{Mode: "hybrid", Region: f.Region}).refuses(t, c.host, c.port); c.host != "localhost" && err == nil {
				t.Error("allowed without the flag")
			}
		})
	}
	for _, bad := range []string{"http://braket.example.com", "http://8.8.8.8:80", "http://169.254.169.254"} {
		if _, err := (remoteFlags{Endpoint: bad}).plaintext(); err == nil {
			t.Errorf("%s is allowed in plain text", bad)
		}
	}
}

// refuses is how flags refuse a destination.
func (f *remoteFlags) refuses(t *testing.T, host string, port int) error {
	t.Helper()
	dialer, err := f.dialer(&braket.Client{Region: f.Region, Bucket: "results-example"}, &egressfile.Journal{Path: filepath.Join(t.TempDir(), "egress.jsonl"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return dialer.Check(outbound.Circuits, host, port)
}

// TestAirgapPage types the commands of docs/airgap.md, with the fingerprints of the day.
func TestAirgapPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/airgap.md")
	if err != nil {
		t.Fatal(err)
	}
	location, err := os.ReadFile("testdata/script/relay.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("emulator ready\nenv QRSD_BRAKET_BUCKET=\nfingerprint OFFICE $WORK/office quantum\nfingerprint RELAY $WORK/relay relay\n")
	typed := 0
	example := regexp.MustCompile(`SHA256:[A-Za-z0-9+/]+`)
	for line := range strings.Lines(string(page)) {
		for prompt, other := range map[string]string{"office": "RELAY", "relay": "OFFICE"} {
			if command, ok := strings.CutPrefix(line, "    "+prompt+"$ "); ok {
				typed++
				script.WriteString("env QRSD_HOME=$WORK/" + prompt + "\nexec " + example.ReplaceAllString(command, "$$"+other))
			}
		}
	}
	if typed < 9 {
		t.Fatalf("the page has %d commands", typed)
	}
	script.WriteString("stdout 'unbroken'\nexec sh -c 'grep harbour out/quantum-*.json'\nstdout 'ARN as reported by relay harbour'\n")
	script.Write(location[bytes.Index(location, []byte("-- location.csv --")):])
	file := filepath.Join(t.TempDir(), "airgap.txtar")
	if err := os.WriteFile(file, []byte(script.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Files: []string{file}, RequireExplicitExec: true, Cmds: quantumCommands(), Setup: func(e *testscript.Env) error {
		e.Values[emulatorKey{}] = new(scriptEmulator)
		return nil
	}})
}

// previewed-left PREVIEW RECORD wants that every body that a preview showed left, byte for byte, and no other body of its kind.
func previewedLeft(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: previewed-left PREVIEW RECORD")
	}
	var preview struct{ Circuits []struct{ Bytes string } }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &preview))
	var left []string
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		var e egress.Entry
		ts.Check(json.Unmarshal([]byte(line), &e))
		if e.Kind == egress.KindRequest && e.Purpose == "CreateQuantumTask" {
			_, body, _ := strings.Cut(string(e.Bytes), "\r\n\r\n")
			left = append(left, body)
		}
	}
	if len(left) != len(preview.Circuits) || len(left) == 0 {
		ts.Fatalf("%d bodies left, and %d were shown", len(left), len(preview.Circuits))
	}
	for i, c := range preview.Circuits {
		if left[i] != c.Bytes {
			ts.Fatalf("body %d that left:\n%s\nthat was shown:\n%s", i+1, left[i], c.Bytes)
		}
	}
}
