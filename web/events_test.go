package web_test

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/store/storetest"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// reader is an administrator of the tenant.
func (a *appliance) reader(tenant store.ID) store.Principal {
	return storetest.User(tenant, store.Admin)
}

// news is a feed in memory. lost are the ids up to which events are gone.
type news struct {
	mu      sync.Mutex
	all     []web.RunEvent
	lost    uint64
	changed chan struct{}
	open    int // listeners
}

func newNews() *news { return &news{changed: make(chan struct{})} }

// publish tells of a run, under the next id.
func (n *news) publish(tenant, run store.ID, s workspace.State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, web.RunEvent{ID: uint64(len(n.all) + 1), Tenant: tenant, Run: run, State: s, At: time.Now(), Stage: "years", Done: len(n.all), Of: 100})
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *news) listening() int { n.mu.Lock(); defer n.mu.Unlock(); return n.open }

func (n *news) Since(tenant store.ID, after uint64) (events []web.RunEvent, last uint64, gap bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.all {
		if e.Tenant == tenant && e.ID > max(after, n.lost) {
			events = append(events, e)
		}
	}
	return events, uint64(len(n.all)), after > 0 && after < n.lost
}

func (n *news) Listen(tenant store.ID, after uint64) web.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open++
	if after == 0 {
		after = uint64(len(n.all))
	}
	return &hearing{n, tenant, after}
}

type hearing struct {
	*news
	tenant store.ID
	after  uint64
}

func (h *hearing) Next(ctx context.Context) ([]web.RunEvent, bool, error) {
	for {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		events, last, gap := h.Since(h.tenant, h.after)
		if h.after = last; len(events) > 0 || gap {
			return events, gap, nil
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-changed:
		}
	}
}

func (h *hearing) Last() uint64 { return h.after }
func (h *hearing) Close()       { h.mu.Lock(); defer h.mu.Unlock(); h.open-- }

// telling is an open stream of events.
type telling struct {
	testing.TB
	header http.Header
	lines  chan string // closed at the end
}

// listen opens a stream, and closes it when the test ends.
func (p *person) listen(edits ...func(*http.Request)) *telling {
	p.Helper()
	ctx, cancel := context.WithCancel(p.Context())
	p.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, "GET", "https://"+host+"/api/v1/events", http.NoBody)
	p.must(err)
	if p.key != "" {
		q.Header.Set("Authorization", "Bearer "+p.key)
	} else {
		q.Header.Set("Cookie", "__Host-qrsd="+p.cookie)
	}
	q.Header.Set("Accept-Encoding", "gzip, zstd")
	for _, edit := range edits {
		edit(q)
	}
	got, err := p.streaming().RoundTrip(q)
	p.must(err)
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/event-stream" || got.Header.Get("Content-Encoding") != "" || got.Header.Get("X-Accel-Buffering") != "no" {
		p.Fatalf("%d %v", got.StatusCode, got.Header)
	}
	s := &telling{p.TB, got.Header, make(chan string, 1000)}
	go func() {
		defer close(s.lines)
		defer got.Body.Close()
		for lines := bufio.NewScanner(got.Body); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	return s
}

// streaming is a transport that reads no body to its end by itself.
func (a *appliance) streaming() *http.Transport {
	t := a.transport()
	a.Cleanup(t.CloseIdleConnections)
	return t
}

// next reads up to the next event or comment: its fields by name; a comment is under "". nil is the end of the stream.
func (s *telling) next() map[string]string {
	s.Helper()
	event := map[string]string{}
	late := time.After(20 * time.Second)
	for {
		select {
		case line, open := <-s.lines:
			switch name, value, _ := strings.Cut(line, ":"); {
			case !open:
				return nil
			case line == "":
				return event
			default:
				event[name] = strings.TrimPrefix(value, " ")
			}
		case <-late:
			s.Fatal("nothing came in 20 s")
		}
	}
}

// find reads on to the next event of a kind, over heartbeats.
func (s *telling) find(kind string) map[string]string {
	s.Helper()
	for {
		e := s.next()
		if e == nil {
			s.Fatalf("the stream ended before an event %q", kind)
		}
		if e["event"] == kind {
			return e
		}
	}
}

// withNews is an appliance with a feed, and heartbeats that follow one another fast.
func withNews(t testing.TB) (*appliance, *news) {
	n := newNews()
	return start(t, unlimited, func(o *web.Options, _ *directory.Options) { o.Feed, o.Limits.Heartbeat = n, 50*time.Millisecond }), n
}

// TestEvents: a stream says where it begins, tells each tenant of its own runs at once, is kept alive, goes on from the last id, tells of
// a gap, and polling gives the same facts. Each request leaves one entry.
func TestEvents(t *testing.T) {
	a, n := withNews(t)
	mine, theirs := a.tenant("Example Mutual"), a.tenant("Other Mutual")
	viewer := a.join(mine, "viewer@example.com", store.Viewer)
	run := store.ID{0: 7}
	n.publish(mine, run, workspace.Queued)
	first := viewer.listen()
	if open := first.next(); open["event"] != "open" || open["id"] != "1" || open["retry"] == "" {
		t.Fatalf("the stream begins with %v", open)
	}
	n.publish(theirs, store.ID{0: 8}, workspace.Running)
	n.publish(mine, run, workspace.Running)
	e := first.find("run")
	if e["id"] != "3" || !strings.Contains(e["data"], `"run":"`+run.String()+`"`) || !strings.Contains(e["data"], `"stage":"years"`) {
		t.Errorf("event %v", e)
	}
	for range 2 {
		if beat := first.next(); beat[""] != "heartbeat" {
			t.Errorf("%v, want a heartbeat", beat)
		}
	}
	again := viewer.listen(header("Last-Event-ID", "1"))
	if e := again.find("run"); e["id"] != "3" {
		t.Errorf("taken up after 1: %v", e)
	}
	n.mu.Lock()
	n.lost = 2
	n.mu.Unlock()
	gap := viewer.listen(header("Last-Event-ID", "1"))
	gap.find("gap")
	if e := gap.find("run"); e["id"] != "3" {
		t.Errorf("after the gap: %v", e)
	}
	var polled wire.RecentEvents
	viewer.want(200, viewer.call("GET", "/api/v1/events/recent?after=1", nil)).into(t, &polled)
	if len(polled.Events) != 1 || polled.Events[0].ID != "3" || !polled.Gap || polled.Last != "3" || polled.Events[0].Progress == nil {
		t.Errorf("polled %+v", polled)
	}
	for _, edit := range []func(*http.Request){header("Last-Event-ID", "x"), func(q *http.Request) { q.URL.RawQuery = "after=-1" }} {
		viewer.want(400, viewer.call("GET", "/api/v1/events", nil, edit))
	}
	viewer.want(200, viewer.call("HEAD", "/api/v1/events", nil))
	a.wantOneEntryEach(map[string]string{first.header.Get("X-Request-Id"): "a stream", gap.header.Get("X-Request-Id"): "a stream with a gap"}, mine)
}

// TestClosedStreamsGiveTheirPlaceBack: whoever closes pages and opens others is not refused until heartbeats have found the closed ones.
func TestClosedStreamsGiveTheirPlaceBack(t *testing.T) {
	n := newNews()
	a := start(t, unlimited, func(o *web.Options, _ *directory.Options) { o.Feed, o.Limits.Heartbeat = n, time.Hour })
	p := a.join(a.tenant("Example Mutual"), "viewer@example.com", store.Viewer)
	for range 4 * web.StreamsOfOne {
		ctx, cancel := context.WithCancel(t.Context())
		s := p.listen(func(q *http.Request) { *q = *q.WithContext(ctx) })
		s.find("open")
		cancel()
		for s.next() != nil {
		}
	}
}

// TestEventsEnd: a stream ends with the session or the key that it was opened with, does not keep the session alive, and gives its place
// back; more than a user may have are refused; the appliance stops in spite of them.
func TestEventsEnd(t *testing.T) {
	a, n := withNews(t)
	tenant := a.tenant("Example Mutual")
	out, idle, owner := a.join(tenant, "viewer@example.com", store.Viewer), a.join(tenant, "idle@example.com", store.Viewer), a.join(tenant, "admin@example.com", store.Admin)
	var made wire.MadeAPIKey
	owner.want(201, owner.call("POST", "/api/v1/api-keys", wire.NewAPIKey{Name: "k", Scopes: []string{"run.read"}})).into(t, &made)
	byKey := &person{appliance: a, tenant: tenant, client: a.client(nil), key: made.Secret}
	ofSession, ofIdle, ofKey := out.listen(), idle.listen(), byKey.listen()
	for _, s := range []*telling{ofSession, ofIdle, ofKey} {
		s.find("open")
	}
	out.want(204, out.call("DELETE", "/api/v1/session", nil))
	owner.want(204, owner.call("DELETE", "/api/v1/api-keys/"+made.APIKey.ID, nil))
	ofSession.find("end")
	ofKey.find("end")
	a.clock.pass(31 * time.Minute) // in which the idle one asked for nothing
	ofIdle.find("end")
	for _, s := range []*telling{ofSession, ofIdle, ofKey} {
		for e := s.next(); e != nil; e = s.next() {
			t.Errorf("after the end: %v", e)
		}
	}
	idle.signIn()
	var open []*telling
	for range web.StreamsOfOne {
		open = append(open, idle.listen())
	}
	if p := idle.want(429, idle.call("GET", "/api/v1/events", nil)).problem(t); !strings.Contains(p.Detail, strconv.Itoa(web.StreamsOfOne)) {
		t.Errorf("one too many: %+v", p)
	}
	if got := n.listening(); got != web.StreamsOfOne {
		t.Errorf("%d listeners, want %d", got, web.StreamsOfOne)
	}
	a.must(a.stop())
	for _, s := range open {
		for s.next() != nil {
		}
	}
	if got := n.listening(); got != 0 {
		t.Errorf("%d listeners are left", got)
	}
}
