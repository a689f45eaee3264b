package client

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

// RecentEvents are the events of the tenant's runs that are still at hand, after the one of that id; "": all.
func (c *Client) RecentEvents(ctx context.Context, after string) (wire.RecentEvents, error) {
	return call[wire.RecentEvents](ctx, c, request{method: http.MethodGet, path: at("events", "recent"), query: given(map[string]string{"after": after})})
}

// Told is what a stream of events tells.
type Told struct {
	// Run is the newest that is known of a run; nil: the stream begins, or events were lost (Gap). Then the runs themselves say how they are.
	Run *wire.RunEvent
	// Gap says that events before are gone.
	Gap bool
}

// StreamEvents listens to what becomes of the tenant's runs, after the event of that id; "": from now on. A stream that breaks off is
// asked for again from where it was (Last-Event-ID), until the appliance was away for Options.Patience. It ends with ctx, whose error it gives, with a
// *Problem (a session or a key that does not count any more), or with the last error of a connection.
func (c *Client) StreamEvents(ctx context.Context, after string) iter.Seq2[Told, error] {
	return func(yield func(Told, error) bool) {
		s := stream{client: c, last: after, wait: usualReconnect}
		for {
			err := s.once(ctx, func(t Told) bool { return yield(t, nil) })
			switch {
			case errors.Is(err, errLeft):
				return
			case ctx.Err() != nil:
				yield(Told{}, ctx.Err())
				return
			case err != nil && !s.mayComeAgain(err):
				yield(Told{}, err)
				return
			}
			if err := sleep(ctx, s.wait); err != nil {
				yield(Told{}, err)
				return
			}
		}
	}
}

// FollowRun tells how a run is, now and whenever that changes, until it has ended and, where it is done, is sealed. What comes is the
// newest that is known, and may leave out what was between; what was read of the run itself has no ID. It ends with an error as StreamEvents does.
func (c *Client) FollowRun(ctx context.Context, id string) iter.Seq2[wire.RunEvent, error] {
	return func(yield func(wire.RunEvent, error) bool) {
		for told, err := range c.StreamEvents(ctx, "") {
			if err != nil {
				yield(wire.RunEvent{}, err)
				return
			}
			now := told.Run
			if now == nil { // a stream that begins says nothing of what was before
				r, _, err := c.Run(ctx, id)
				if err != nil {
					yield(wire.RunEvent{}, err)
					return
				}
				now = eventOf(r)
			}
			if now.Run != id {
				continue
			}
			if !yield(*now, nil) || now.State == "failed" || now.State == "cancelled" || now.Sealed {
				return
			}
		}
	}
}

// eventOf is a run as its newest event would tell it.
func eventOf(r wire.Run) *wire.RunEvent {
	e := &wire.RunEvent{Run: r.ID, At: r.Submitted, State: r.State, Sealed: r.Seal == "sealed", Reason: r.Reason, Progress: r.Progress}
	for _, later := range []*time.Time{r.Started, r.Ended} {
		if later != nil {
			e.At = *later
		}
	}
	return e
}

// usualReconnect is how long to wait before asking again for a stream that did not say it.
const usualReconnect = 3 * time.Second

// silentAtMost is the longest silence of a stream that is alive: the appliance gives a sign of life every fifteen seconds.
const silentAtMost = time.Minute

// errLeft says that whoever listened does not any more, errSilent that nothing came for too long.
var (
	errLeft   = errors.New("nobody listens any more")
	errSilent = errors.New("the stream of events was silent for too long")
)

// stream is a stream of events over its connections.
type stream struct {
	client *Client
	last   string        // id to go on from; "": from now on
	wait   time.Duration // before asking again
	heard  time.Time     // when something came last; zero: nothing yet
}

// mayComeAgain says whether it is worth to ask again after an error of a connection.
func (s *stream) mayComeAgain(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return false // what may be asked again was
	}
	return time.Since(s.heard) < s.client.patience
}

// once listens over one connection. A nil error: it ended.
func (s *stream) once(ctx context.Context, tell func(Told) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reply, err := s.client.send(ctx, request{method: http.MethodGet, path: at("events"), lastEvent: s.last, accept: "text/event-stream"})
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	// A connection whose other end is gone may stay open for hours.
	silence := time.AfterFunc(s.client.silence, func() { cancel(errSilent) })
	defer silence.Stop()
	for m, err := range messages(reply.Body) {
		if err != nil {
			return fmt.Errorf("GET %s: %w", at("events"), cmp.Or(context.Cause(ctx), err))
		}
		silence.Reset(s.client.silence)
		s.heard = time.Now()
		if err := s.take(m, tell); err != nil {
			return err
		}
	}
	return context.Cause(ctx) // a body whose request was cancelled may end like any other
}

// take takes one message of the stream.
func (s *stream) take(m message, tell func(Told) bool) error {
	if m.retry > 0 {
		s.wait = m.retry
	}
	var t Told
	switch m.event {
	case "open":
	case "gap":
		t.Gap = true
	case "run":
		t.Run = new(wire.RunEvent)
		if err := json.Unmarshal([]byte(m.data), t.Run); err != nil {
			return fmt.Errorf("event %s does not have its shape: %w", m.id, err)
		}
	default: // a heartbeat, the end, or what later versions tell
		return nil
	}
	if m.id != "" {
		s.last = m.id
	}
	if !tell(t) {
		return errLeft
	}
	return nil
}

// message is one of a stream of events; with an event of "" only a sign of life.
type message struct {
	event, id, data string
	retry           time.Duration
}

// maxMessage bounds a line of a stream of events.
const maxMessage = 1 << 20

// messages reads server-sent events (HTML Living Standard §9.2.6), and comments as messages without an event.
func messages(from io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		lines := bufio.NewScanner(from)
		lines.Buffer(nil, maxMessage)
		var m message
		for lines.Scan() {
			if lines.Text() == "" { // the end of a message
				if m != (message{}) && !yield(m, nil) {
					return
				}
				m = message{}
				continue
			}
			field, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "":
				if !yield(message{}, nil) {
					return
				}
			case "event":
				m.event = value
			case "id":
				m.id = value
			case "data":
				if m.data != "" {
					m.data += "\n"
				}
				m.data += value
			case "retry":
				if ms, err := strconv.Atoi(value); err == nil && ms >= 0 && ms < 1e6 {
					m.retry = time.Duration(ms) * time.Millisecond
				}
			}
		}
		if err := lines.Err(); err != nil {
			yield(message{}, err)
		}
	}
}

// given are the values of a query that are not empty.
func given(all map[string]string) url.Values {
	v := url.Values{}
	for name, text := range all {
		if text != "" {
			v.Set(name, text)
		}
	}
	return v
}
