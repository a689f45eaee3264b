package brakettest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// task is a quantum task.
type task struct {
	arn, id   string
	device    device
	request   createRequest
	action    actionForm
	program   *circuit.Program
	mitigated bool
	plan      Plan
	polls     int // how often it was asked for
	status    string
	created   time.Time
	ended     time.Time
	cost      int64 // millionths of a dollar
}

func (t *task) final() bool {
	return slices.Contains([]string{"COMPLETED", "FAILED", "CANCELLED"}, t.status)
}

// createRequest is CreateQuantumTaskRequest of the service model, all members.
type createRequest struct {
	Action                   *string           `json:"action"`
	Associations             []association     `json:"associations"`
	ClientToken              *string           `json:"clientToken"`
	DeviceArn                *string           `json:"deviceArn"`
	DeviceParameters         *string           `json:"deviceParameters"`
	ExperimentalCapabilities *experimental     `json:"experimentalCapabilities"`
	JobToken                 *string           `json:"jobToken"`
	OutputS3Bucket           *string           `json:"outputS3Bucket"`
	OutputS3KeyPrefix        *string           `json:"outputS3KeyPrefix"`
	Shots                    *int              `json:"shots"`
	Tags                     map[string]string `json:"tags"`
}

type association struct {
	Arn  string `json:"arn"`
	Type string `json:"type"`
}

type experimental struct {
	Enabled string `json:"enabled"`
}

// check holds the request to the model's required members and lengths.
func (r *createRequest) check() error {
	for _, m := range []struct {
		name  string
		value *string
		least int
		most  int
	}{
		{"action", r.Action, 1, 1 << 20}, {"clientToken", r.ClientToken, 1, 64}, {"deviceArn", r.DeviceArn, 1, 256},
		{"outputS3Bucket", r.OutputS3Bucket, 3, 63}, {"outputS3KeyPrefix", r.OutputS3KeyPrefix, 1, 1024},
	} {
		if m.value == nil {
			return invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must not be null", m.name)
		}
		if len(*m.value) < m.least || len(*m.value) > m.most {
			return invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length between %d and %d", m.name, m.least, m.most)
		}
	}
	switch {
	case r.Shots == nil || *r.Shots < 0:
		return invalid("1 validation error detected: Value at 'shots' failed to satisfy constraint: Member must be greater than or equal to 0")
	case r.DeviceParameters != nil && (len(*r.DeviceParameters) < 1 || len(*r.DeviceParameters) > 48_000):
		return invalid("1 validation error detected: Value at 'deviceParameters' failed to satisfy constraint: Member must have length between 1 and 48000")
	}
	return nil
}

// header, actionForm and parametersForm are the schemas of action and deviceParameters.
type header struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type actionForm struct {
	Header header         `json:"braketSchemaHeader"`
	Source string         `json:"source"`
	Inputs map[string]any `json:"inputs,omitempty"`
}

type parametersForm struct {
	Header   header `json:"braketSchemaHeader"`
	Paradigm struct {
		Header          header `json:"braketSchemaHeader"`
		QubitCount      int    `json:"qubitCount"`
		DisableRewiring bool   `json:"disableQubitRewiring"`
	} `json:"paradigmParameters"`
	Mitigation []struct {
		Type string `json:"type"`
	} `json:"errorMitigation"`
}

func (s *Server) createTask(r *http.Request) (any, error) {
	var request createRequest
	if err := read(r.Body, &request); err != nil {
		return nil, err
	}
	if err := request.check(); err != nil {
		return nil, err
	}
	if arn, ok := s.tokens[*request.ClientToken]; ok {
		if !same(s.tasks[arn].request, request) {
			return nil, invalid("Client token %s was used with other parameters", *request.ClientToken)
		}
		return map[string]string{"quantumTaskArn": arn}, nil
	}
	t, err := s.newTask(request)
	if err != nil {
		return nil, err
	}
	if err := s.spend(t); err != nil {
		return nil, err
	}
	t.id = s.id()
	t.arn = "arn:aws:braket:" + s.options.Region + ":" + account + ":quantum-task/" + t.id
	t.plan = s.nextPlan()
	t.status, t.created = "CREATED", s.options.Now()
	s.tasks[t.arn], s.tokens[*request.ClientToken] = t, t.arn
	return map[string]string{"quantumTaskArn": t.arn}, nil
}

func same(a, b createRequest) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// newTask checks what the device would check.
func (s *Server) newTask(r createRequest) (*task, error) {
	d, err := s.device(*r.DeviceArn)
	if err != nil {
		return nil, err
	}
	switch s.deviceStatus(d) {
	case "RETIRED":
		return nil, &refusal{http.StatusGone, "DeviceRetiredException", "Device " + d.arn + " is retired"}
	case "OFFLINE":
		return nil, &refusal{http.StatusFailedDependency, "DeviceOfflineException", "Device " + d.arn + " is currently offline"}
	}
	t := &task{device: d, request: r}
	if err := t.readAction(); err != nil {
		return nil, err
	}
	if err := t.readParameters(); err != nil {
		return nil, err
	}
	if err := t.checkDevice(); err != nil {
		return nil, err
	}
	open := 0
	for _, other := range s.tasks {
		if other.device.arn == d.arn && !other.final() {
			open++
		}
	}
	if open >= s.options.Concurrent {
		return nil, &refusal{http.StatusPaymentRequired, "ServiceQuotaExceededException", fmt.Sprintf("Concurrent task limit of %d for device %s exceeded", s.options.Concurrent, d.arn)}
	}
	return t, nil
}

func (t *task) readAction() (err error) {
	if err := closed([]byte(*t.request.Action), &t.action); err != nil {
		return err
	}
	if t.action.Header != (header{"braket.ir.openqasm.program", "1"}) {
		return invalid("action schema %v is not supported", t.action.Header)
	}
	if t.program, err = circuit.Parse(t.action.Source); err != nil {
		return invalid("%v", err)
	}
	return nil
}

func (t *task) readParameters() error {
	if t.request.DeviceParameters == nil {
		return nil
	}
	var p parametersForm
	if err := closed([]byte(*t.request.DeviceParameters), &p); err != nil {
		return err
	}
	want := "braket.device_schema.simulators.gate_model_simulator_device_parameters"
	if t.device.kind == "QPU" {
		want = "braket.device_schema.ionq.ionq_device_parameters"
	}
	if p.Header != (header{want, "1"}) || p.Paradigm.Header != (header{"braket.device_schema.gate_model_parameters", "1"}) {
		return invalid("device parameters of schema %v are not those of %s", p.Header, t.device.arn)
	}
	if p.Paradigm.QubitCount != t.program.Qubits {
		return invalid("qubitCount %d does not match the program's %d qubits", p.Paradigm.QubitCount, t.program.Qubits)
	}
	for _, m := range p.Mitigation {
		if m.Type != debias || t.device.kind != "QPU" {
			return invalid("error mitigation %s is not supported", m.Type)
		}
		t.mitigated = true
	}
	return nil
}

func (t *task) checkDevice() error {
	d, shots := t.device, *t.request.Shots
	gates, _ := t.program.Counts()
	switch {
	case t.program.Qubits > d.qubits:
		return invalid("Device supports %d qubits, and the program has %d", d.qubits, t.program.Qubits)
	case shots < max(d.minShots, 1) || shots > d.shots:
		return invalid("Shots %d not in the range [%d, %d]", shots, d.minShots, d.shots)
	case d.kind == "QPU" && gates*shots > 1_000_000:
		return invalid("Gateshot limit of 1000000 exceeded")
	case t.mitigated && shots < 2500:
		return invalid("Error mitigation requires at least 2500 shots")
	}
	for _, g := range t.program.Gates {
		if !slices.Contains(d.gates, g.Kind.String()) {
			return invalid("Operation %v is not supported by the device", g.Kind)
		}
	}
	return nil
}

func (s *Server) task(arn string) (*task, error) {
	if t, ok := s.tasks[arn]; ok {
		return t, nil
	}
	return nil, notFound("Quantum task %s not found", arn)
}

// advance is one poll.
func (s *Server) advance(t *task) error {
	if t.final() {
		return nil
	}
	each := max(s.options.Polls, 0)
	phase := 3
	if each > 0 {
		phase = min(t.polls/each, 3)
	}
	t.polls++
	if t.plan.Stay {
		phase = min(phase, 1)
	}
	if t.status == "CANCELLING" {
		t.status, t.ended = "CANCELLED", s.options.Now()
		return nil
	}
	t.status = []string{"CREATED", "QUEUED", "RUNNING", "COMPLETED"}[phase]
	if phase < 3 {
		return nil
	}
	t.ended = s.options.Now()
	if t.plan.FailureReason != "" {
		t.status = "FAILED"
		return nil
	}
	return s.finish(t)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Server) getTask(arn string) (any, error) {
	t, err := s.task(arn)
	if err != nil {
		return nil, err
	}
	if err := s.advance(t); err != nil {
		return nil, err
	}
	body := object{
		"quantumTaskArn": t.arn, "deviceArn": t.device.arn, "status": t.status, "shots": *t.request.Shots,
		"outputS3Bucket": *t.request.OutputS3Bucket, "outputS3Directory": *t.request.OutputS3KeyPrefix + "/" + t.id,
		"createdAt": stamp(t.created), "deviceParameters": "{}", "tags": t.request.Tags,
		"queueInfo": object{"queue": "QUANTUM_TASKS_QUEUE", "position": "None", "message": "Task does not have a queue position."},
	}
	if t.request.DeviceParameters != nil {
		body["deviceParameters"] = *t.request.DeviceParameters
	}
	switch t.status {
	case "CREATED", "QUEUED":
		// The position counts down with the polls.
		position := max(1, 2*s.options.Polls-t.polls+1)
		body["queueInfo"] = object{"queue": "QUANTUM_TASKS_QUEUE", "position": strconv.Itoa(position), "queuePriority": "Normal"}
	case "FAILED":
		body["failureReason"] = t.plan.FailureReason
	case "COMPLETED":
		body["numSuccessfulShots"] = *t.request.Shots
	}
	if t.final() {
		body["endedAt"] = stamp(t.ended)
	}
	return body, nil
}

func (s *Server) cancelTask(arn string, r *http.Request) (any, error) {
	var request struct {
		ClientToken string `json:"clientToken"`
	}
	if err := read(r.Body, &request); err != nil {
		return nil, err
	}
	if n := len(request.ClientToken); n < 1 || n > 64 {
		return nil, invalid("clientToken must have length between 1 and 64")
	}
	t, err := s.task(arn)
	if err != nil {
		return nil, err
	}
	if t.final() {
		return nil, &refusal{http.StatusConflict, "ConflictException", "Quantum task " + arn + " is in the terminal state " + t.status}
	}
	t.status = "CANCELLING"
	return map[string]string{"quantumTaskArn": arn, "cancellationStatus": t.status}, nil
}
