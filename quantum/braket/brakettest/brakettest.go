// Package brakettest is Amazon Braket and Amazon S3 on one port, small enough to read: what the tests and the
// throw-away appliance submit circuits to.
//
// It is real HTTP behind net/http: it checks the SigV4 signature of every request, refuses any member that the service
// model does not have, finds routes by the escaped path as AWS does, runs the submitted OpenQASM on the exact simulator
// and adds the errors of a [Noise]. States go forward with each poll. What the service may do wrong is played on
// demand: [Server.Fail], [Server.SetStatus], [Server.Plan].
//
// It is no model of the devices: prices, sizes and error rates are typical of their published descriptions, and the noise is
// simple. Nothing of it imports testing.
//
// Begin reading at [New] and [Server.ServeHTTP]. Source of names and statuses: Amazon Braket API reference (2019-09-01) and
// amazon-braket-schemas-python (Apache-2.0).
package brakettest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/internal/rng"
	"github.com/qrsrisk/qrsd/internal/sigv4"
)

// Options configure a Server. The zero value serves region us-east-1 without noise.
type Options struct {
	// AccessKeyID, SecretKey and SessionToken are the credentials that requests must be signed with. Empty ids and keys
	// mean the example values of AWS's documentation, [ExampleKeyID] and [ExampleSecretKey].
	AccessKeyID, SecretKey, SessionToken string

	// Region is the region of the credential scope and of ARNs; "" means us-east-1.
	Region string

	// Noise is what quantum hardware and DM1 add; SV1 stays exact.
	Noise Noise

	// Polls is in how many polls a task stays in each of CREATED, QUEUED and RUNNING; 0 means 1, less than 0 none.
	Polls int

	// Concurrent is how many tasks of a device may be under way at once; 0 means 35, the quota of the simulators.
	Concurrent int

	// Seed makes shots and ids.
	Seed uint64

	// Now is the clock that signatures are held against; nil: time.Now.
	Now func() time.Time
}

// The example credentials of the AWS documentation, which no account has.
const (
	ExampleKeyID     = "AKIAIOSFODNN7EXAMPLE"
	ExampleSecretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// account is the example account number of the AWS documentation.
const account = "111122223333"

// Server is the emulator. It is an http.Handler, safe for concurrent use.
type Server struct {
	options         Options
	braket, objects sigv4.Verifier
	key             rng.Key

	mu       sync.Mutex // guards all below
	status   map[string]string
	faults   []*Fault
	plans    []Plan
	tasks    map[string]*task  // by ARN
	tokens   map[string]string // client token -> ARN
	store    map[string][]byte // "bucket/key" -> object
	limits   map[string]*limit // by ARN
	serial   uint64
	received map[string]int
}

// New makes a server.
func New(o Options) *Server {
	if o.AccessKeyID == "" {
		o.AccessKeyID, o.SecretKey = ExampleKeyID, ExampleSecretKey
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Polls == 0 {
		o.Polls = 1
	}
	if o.Concurrent == 0 {
		o.Concurrent = 35
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	secret := func(id string) (string, string, bool) { return o.SecretKey, o.SessionToken, id == o.AccessKeyID }
	return &Server{options: o, key: rng.New(o.Seed),
		braket:  sigv4.Verifier{Service: "braket", Region: o.Region, Secret: secret},
		objects: sigv4.Verifier{Service: "s3", Region: o.Region, Secret: secret},
		status:  map[string]string{}, tasks: map[string]*task{}, tokens: map[string]string{}, store: map[string][]byte{},
		limits: map[string]*limit{}, received: map[string]int{}}
}

// Received is how many requests for the operation have come with a good signature, "CreateQuantumTask" for example.
func (s *Server) Received(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received[operation]
}

// refusal is an exception of the service.
type refusal struct {
	status  int
	name    string
	message string
}

func (r *refusal) Error() string { return r.name + ": " + r.message }

func invalid(format string, values ...any) error {
	return &refusal{http.StatusBadRequest, "ValidationException", fmt.Sprintf(format, values...)}
}

func notFound(format string, values ...any) error {
	return &refusal{http.StatusNotFound, "ResourceNotFoundException", fmt.Sprintf(format, values...)}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	operation, argument, known := route(r)
	verifier := &s.braket
	if operation == "GetObject" {
		verifier = &s.objects
	}
	if _, err := verifier.Verify(r, s.options.Now()); err != nil {
		answer(w, operation, 0, nil, signatureRefusal(err))
		return
	}
	if !known {
		answer(w, "", 0, nil, &refusal{http.StatusNotFound, "UnknownOperationException", "no operation at " + r.Method + " " + r.URL.EscapedPath()})
		return
	}
	s.received[operation]++
	fault := s.nextFault(operation)
	if fault != nil && !fault.After {
		fault.play(w, operation)
		return
	}
	status, body, err := s.serve(operation, argument, r)
	if fault != nil {
		fault.play(w, operation)
		return
	}
	answer(w, operation, status, body, err)
}

func signatureRefusal(err error) error {
	var f *sigv4.Fault
	if errors.As(err, &f) {
		return &refusal{f.Status, f.Code, f.Reason}
	}
	return &refusal{http.StatusBadRequest, "SerializationException", err.Error()}
}

// route finds the operation by method and escaped path: an ARN is one element of the path, its slashes as %2F. What is no
// path of Braket's is an object, addressed by path.
func route(r *http.Request) (operation, argument string, known bool) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	shape := r.Method + " /" + parts[0]
	if len(parts) > 1 {
		shape += "/*"
		argument, _ = url.PathUnescape(parts[1])
	}
	if len(parts) > 2 {
		shape += "/" + strings.Join(parts[2:], "/")
	}
	operation, known = map[string]string{
		"GET /device/*":                   "GetDevice",
		"POST /quantum-task":              "CreateQuantumTask",
		"GET /quantum-task/*":             "GetQuantumTask",
		"PUT /quantum-task/*/cancel":      "CancelQuantumTask",
		"POST /spending-limit":            "CreateSpendingLimit",
		"POST /spending-limits":           "SearchSpendingLimits",
		"PATCH /spending-limit/*/update":  "UpdateSpendingLimit",
		"DELETE /spending-limit/*/delete": "DeleteSpendingLimit",
	}[shape]
	ours := map[string]bool{"device": true, "devices": true, "quantum-task": true, "quantum-tasks": true, "spending-limit": true,
		"spending-limits": true, "tags": true, "job": true, "jobs": true}[parts[0]]
	if !ours && len(parts) > 1 {
		return "GetObject", strings.TrimPrefix(r.URL.Path, "/"), r.Method == http.MethodGet
	}
	return operation, argument, known
}

// serve does what the operation says.
func (s *Server) serve(operation, argument string, r *http.Request) (int, any, error) {
	if err := checkQuery(operation, r.URL.Query()); err != nil {
		return 0, nil, err
	}
	switch operation {
	case "GetDevice":
		body, err := s.getDevice(argument, r.UserAgent())
		return http.StatusOK, body, err
	case "CreateQuantumTask":
		body, err := s.createTask(r)
		return http.StatusCreated, body, err
	case "GetQuantumTask":
		body, err := s.getTask(argument)
		return http.StatusOK, body, err
	case "CancelQuantumTask":
		body, err := s.cancelTask(argument, r)
		return http.StatusOK, body, err
	case "CreateSpendingLimit":
		body, err := s.createLimit(r)
		return http.StatusCreated, body, err
	case "SearchSpendingLimits":
		body, err := s.searchLimits(r)
		return http.StatusOK, body, err
	case "UpdateSpendingLimit":
		return http.StatusOK, struct{}{}, s.updateLimit(argument, r)
	case "DeleteSpendingLimit":
		return http.StatusOK, struct{}{}, s.deleteLimit(argument)
	}
	body, ok := s.store[argument]
	if !ok {
		return 0, nil, &refusal{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	}
	return http.StatusOK, json.RawMessage(body), nil
}

// checkQuery allows the parameters of the model only.
func checkQuery(operation string, query url.Values) error {
	for name, values := range query {
		if operation != "GetQuantumTask" || name != "additionalAttributeNames" || len(values) != 1 || values[0] != "QueueInfo" {
			return invalid("query parameter %s=%v is not in the model of %s", name, values, operation)
		}
	}
	return nil
}

// answer writes a body or an exception, the latter as JSON, or as XML for S3.
func answer(w http.ResponseWriter, operation string, status int, body any, err error) {
	var no *refusal
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // a client that has gone is no fault of the server
	case !errors.As(err, &no):
		answer(w, operation, 0, nil, &refusal{http.StatusInternalServerError, "InternalServiceException", err.Error()})
	case operation == "GetObject":
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(no.status)
		fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>", no.name, no.message)
	default:
		w.Header().Set("X-Amzn-ErrorType", no.name)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(no.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": no.message})
	}
}

// read decodes a body into a form of the service model and refuses members that the form does not have.
func read(body io.Reader, form any) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return invalid("reading the body: %v", err)
	}
	return closed(text, form)
}

func closed(text []byte, form any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(form); err != nil {
		return invalid("not in the service model: %v", err)
	}
	if d.More() {
		return invalid("text after the JSON value")
	}
	return nil
}

// id is a new UUID; the seed makes it.
func (s *Server) id() string {
	s.serial++
	a, b := s.key.Derive(1).Uint64(s.serial), s.key.Derive(2).Uint64(s.serial)
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}
