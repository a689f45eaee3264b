package collector_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/bundle"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/collector"
	"github.com/qrsrisk/qrsd/internal/outbound"
)

// faultsOptions has the scrubbing of the product, and a DSN of the service.
func faultsOptions(r *rig, s *service) collector.FaultsOptions {
	return collector.FaultsOptions{
		Options: r.options(), Commit: "0123abcd", DSN: secret(strings.Replace(s.URL, "https://", "https://key0123@", 1) + "/base/42"), Words: bundle.Words, Member: bundle.Member,
	}
}

// event is what of an event is looked at.
type event struct {
	ID        string            `json:"event_id"`
	Timestamp time.Time         `json:"timestamp"`
	Platform  string            `json:"platform"`
	Level     string            `json:"level"`
	Logger    string            `json:"logger"`
	Release   string            `json:"release"`
	Tags      map[string]string `json:"tags"`
	Exception struct {
		Values []struct {
			Type, Value string
			Stacktrace  struct{ Frames []collector.Frame }
			Mechanism   struct {
				Type    string
				Handled bool
			}
		}
	}
	SDK struct {
		Name, Version string
		Settings      map[string]string
	} `json:"sdk"`
}

// opened reads an envelope: three lines, of which the second says how long the third is.
func opened(t *testing.T, body string) (e event) {
	t.Helper()
	lines := strings.Split(body, "\n")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("%d lines:\n%s", len(lines), body)
	}
	var head struct {
		ID   string    `json:"event_id"`
		Sent time.Time `json:"sent_at"`
	}
	var item struct {
		Type   string
		Length int
	}
	d := json.NewDecoder(strings.NewReader(lines[2]))
	d.DisallowUnknownFields()
	for _, err := range []error{json.Unmarshal([]byte(lines[0]), &head), json.Unmarshal([]byte(lines[1]), &item), d.Decode(&e)} {
		if err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(e.ID) || head.ID != e.ID || head.Sent.IsZero() || item.Type != "event" || item.Length != len(lines[2]) {
		t.Errorf("envelope %+v %+v of %d bytes", head, item, len(lines[2]))
	}
	return e
}

// planted is what must not leave, in every place that a line of the log has.
const planted = "Jane.Roe@harbour-mutual.example"

// broken panics with something of a tenant's.
func broken(log hclog.Logger, told func(any)) {
	defer func() { told(recover()) }()
	var years map[string]int
	years[planted] = 1
	log.Error(planted)
}

// TestFaults: lines of level error leave as envelopes, with the place in the program and the program's own words; nothing planted does, nor a path of
// the machine that built it.
func TestFaults(t *testing.T) {
	s := newService(t)
	r := s.rig(t, outbound.Connected)
	f := collector.NewFaultsAt(faultsOptions(r, s), time.Hour, time.Minute)
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "qrsd", Output: io.Discard})
	log.RegisterSink(f)
	const id = "0123456789abcdef0123456789abcdef"
	log.Warn("a request failed", "error", planted)
	log.Named("web").Error("a request failed", "request_id", id, "method", "GET", "path", "/"+planted, "tenant", planted, "run", id, planted, planted,
		"error", fmt.Errorf("the store of %s is locked: %w", planted, errors.New("10.1.2.3:"+planted)))
	broken(log, func(what any) {
		log.Named("web").Error("panic", "operation", "getMe", "request_id", planted, "panic", fmt.Sprint(what, ": ", planted, "\n", planted), "stack", string(debug.Stack()))
	})
	broken(log, func(any) { log.Error("panic in a stream "+planted, "panic", planted) })
	log.DeregisterSink(f)
	f.Stop()
	r.await(t, 3, 0)
	var all []event
	for range 3 {
		got := <-s.got
		if got.path != "/base/api/42/envelope/" || got.header.Get("Content-Type") != "application/x-sentry-envelope" || got.header.Get("X-Sentry-Auth") != "Sentry sentry_version=7, sentry_client=qrsd/1.2.3, sentry_key=key0123" {
			t.Errorf("%s %v", got.path, got.header)
		}
		for _, part := range []string{"Jane", "Roe", "harbour", "example", "10.1.2.3", "goroutine", "0x", "/home", "/work", "/src/"} {
			if strings.Contains(got.body, part) {
				t.Errorf("%q leaves:\n%s", part, got.body)
			}
		}
		all = append(all, opened(t, got.body))
	}
	for i, want := range []struct {
		kind, why, logger string
		handled           bool
		function          string
		tags              string
	}{
		{"a request failed", "the store of [withheld] is locked: [withheld]", "qrsd.web", true, "TestFaults", "map[method:GET request_id:" + id + "]"},
		{"panic", "[withheld] to entry in nil map: [withheld]", "qrsd.web", false, "broken", "map[operation:getMe]"},
		{"panic in a stream [withheld]", "[withheld]", "qrsd", false, "broken", "map[]"},
	} {
		e := all[i]
		if e.Platform != "go" || e.Level != "error" || e.Release != "qrsd@1.2.3+0123abcd" || e.SDK.Settings["infer_ip"] != "never" || e.Timestamp.IsZero() || len(e.Exception.Values) != 1 {
			t.Fatalf("%+v", e)
		}
		x := e.Exception.Values[0]
		if x.Type != want.kind || x.Value != want.why || e.Logger != want.logger || x.Mechanism.Handled != want.handled || fmt.Sprint(e.Tags) != want.tags {
			t.Errorf("%d: %q, %q, %q, %+v, %v", i, x.Type, x.Value, e.Logger, x.Mechanism, e.Tags)
		}
		frames := x.Stacktrace.Frames
		if len(frames) < 2 {
			t.Fatalf("%d: frames %+v", i, frames)
		}
		last := frames[len(frames)-1]
		if last.Function != want.function || last.File != "cmd/qrsd/internal/collector_test/faults_test.go" || last.Line < 70 || !last.Ours {
			t.Errorf("%d: the last frame is %+v", i, last)
		}
		if first := frames[0]; first.Module != "runtime" && first.Module != "testing" || first.Ours {
			t.Errorf("%d: the first frame is %+v", i, first)
		}
	}
}

// TestParsed takes the worker's stack out of the panic of a run, and nothing that is no stack.
func TestParsed(t *testing.T) {
	const text = planted + "\n" + planted + "()\n\t/" + planted + ".go:1\ngoroutine 7 [running]:\n" +
		"github.com/qrsrisk/qrsd/engine/internal/parallel.Ordered[...].func1.1()\n\t/home/a/engine/internal/parallel/parallel.go:38 +0x51\n" +
		"panic({0x1a2b, 0xc0001})\n\t/usr/lib/go/src/runtime/panic.go:792 +0x132\n" +
		"runtime.panicmem(...)\n\t/usr/lib/go/src/runtime/panic.go:262\n" +
		"github.com/qrsrisk/qrsd/engine/loss.(*Table).Add(0xc0001, {0x1, 0x2})\n\tgithub.com/qrsrisk/qrsd/engine/loss/table.go:77 +0x1d\n" +
		"github.com/gofiber/fiber/v2.(*App).handler(0x1)\n\t/root/go/pkg/mod/github.com/gofiber/fiber/v2@v2.1.0/router.go:9 +0x1\n" +
		"created by " + planted + " in goroutine 1\n\t/home/a/b.go:1 +0x1\n\ngoroutine 8 [running]:\nmain.main()\n\t/a.go:1\n"
	want := []collector.Frame{
		{Function: "(*Table).Add", Module: "github.com/qrsrisk/qrsd/engine/loss", File: "engine/loss/table.go", Line: 77, Ours: true},
		{Function: "(*App).handler", Module: "github.com/gofiber/fiber/v2", File: "github.com/gofiber/fiber/v2/router.go", Line: 9},
	}
	if got := collector.Parsed(text); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := collector.Parsed(planted + "\n" + planted); len(got) != 0 {
		t.Errorf("of no stack: %+v", got)
	}
}

// TestParseDSN: what is no DSN is refused, without a word of it.
func TestParseDSN(t *testing.T) {
	for text, want := range map[string]string{
		"https://key@errors.example.com/7":          "https://errors.example.com/api/7/envelope/",
		"https://key@Errors.example.com:9000/a/b/7": "https://errors.example.com:9000/a/b/api/7/envelope/",
		"http://key@127.0.0.1:9000/7":               "http://127.0.0.1:9000/api/7/envelope/",
	} {
		if got, err := collector.ParseDSN(text); err != nil || got.URL != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "key", "https://errors.example.com/7", "https://key@errors.example.com", "https://key@errors.example.com/", "ftp://key@h/7", "https://key@h/7?x=1", "https://key@h/a b", "https://ke%0ay@h/7", "https://key@h/7\n"} {
		if got, err := collector.ParseDSN(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
