package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/quantum/egress"
)

// Job is the file job.qcirc.json: what a relay is asked to run.
type Job struct {
	Format      string    `json:"format"`        // JobFormat
	Created     string    `json:"created"`       // RFC 3339, UTC, by the host's clock
	Nonce       string    `json:"nonce"`         // 32 random bytes in hexadecimal; names the job and makes it one of its kind
	Device      string    `json:"device"`        // ARN
	MaxPriceUSD string    `json:"max_price_usd"` // the relay runs nothing if the quote for all tasks is above it; decimal, up to two places
	Tasks       []Task    `json:"tasks"`         // in the order in which results come back
	HostKey     PublicKey `json:"host_key"`
	Signature   []byte    `json:"signature,omitempty"` // base64
}

// Task is one circuit: the exact strings of a CreateQuantumTask request.
type Task struct {
	Action           string `json:"action"`            // member action: the program's JSON
	DeviceParameters string `json:"device_parameters"` // member deviceParameters; "" = the request has none
	Shots            int    `json:"shots"`
	SourceSHA256     string `json:"source_sha256"` // of the OpenQASM text in Action, hexadecimal
}

func (j *Job) signature() *[]byte { return &j.Signature }

// Sign completes the job with the host's key, checks it, and is the file.
func (j *Job) Sign(k *Key) ([]byte, error) {
	j.Format, j.HostKey = JobFormat, k.Public()
	if err := j.check(); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	return k.sign(j)
}

// File is a signed job's file once more, byte for byte as Sign gave it.
func (j *Job) File() ([]byte, error) {
	text, err := canonical.Marshal(j)
	return append(text, '\n'), err
}

// ReadJob reads a job's file and refuses one that is changed, of a host that is not trusted (*UnknownKeyError), or
// not of the form that may leave (egress.Check). host is the name by which the host is trusted.
func ReadJob(file []byte, hosts Trust) (j *Job, host string, err error) {
	j = new(Job)
	if err := decode(file, JobFormat, j); err != nil {
		return nil, "", fmt.Errorf("job: %w", err)
	}
	if err := verify(j, j.HostKey); err != nil {
		return nil, "", fmt.Errorf("job: %w", err)
	}
	host, known := hosts.Name(j.HostKey)
	if !known {
		return nil, "", fmt.Errorf("job: %w", &UnknownKeyError{Role: "host", Key: j.HostKey})
	}
	if err := j.check(); err != nil {
		return nil, "", fmt.Errorf("job: %w", err)
	}
	return j, host, nil
}

// Digest is the SHA-256 of the signed job in canonical form, hexadecimal.
func (j *Job) Digest() (string, error) { return digest(j) }

// The forms of what is text in a job.
var (
	nonceForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	priceForm = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,2})?$`)
)

func (j *Job) check() error {
	switch {
	case !nonceForm.MatchString(j.Nonce):
		return errors.New("its nonce is not 64 hexadecimal digits")
	case !priceForm.MatchString(j.MaxPriceUSD):
		return fmt.Errorf("its max_price_usd %.20q is no amount such as 120.90", j.MaxPriceUSD)
	case j.Device == "":
		return errors.New("it names no device")
	case len(j.Tasks) == 0 || len(j.Tasks) > egress.MaxCircuits:
		return fmt.Errorf("it has %d tasks; a job has 1 to %d", len(j.Tasks), egress.MaxCircuits)
	}
	for i, t := range j.Tasks {
		if err := t.check(); err != nil {
			return fmt.Errorf("task %d: %w", i+1, err)
		}
	}
	return nil
}

func (t Task) check() error {
	if t.Shots < 1 || t.Shots > egress.MaxShots {
		return fmt.Errorf("%d shots; a task has 1 to %d", t.Shots, egress.MaxShots)
	}
	source, err := t.Source()
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(source))
	if hex.EncodeToString(sum[:]) != t.SourceSHA256 {
		return errors.New("source_sha256 is not that of the circuit: one of them was changed")
	}
	if _, err := egress.Check(source); err != nil {
		return err
	}
	return nil
}

// program is the JSON of Task.Action (braket.ir.openqasm.program, version 1), without inputs.
type program struct {
	Header struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"braketSchemaHeader"`
	Source string `json:"source"`
}

// Source is the OpenQASM text within Action. Anything else in the action is refused.
func (t Task) Source() (string, error) {
	var p program
	var names map[string]json.RawMessage
	err := json.Unmarshal([]byte(t.Action), &p)
	if err == nil {
		err = json.Unmarshal([]byte(t.Action), &names)
	}
	if err != nil {
		return "", fmt.Errorf("its action is no program: %w", err)
	}
	if len(names) != 2 || names["source"] == nil || names["braketSchemaHeader"] == nil || p.Header.Name != "braket.ir.openqasm.program" || p.Header.Version != "1" {
		return "", errors.New("its action is not an OpenQASM program (braket.ir.openqasm.program, version 1) without inputs")
	}
	return p.Source, nil
}
