package web

import (
	"context"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Models knows the models that the appliance can run.
type Models interface {
	// Digest is that of the model that new runs get, in hexadecimal.
	Digest() string
	// Card is what is known of a model of the appliance, by its digest; nil: the appliance does not have it.
	Card(digest string) *wire.ModelCard
}

// modelRoutes are the models that the tenant has used, and what each is made of.
func modelRoutes() []route {
	const path = api + "/models"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listModels", Access: Permitted, Verb: "model.read"}, do((*Server).listModels)},
		{Route{Method: "GET", Path: path + "/{id}/card", Operation: "getModelCard", Access: Permitted, Verb: "model.read"}, do((*Server).getModelCard)},
	}
}

func (s *Server) listModels(ctx context.Context, c *Call, in struct {
	Cursor string `query:"cursor"`
	Limit  *int   `query:"limit"`
}) (out wire.Models, err error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	page, err := w.Models(ctx, store.Cursor(in.Cursor), limit)
	if err != nil {
		return out, err
	}
	if s.options.Models != nil {
		out.Present = s.options.Models.Digest()
	}
	listed := pageOf(c, page.Records, string(page.Next), modelView)
	out.Items, out.NextCursor = listed.Items, listed.NextCursor
	return out, nil
}

func modelView(r store.Record[workspace.Model]) wire.Model {
	return wire.Model{ID: r.Value.Digest.String(), Version: r.Value.Version, Registered: r.Value.Registered.UTC(), By: actorText(r.Value.By)}
}

// actorText is the id of a user; "" is the appliance itself.
func actorText(id store.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// getModelCard gives the facts of a model that the appliance has. They are the product's and no tenant's; the reading is entered.
func (s *Server) getModelCard(ctx context.Context, c *Call, in struct {
	ID string `path:"id"`
}) (*wire.ModelCard, error) {
	var digest ledger.Digest
	if err := digest.UnmarshalText([]byte(in.ID)); err != nil || s.options.Models == nil {
		return nil, &refusal{kind: kindNotFound}
	}
	card := s.options.Models.Card(digest.String())
	if card == nil {
		return nil, refuse(kindNotFound, "this appliance does not have the model; one of another version did the runs with it")
	}
	return card, s.look(ctx, c)
}

// look enters that the caller read, under the verb of its route, what lies outside the store.
func (s *Server) look(ctx context.Context, c *Call) error {
	verb, err := c.exchange.route.verbFor(c.Principal)
	if err != nil {
		return err
	}
	t, err := s.own(ctx, c)
	if err != nil {
		return err
	}
	if err := t.View(ctx, store.Action{Verb: verb}, func(*store.ReadTx) error { return nil }); err != nil {
		return fmt.Errorf("entering the reading: %w", err)
	}
	return nil
}
