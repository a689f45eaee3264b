package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// Result is the file job.qres.json: what a relay says became of a job.
type Result struct {
	Format             string       `json:"format"`         // ResultFormat
	Created            string       `json:"created"`        // RFC 3339, UTC, by the relay's clock
	Nonce              string       `json:"nonce"`          // the job's
	RequestSHA256      string       `json:"request_sha256"` // Job.Digest
	Relay              string       `json:"relay"`          // the name that the relay gives itself
	Device             string       `json:"device"`         // ARN
	CapabilitiesSHA256 string       `json:"device_capabilities_sha256"`
	PriceUSD           string       `json:"price_usd"` // the quote that the tasks were submitted on
	Tasks              []TaskResult `json:"tasks"`     // in the order of the job's
	RelayKey           PublicKey    `json:"relay_key"`
	Signature          []byte       `json:"signature,omitempty"` // base64
}

// TaskResult is what came of one task.
type TaskResult struct {
	ARN           string `json:"task_arn"`
	Task          string `json:"get_quantum_task"` // the service's last answer about the task, as it came
	Results       []byte `json:"results"`          // the result object's bytes, base64
	ResultsSHA256 string `json:"results_sha256"`   // of Results, hexadecimal
}

func (r *Result) signature() *[]byte { return &r.Signature }

// Sign completes the result with the relay's key and is the file.
func (r *Result) Sign(k *Key) ([]byte, error) {
	r.Format, r.RelayKey = ResultFormat, k.Public()
	return k.sign(r)
}

// NewTaskResult is a result with its digest.
func NewTaskResult(arn, task string, results []byte) TaskResult {
	sum := sha256.Sum256(results)
	return TaskResult{ARN: arn, Task: task, Results: results, ResultsSHA256: hex.EncodeToString(sum[:])}
}

// Expectation is what a device's results must be about.
type Expectation struct {
	ARN          string // of the task
	Device       string // ARN
	Shots        int
	SourceSHA256 string // of the OpenQASM text, hexadecimal
	Qubits       int    // the last is the objective
}

// Reader reads the result object of a provider.
type Reader interface {
	// Outcome counts the shots whose objective qubit was 1. It must refuse, in words, results of another task, device
	// or source, or of another number of shots than expected.
	Outcome(results []byte, want Expectation) (circuit.Outcome, error)
}

// Accepted is a result that passed every check.
type Accepted struct {
	Relay    string // by which this host trusts it
	Result   *Result
	Outcomes []circuit.Outcome // in the order of the job's tasks
}

// Provenance is the sentence that goes with every number of an accepted result.
func (a *Accepted) Provenance() string { return "ARN as reported by relay " + a.Relay }

// The forms of what a relay writes and people read: nothing of it may steer a terminal.
var (
	arnForm    = regexp.MustCompile(`^arn:aws[a-z-]*:braket:[a-z0-9-]+:[0-9]{12}:quantum-task/[0-9a-f-]{36}$`)
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	quoteForm  = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,6})?$`)
)

// ErrOtherJob is a result that answers another job than the one it is held to.
var ErrOtherJob = errors.New("it answers another job")

// ReadNonce is the nonce of a result's file, 64 hexadecimal digits, to find the job that it claims to answer. Nothing else was checked.
func ReadNonce(file []byte) (string, error) {
	var r Result
	if err := decode(file, ResultFormat, &r); err != nil {
		return "", fmt.Errorf("result: %w", err)
	}
	if !nonceForm.MatchString(r.Nonce) {
		return "", fmt.Errorf("result: its nonce %.80q is not 64 hexadecimal digits", r.Nonce)
	}
	return r.Nonce, nil
}

// Accept holds a result's file to the job that was signed and kept: the relay's signature, whether the relay is trusted (*UnknownKeyError), that it
// answers this job and no other (ErrOtherJob), device, number of tasks, digests, and by the reader each task's results against
// ARN, source and shots. Whether the job was answered before is for the caller to check: first of all, because an answer
// that is accepted twice counts twice.
func Accept(j *Job, file []byte, relays Trust, reader Reader) (*Accepted, error) {
	r := new(Result)
	if err := decode(file, ResultFormat, r); err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	if err := verify(r, r.RelayKey); err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	name, known := relays.Name(r.RelayKey)
	if !known {
		return nil, fmt.Errorf("result: %w", &UnknownKeyError{"relay", r.Relay, r.RelayKey})
	}
	if err := r.answers(j); err != nil {
		return nil, fmt.Errorf("result of relay %s: %w", name, err)
	}
	a := &Accepted{Relay: name, Result: r}
	for i, t := range r.Tasks {
		o, err := t.outcome(j, j.Tasks[i], reader)
		if err != nil {
			return nil, fmt.Errorf("result of relay %s, task %d: %w", name, i+1, err)
		}
		a.Outcomes = append(a.Outcomes, o)
	}
	return a, nil
}

// answers holds the result as a whole to the job.
func (r *Result) answers(j *Job) error {
	want, err := j.Digest()
	if err != nil {
		return err
	}
	switch {
	case r.Nonce != j.Nonce:
		return fmt.Errorf("%w: %.8q, and not %.8q", ErrOtherJob, r.Nonce, j.Nonce)
	case r.RequestSHA256 != want:
		return fmt.Errorf("%w: the relay ran a file with digest %.16q, and the one exported from here has %.16q", ErrOtherJob, r.RequestSHA256, want)
	case r.Device != j.Device:
		return fmt.Errorf("it ran on %.120q, and %q was asked for", r.Device, j.Device)
	case !digestForm.MatchString(r.CapabilitiesSHA256) || !quoteForm.MatchString(r.PriceUSD):
		return fmt.Errorf("its device_capabilities_sha256 %.70q is no digest, or its price_usd %.20q no amount", r.CapabilitiesSHA256, r.PriceUSD)
	case len(r.Tasks) != len(j.Tasks):
		return fmt.Errorf("it has %d tasks, and the job has %d", len(r.Tasks), len(j.Tasks))
	}
	seen := map[string]int{}
	for i, t := range r.Tasks {
		if !arnForm.MatchString(t.ARN) {
			return fmt.Errorf("task %d: %.80q is no ARN of a task", i+1, t.ARN)
		}
		if first, again := seen[t.ARN]; again {
			return fmt.Errorf("tasks %d and %d have one ARN: one run was reported twice", first, i+1)
		}
		seen[t.ARN] = i + 1
	}
	return nil
}

func (t TaskResult) outcome(j *Job, asked Task, reader Reader) (o circuit.Outcome, err error) {
	sum := sha256.Sum256(t.Results)
	if hex.EncodeToString(sum[:]) != t.ResultsSHA256 {
		return o, errors.New("results_sha256 is not that of the results: one of them was changed")
	}
	source, err := asked.Source()
	if err != nil {
		return o, err
	}
	program, err := circuit.Parse(source)
	if err != nil {
		return o, err
	}
	o, err = reader.Outcome(t.Results, Expectation{
		ARN: t.ARN, Device: j.Device, Shots: asked.Shots, SourceSHA256: asked.SourceSHA256, Qubits: program.Qubits,
	})
	if err == nil && (o.Shots != asked.Shots || o.Ones < 0 || o.Ones > o.Shots) {
		err = fmt.Errorf("%d ones in %d shots came back, and %d shots were asked for", o.Ones, o.Shots, asked.Shots)
	}
	return o, err
}
