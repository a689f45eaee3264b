package client

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

// Problem is the appliance's answer to a request that did not succeed (RFC 9457).
type Problem struct {
	wire.Problem
	// RetryAfter is how long to wait before asking again; 0: it was not said.
	RetryAfter time.Duration
}

// Kind is the name of the problem's type, as in not-found: the last part of its URI. "" is none of the API's.
func (p *Problem) Kind() string {
	_, name, _ := strings.Cut(p.Type, "#problem-")
	return name
}

// Error says what it is, what of the request was wrong, and the request's id.
func (p *Problem) Error() string {
	text := p.Title
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for _, f := range p.Errors {
		text += fmt.Sprintf("; %s%s%s: %s", f.Pointer, f.Parameter, f.Header, f.Detail)
	}
	if p.RequestID != "" {
		text += " (request " + p.RequestID + ")"
	}
	return text
}

// maxReply bounds what is read into memory of an answer that is no export.
const maxReply = 16 << 20

// problemOf reads the answer to a request that did not succeed. What is no problem of ours (a proxy's page) is one of its status.
func problemOf(reply *http.Response) error {
	p := &Problem{RetryAfter: retryAfter(reply.Header)}
	media, _, _ := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return fmt.Errorf("read the answer of status %d: %w", reply.StatusCode, err)
	}
	if media != wire.ProblemType || json.Unmarshal(body, &p.Problem) != nil {
		p.Problem = wire.Problem{Title: "the answer is not of a qrsd appliance", Status: reply.StatusCode,
			Detail: fmt.Sprintf("status %d of media type %q; is there a proxy in between?", reply.StatusCode, media)}
	}
	return p
}

// retryAfter reads a number of seconds (RFC 9110 §10.2.3). The appliance sends no dates.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 1<<30 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
