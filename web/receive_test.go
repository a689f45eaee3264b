package web_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// TestBodiesOfStrangers opens many connections that declare large bodies, send most of them and wait: to routes for everybody, to
// such as need somebody known, to such as take no body, and to none. Memory does not grow with what they declare or send.
func TestBodiesOfStrangers(t *testing.T) {
	a := start(t, unlimited)
	before := heap()
	var all []net.Conn
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
	}()
	for _, c := range []struct{ method, path string }{
		{"POST", "/api/v1/session"}, {"POST", "/api/v1/users"}, {"GET", "/healthz"}, {"POST", "/no/such/place"},
	} {
		for range 16 {
			conn := a.dial()
			all = append(all, conn)
			_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
				c.method, c.path, host, 4<<20, strings.Repeat(" ", 8<<10)) // those that nobody wants are closed meanwhile
		}
	}
	time.Sleep(200 * time.Millisecond) // until all are read as far as they are
	if grown := int64(heap()) - int64(before); grown > 24<<20 {
		t.Errorf("%d connections made the heap grow by %d MiB", len(all), grown>>20)
	}
}

// TestBodyLimits sends bodies just within and just beyond what routes take, with a length and in chunks, and another request after it.
func TestBodyLimits(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Admin)
	padded := func(text string, size int) string { return text + strings.Repeat(" ", size-len(text)) }
	for _, c := range []struct {
		name, method, path, body string
		size, status             int
	}{
		{"somebody known, within", "PATCH", "/api/v1/me", `{"name":"A. N."}`, 64 << 10, 200},
		{"somebody known, beyond", "PATCH", "/api/v1/me", `{"name":"A. N."}`, 64<<10 + 1, 413},
		{"everybody, within", "POST", "/api/v1/session", `{"email":"nobody@example.com","password":"x"}`, 16 << 10, 401},
		{"everybody, beyond", "POST", "/api/v1/session", `{"email":"nobody@example.com","password":"x"}`, 16<<10 + 1, 413},
		{"a route without a body", "GET", "/api/v1/me", `{}`, 100 << 10, 200},
		{"no route", "POST", "/no/such/place", `{}`, 100 << 10, 404},
	} {
		for _, chunked := range []bool{false, true} {
			edit := func(r *http.Request) {
				if chunked {
					r.ContentLength = -1
				}
			}
			got := p.call(c.method, c.path, padded(c.body, c.size), edit)
			if got.Status != c.status {
				t.Errorf("%s, chunked %v: %d, want %d: %s", c.name, chunked, got.Status, c.status, got)
			}
			if c.status != 413 || c.method != "PATCH" {
				continue
			}
			if found := a.ofRequest(got.Header.Get("X-Request-Id"), tenant); len(found) != 1 || found[0].Outcome != store.Failed {
				t.Errorf("%s: the refusal left %+v", c.name, found)
			}
		}
	}
}

// TestUnreadBody puts a request into a body that is not read: it is never answered as one.
func TestUnreadBody(t *testing.T) {
	a := start(t, unlimited)
	inner := "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	for _, head := range []string{"GET /healthz", "POST /no/such/place", "POST /api/v1/users"} {
		for _, length := range []int{len(inner), 3 << 20} {
			got := a.raw(fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", head, host, length, inner))
			if n := len(statusLines.FindAllString(got, -1)); n != 1 {
				t.Errorf("%s with %d bytes: %d answers: %q", head, length, n, got)
			}
		}
		got := a.raw(fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", head, host, len(inner), inner+inner))
		if n := len(statusLines.FindAllString(got, -1)); n != 2 {
			t.Errorf("%s and another request: %d answers: %q", head, n, got)
		}
	}
}

// TestSlowBody sends a body slower than a request may come.
func TestSlowBody(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) { o.Limits.Read = time.Second })
	c := a.dial()
	defer func() { _ = c.Close() }()
	_, err := fmt.Fprintf(c, "POST /api/v1/session HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", host)
	a.must(err)
	a.must(c.SetReadDeadline(time.Now().Add(10 * time.Second)))
	got := make([]byte, 64<<10)
	n, err := io.ReadFull(c, got)
	if err == nil || !bytes.HasPrefix(got[:n], []byte("HTTP/1.1 408 ")) || !bytes.Contains(got[:n], []byte("Connection: close")) {
		t.Errorf("answered %v, %q", err, got[:n])
	}
}
