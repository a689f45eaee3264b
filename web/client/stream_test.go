package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

// TestMessages reads the forms that a stream of events may have.
func TestMessages(t *testing.T) {
	text := ": hello\n\nretry: 250\nevent: open\nid: 7\ndata: {\"last\":\"7\"}\n\n\n" +
		"event:run\r\nid:8\r\ndata: one\r\n: between\r\ndata:  two\r\n\r\nevent: cut off\ndata: never told\n"
	var got []message
	for m, err := range messages(strings.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	want := []message{{}, {event: "open", id: "7", data: `{"last":"7"}`, retry: 250 * time.Millisecond}, {}, {event: "run", id: "8", data: "one\n two"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, err := range messages(strings.NewReader("data: " + strings.Repeat("a", maxMessage+1))) {
		if err == nil {
			t.Error("a line without end was taken")
		}
	}
}

// FuzzMessages: no stream makes the reader fail otherwise than by its error, nor give what was not sent.
func FuzzMessages(f *testing.F) {
	f.Add("event: run\nid: 1\ndata: {}\n\n")
	f.Add(": heartbeat\n\nretry: 3000\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		for m, err := range messages(strings.NewReader(text)) {
			if err == nil && (len(m.data) > len(text) || m.retry < 0) {
				t.Fatalf("%+v of %q", m, text)
			}
		}
	})
}

// feed is a server whose streams of events the test writes.
type feed struct {
	*httptest.Server
	asked chan *http.Request
	reply chan func(http.ResponseWriter, context.Context)
}

func newFeed(t *testing.T) (*feed, *Client) {
	t.Helper()
	f := &feed{asked: make(chan *http.Request, 10), reply: make(chan func(http.ResponseWriter, context.Context), 10)}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked <- r
		(<-f.reply)(w, r.Context())
	}))
	t.Cleanup(f.Close)
	c, err := New(Options{BaseURL: f.URL, HTTP: f.Client(), Patience: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return f, c
}

// writes answers with a text, and ends.
func writes(text string) func(http.ResponseWriter, context.Context) {
	return func(w http.ResponseWriter, _ context.Context) { _, _ = io.WriteString(w, text) }
}

// TestStreamComesAgain: a stream that breaks off, is cut in the middle or falls silent is asked for again from the last event that was whole, after the time that the
// appliance names; a key that does not count any more ends it.
func TestStreamComesAgain(t *testing.T) {
	f, c := newFeed(t)
	c.silence = 50 * time.Millisecond
	f.reply <- writes("retry: 1\nevent: open\nid: 4\ndata: {}\n\nevent: run\nid: 5\ndata: {\"id\":\"5\",\"run\":\"a\"}\n\nevent: run\nid: 6\ndata: {\"id\"")
	f.reply <- func(w http.ResponseWriter, ctx context.Context) {
		_, _ = io.WriteString(w, "event: run\nid: 6\ndata: {\"id\":\"6\",\"run\":\"a\"}\n\n: heartbeat\n\n")
		w.(http.Flusher).Flush()
		<-ctx.Done() // silent
	}
	f.reply <- func(w http.ResponseWriter, _ context.Context) {
		_, _ = io.WriteString(w, "event: gap\ndata: {}\n\nevent: end\ndata: {\"reason\":\"sign in again\"}\n\n")
	}
	f.reply <- func(w http.ResponseWriter, _ context.Context) {
		w.Header().Set("Content-Type", wire.ProblemType)
		w.WriteHeader(401)
		_, _ = io.WriteString(w, `{"type": "/docs/api#problem-sign-in-needed", "title": "Sign in first", "status": 401, "request_id": "1"}`)
	}
	var told []string
	var last error
	for x, err := range c.StreamEvents(t.Context(), "") {
		switch {
		case err != nil:
			last = err
		case x.Run != nil:
			told = append(told, x.Run.ID)
		default:
			told = append(told, fmt.Sprint("gap ", x.Gap))
		}
	}
	if want := []string{"gap false", "5", "6", "gap true"}; fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told %q, want %q", told, want)
	}
	var p *Problem
	if !errors.As(last, &p) || p.Kind() != "sign-in-needed" {
		t.Errorf("the end: %v", last)
	}
	for i, want := range []string{"", "5", "6", "6"} {
		if r := <-f.asked; r.Header.Get("Last-Event-ID") != want || r.Header.Get("Accept") != "text/event-stream" {
			t.Errorf("request %d goes on from %q, want %q; it accepts %s", i, r.Header.Get("Last-Event-ID"), want, r.Header.Get("Accept"))
		}
	}
}

// TestStreamGivesUp: an appliance that is not there at the beginning is an error at once, and what makes no sense is one too.
func TestStreamGivesUp(t *testing.T) {
	f, c := newFeed(t)
	f.reply <- writes("event: run\nid: 5\ndata: nonsense\n\n")
	c.patience = 0
	for _, err := range c.StreamEvents(t.Context(), "4") {
		if err == nil || !strings.Contains(err.Error(), "event 5 does not have its shape") {
			t.Errorf("nonsense: %v", err)
		}
	}
	f.Close()
	c.patience = time.Minute
	for _, err := range c.StreamEvents(t.Context(), "4") {
		if err == nil || !strings.Contains(err.Error(), "GET /api/v1/events") {
			t.Errorf("nobody there: %v", err)
		}
	}
}

// TestUploadAgain: an upload that was refused because the appliance is busy is sent again whole, from files that were opened anew; its length is said
// beforehand, and its progress begins again.
func TestUploadAgain(t *testing.T) {
	var bodies []string
	var keys []string
	busy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if r.ContentLength < 20 {
			t.Errorf("its length is said to be %d", r.ContentLength)
		}
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			if r.Header.Get("User-Agent") != "cut off" {
				t.Error(err)
			}
			return
		}
		files := r.MultipartForm.File["location"]
		from, err := files[0].Open()
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(from)
		if err = errors.Join(err, from.Close()); err != nil {
			t.Error(err)
		}
		bodies = append(bodies, r.FormValue("name")+" "+files[0].Filename+" "+string(text))
		w.Header().Set("Content-Type", wire.ProblemType)
		if len(bodies)%2 == 1 {
			w.WriteHeader(503)
			_, _ = io.WriteString(w, `{"type": "/docs/api#problem-busy", "title": "Too much", "status": 503, "request_id": "1"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id": "7"}`)
	}))
	defer busy.Close()
	c, err := New(Options{BaseURL: busy.URL, HTTP: busy.Client()})
	if err != nil {
		t.Fatal(err)
	}
	opened, begun, last, all := 0, 0, int64(0), int64(0)
	content := strings.Repeat("a,b,c\n", 30_000)
	e := Exposure{Name: "Küste \"1\"", Location: &File{Name: "location.csv", Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(strings.NewReader(content)), nil
	}}}
	made, err := c.ImportPortfolio(t.Context(), e, func(done, of int64) {
		if done < last {
			begun++
		}
		last, all = done, of
	})
	if err != nil || made.ID != "7" {
		t.Fatalf("%+v, %v", made, err)
	}
	if want := `Küste "1" location.csv ` + content; opened != 2 || len(bodies) != 2 || bodies[0] != want || bodies[1] != want || keys[0] != keys[1] {
		t.Errorf("%d opened, %d bodies, keys %q", opened, len(bodies), keys)
	}
	if begun != 1 || last != all || last < int64(len(content)) {
		t.Errorf("progress began again %d times and ended with %d of %d", begun, last, all)
	}
	if _, err := c.ReplacePortfolio(t.Context(), "7", e, "", nil); err != nil || len(keys) != 4 || keys[2] == "" || keys[2] != keys[3] || keys[2] == keys[0] {
		t.Errorf("the next version, sent again: keys %q, %v", keys, err)
	}
	e.Location.Size++
	c.userAgent = "cut off" // by which the server knows that it is on purpose
	if _, err := c.ImportPortfolio(t.Context(), e, nil); err == nil || !strings.Contains(err.Error(), "ContentLength") {
		t.Errorf("a file that is shorter than was said: %v", err)
	}
}

// TestDownloadCutOff: an answer that ends before its end is an error.
func TestDownloadCutOff(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "EventId,Loss\n")
	}))
	defer s.Close()
	c, err := New(Options{BaseURL: s.URL, HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var of int64
	err = c.RunFile(t.Context(), "1", "gu_elt.csv", &out, func(_, all int64) { of = all })
	if !errors.Is(err, io.ErrUnexpectedEOF) || of != 100 {
		t.Errorf("%v of %d bytes", err, of)
	}
}
