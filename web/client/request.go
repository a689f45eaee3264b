package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	api        = "/api/v1"
	cookieName = "__Host-qrsd"
)

// request is one to be sent. Its path begins with a slash and holds escaped segments (see at).
type request struct {
	method  string
	path    string
	query   url.Values
	body    any    // to JSON, unless it is verbatim; nil is none
	ifMatch string // "" is none
	creates bool   // something, and honours Idempotency-Key
	answers []int  // statuses beside 2xx that are good answers

	upload *Exposure // is the body in place of JSON; nil is none
	sent   Progress  // is told of it

	bearer    secret // in place of session and key; none: those
	accept    string // media type; "": JSON and what the appliance gives out as files
	lastEvent string // Last-Event-ID; "" is none
}

// verbatim is a body that is JSON already, and is sent to the byte.
type verbatim []byte

// at joins segments of a path, each escaped: an id is never more than one of them.
func at(segments ...string) string {
	var path strings.Builder
	path.WriteString(api)
	for _, s := range segments {
		path.WriteString("/" + url.PathEscape(s))
	}
	return path.String()
}

// call sends a request and decodes its answer.
func call[Out any](ctx context.Context, c *Client, r request) (out Out, err error) {
	out, _, err = callVersioned[Out](ctx, c, r)
	return out, err
}

// callVersioned gives the answer's ETag as well.
func callVersioned[Out any](ctx context.Context, c *Client, r request) (out Out, etag string, err error) {
	reply, err := c.send(ctx, r)
	if err != nil {
		return out, "", err
	}
	defer reply.Body.Close()
	if err := decode(reply, &out); err != nil {
		return out, "", fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return out, reply.Header.Get("ETag"), nil
}

// decode reads the JSON of an answer.
func decode(reply *http.Response, into any) error {
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxReply+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(body) > maxReply:
		return fmt.Errorf("the answer has more than %d bytes", maxReply)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer does not have its shape: %w", err)
	}
	return nil
}

// do sends a request whose answer has no body.
func (c *Client) do(ctx context.Context, r request) error {
	reply, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, maxReply)) // so that the connection can be used again
	return reply.Body.Close()
}

// copyTo sends a request and writes its answer to a writer as it comes.
func (c *Client) copyTo(ctx context.Context, r request, to io.Writer) error {
	reply, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if _, err := io.Copy(to, reply.Body); err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return nil
}

// send sends a request, again where that is allowed, and returns a good answer or an error. An answer of the appliance that is
// none is a *Problem.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	body, err := encoded(r.body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: encode the request: %w", r.method, r.path, err)
	}
	key := ""
	if r.creates {
		key = rand.Text()
	}
	for tried := 0; ; tried++ {
		reply, err := c.sendOnce(ctx, r, body, key)
		wait, again := c.again(r, err)
		if !again || tried >= c.retries {
			return reply, err
		}
		if failed := sleep(ctx, wait); failed != nil {
			return nil, errors.Join(failed, err)
		}
	}
}

// encoded is the body of a request; nil is none.
func encoded(body any) ([]byte, error) {
	if text, ready := body.(verbatim); ready || body == nil {
		return text, nil
	}
	return json.Marshal(body)
}

// again says whether and when a request may be sent once more after an error: only what changes nothing or is named by a
// key, and only where the appliance said that it did nothing.
func (c *Client) again(r request, err error) (wait time.Duration, again bool) {
	var p *Problem
	if !errors.As(err, &p) || r.method != http.MethodGet && !r.creates {
		return 0, false
	}
	if p.Status != http.StatusTooManyRequests && p.Status != http.StatusServiceUnavailable || p.Kind() == "locked" {
		return 0, false // a locked store stays locked until someone comes
	}
	return max(p.RetryAfter, 100*time.Millisecond), p.RetryAfter <= c.patience
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) sendOnce(ctx context.Context, r request, body []byte, key string) (*http.Response, error) {
	target := c.base.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var content io.Reader
	media, size := "", int64(0)
	if body != nil {
		content, media, size = bytes.NewReader(body), "application/json", int64(len(body))
	}
	if r.upload != nil {
		files, err := r.upload.body(r.sent)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
		defer files.quiet() // the transport closes them, and may read on after an answer that came early
		content, media, size = files, files.media, files.size
	}
	q, err := http.NewRequestWithContext(ctx, r.method, target, content)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	q.ContentLength = size
	c.setHeaders(q, r, media, key)
	reply, err := c.http.Do(q)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	c.keepSession(reply)
	if (reply.StatusCode < 200 || reply.StatusCode > 299) && !slices.Contains(r.answers, reply.StatusCode) {
		defer reply.Body.Close()
		return nil, problemOf(reply)
	}
	return reply, nil
}

func (c *Client) setHeaders(q *http.Request, r request, media, key string) {
	h := q.Header
	h.Set("User-Agent", c.userAgent)
	h.Set("Accept", cmp.Or(r.accept, "application/json, application/problem+json, application/jsonl;q=0.9, */*;q=0.1"))
	if media != "" {
		h.Set("Content-Type", media)
	}
	if r.lastEvent != "" {
		h.Set("Last-Event-ID", r.lastEvent)
	}
	if r.ifMatch != "" {
		h.Set("If-Match", r.ifMatch)
	}
	if key != "" {
		h.Set("Idempotency-Key", key)
	}
	if own := r.bearer; !own.none() || !c.apiKey.none() {
		if own.none() {
			own = c.apiKey
		}
		h.Set("Authorization", "Bearer "+own.reveal())
		return
	}
	if token := c.token(); !token.none() {
		q.AddCookie(&http.Cookie{Name: cookieName, Value: token.reveal()})
	}
	h.Set("Origin", c.base.String()) // what a browser says of the appliance's own pages
}

// keepSession takes the cookie of an answer: a new session's, the present one's under a new token, or none any more.
func (c *Client) keepSession(reply *http.Response) {
	for _, cookie := range reply.Cookies() {
		if cookie.Name == cookieName && c.apiKey.none() {
			c.setToken(cookie.Value) // empty where the appliance takes it away
		}
	}
}
