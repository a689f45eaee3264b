package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// newApp is Fiber with our routes: everything that it would do of its own accord is switched off.
func (s *Server) newApp(all []route) *fiber.App {
	checkRoutes(all)
	l := s.options.Limits
	app := fiber.New(fiber.Config{
		Immutable:                    true, // what a handler keeps must not change under it
		CaseSensitive:                true,
		StrictRouting:                true,
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true,
		DisableDefaultContentType:    true,
		StreamRequestBody:            true, // see receive.go
		BodyLimit:                    1,    // bytes that fasthttp reads of a body before anybody looks at the request
		ReadBufferSize:               l.Header,
		ReadTimeout:                  l.Read,
		WriteTimeout:                 l.Write, // streams put it off as they go
		IdleTimeout:                  l.Idle,
		Concurrency:                  math.MaxInt32, // crowd bounds connections, so that fasthttp never has to
		ErrorHandler:                 s.answerFiber,
	})
	for i := range all {
		r := &all[i]
		app.Add(r.Method, fiberPath(r.Path), s.enclose(r))
		if r.Method == http.MethodGet {
			app.Add(http.MethodHead, fiberPath(r.Path), s.enclose(r))
		}
	}
	app.Use(s.enclose(nil))
	inner := app.Server()
	inner.CloseOnShutdown = true
	inner.SecureErrorLogMessage = true
	inner.Handler = s.onlyKnownMethods(app.Handler())
	return app
}

// onlyKnownMethods keeps methods from Fiber that it does not know: it would answer them itself, without our headers.
func (s *Server) onlyKnownMethods(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		if !slices.Contains(fiber.DefaultMethods, string(c.Method())) {
			c.Request.Header.SetMethod(http.MethodTrace) // which nothing answers
			c.SetConnectionClose()
		}
		next(c)
	}
}

// enclose is everything around a handler: one function for all routes, so that none can be without it.
func (s *Server) enclose(r *route) fiber.Handler {
	return func(ctx *fiber.Ctx) error {
		x := s.newExchange(ctx, r)
		s.setHeaders(x)
		if x.incoming = s.inflow(x); x.incoming != nil {
			defer x.incoming.leave(x)
		}
		err := s.process(x)
		if err != nil {
			s.replyError(x, err)
		}
		if s.log.IsDebug() {
			s.logRequest(x)
		}
		return nil
	}
}

// logRequest writes a line of a request: neither address nor path nor query, which say who did what; the audit log has that under
// the same id.
func (s *Server) logRequest(x *exchange) {
	operation := "none"
	if x.route != nil {
		operation = x.route.Operation
	}
	s.log.Debug("request", "request_id", x.source.Request, "method", x.method(), "operation", operation,
		"status", x.ctx.Response().StatusCode(), "milliseconds", s.now().Sub(x.received).Milliseconds())
}

// process takes a request to its handler and encodes its answer, or refuses it. A panic on the way is our own fault, and ends this
// request only.
func (s *Server) process(x *exchange) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.patience(x.route)) // not the server's: what is in hand is finished
	defer cancel()
	defer x.release()
	defer func() {
		if broken := recover(); broken != nil {
			s.log.Error("panic", "request_id", x.source.Request, "method", x.method(), "path", clipped(x.path()), "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
			err = errPanicked
			if !x.source.Entered.Load() {
				err = s.enter(ctx, x, err)
			}
		}
		if x.repeat != nil && (err != nil || !x.repeat.done) {
			s.repeats.forget(x.repeat)
		}
	}()
	if err := s.admit(ctx, x); err != nil {
		return err
	}
	in, err := s.take(x)
	if errors.Is(err, errRepeated) { // the reply is there
		return unless(s.enter(ctx, x, err), errRepeated)
	}
	if err != nil {
		return s.enter(ctx, x, err)
	}
	c := &Call{Principal: x.principal, Source: x.source, Session: x.token, Received: x.received, exchange: x}
	out, err := x.route.answer(ctx, s, c, in)
	if err != nil {
		return s.enter(ctx, x, err)
	}
	return s.reply(x, out)
}

// patience is how long a request may take. Uploads have their time twice: to come in, and to be read.
func (s *Server) patience(r *route) time.Duration {
	if r != nil && r.Upload {
		return 2*s.options.Limits.UploadTime + s.options.Limits.Work
	}
	return s.options.Limits.Work
}

// errPanicked ends a request whose handling panicked; the log has the cause.
var errPanicked = &refusal{kind: kindInternal, detail: "the log of the appliance has the cause under this request's id"}

// admit lets a request as far as its route: its form, its address's rate, who asks. Whoever is refused here is not known, and leaves no
// entry; nor does a path that nothing answers, or not with this method, whoever asks: there is no verb that was asked for.
func (s *Server) admit(ctx context.Context, x *exchange) error {
	if err := s.wellFormed(x); err != nil {
		return err
	}
	if err := s.limitAddress(x); err != nil {
		return err
	}
	if x.route == nil {
		return s.unrouted(x)
	}
	if x.route.Access != LockedToo && s.db.Locked() {
		return &refusal{kind: kindLocked, detail: "an operator unlocks it; until then only the system's state and health answer"}
	}
	err := s.identify(ctx, x)
	if err != nil && x.cookie() != "" && refusalOf(err).kind == kindSignInNeeded {
		x.setCookie("")
	}
	return err
}

// unless is err, or nil where it is the one that is no error to the client.
func unless(err error, harmless *refusal) error {
	if own, ok := err.(*refusal); ok && own == harmless { //nolint:errorlint // joined with another it is none
		return nil
	}
	return err
}

// take holds a known caller to its rate, its own pages and its rights, and only then reads its body. Errors of it are to be entered.
func (s *Server) take(x *exchange) (in any, err error) {
	if err := s.limitCaller(x); err != nil {
		return nil, err
	}
	if err := sameSite(x); err != nil {
		return nil, err
	}
	if err := s.permit(x); err != nil {
		return nil, err
	}
	if err := s.receive(x); err != nil {
		return nil, err
	}
	if in, err = x.route.read(x); err != nil {
		return nil, err
	}
	return in, s.repeated(x)
}

// unrouted refuses a path that nothing answers, or not with this method (RFC 9110 §15.5.6).
func (s *Server) unrouted(x *exchange) error {
	path := x.path()
	var allowed []string
	for _, r := range s.routes {
		if matches(r.Path, path) {
			allowed = append(allowed, r.Method)
			if r.Method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
	}
	if len(allowed) == 0 {
		return &refusal{kind: kindNotFound}
	}
	return &refusal{kind: kindMethod, allow: strings.Join(allowed, ", ")}
}

// matches reports whether a path is one of a route's.
func matches(route, path string) bool {
	want, got := strings.Split(route, "/"), strings.Split(path, "/")
	return len(want) == len(got) && slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && g != ""
	})
}

// answerFiber answers what Fiber or fasthttp found wrong before any handler ran. What they say of it may quote the request.
func (s *Server) answerFiber(ctx *fiber.Ctx, err error) error {
	x := s.newExchange(ctx, nil)
	s.setHeaders(x)
	ctx.Context().SetConnectionClose()
	found := refuse(kindInvalid, "it is not HTTP/1.1 as it should be (RFC 9112)")
	var known *fiber.Error
	if errors.As(err, &known) {
		switch known.Code {
		case http.StatusRequestHeaderFieldsTooLarge:
			found = refuse(kindHeaderTooLarge, "line and headers of a request have at most %d bytes together", s.options.Limits.Header)
		case http.StatusRequestTimeout:
			found = refuse(kindSlow, "a request is to arrive within %s", s.options.Limits.Read)
		}
	}
	s.replyError(x, found)
	return nil
}
