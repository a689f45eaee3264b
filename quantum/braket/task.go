package braket

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/quantum/egress"
)

// TokenKey is the secret of this host that client tokens are derived from, so that a token tells nothing and the same
// task sent twice is one task. It has no text form and cannot be compared.
type TokenKey struct {
	_   [0]func() // not comparable
	key []byte
}

// NewTokenKey takes at least 16 secret bytes, the same after a restart.
func NewTokenKey(secret []byte) (TokenKey, error) {
	if len(secret) < 16 {
		return TokenKey{}, fmt.Errorf("token key: %d bytes: must be at least 16", len(secret))
	}
	return TokenKey{key: append([]byte(nil), secret...)}, nil
}

// Token is the client token of an attempt to run a program on a device: HMAC-SHA-256 over what makes the
// task what it is, in 64 hexadecimal digits.
func (k TokenKey) Token(deviceARN string, p Program, attempt int) string {
	digest := sha256.Sum256([]byte(p.Source))
	return k.token("task", hex.EncodeToString(digest[:]), deviceARN, fmt.Sprint(p.Shots), string(p.Mitigation), fmt.Sprint(attempt))
}

func (k TokenKey) token(parts ...string) string {
	if len(k.key) == 0 {
		panic("braket: TokenKey not made by NewTokenKey")
	}
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(mac.Sum(nil))
}

// Order is a program to be run, with leave to pay for it.
type Order struct {
	// Device is the device as [Client.Device] has just described it.
	Device *Device

	// Program is what it shall run.
	Program Program

	// Confirmed is the amount that a person agreed to after seeing the quote; Budget is what is left to the tenant. The task is
	// refused where the quote exceeds either, so that 0 allows nothing.
	Confirmed, Budget USD

	// Key makes the client token. Attempt tells intended repetitions of the same program apart: the same
	// number gives the same task, also after a crash between sending and keeping the ARN.
	Key     TokenKey
	Attempt int

	// Keep must make the task durable before it returns; it is called before anything else is done with the ARN. Required.
	Keep func(ctx context.Context, t Task) error
}

// Task is what must be kept to find a task and to judge its result.
type Task struct {
	ARN                string        `json:"arn"`
	DeviceARN          string        `json:"device_arn"`
	SourceSHA256       string        `json:"source_sha256"` // lower-case hexadecimal
	Qubits             int           `json:"qubits"`
	Shots              int           `json:"shots"`
	Mitigation         Mitigation    `json:"mitigation,omitempty"`
	ClientToken        string        `json:"client_token"`
	Submitted          time.Time     `json:"submitted"`
	Poll               time.Duration `json:"poll_nanoseconds"` // what the device asks for; 0: nothing
	CapabilitiesSHA256 string        `json:"capabilities_sha256"`
	Quote              Quote         `json:"quote"`
}

// Submit checks the order against the device, price and budget, creates the task, and hands it to Keep. Nothing has
// left where it returns before the call: a grammar fault, [Device.Preflight], or a *[PriceError]. A refusal of the service is an
// *[Error]. If Keep fails, the task exists and is returned with the error; the same order finds it again.
func (c *Client) Submit(ctx context.Context, o Order) (Task, error) {
	if o.Keep == nil {
		panic("braket: an Order needs Keep")
	}
	t, err := c.prepare(o)
	if err != nil {
		return Task{}, err
	}
	if err := t.affordable(o); err != nil {
		return Task{}, err
	}
	a, err := c.exchange(ctx, c.creation(t, o.Program.Source))
	if err != nil && a.unrecorded == nil {
		return Task{}, err
	}
	if t.ARN, err = createdARN(a.body); err != nil {
		return Task{}, errors.Join(err, a.unrecorded)
	}
	// The task costs money from here on. Cancelling ctx must not lose it.
	if err := o.Keep(context.WithoutCancel(ctx), t); err != nil {
		return t, errors.Join(fmt.Errorf("keeping the task %s, which was created: %w", t.ARN, err), a.unrecorded)
	}
	return t, a.unrecorded
}

// Preview is the request that Submit would send, byte for byte but for the headers of the signature (Authorization, X-Amz-Date and, with
// temporary credentials, X-Amz-Security-Token), which depend on the time: what a person is shown before
// confirming. It needs no Confirmed, Budget and Keep, sends nothing, and fails where Submit would for other reasons than money.
func (c *Client) Preview(o Order) ([]byte, Quote, error) {
	if err := c.Check(); err != nil {
		return nil, Quote{}, err
	}
	t, err := c.prepare(o)
	if err != nil {
		return nil, Quote{}, err
	}
	x := c.creation(t, o.Program.Source)
	if err := c.checkOutgoing(x); err != nil {
		return nil, Quote{}, err
	}
	r, _, err := x.unsigned(context.Background())
	if err != nil {
		return nil, Quote{}, err
	}
	wire, err := wireForm(r)
	return wire, t.Quote, err
}

// creation is the call that creates the task.
func (c *Client) creation(t Task, source string) call {
	body := taskBody(t, source, c.Bucket, c.Prefix)
	return call{"CreateQuantumTask", "braket", "POST", c.endpoint() + "/quantum-task", []byte(body)}
}

func taskBody(t Task, source, bucket, prefix string) string {
	return text(createTask{Action: Action(source), ClientToken: t.ClientToken, DeviceARN: t.DeviceARN,
		DeviceParameters: DeviceParameters(t.DeviceARN, t.Qubits, t.Mitigation), Bucket: bucket, Prefix: prefix, Shots: t.Shots})
}

// Body is the body of the request that Submit would send for a program, for whoever shows it before there is a client and a
// device's description. The error is that of egress.Check.
func Body(deviceARN string, p Program, attempt int, key TokenKey, bucket, prefix string) (string, error) {
	shape, err := egress.Check(p.Source)
	if err != nil {
		return "", err
	}
	return taskBody(Task{DeviceARN: deviceARN, Qubits: shape.Qubits, Shots: p.Shots, Mitigation: p.Mitigation,
		ClientToken: key.Token(deviceARN, p, attempt)}, p.Source, bucket, prefix), nil
}

// prepare is the order's task without ARN, if the device would take it.
func (c *Client) prepare(o Order) (Task, error) {
	if o.Device == nil {
		panic("braket: an Order needs Device")
	}
	if err := c.regional(o.Device.ARN); err != nil {
		return Task{}, err
	}
	if err := o.Device.Preflight(o.Program); err != nil {
		return Task{}, err
	}
	shape, err := egress.Check(o.Program.Source)
	if err != nil {
		return Task{}, err
	}
	quote, err := o.Device.Quote(o.Program)
	if err != nil {
		return Task{}, err
	}
	digest := sha256.Sum256([]byte(o.Program.Source))
	return Task{DeviceARN: o.Device.ARN, SourceSHA256: hex.EncodeToString(digest[:]), Qubits: shape.Qubits, Shots: o.Program.Shots,
		Mitigation: o.Program.Mitigation, ClientToken: o.Key.Token(o.Device.ARN, o.Program, o.Attempt), Submitted: c.now().UTC(),
		Poll: o.Device.Poll, CapabilitiesSHA256: o.Device.SHA256, Quote: quote}, nil
}

// affordable is a *[PriceError] where the order does not allow the task's price.
func (t Task) affordable(o Order) error {
	switch total := t.Quote.Total; {
	case total > o.Confirmed:
		return &PriceError{total, o.Confirmed, "the confirmed amount"}
	case total > o.Budget:
		return &PriceError{total, o.Budget, "what is left of the budget"}
	}
	return nil
}

func createdARN(body []byte) (string, error) {
	var said struct {
		ARN string `json:"quantumTaskArn"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return "", fmt.Errorf("CreateQuantumTask: reading the answer: %w", err)
	}
	if err := ofForm(taskForm, "quantumTaskArn", said.ARN); err != nil {
		return "", fmt.Errorf("CreateQuantumTask: the answer: %w", err)
	}
	return said.ARN, nil
}

// Status is the state of a task.
type Status string

// The states, in the order in which a task goes through them; the last three are final.
const (
	Created    Status = "CREATED"
	Queued     Status = "QUEUED"
	Running    Status = "RUNNING"
	Cancelling Status = "CANCELLING"
	Completed  Status = "COMPLETED"
	Failed     Status = "FAILED"
	Cancelled  Status = "CANCELLED"
)

// Final reports whether the state will not change any more.
func (s Status) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// State is what GetQuantumTask says.
type State struct {
	Status Status

	// FailureReason is the service's reason for FAILED, verbatim.
	FailureReason string

	// Queue is the position in the queue as the service writes it ("3", ">2000"), QueueMessage its remark; "" if none.
	Queue, QueueMessage string

	// Successful is numSuccessfulShots; 0 if the service does not say.
	Successful int

	// Raw is the answer as it came, for the record and for a relay's file.
	Raw []byte
}

// State asks for the state of a task, and checks that the answer is about this task.
func (c *Client) State(ctx context.Context, t Task) (State, error) {
	a, err := c.exchange(ctx, call{"GetQuantumTask", "braket", "GET",
		c.endpoint() + "/quantum-task/" + encoded(t.ARN) + "?additionalAttributeNames=QueueInfo", nil})
	if err != nil {
		return State{}, err
	}
	return c.readState(t, a.body)
}

func (c *Client) readState(t Task, body []byte) (State, error) {
	var said struct {
		ARN           string `json:"quantumTaskArn"`
		DeviceARN     string `json:"deviceArn"`
		Status        Status `json:"status"`
		FailureReason string `json:"failureReason"`
		Shots         int    `json:"shots"`
		Successful    int    `json:"numSuccessfulShots"`
		Bucket        string `json:"outputS3Bucket"`
		Directory     string `json:"outputS3Directory"`
		Queue         struct {
			Position string `json:"position"`
			Message  string `json:"message"`
		} `json:"queueInfo"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return State{}, fmt.Errorf("GetQuantumTask: reading the answer: %w", err)
	}
	for _, f := range []struct{ name, got, want string }{
		{"quantumTaskArn", said.ARN, t.ARN}, {"deviceArn", said.DeviceARN, t.DeviceARN}, {"shots", fmt.Sprint(said.Shots), fmt.Sprint(t.Shots)},
		{"outputS3Bucket", said.Bucket, c.Bucket}, {"outputS3Directory", said.Directory, c.Prefix + "/" + t.id()},
	} {
		if f.got != f.want {
			return State{}, fmt.Errorf("GetQuantumTask: %s is %q in the answer, and %q was submitted: the answer is about another task", f.name, f.got, f.want)
		}
	}
	return State{said.Status, said.FailureReason, said.Queue.Position, said.Queue.Message, said.Successful, body}, nil
}

// id is the task's UUID, the last part of its ARN.
func (t Task) id() string { return t.ARN[strings.LastIndexByte(t.ARN, '/')+1:] }

// Cancel asks to cancel a task and returns the state that this leads to, CANCELLING or CANCELLED. A task that has ended gives
// ErrConflict. What ran before is charged.
func (c *Client) Cancel(ctx context.Context, t Task, key TokenKey) (Status, error) {
	body := text(cancelTask{key.token("cancel", t.ARN)})
	a, err := c.exchange(ctx, call{"CancelQuantumTask", "braket", "PUT", c.endpoint() + "/quantum-task/" + encoded(t.ARN) + "/cancel", []byte(body)})
	if err != nil {
		return "", err
	}
	var said struct {
		ARN    string `json:"quantumTaskArn"`
		Status Status `json:"cancellationStatus"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil {
		return "", fmt.Errorf("CancelQuantumTask: reading the answer: %w", err)
	}
	if said.ARN != t.ARN || said.Status != Cancelling && said.Status != Cancelled {
		return "", fmt.Errorf("CancelQuantumTask: the answer is about %q, status %q", said.ARN, said.Status)
	}
	return said.Status, nil
}
