package web

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
)

// exchange is one request and its reply in Fiber's hands. It does not outlive the handler, and what is taken out of it is a
// copy (fiber.Config.Immutable).
type exchange struct {
	server    *Server
	ctx       *fiber.Ctx
	route     *route // nil where no route has the path
	status    int    // of a good reply; 0 is 200
	received  time.Time
	source    store.Source
	neighbour string // what the client's address counts as where it is limited
	principal store.Principal
	session   directory.Session      // of the cookie
	token     directory.SessionToken // of the cookie; zero with an API key
	repeat    *repeat                // of an Idempotency-Key that is used for the first time; nil otherwise
	incoming  *inflow                // body as it comes in; nil: there is none
	taken     []byte                 // body of all but uploads, once it was received
	content   []byte                 // digest of an upload's parts, in place of the body
	holds     []io.Closer            // what the request has open until it is answered
}

func (s *Server) newExchange(ctx *fiber.Ctx, r *route) *exchange {
	x := &exchange{server: s, ctx: ctx, route: r, received: s.now()}
	if r != nil {
		ctx.Context().SetUserValue(operationKey, r.Operation)
	}
	request := newRequestID()
	ctx.Context().SetUserValue(requestKey, request)
	at := s.clientAddress(x)
	x.neighbour = neighbourhood(at)
	x.source = store.Source{Address: at.String(), UserAgent: x.header("User-Agent"), Request: request, Entered: new(atomic.Bool)}
	return x
}

// newRequestID is our own, whatever the client or a proxy sends: it joins the reply, the log and the audit entry.
func newRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(id[:])
}

func (x *exchange) method() string            { return x.ctx.Method() }
func (x *exchange) target() string            { return x.ctx.OriginalURL() }
func (x *exchange) path() string              { return string(x.ctx.Context().URI().PathOriginal()) }
func (x *exchange) header(name string) string { return x.ctx.Get(name) }
func (x *exchange) set(name, value string)    { x.ctx.Set(name, value) }
func (x *exchange) param(name string) string  { return x.ctx.Params(name) }
func (x *exchange) body() []byte              { return x.taken }
func (x *exchange) mediaType() string         { return string(x.ctx.Request().Header.ContentType()) }
func (x *exchange) cookie() string            { return x.ctx.Cookies(cookieName) }

// cookieName is the session's cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain, so that no
// neighbouring host can set it (RFC 6265bis §4.1.3.2).
const cookieName = "__Host-qrsd"

// setCookie gives the browser the session's cookie, or takes it away. It lives as long as the browser does: how long
// the session does, the directory says.
func (x *exchange) setCookie(value string) {
	c := &fiber.Cookie{Name: cookieName, Value: value, Path: "/", Secure: true, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, SessionOnly: true}
	if value == "" {
		c.SessionOnly, c.Expires = false, time.Unix(1, 0)
	}
	x.ctx.Cookie(c)
}

// hold keeps something open until the request is answered.
func (x *exchange) hold(c io.Closer) { x.holds = append(x.holds, c) }

// release closes what the request had open.
func (x *exchange) release() {
	for _, c := range x.holds {
		_ = c.Close() // spooled files: nothing of them is to stay
	}
	x.holds = nil
}

// Where an exchange leaves its operation and its id for whoever counts it.
const (
	operationKey = "qrsd.operation"
	requestKey   = "qrsd.request"
)

// counted tells the metrics and the traces of each request, after it was answered; a stream's when it begins.
func (s *Server) counted(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	metrics, traces := s.options.Metrics, s.options.Traces
	if metrics == nil && traces == nil {
		return next
	}
	return func(c *fasthttp.RequestCtx) {
		began := time.Now()
		next(c)
		operation, _ := c.UserValue(operationKey).(string)
		status, took := c.Response.StatusCode(), time.Since(began)
		if metrics != nil {
			metrics.Answered(operation, status, took)
		}
		if traces != nil {
			id, _ := c.UserValue(requestKey).(string)
			traces.Request(operation, id, status, began, took)
		}
	}
}
