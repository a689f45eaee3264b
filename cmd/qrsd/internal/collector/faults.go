package collector

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/store/directory"
)

const (
	faultsKept = 64
	maxWhy     = 4096 // bytes of a reason that are looked at
)

// faultsPace sends each fault by itself.
var faultsPace = pace{rest: 5 * time.Second, farewell: 3 * time.Second}

// FaultsOptions of the exporter of faults.
type FaultsOptions struct {
	Options

	// Commit that the program was built from; "": not known.
	Commit string

	// DSN reads where faults go, and the key for it: "https://KEY@HOST/PROJECT".
	DSN func() (directory.Secret, error)

	// Words keeps of a text the words of the program's own messages.
	Words func(text string) string

	// Member is what may leave of a member of a log line; false: nothing.
	Member func(name string, value any) (text string, ok bool)
}

// Faults sends lines of the log of level error, panics among them, to a service that speaks Sentry's protocol. It is a
// hclog.SinkAdapter, safe for many goroutines.
type Faults struct {
	o      FaultsOptions
	client *http.Client
	queue  queue[fault]
}

// fault is a line of the log, scrubbed, and where it was written.
type fault struct {
	at      time.Time
	logger  string
	kind    string // what happened, in one line
	why     string
	tags    map[string]string
	frames  []frame // newest first
	handled bool    // it was no panic
}

// NewFaults makes the exporter; it works until Stop.
func NewFaults(o FaultsOptions) *Faults { return newFaults(o, faultsPace) }

func newFaults(o FaultsOptions, p pace) *Faults {
	f := &Faults{o: o, client: o.Dialer.Client(ForErrors)}
	f.queue = queue[fault]{o: o.Options, purpose: ForErrors, most: 1, pace: p, send: f.send}
	f.queue.begin(faultsKept)
	return f
}

// Stop sends what is left, for a few seconds at most.
func (f *Faults) Stop() {
	f.queue.stop()
	f.client.CloseIdleConnections()
}

// reasons are the members of a line whose words become the fault's value, the first that there is.
var reasons = []string{"panic", "error", "reason", "why", "what"}

// Accept takes a line of the log. It does not wait.
func (f *Faults) Accept(name string, level hclog.Level, message string, args ...any) {
	if level < hclog.Error || !f.queue.open() {
		return
	}
	if f.queue.full() { // a flood of errors costs no scrubbing
		f.queue.drop(1)
		return
	}
	members := map[string]any{}
	for i := 0; i+1 < len(args); i += 2 {
		if name, ok := args[i].(string); ok {
			members[name] = args[i+1]
		}
	}
	out := fault{at: time.Now().UTC(), logger: f.member("@module", name), kind: f.o.Words(message), tags: map[string]string{}}
	_, panicked := members["panic"]
	out.handled = !panicked
	for _, name := range reasons {
		if value, ok := members[name]; ok {
			line, _, _ := strings.Cut(fmt.Sprint(value), "\n") // what comes after it may be a stack
			out.why = f.o.Words(line[:min(len(line), maxWhy)])
			break
		}
	}
	for _, name := range []string{"request_id", "operation", "method", "task", "status", "purpose"} {
		if value, ok := members[name]; ok {
			if text := f.member(name, value); text != "" {
				out.tags[name] = text
			}
		}
	}
	if text, ok := members["stack"].(string); ok {
		out.frames = parsed(text)
	}
	if len(out.frames) == 0 {
		out.frames = here()
	}
	out.frames = culprit(out.frames)
	f.queue.put(out)
}

func (f *Faults) member(name string, value any) string {
	text, _ := f.o.Member(name, value)
	return text
}

// The members of Sentry's events that are sent (develop.sentry.dev, Event Payloads). There is no user, no request, no server name, no breadcrumb.
type (
	sentryEvent struct {
		ID        string            `json:"event_id"`
		At        string            `json:"timestamp"`
		Platform  string            `json:"platform"`
		Level     string            `json:"level"`
		Logger    string            `json:"logger,omitempty"`
		Release   string            `json:"release"`
		Tags      map[string]string `json:"tags,omitempty"`
		Exception sentryValues      `json:"exception"`
		SDK       sentrySDK         `json:"sdk"`
	}
	sentryValues struct {
		Values []sentryException `json:"values"`
	}
	sentryException struct {
		Type      string          `json:"type"`
		Value     string          `json:"value"`
		Stack     sentryStack     `json:"stacktrace"`
		Mechanism sentryMechanism `json:"mechanism"`
	}
	sentryMechanism struct {
		Type    string `json:"type"`
		Handled bool   `json:"handled"`
	}
	sentryStack struct {
		Frames []frame `json:"frames"`
	}
	sentrySDK struct {
		Name     string            `json:"name"`
		Version  string            `json:"version"`
		Settings map[string]string `json:"settings"`
	}
)

// release is the version and the commit.
func (f *Faults) release() string {
	if f.o.Commit == "" {
		return "qrsd@" + f.o.Version
	}
	return "qrsd@" + f.o.Version + "+" + f.o.Commit
}

// event is a fault as Sentry has it; its frames begin with the oldest.
func (f *Faults) event(of fault, id string) sentryEvent {
	frames := make([]frame, len(of.frames))
	for i, one := range of.frames {
		frames[len(frames)-1-i] = one
	}
	mechanism := sentryMechanism{"log", of.handled}
	return sentryEvent{
		ID: id, At: of.at.Format(time.RFC3339Nano), Platform: "go", Level: "error", Logger: of.logger, Release: f.release(), Tags: of.tags,
		Exception: sentryValues{[]sentryException{{of.kind, of.why, sentryStack{frames}, mechanism}}},
		SDK:       sentrySDK{"qrsd", f.o.Version, map[string]string{"infer_ip": "never"}}, // of the connection's address either
	}
}

// envelope is an event with its headers (develop.sentry.dev, Envelopes).
func (f *Faults) envelope(of fault) ([]byte, error) {
	drawn := random[[16]byte]()
	id := hex.EncodeToString(drawn[:])
	event, err := json.Marshal(f.event(of, id))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"event_id\":%q,\"sent_at\":%q}\n", id, time.Now().UTC().Format(time.RFC3339Nano))
	fmt.Fprintf(&b, "{\"type\":\"event\",\"content_type\":\"application/json\",\"length\":%d}\n", len(event))
	b.Write(event)
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// send posts the one fault of a batch.
func (f *Faults) send(ctx context.Context, batch []fault) error {
	words, err := f.o.DSN()
	if err != nil {
		return fmt.Errorf("errors.dsn: %w", err)
	}
	to, err := ParseDSN(words.Reveal())
	if err != nil {
		return fmt.Errorf("errors.dsn: %w", err)
	}
	body, err := f.envelope(batch[0])
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/x-sentry-envelope")
	q.Header.Set("X-Sentry-Auth", "Sentry sentry_version=7, sentry_client=qrsd/"+f.o.Version+", sentry_key="+to.key)
	_, err = post(f.client, q)
	return err
}

// DSN is where faults go.
type DSN struct {
	Site string // "https://errors.example.com:9000"
	URL  string // of envelopes
	key  string
}

// ParseDSN reads "https://KEY@HOST/PROJECT", with a path before the project where the service has one. Errors do not repeat it: it has a key
// in it.
func ParseDSN(text string) (DSN, error) {
	u, err := url.Parse(text)
	if err != nil {
		return DSN{}, errDSN
	}
	cut := strings.LastIndexByte(u.Path, '/')
	key := u.User.Username()
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || cut < 0 || cut == len(u.Path)-1 || !word(key) || !word(u.Path[cut+1:]) || u.RawQuery != "" || u.Fragment != "" {
		return DSN{}, errDSN
	}
	site := u.Scheme + "://" + strings.ToLower(u.Host)
	return DSN{Site: site, URL: site + u.EscapedPath()[:strings.LastIndexByte(u.EscapedPath(), '/')] + "/api/" + u.Path[cut+1:] + "/envelope/", key: key}, nil
}

var errDSN = fmt.Errorf("it is no DSN: it must be https://KEY@HOST/PROJECT, as the service shows it")

// word reports whether a text is of letters, digits, - and _ alone.
func word(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == ""
}
