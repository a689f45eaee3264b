package braket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/qrsrisk/qrsd/quantum/egress"
)

// UserAgent is sent with every request, and the same on every host. GetDevice leaves a device's OpenQASM
// abilities out unless a version of BraketSchemas of at least 1.8.0 is named.
const UserAgent = "qrsd BraketSchemas/1.8.0"

const (
	maxAnswer   = 64 << 20 // bytes of an answer; 100,000 shots of 9 qubits are 2 MB
	callTimeout = 5 * time.Minute
	attempts    = 5 // of one call, the first included
	firstPause  = time.Second
)

// Client speaks to Amazon Braket in one region, for one bucket of results. Its methods may be called concurrently; its
// fields must not be changed meanwhile.
type Client struct {
	// HTTP comes from internal/outbound, for the purpose circuits. Required. Redirects are never followed.
	HTTP *http.Client

	// Credentials sign the requests; [Credentials] makes the usual chain. Required.
	Credentials aws.CredentialsProvider

	// Region is the AWS region, "us-east-1" for the IonQ devices. Required.
	Region string

	// Bucket receives the results; Prefix is the fixed beginning of their keys. Both leave with every task, so they must not
	// name anybody: lower-case letters, digits, hyphens; Prefix also inner slashes. Required.
	Bucket, Prefix string

	// Journal has every request, byte for byte, before it is sent, and the answer after. Required.
	Journal egress.Journal

	// Endpoint is the service's URL without a path; "" means that of AWS in the Region.
	Endpoint string

	// ObjectEndpoint is the URL of the object store, addressed by path; "" means Amazon S3, addressed by bucket name.
	ObjectEndpoint string

	// Now is the clock; nil: time.Now.
	Now func() time.Time

	// Sleep waits between polls and retries, and returns early with ctx's error; nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

var (
	regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	prefixForm = regexp.MustCompile(`^[a-z0-9-]+(/[a-z0-9-]+){0,7}$`)
)

// Check says which field of the client cannot be, and why.
func (c *Client) Check() error {
	if c.HTTP == nil || c.Credentials == nil || c.Journal == nil {
		return errors.New("braket: the client needs an HTTP client, credentials and a journal")
	}
	return c.CheckPlaces()
}

// CheckPlaces says which of region, bucket, prefix and endpoints cannot be, and why.
func (c *Client) CheckPlaces() error {
	switch {
	case !regionForm.MatchString(c.Region):
		return fmt.Errorf("braket: region %q: must be an AWS region such as us-east-1", c.Region)
	case !bucketForm.MatchString(c.Bucket):
		return fmt.Errorf("braket: result bucket %q: must be 3 to 63 lower-case letters, digits and inner hyphens (no dots: TLS could not name it)", c.Bucket)
	case !prefixForm.MatchString(c.Prefix) || len(c.Prefix) > 128:
		return fmt.Errorf("braket: result prefix %q: must be lower-case letters, digits and hyphens, with single slashes between, at most 128; "+
			"it leaves with every task, so choose one that names nobody", c.Prefix)
	}
	for _, e := range []string{c.Endpoint, c.ObjectEndpoint} {
		if u, err := url.Parse(e); e != "" && (err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "") {
			return fmt.Errorf("braket: endpoint %q: must be scheme://host:port alone", e)
		}
	}
	return nil
}

// Destinations are the "host:port" that the client reaches, for the list of allowed destinations. (Credentials may need more.)
func (c *Client) Destinations() []string {
	var all []string
	for _, e := range []string{c.endpoint(), c.objectEndpoint()} {
		if u, err := url.Parse(e); err == nil {
			all = append(all, hostPort(u))
		}
	}
	return all
}

func (c *Client) endpoint() string {
	if c.Endpoint != "" {
		return c.Endpoint
	}
	return "https://braket." + c.Region + ".amazonaws.com"
}

// objectEndpoint is where keys are appended to.
func (c *Client) objectEndpoint() string {
	if c.ObjectEndpoint != "" {
		return c.ObjectEndpoint + "/" + c.Bucket
	}
	return "https://" + c.Bucket + ".s3." + c.Region + ".amazonaws.com"
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// call is one request before it is signed.
type call struct {
	operation string // of the service model; "GetObject" for S3
	service   string // "braket" or "s3"
	method    string
	url       string // ARNs in the path percent-encoded
	body      []byte // JSON, nil for none
}

// answer is a response with a good status.
type answer struct {
	body []byte

	// unrecorded is why the journal could not take the answer; the request did happen.
	unrecorded error
}

// exchange sends a call, again where the service is throttled or at fault or the connection broke, each attempt on record. Every
// call of this package may be repeated: the creating ones carry a client token.
func (c *Client) exchange(ctx context.Context, x call) (answer, error) {
	if err := c.Check(); err != nil {
		return answer{}, err
	}
	if err := c.checkOutgoing(x); err != nil {
		return answer{}, fmt.Errorf("%s must not be sent: %w", x.operation, err)
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return answer{}, err
		}
		a, err := c.once(ctx, x)
		if err == nil || attempt == attempts || !transient(err) || ctx.Err() != nil {
			return a, err
		}
		if err := c.sleep(ctx, pause); err != nil {
			return answer{}, err
		}
		pause *= 2
	}
}

// transient reports whether the same request may succeed later: 429, 5xx, time-outs and broken connections. A refusal by
// the host's own mode or list is none of these.
func transient(err error) bool {
	if errors.Is(err, ErrThrottled) || errors.Is(err, ErrService) {
		return true
	}
	var slow interface{ Timeout() bool }
	var operation *net.OpError
	return errors.As(err, &slow) && slow.Timeout() || errors.As(err, &operation) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// once is one attempt: compose, sign, record, send, record.
func (c *Client) once(ctx context.Context, x call) (answer, error) {
	if x.operation == "CreateQuantumTask" {
		// Once it is on its way the answer is wanted whatever happens: it names what will be charged.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := c.compose(ctx, x)
	if err != nil {
		return answer{}, err
	}
	wire, err := wireForm(r)
	if err != nil {
		return answer{}, fmt.Errorf("%s: writing out the request: %w", x.operation, err)
	}
	record := egress.Record{Purpose: x.operation, Destination: hostPort(r.URL), Request: wire}
	id, err := c.Journal.Begin(ctx, record)
	if err != nil {
		return answer{}, fmt.Errorf("%s: recording the request before it leaves: %w", x.operation, err)
	}
	a, response, err := c.send(r, x.operation)
	record.Response = response
	if response == nil && err != nil {
		record.Failure = err.Error()
	}
	if e := c.Journal.Finish(context.WithoutCancel(ctx), id, record); e != nil {
		a.unrecorded = fmt.Errorf("%s: recording the answer: %w", x.operation, e)
		err = errors.Join(err, a.unrecorded)
	}
	return a, err
}

// compose makes the signed request.
func (c *Client) compose(ctx context.Context, x call) (*http.Request, error) {
	keys, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: getting AWS credentials: %w", x.operation, err)
	}
	r, payload, err := x.unsigned(ctx)
	if err != nil {
		return nil, err
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = x.service == "s3" })
	if err := signer.SignHTTP(ctx, keys, r, payload, x.service, c.Region, c.now()); err != nil {
		return nil, fmt.Errorf("%s: signing the request: %w", x.operation, err)
	}
	return r, nil
}

// unsigned is the request with every header but those of the signature, and the digest of its body.
func (x call) unsigned(ctx context.Context) (*http.Request, string, error) {
	r, err := http.NewRequestWithContext(ctx, x.method, x.url, bytes.NewReader(x.body))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", x.operation, err)
	}
	// One connection for each request: a client that reuses one may send a request a second time by itself, off the record.
	r.Close = true
	r.Header.Set("User-Agent", UserAgent)
	if x.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	digest := sha256.Sum256(x.body)
	payload := hex.EncodeToString(digest[:])
	if x.service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	return r, payload, nil
}

// wireForm is the request as HTTP/1.1 puts it on the wire, and leaves it ready to be sent.
func wireForm(r *http.Request) ([]byte, error) {
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		return nil, err
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	r.Body = body
	return wire.Bytes(), nil
}

// send returns the answer and the response for the record: status line and headers in the order of their names, body
// as it came. Any status but 2xx is an *Error.
func (c *Client) send(r *http.Request, operation string) (answer, []byte, error) {
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	response, err := client.Do(r)
	if err != nil {
		return answer{}, nil, fmt.Errorf("%s: %w", operation, err)
	}
	defer response.Body.Close()
	head, err := httputil.DumpResponse(response, false)
	if err != nil {
		return answer{}, nil, fmt.Errorf("%s: reading the answer: %w", operation, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	record := append(head, body...)
	switch {
	case err != nil:
		return answer{}, record, fmt.Errorf("%s: reading the answer: %w", operation, err)
	case len(body) > maxAnswer:
		return answer{}, record[:len(head)+maxAnswer], fmt.Errorf("%s: the answer is larger than %d bytes", operation, maxAnswer)
	case response.StatusCode/100 != 2:
		return answer{}, record, failure(operation, response.StatusCode, response.Header, body)
	}
	return answer{body: body}, record, nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// encoded is an ARN as one element of a path, colons and slashes included.
func encoded(arn string) string { return strings.ReplaceAll(url.QueryEscape(arn), "+", "%20") }
