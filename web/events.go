package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// eventRoutes say what becomes of the tenant's runs while it happens.
func eventRoutes() []route {
	const path = api + "/events"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "streamEvents", Access: Permitted, Verb: "run.read", Bulk: true}, do((*Server).streamEvents)},
		{Route{Method: "GET", Path: path + "/recent", Operation: "listRecentEvents", Access: Permitted, Verb: "run.read"}, do((*Server).listRecentEvents)},
	}
}

// Bounds of streams of events.
const (
	streamsOfOne  = 16 // of a user or an API key: one for each open page
	streamsOfAll  = 2000
	streamWait    = 10 * time.Second // until a refused one may be asked for again
	reconnectWait = 3000             // milliseconds, which browsers wait until they ask again
)

// errNoFeed says that there is nothing to listen to.
func errNoFeed() error { return refuse(kindConflict, "this appliance carries out no runs") }

// listRecentEvents gives what a stream of events has given, for whoever asks from time to time.
func (s *Server) listRecentEvents(ctx context.Context, c *Call, in struct {
	After string `query:"after"`
}) (out wire.RecentEvents, err error) {
	if s.options.Feed == nil {
		return out, errNoFeed()
	}
	after, err := readEventID(in.After)
	if err != nil {
		return out, badParameter("after", err.Error())
	}
	if err := s.look(ctx, c); err != nil {
		return out, err
	}
	events, last, gap := s.options.Feed.Since(c.Principal.Tenant(), after)
	return wire.RecentEvents{Events: viewed(events, eventView), Last: eventID(last), Gap: gap}, nil
}

// streamEvents tells of the tenant's runs as server-sent events (HTML Living Standard §9.2), from the event on that the header
// Last-Event-ID or the query names. It ends when the caller's session or key does, and when the appliance stops.
func (s *Server) streamEvents(ctx context.Context, c *Call, in struct {
	After string `query:"after"`
}) (*Stream, error) {
	if s.options.Feed == nil {
		return nil, errNoFeed()
	}
	after, err := readEventID(in.After)
	if err != nil {
		return nil, badParameter("after", err.Error())
	}
	if last := c.exchange.header("Last-Event-ID"); last != "" { // which a browser sends when it comes again
		if after, err = readEventID(last); err != nil {
			return nil, badHeader("Last-Event-ID", err.Error())
		}
	}
	if c.exchange.method() == "HEAD" {
		return &Stream{Type: eventStream, Write: func(context.Context, io.Writer) error { return nil }}, s.look(ctx, c)
	}
	nudged, leave, err := s.listeners.enter(c.Principal)
	if err != nil {
		return nil, err
	}
	if err := s.look(ctx, c); err != nil {
		leave()
		return nil, err
	}
	c.exchange.set("X-Accel-Buffering", "no") // nginx would keep events back until it has a block of them
	t := telling{listener: s.options.Feed.Listen(c.Principal.Tenant(), after), standing: s.standing(c), every: s.options.Limits.Heartbeat, nudged: nudged}
	return &Stream{Type: eventStream, Live: true, Write: func(ctx context.Context, w io.Writer) error {
		defer leave()
		defer t.listener.Close()
		return t.run(ctx, w)
	}}, nil
}

const eventStream = "text/event-stream"

// standing asks whether the caller may still listen. The closure outlives the request.
func (s *Server) standing(c *Call) func(context.Context) error {
	if !c.Session.IsZero() {
		token, from := c.Session, c.Source
		return func(ctx context.Context) error { return s.directory.Standing(ctx, token, from) }
	}
	key, from, verb := bearerOf(c.exchange), c.Source, c.exchange.route.Verb
	return func(ctx context.Context) error {
		by, err := s.directory.APIKey(ctx, key, from)
		if err != nil {
			return err
		}
		if wanted, err := store.ParseVerb(verb); err != nil || !by.May(wanted) {
			return refuse(kindDenied, "the key may not any more")
		}
		return nil
	}
}

// telling is one stream of events.
type telling struct {
	listener Listener
	standing func(context.Context) error
	every    time.Duration   // heartbeats
	nudged   <-chan struct{} // something is to be written now
}

// run writes events as they come, and a comment when none did for a while, until the client is gone or may not listen any more. It
// begins with where the stream begins, so that a client that loses it before the first event misses nothing.
func (t *telling) run(ctx context.Context, w io.Writer) error {
	last := eventID(t.listener.Last())
	if _, err := fmt.Fprintf(w, "retry: %d\nevent: open\nid: %s\ndata: {\"last\":%q}\n\n", reconnectWait, last, last); err != nil {
		return err
	}
	for {
		events, gap, err := t.next(ctx)
		if ctx.Err() != nil {
			return nil // the client is gone, or the server stops
		}
		if err != nil {
			return err
		}
		if t.standing(ctx) != nil {
			_, err := io.WriteString(w, "event: end\ndata: {\"reason\":\"sign in again\"}\n\n")
			return err
		}
		if err := t.write(w, events, gap); err != nil {
			return err
		}
	}
}

// next waits for events as long as a heartbeat at most, or until it is nudged.
func (t *telling) next(ctx context.Context) ([]RunEvent, bool, error) {
	wait, cancel := context.WithTimeout(ctx, t.every)
	defer cancel()
	go func() {
		select {
		case <-t.nudged:
			cancel()
		case <-wait.Done():
		}
	}()
	events, gap, err := t.listener.Next(wait)
	if err != nil && wait.Err() != nil {
		return nil, false, nil
	}
	return events, gap, err
}

// write writes what Next gave. Events after a gap are newer than it, so that it comes first; it has the id of none, and whoever is cut
// off behind it learns of it again.
func (t *telling) write(w io.Writer, events []RunEvent, gap bool) error {
	if len(events) == 0 && !gap {
		_, err := io.WriteString(w, ": heartbeat\n\n")
		return err
	}
	if gap {
		if _, err := io.WriteString(w, "event: gap\ndata: {}\n\n"); err != nil {
			return err
		}
		if len(events) == 0 {
			_, err := fmt.Fprintf(w, "event: open\nid: %s\ndata: {\"last\":%[1]q}\n\n", eventID(t.listener.Last()))
			return err
		}
	}
	for _, e := range events {
		text, err := json.Marshal(eventView(e))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: run\nid: %s\ndata: %s\n\n", eventID(e.ID), text); err != nil {
			return err
		}
	}
	return nil
}

func eventView(e RunEvent) wire.RunEvent {
	out := wire.RunEvent{ID: eventID(e.ID), Run: e.Run.String(), At: e.At.UTC(), State: string(e.State), Sealed: e.Sealed, Reason: e.Reason}
	if e.Stage != "" && !e.State.Ended() {
		out.Progress = &wire.RunProgress{Stage: e.Stage, Done: e.Done, Of: e.Of, YearsASecond: e.Rate, SecondsLeft: e.Left.Seconds()}
	}
	return out
}

func eventID(id uint64) string { return strconv.FormatUint(id, 10) }

// readEventID reads the id of an event; "" is 0.
func readEventID(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is no id of an event: give the id of the last one that you have, or none", clipped(text))
	}
	return id, nil
}

// listeners counts streams of events. It is safe for many goroutines.
type listeners struct {
	mu  sync.Mutex
	all int
	of  map[string]map[chan struct{}]struct{} // of a caller: where each of the streams is nudged
}

// enter takes a place, which leave gives back, once. Whoever has many streams may have closed some, which is seen when something is written
// to them: with nudged they are told to.
func (l *listeners) enter(by store.Principal) (nudged <-chan struct{}, leave func(), err error) {
	name := by.Tenant().String() + by.User().String()
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.of[name]
	if len(own) >= streamsOfOne/2 {
		for nudge := range own {
			select {
			case nudge <- struct{}{}:
			default: // it was not heard yet
			}
		}
	}
	if len(own) >= streamsOfOne || l.all >= streamsOfAll {
		return nil, nil, &refusal{kind: kindTooMany, retryAfter: streamWait,
			detail: fmt.Sprintf("%d streams of events are open for you, %d in all; close one, or ask GET %s/events/recent from time to time", len(own), l.all, api)}
	}
	if own == nil {
		own = map[chan struct{}]struct{}{}
	}
	if l.of == nil {
		l.of = map[string]map[chan struct{}]struct{}{}
	}
	nudge := make(chan struct{}, 1)
	own[nudge], l.of[name] = struct{}{}, own
	l.all++
	return nudge, sync.OnceFunc(func() { l.leave(name, nudge) }), nil
}

func (l *listeners) leave(name string, nudge chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	delete(l.of[name], nudge)
	if len(l.of[name]) == 0 {
		delete(l.of, name)
	}
}
