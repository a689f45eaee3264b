package web_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/crypto/argon2"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
)

// sides is how many connections send at once.
const sides = 64

// BenchmarkRead reads over TLS 1.3 and 64 connections: hello-world of bare Fiber, then a record of the store by session and by API
// key, each with its audit entry, all in one run. Client and server share the cores.
func BenchmarkRead(b *testing.B) {
	a := start(b, unlimited, func(o *web.Options, _ *directory.Options) { o.Limits.PerAddress = 4 * sides })
	p := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Modeler)
	key := p.apiKey("tenant.read")
	bare := bareFiber(b)
	get := func(path, header string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + header + "\r\n\r\n"
	}
	b.Run("bare", func(b *testing.B) { drive(b, a, bare, slices.Repeat([]string{get("/", "X-A: b")}, sides)) })
	b.Run("health", func(b *testing.B) { drive(b, a, a.address, slices.Repeat([]string{get("/healthz", "X-A: b")}, sides)) })
	b.Run("session", func(b *testing.B) {
		drive(b, a, a.address, slices.Repeat([]string{get("/api/v1/policy", "Cookie: __Host-qrsd="+p.cookie)}, sides))
	})
	b.Run("key", func(b *testing.B) {
		drive(b, a, a.address, slices.Repeat([]string{get("/api/v1/policy", "Authorization: Bearer "+key)}, sides))
	})
}

// BenchmarkWrite changes a record over 64 connections of 16 users, each change durable with its audit entry before the answer.
func BenchmarkWrite(b *testing.B) {
	a := start(b, unlimited, func(o *web.Options, _ *directory.Options) { o.Limits.PerAddress = 4 * sides })
	tenant := a.tenant("Example Mutual")
	var requests []string
	for i := range 16 {
		p := a.join(tenant, fmt.Sprintf("user%d@example.com", i), store.Modeler)
		for n := range sides / 16 {
			body := fmt.Sprintf(`{"name":"N. %d"}`, n)
			requests = append(requests, fmt.Sprintf("PATCH /api/v1/me HTTP/1.1\r\nHost: %s\r\nCookie: __Host-qrsd=%s\r\nOrigin: https://%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, p.cookie, host, len(body), body))
		}
	}
	drive(b, a, a.address, requests)
}

// BenchmarkSignIn signs in with password, next to the password hash alone on as many goroutines.
func BenchmarkSignIn(b *testing.B) {
	a := start(b, unlimited, func(o *web.Options, d *directory.Options) {
		o.Limits.PerAddress, d.Hash = 4*sides, directory.HashCost{}
	})
	tenant := a.tenant("Example Mutual")
	const atOnce = 4 // beyond twice the cores the directory says that it is busy
	var requests []string
	for i := range atOnce {
		p := a.account(tenant, fmt.Sprintf("user%d@example.com", i), store.Modeler)
		body := fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, p.password)
		requests = append(requests, fmt.Sprintf("POST /api/v1/session HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(body), body))
	}
	b.Run("argon2id", func(b *testing.B) {
		var left atomic.Int64
		left.Store(int64(b.N))
		var work sync.WaitGroup
		for range atOnce {
			work.Go(func() {
				for left.Add(-1) >= 0 {
					argon2.IDKey([]byte(goodPassword), []byte("0123456789abcdef"), 2, 19<<10, 1, 32)
				}
			})
		}
		work.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hash/s")
	})
	b.Run("sign-in", func(b *testing.B) { drive(b, a, a.address, requests) })
}

// bareFiber is hello-world of Fiber over the same TLS, and its address.
func bareFiber(b *testing.B) string {
	b.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString("hello, world") })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	certificate, _ := selfSigned(b)
	go func() {
		_ = app.Listener(tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*certificate}}))
	}()
	b.Cleanup(func() { _ = app.Shutdown() })
	return l.Addr().String()
}

// drive sends each request over a connection of its own, again and again, b.N in all, and reports requests a second and how
// long the slowest hundredth took.
func drive(b *testing.B, a *appliance, address string, requests []string) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	times := make([][]time.Duration, len(requests))
	connections := make([]*tls.Conn, len(requests))
	for i := range connections {
		c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(b.Context(), "tcp", address)
		a.must(err)
		connections[i] = c.(*tls.Conn)
		defer func() { _ = c.Close() }()
	}
	b.ResetTimer()
	var work sync.WaitGroup
	for i, c := range connections {
		work.Go(func() {
			reader := bufio.NewReader(c)
			for left.Add(-1) >= 0 {
				begun := time.Now()
				if err := exchangeOnce(c, reader, requests[i]); err != nil {
					b.Error(err)
					return
				}
				times[i] = append(times[i], time.Since(begun))
			}
		})
	}
	work.Wait()
	b.StopTimer()
	all := slices.Sorted(slices.Values(slices.Concat(times...)))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(all[len(all)*50/100].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// exchangeOnce is a lean client, so that it takes little from the server's cores.
func exchangeOnce(c io.Writer, from *bufio.Reader, request string) error {
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	status, err := from.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if len(line) > 16 && strings.EqualFold(string(line[:16]), "Content-Length: ") {
			if length, err = strconv.Atoi(textproto.TrimString(string(line[16:]))); err != nil {
				return err
			}
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(from, body); err != nil {
		return err
	}
	if code, err := strconv.Atoi(status[9:12]); err != nil || code >= http.StatusMultipleChoices {
		return fmt.Errorf("%s%s", status, body)
	}
	return nil
}
