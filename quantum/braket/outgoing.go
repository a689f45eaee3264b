package braket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/qrsrisk/qrsd/quantum/egress"
)

// The bodies of the calls: all members that ever leave. The service has more (tags, jobToken, associations,
// experimentalCapabilities); they are not sent.
type (
	createTask struct {
		Action           string `json:"action"`
		ClientToken      string `json:"clientToken"`
		DeviceARN        string `json:"deviceArn"`
		DeviceParameters string `json:"deviceParameters"`
		Bucket           string `json:"outputS3Bucket"`
		Prefix           string `json:"outputS3KeyPrefix"`
		Shots            int    `json:"shots"`
	}
	cancelTask struct {
		ClientToken string `json:"clientToken"`
	}
	createLimit struct {
		ClientToken string  `json:"clientToken"`
		DeviceARN   string  `json:"deviceArn"`
		Limit       string  `json:"spendingLimit"`
		Period      *period `json:"timePeriod,omitempty"`
	}
	updateLimit struct {
		ClientToken string  `json:"clientToken"`
		Limit       string  `json:"spendingLimit"`
		Period      *period `json:"timePeriod,omitempty"`
	}
	searchLimits struct {
		Filters    []filter `json:"filters"`
		MaxResults int      `json:"maxResults"`
		NextToken  string   `json:"nextToken,omitempty"`
	}
	filter struct {
		Name     string   `json:"name"`
		Operator string   `json:"operator"`
		Values   []string `json:"values"`
	}
	period struct {
		EndAt   int64 `json:"endAt"` // seconds since 1970
		StartAt int64 `json:"startAt"`
	}
)

var (
	tokenForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	limitForm = regexp.MustCompile(`^[0-9]{1,12}\.[0-9]{2}$`)
	taskForm  = regexp.MustCompile(`^arn:aws:braket:[a-z0-9-]+:[0-9]{12}:quantum-task/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	budgetARN = regexp.MustCompile(`^arn:aws:braket:[a-z0-9-]+:[0-9]{12}:spending-limit/[0-9A-Za-z-]{1,64}$`)
)

// checkOutgoing is the last look at a request: it is parsed again from the bytes that would leave, and anything but the
// closed list of what may leave is refused. It does not trust the code that composed it.
func (c *Client) checkOutgoing(x call) error {
	path, err := c.outgoingPath(x)
	if err != nil {
		return err
	}
	arn, shape := "", path
	if parts := strings.Split(path, "/"); len(parts) > 2 {
		name, query, _ := strings.Cut(parts[2], "?")
		if arn, err = url.PathUnescape(name); err != nil || encoded(arn) != name {
			return fmt.Errorf("%s: must hold one percent-encoded ARN", path)
		}
		parts[2] = strings.TrimSuffix("*?"+query, "?")
		shape = strings.Join(parts, "/")
	}
	switch x.operation + " " + x.method + " " + shape {
	case "GetDevice GET /device/*":
		return errors.Join(CheckDevice(arn), noBody(x))
	case "GetQuantumTask GET /quantum-task/*?additionalAttributeNames=QueueInfo":
		return errors.Join(ofForm(taskForm, "task ARN", arn), noBody(x))
	case "CancelQuantumTask PUT /quantum-task/*/cancel":
		return errors.Join(ofForm(taskForm, "task ARN", arn), cancelForm(x))
	case "CreateQuantumTask POST /quantum-task":
		return c.createForm(x)
	case "CreateSpendingLimit POST /spending-limit", "SearchSpendingLimits POST /spending-limits":
		return limitBody(x)
	case "UpdateSpendingLimit PATCH /spending-limit/*/update":
		return errors.Join(ofForm(budgetARN, "spending limit ARN", arn), limitBody(x))
	case "DeleteSpendingLimit DELETE /spending-limit/*/delete":
		return errors.Join(ofForm(budgetARN, "spending limit ARN", arn), noBody(x))
	case "GetObject GET /":
		return noBody(x)
	}
	return fmt.Errorf("%s %s is none of the calls that may leave", x.method, path)
}

// outgoingPath is path and query of a Braket call, "/" for an object that the client may ask for.
func (c *Client) outgoingPath(x call) (string, error) {
	if x.service == "s3" {
		key, ok := strings.CutPrefix(x.url, c.objectEndpoint()+"/"+c.Prefix+"/")
		if !ok || !resultKey.MatchString(key) {
			return "", errors.New("the object is not a result below the client's prefix")
		}
		return "/", nil
	}
	path, ok := strings.CutPrefix(x.url, c.endpoint())
	if !ok || x.service != "braket" {
		return "", errors.New("the address is not that of the service")
	}
	return path, nil
}

// resultKey is what follows the prefix: the task's own folder and the result.
var resultKey = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/results\.json$`)

func noBody(x call) error {
	if len(x.body) > 0 {
		return errors.New("it must have no body")
	}
	return nil
}

func ofForm(form *regexp.Regexp, what, value string) error {
	if !form.MatchString(value) {
		return fmt.Errorf("%s %q: is not of the form %v", what, value, form)
	}
	return nil
}

// closed reads the body into a form and writes it out again: what differs by a byte holds something else than the form.
func closed(body []byte, form any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(form); err != nil {
		return fmt.Errorf("the body is not of its form: %w", err)
	}
	if text(form) != string(body) {
		return errors.New("the body holds more than its form")
	}
	return nil
}

// createForm checks the one call that carries a circuit.
func (c *Client) createForm(x call) error {
	var t createTask
	if err := closed(x.body, &t); err != nil {
		return err
	}
	var a actionForm
	if err := closed([]byte(t.Action), &a); err != nil {
		return fmt.Errorf("action: %w", err)
	}
	if a.Header != (header{openQASM, "1"}) {
		return fmt.Errorf("action: schema %s version %s: must be %s version 1", a.Header.Name, a.Header.Version, openQASM)
	}
	shape, err := egress.Check(a.Source)
	if err != nil {
		return err
	}
	if err := CheckDevice(t.DeviceARN); err != nil {
		return err
	}
	if p := t.DeviceParameters; p != DeviceParameters(t.DeviceARN, shape.Qubits, "") && p != DeviceParameters(t.DeviceARN, shape.Qubits, Debias) {
		return errors.New("deviceParameters: are not those of the device and the circuit's qubits")
	}
	if t.Bucket != c.Bucket || t.Prefix != c.Prefix {
		return errors.New("outputS3Bucket, outputS3KeyPrefix: are not those of the client")
	}
	return ofForm(tokenForm, "clientToken", t.ClientToken)
}

func cancelForm(x call) error {
	var t cancelTask
	if err := closed(x.body, &t); err != nil {
		return err
	}
	return ofForm(tokenForm, "clientToken", t.ClientToken)
}

// limitBody checks the calls about spending limits.
func limitBody(x call) error {
	switch x.operation {
	case "CreateSpendingLimit":
		var l createLimit
		if err := closed(x.body, &l); err != nil {
			return err
		}
		return errors.Join(CheckDevice(l.DeviceARN), ofForm(tokenForm, "clientToken", l.ClientToken), ofForm(limitForm, "spendingLimit", l.Limit))
	case "UpdateSpendingLimit":
		var l updateLimit
		if err := closed(x.body, &l); err != nil {
			return err
		}
		return errors.Join(ofForm(tokenForm, "clientToken", l.ClientToken), ofForm(limitForm, "spendingLimit", l.Limit))
	}
	var s searchLimits
	if err := closed(x.body, &s); err != nil {
		return err
	}
	for _, f := range s.Filters {
		if f.Name != "deviceArn" || f.Operator != "EQUAL" || len(f.Values) != 1 || CheckDevice(f.Values[0]) != nil {
			return errors.New("filters: must ask for one device")
		}
	}
	return nil // nextToken came from the service
}
