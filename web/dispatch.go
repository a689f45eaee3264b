package web

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"
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
		BodyLimit:                    l.Body,
		ReadBufferSize:               l.Header,
		ReadTimeout:                  l.Read,
		WriteTimeout:                 l.Write,
		IdleTimeout:                  l.Idle,
		Concurrency:                  l.Connections,
		ErrorHandler:                 s.answerError,
	})
	for i := range all {
		r := &all[i]
		app.Add(r.Method, fiberPath(r.Path), s.enclose(r))
		if r.Method == http.MethodGet {
			app.Add(http.MethodHead, fiberPath(r.Path), s.enclose(r))
		}
	}
	app.Use(s.enclose(nil))
	return app
}

// enclose is everything around a handler: one function for all routes, so that none can be without it.
func (s *Server) enclose(r *route) fiber.Handler {
	return func(ctx *fiber.Ctx) error {
		x := s.newExchange(ctx, r)
		s.setHeaders(x)
		out, err := s.process(x)
		if err == nil {
			err = s.reply(x, out)
		}
		if err != nil {
			s.replyError(x, err)
		}
		return nil
	}
}

// process takes a request to its handler, or refuses it.
func (s *Server) process(x *exchange) (any, error) {
	if x.route == nil {
		return nil, s.unrouted(x)
	}
	if err := s.identify(x); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Limits.Work) // not the server's: commits in hand are finished
	defer cancel()
	if err := s.permit(x); err != nil {
		return nil, s.enter(ctx, x, err)
	}
	in, err := x.route.read(x)
	if err != nil {
		return nil, s.enter(ctx, x, err)
	}
	c := &Call{Principal: x.principal, Source: x.source, Session: x.session, Received: x.received, exchange: x}
	out, err := x.route.answer(ctx, s, c, in)
	if err != nil {
		return nil, s.enter(ctx, x, err)
	}
	return out, nil
}

// unrouted refuses a path that nothing answers.
func (s *Server) unrouted(*exchange) error { return &refusal{kind: kindNotFound} }

// answerError answers what Fiber found wrong before any handler ran.
func (s *Server) answerError(ctx *fiber.Ctx, err error) error {
	x := s.newExchange(ctx, nil)
	s.setHeaders(x)
	s.replyError(x, err)
	return nil
}
