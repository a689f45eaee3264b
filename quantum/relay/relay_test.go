package relay_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/quantum/circuit"
	"github.com/qrsrisk/qrsd/quantum/egress"
	"github.com/qrsrisk/qrsd/quantum/relay"
)

// newKey is the key of a seed.
func newKey(t testing.TB, seed uint64) *relay.Key {
	t.Helper()
	k, err := relay.NewKey(bytes.NewReader(draws(seed, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func draws(seed uint64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.New(seed).Uint64(uint64(i)))
	}
	return b
}

// newJob is a job of one small circuit at two powers.
func newJob(t testing.TB) *relay.Job {
	t.Helper()
	table := circuit.Table{P: []float64{0.75, 0.25}, F: []float64{0, 1}}
	made, _, err := egress.Prepare(table, egress.Schedule{Qubits: 1, Powers: []int{0, 1}, Shots: 10}, bytes.NewReader(draws(1, 32)))
	if err != nil {
		t.Fatal(err)
	}
	j := &relay.Job{Created: "2026-11-22T12:00:00Z", Nonce: strings.Repeat("0f", 32), Device: braket.SV1, MaxPriceUSD: "1.50"}
	for _, c := range made.Circuits {
		j.Tasks = append(j.Tasks, relay.Task{Action: braket.Action(c.Source), DeviceParameters: braket.DeviceParameters(braket.SV1, c.Qubits, ""),
			Shots: c.Shots, SourceSHA256: hex.EncodeToString(c.SHA256[:])})
	}
	return j
}

// results is a result object of a device.
func results(t testing.TB, arn string, task relay.Task) []byte {
	t.Helper()
	source, err := task.Source()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{
		"braketSchemaHeader":       map[string]string{"name": "braket.task_result.gate_model_task_result", "version": "1"},
		"measurementProbabilities": map[string]float64{"00": 0.7, "01": 0.3},
		"measuredQubits":           []int{0, 1},
		"taskMetadata":             map[string]any{"id": arn, "shots": task.Shots, "deviceId": braket.SV1},
		"additionalMetadata":       map[string]any{"action": map[string]string{"source": source}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// device reads results as the product does, by braket.Verify.
type device struct{}

func (device) Outcome(raw []byte, want relay.Expectation) (circuit.Outcome, error) {
	r, err := braket.Verify(raw, braket.Task{ARN: want.ARN, DeviceARN: want.Device, SourceSHA256: want.SourceSHA256, Qubits: want.Qubits, Shots: want.Shots})
	if err != nil {
		return circuit.Outcome{}, err
	}
	return circuit.Outcome{Shots: r.Shots, Ones: r.Ones(want.Qubits - 1)}, nil
}

// TestThereAndBack signs, reads, answers and accepts.
func TestThereAndBack(t *testing.T) {
	host, harbour := newKey(t, 1), newKey(t, 2)
	j := newJob(t)
	file, err := j.Sign(host)
	if err != nil {
		t.Fatal(err)
	}
	read, name, err := relay.ReadJob(file, relay.Trust{{Name: "office", Key: host.Public()}})
	if err != nil || name != "office" || read.Nonce != j.Nonce {
		t.Fatalf("%+v, %q, %v", read, name, err)
	}
	here, err := j.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if there, err := read.Digest(); err != nil || there != here {
		t.Fatalf("digest %s there, %s here, %v", there, here, err)
	}
	answer := newResult(t, read)
	back, err := answer.Sign(harbour)
	if err != nil {
		t.Fatal(err)
	}
	a, err := relay.Accept(j, back, relay.Trust{{Name: "harbour", Key: harbour.Public()}}, device{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Provenance() != "ARN as reported by relay harbour" || len(a.Outcomes) != 2 || a.Outcomes[0] != (circuit.Outcome{Shots: 10, Ones: 3}) {
		t.Fatalf("%+v", a)
	}
}

func newResult(t testing.TB, j *relay.Job) *relay.Result {
	t.Helper()
	digest, err := j.Digest()
	if err != nil {
		t.Fatal(err)
	}
	r := &relay.Result{Created: "2026-11-22T13:00:00Z", Nonce: j.Nonce, RequestSHA256: digest, Relay: "quay", Device: j.Device,
		CapabilitiesSHA256: strings.Repeat("ab", 32), PriceUSD: "0.15"}
	for i, task := range j.Tasks {
		arn := fmt.Sprintf("arn:aws:braket:us-east-1:111122223333:quantum-task/00000000-0000-0000-0000-%012d", i)
		r.Tasks = append(r.Tasks, relay.NewTaskResult(arn, "{}", results(t, arn, task)))
	}
	return r
}

// TestSignatureIsSaidRight checks a file's signature by the documented rule with other means: Ed25519 over the canonical
// JSON without the member signature.
func TestSignatureIsSaidRight(t *testing.T) {
	host := newKey(t, 1)
	file, err := newJob(t).Sign(host)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(file, &members); err != nil {
		t.Fatal(err)
	}
	var signature []byte
	if err := json.Unmarshal(members["signature"], &signature); err != nil {
		t.Fatal(err)
	}
	delete(members, "signature")
	message, err := canonical.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(ed25519.PublicKey(host.Public()), message, signature) {
		t.Fatal("the signature is not over what the docs say")
	}
	text, err := canonical.Transform(file)
	if err != nil || string(text)+"\n" != string(file) {
		t.Fatalf("the file is not canonical: %v", err)
	}
}

// TestEveryByteCounts flips each byte of a signed job: none passes but where the JSON says the same in another way.
func TestEveryByteCounts(t *testing.T) {
	host := newKey(t, 1)
	trust := relay.Trust{{Name: "office", Key: host.Public()}}
	file, err := newJob(t).Sign(host)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(file) - 1 { // the last is the line end
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if _, _, err := relay.ReadJob(changed, trust); err == nil {
			t.Fatalf("byte %d, %q for %q, makes no difference", i, changed[i], file[i])
		}
	}
}

// TestJobChecks: what a host does not sign, and a relay does not take from a trusted host.
func TestJobChecks(t *testing.T) {
	for want, change := range map[string]func(*relay.Job){
		"64 hexadecimal digits": func(j *relay.Job) { j.Nonce = "office-1" },
		"no amount":             func(j *relay.Job) { j.MaxPriceUSD = "-1" },
		"names no device":       func(j *relay.Job) { j.Device = "" },
		"0 tasks":               func(j *relay.Job) { j.Tasks = nil },
		"65 tasks":              func(j *relay.Job) { j.Tasks = make([]relay.Task, 65) },
		"task 1: 0 shots":       func(j *relay.Job) { j.Tasks[0].Shots = 0 },
		"task 2: 100001 shots":  func(j *relay.Job) { j.Tasks[1].Shots = 100_001 },
		"action is no program":  func(j *relay.Job) { j.Tasks[0].Action = "OPENQASM 3.0;" },
		"without inputs": func(j *relay.Job) {
			j.Tasks[0].Action = strings.Replace(j.Tasks[0].Action, `{"b`, `{"inputs":{},"b`, 1)
		},
		"is not an OpenQASM program": func(j *relay.Job) {
			j.Tasks[0].Action = strings.Replace(j.Tasks[0].Action, "program", "program_set", 1)
		},
		"source_sha256 is not that":         func(j *relay.Job) { j.Tasks[0].SourceSHA256 = j.Tasks[1].SourceSHA256 },
		"the circuit must not leave":        withSource("OPENQASM 3.0;\n// from the office\n"),
		"not a multiple of 2^-16 turn with": withSource("OPENQASM 3.0;\nbit[1] b;\nqubit[1] q;\nry(0.000001) q[0];\nb[0] = measure q[0];\n"),
	} {
		j := newJob(t)
		change(j)
		if _, err := j.Sign(newKey(t, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// withSource gives the first task another circuit, digest included.
func withSource(source string) func(*relay.Job) {
	return func(j *relay.Job) {
		sum := sha256.Sum256([]byte(source))
		j.Tasks[0].Action, j.Tasks[0].SourceSHA256 = braket.Action(source), hex.EncodeToString(sum[:])
	}
}

// TestNoKeyInSight: a key does not show itself.
func TestNoKeyInSight(t *testing.T) {
	k := newKey(t, 1)
	seed := hex.EncodeToString(k.Private().Seed())
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %x", k, *k, *k)} {
		if strings.Contains(text, seed[:16]) || !strings.Contains(text, "not shown") {
			t.Errorf("shows %s", text)
		}
	}
	if _, err := json.Marshal(k); err == nil {
		t.Error("a key becomes JSON")
	}
	if _, err := relay.NewKey(io.LimitReader(bytes.NewReader(draws(1, 32)), 31)); err == nil {
		t.Error("31 bytes make a key")
	}
}

func TestTrust(t *testing.T) {
	a, b := newKey(t, 1).Public(), newKey(t, 2).Public()
	trust, err := relay.ParseTrust(fmt.Sprintf("# relays\n\nharbour %s\r\n  quay\t%s", a, b))
	if err != nil || len(trust) != 2 {
		t.Fatalf("%v, %v", trust, err)
	}
	if name, known := trust.Name(b); !known || name != "quay" {
		t.Errorf("%q, %v", name, known)
	}
	if name, known := trust.Name(newKey(t, 3).Public()); known || name != "" {
		t.Errorf("a stranger is %q", name)
	}
	sum := sha256.Sum256(a)
	if want := "SHA256:" + strings.TrimRight(base64.StdEncoding.EncodeToString(sum[:]), "="); a.Fingerprint() != want {
		t.Errorf("fingerprint %s, want %s", a.Fingerprint(), want)
	}
	for text, want := range map[string]string{
		"harbour":                                 "line 1: write a name of one word",
		"the harbour " + a.String():               "line 1: write a name of one word",
		"x\nharbour ed25519:AAAA":                 "line 1",
		"\nharbour ed25519:AAAA":                  "line 2: public key",
		"harbour " + a.String()[8:]:               "public key",
		"harbour " + a.String() + "A":             "public key",
		fmt.Sprintf("harbour %s\nquay %[1]s", a):  "line 2: the key of quay is there already, as harbour",
		"harbour ssh-ed25519 AAAAC3NzaC1lZDI1NTE": "line 1",
	} {
		if _, err := relay.ParseTrust(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestUnknownIsToldApart: a good signature by a stranger is another thing than a bad one.
func TestUnknownIsToldApart(t *testing.T) {
	file, err := newJob(t).Sign(newKey(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = relay.ReadJob(file, relay.Trust{{Name: "other", Key: newKey(t, 2).Public()}})
	var unknown *relay.UnknownKeyError
	if !errors.As(err, &unknown) || unknown.Key.Fingerprint() != newKey(t, 1).Public().Fingerprint() || !strings.Contains(err.Error(), "--trust SHA256:") {
		t.Fatalf("got %v", err)
	}
}

// FuzzReadJob wants that no text but the signed one is taken.
func FuzzReadJob(f *testing.F) {
	host := newKey(f, 1)
	file, err := newJob(f).Sign(host)
	if err != nil {
		f.Fatal(err)
	}
	want, err := canonical.Transform(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(`{"format":"qcirc/1","tasks":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, _, err := relay.ReadJob(text, relay.Trust{{Name: "office", Key: host.Public()}}); err != nil {
			return
		}
		if got, err := canonical.Transform(text); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("another job was taken: %s", text)
		}
	})
}

// FuzzAccept wants that no text but the signed one is taken.
func FuzzAccept(f *testing.F) {
	host, harbour := newKey(f, 1), newKey(f, 2)
	j := newJob(f)
	if _, err := j.Sign(host); err != nil {
		f.Fatal(err)
	}
	file, err := newResult(f, j).Sign(harbour)
	if err != nil {
		f.Fatal(err)
	}
	want, err := canonical.Transform(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := relay.Accept(j, text, relay.Trust{{Name: "harbour", Key: harbour.Public()}}, device{}); err != nil {
			return
		}
		if got, err := canonical.Transform(text); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("another result was taken: %s", text)
		}
	})
}

// TestSpelling: a member in other letters, or one left out that is zero, is not what was signed.
func TestSpelling(t *testing.T) {
	host := newKey(t, 1)
	trust := relay.Trust{{Name: "office", Key: host.Public()}}
	j := newJob(t)
	for i := range j.Tasks {
		j.Tasks[i].DeviceParameters = ""
	}
	file, err := j.Sign(host)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := relay.ReadJob(file, trust); err != nil {
		t.Fatal(err)
	}
	for was, is := range map[string]string{`"shots":`: `"Shots":`, `,"device_parameters":""`: ``} {
		changed := strings.Replace(string(file), was, is, 1)
		if _, _, err := relay.ReadJob([]byte(changed), trust); err == nil || !strings.Contains(err.Error(), "not spelt as the format has it") {
			t.Errorf("%s for %s: got %v", is, was, err)
		}
	}
}

// TestNoSteering: what an unsigned file says reaches a terminal in quotes or not at all.
func TestNoSteering(t *testing.T) {
	file := func(nonce string) []byte {
		text, err := canonical.Marshal(&relay.Result{Format: relay.ResultFormat, Nonce: nonce, RelayKey: newKey(t, 1).Public(), Device: "x\x1b[2J"})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, err := relay.ReadNonce(file("\x1b[31mHI")); err == nil || strings.ContainsRune(err.Error(), '\x1b') || !strings.Contains(err.Error(), "is not 64 hexadecimal digits") {
		t.Errorf("got %v", err)
	}
	if got, err := relay.ReadNonce(file(strings.Repeat("0f", 32))); err != nil || got != strings.Repeat("0f", 32) {
		t.Errorf("got %q, %v", got, err)
	}
	job := newJob(t)
	host, key := newKey(t, 2), newKey(t, 3)
	signed, err := job.Sign(host)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := job.File(); err != nil || !bytes.Equal(again, signed) {
		t.Errorf("the file once more differs, %v", err)
	}
	digest, err := job.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]relay.Result{
		"nonce":  {Nonce: "\x1b[31mHI", RequestSHA256: digest, Device: job.Device},
		"digest": {Nonce: job.Nonce, RequestSHA256: "\x1b[31mHI", Device: job.Device},
		"device": {Nonce: job.Nonce, RequestSHA256: digest, Device: "\x1b[31mHI"},
	} {
		text, err := r.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := relay.Accept(job, text, relay.Trust{{Name: "harbour", Key: key.Public()}}, nil); err == nil || strings.ContainsRune(err.Error(), '\x1b') || !strings.Contains(err.Error(), `\x1b[31mHI`[:4]) {
			t.Errorf("%s: got %q", name, err)
		}
	}
}

// TestReadIsBounded: a file without an end is refused.
func TestReadIsBounded(t *testing.T) {
	if _, err := relay.Read(zeros{}); err == nil || !strings.Contains(err.Error(), "more than 268435456 bytes") {
		t.Fatalf("got %v", err)
	}
	if got, err := relay.Read(strings.NewReader("{}")); err != nil || string(got) != "{}" {
		t.Fatalf("%q, %v", got, err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
