package collector

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
)

const (
	spansKept = 4096
	spansMost = 512
)

// spansPace gathers spans for a while.
var spansPace = pace{every: 5 * time.Second, rest: 5 * time.Second, farewell: 3 * time.Second}

// TracesOptions of the exporter of traces.
type TracesOptions struct {
	Options

	// Endpoint is the collector's URL, to which /v1/traces is appended.
	Endpoint string

	// Authorization reads what is sent as that header; nil: none is.
	Authorization func() (directory.Secret, error)
}

// Traces sends spans to a collector of OpenTelemetry. It is safe for many goroutines.
type Traces struct {
	o      TracesOptions
	client *http.Client
	queue  queue[span]
}

// span is a piece of work. Nothing in it says whose.
type span struct {
	trace   [16]byte // zero: one of its own
	name    string
	request string // id; "": it is none
	status  int    // of HTTP; 0: it is none
	began   time.Time
	took    time.Duration
}

// NewTraces makes the exporter; it works until Stop.
func NewTraces(o TracesOptions) *Traces { return newTraces(o, spansPace) }

func newTraces(o TracesOptions, p pace) *Traces {
	t := &Traces{o: o, client: o.Dialer.Client(ForTraces)}
	t.queue = queue[span]{o: o.Options, purpose: ForTraces, most: spansMost, pace: p, send: t.send}
	t.queue.begin(spansKept)
	return t
}

// Request tells of a request that was answered: the operation of the API, "" where no route has its path, its id, the status, and from
// when it took how long. It does not wait.
func (t *Traces) Request(operation, id string, status int, began time.Time, took time.Duration) {
	if operation == "" {
		operation = "none"
	}
	t.queue.put(span{name: operation, request: id, status: status, began: began, took: took})
}

// Run begins a trace of a run: what it returns is told of each stage as that ends, by the engine's name for it. It does not wait.
func (t *Traces) Run() func(stage string, began time.Time, took time.Duration) {
	id := random[[16]byte]()
	return func(stage string, began time.Time, took time.Duration) {
		t.queue.put(span{trace: id, name: "run " + stage, began: began, took: took})
	}
}

// Stop sends what is left, for a few seconds at most.
func (t *Traces) Stop() {
	t.queue.stop()
	t.client.CloseIdleConnections()
}

// random draws an id.
func random[T [8]byte | [16]byte]() (id T) {
	switch p := any(&id).(type) { // rand.Read never fails: crypto/rand ends the program instead
	case *[8]byte:
		_, _ = rand.Read(p[:])
	case *[16]byte:
		_, _ = rand.Read(p[:])
	}
	return id
}

// The members of opentelemetry-proto v1 (trace.proto, collector/trace/v1) that are sent, in its JSON form: ids in hexadecimal, enumerations as
// numbers, 64-bit numbers as texts.
type (
	otlpRequest struct {
		ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
	}
	otlpResourceSpans struct {
		Resource   otlpResource     `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScopeSpans struct {
		Scope otlpScope  `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpScope struct {
		Name string `json:"name"`
	}
	otlpSpan struct {
		TraceID    string          `json:"traceId"`
		SpanID     string          `json:"spanId"`
		Name       string          `json:"name"`
		Kind       int             `json:"kind"`
		Start      string          `json:"startTimeUnixNano"`
		End        string          `json:"endTimeUnixNano"`
		Attributes []otlpAttribute `json:"attributes,omitempty"`
		Status     *otlpStatus     `json:"status,omitempty"`
	}
	otlpStatus struct {
		Code int `json:"code"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpValue struct {
		Text string `json:"stringValue"`
	}
	otlpReply struct {
		PartialSuccess struct {
			RejectedSpans json.Number `json:"rejectedSpans"`
		} `json:"partialSuccess"`
	}
)

// Numbers of enumerations of trace.proto.
const (
	kindInternal = 1
	kindServer   = 2
	statusError  = 2
)

func attribute(key, text string) otlpAttribute { return otlpAttribute{key, otlpValue{text}} }

func (s span) wire() otlpSpan {
	if s.trace == ([16]byte{}) {
		s.trace = random[[16]byte]()
	}
	id := random[[8]byte]()
	out := otlpSpan{
		TraceID: hex.EncodeToString(s.trace[:]), SpanID: hex.EncodeToString(id[:]), Name: s.name, Kind: kindInternal,
		Start: strconv.FormatInt(s.began.UnixNano(), 10), End: strconv.FormatInt(s.began.Add(s.took).UnixNano(), 10),
	}
	if s.status == 0 {
		return out
	}
	out.Kind = kindServer
	out.Attributes = []otlpAttribute{attribute("qrsd.status_class", strconv.Itoa(s.status/100)+"xx"), attribute("qrsd.request_id", s.request)}
	if s.status >= http.StatusInternalServerError {
		out.Status = &otlpStatus{statusError}
	}
	return out
}

// send posts a batch.
func (t *Traces) send(ctx context.Context, batch []span) error {
	spans := make([]otlpSpan, len(batch))
	for i, s := range batch {
		spans[i] = s.wire()
	}
	body, err := json.Marshal(otlpRequest{[]otlpResourceSpans{{
		Resource:   otlpResource{[]otlpAttribute{attribute("service.name", "qrsd"), attribute("service.version", t.o.Version)}},
		ScopeSpans: []otlpScopeSpans{{Scope: otlpScope{"qrsd"}, Spans: spans}},
	}}})
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(t.o.Endpoint, "/")+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	if t.o.Authorization != nil {
		words, err := t.o.Authorization()
		if err != nil {
			return fmt.Errorf("traces.authorization: %w", err)
		}
		q.Header.Set("Authorization", words.Reveal())
	}
	answer, err := post(t.client, q)
	if err != nil {
		return err
	}
	return rejected(answer, len(batch))
}

// rejected is a *refusal where a collector took a batch in part only.
func rejected(answer []byte, all int) error {
	var reply otlpReply
	if json.Unmarshal(answer, &reply) != nil { // a collector need not say anything
		return nil
	}
	count, err := reply.PartialSuccess.RejectedSpans.Int64()
	if err != nil || count <= 0 {
		return nil
	}
	return &refusal{status: fmt.Sprintf("200, and rejects %d of %d spans", count, all), taken: max(0, all-int(min(count, int64(all))))}
}
