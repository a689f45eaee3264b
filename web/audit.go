package web

import (
	"context"
	"errors"

	"github.com/qrsrisk/qrsd/store"
)

// enter writes the audit entry of a request that was refused before a verb of the store ran: the route's verb, denied where the
// table says so and failed otherwise. Errors of the store and the directory were entered by them. It returns what the client is told.
func (s *Server) enter(ctx context.Context, x *exchange, err error) error {
	var own *refusal
	if !errors.As(err, &own) || own.entered || x.principal.Role() == 0 {
		return err
	}
	verb, unknown := x.route.verbFor(x.principal)
	if unknown != nil {
		return unknown
	}
	t, failed := s.db.Tenant(ctx, x.principal, x.principal.Tenant())
	if failed != nil {
		return failed
	}
	failed = t.View(ctx, store.Action{Verb: verb}, func(*store.ReadTx) error { return own })
	var denied *store.DeniedError
	if errors.Is(failed, own) || errors.As(failed, &denied) {
		return err
	}
	return errors.Join(err, failed) // not entered: the store is locked meanwhile, or its disk full
}
