package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
)

// Metrics counts what the server does, and gives the figures of the whole appliance out.
type Metrics interface {
	// Token is what a monitor shows as a bearer token; an error means that nobody can be let in.
	Token() (directory.Secret, error)
	// Text is all figures in the text format of Prometheus, version 0.0.4.
	Text() ([]byte, error)
	// Answered is told of each request: the operation, "" where no route has its path, the status, and how long it took. It must not wait.
	Answered(operation string, status int, took time.Duration)
	// Panicked is told that a request's handling, or a stream, panicked. It must not wait.
	Panicked(operation string)
}

// Traces is told of each request, for a collector of the owner's choice.
type Traces interface {
	// Request is told of a request that was answered: the operation, "" where no route has its path, the request's id, the status, and from
	// when it took how long. It must not wait.
	Request(operation, id string, status int, began time.Time, took time.Duration)
}

func metricsRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: "/metrics", Operation: "getMetrics", Access: LockedToo}, do((*Server).getMetrics)},
	}
}

// getMetrics gives the appliance's figures to a monitor that shows the token of the configuration. A monitor is nobody whom the directory
// knows, so that there is no entry of it; figures have no names in them.
func (s *Server) getMetrics(_ context.Context, c *Call, _ struct{}) (*Document, error) {
	m := s.options.Metrics
	if m == nil {
		return nil, refuse(kindNotFound, "metrics are off: name metrics.token in the configuration")
	}
	token, err := m.Token()
	if err != nil {
		return nil, err
	}
	shown := bearerOf(c.exchange)
	// Of digests, so that the time says nothing of the length either.
	a, b := sha256.Sum256([]byte(shown.Reveal())), sha256.Sum256([]byte(token.Reveal()))
	if token.IsZero() || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return nil, refuse(kindSignInNeeded, "show the token of metrics as a bearer token")
	}
	text, err := m.Text()
	return &Document{Type: "text/plain; version=0.0.4; charset=utf-8", Body: text}, err
}

// panicked tells the metrics of a panic.
func (s *Server) panicked(x *exchange) {
	if s.options.Metrics == nil {
		return
	}
	operation := ""
	if x != nil && x.route != nil {
		operation = x.route.Operation
	}
	s.options.Metrics.Panicked(operation)
}
