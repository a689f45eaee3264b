package web

import (
	"context"
	"errors"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Diagnostics looks the appliance over, and collects what is handed to support. Doctor and Collect leave one entry each, under
// store.diagnose and support.bundle; Bundles, File and Pack leave none.
type Diagnostics interface {
	// Doctor examines store and host for an operator.
	Doctor(ctx context.Context, by store.Principal) (wire.Doctor, error)
	// Collect collects a bundle without secrets and tenants' data, and keeps it in memory until it expires.
	Collect(ctx context.Context, by store.Principal) (wire.Bundle, error)
	// Bundles are those that are kept, the newest first.
	Bundles() []wire.Bundle
	// File is a file of a bundle as it would be packed; store.ErrNotFound where there is no such bundle any more, or no such file.
	File(bundle, name string) ([]byte, error)
	// Pack signs and encrypts a bundle without the files named; store.ErrNotFound as for File, ErrNoRecipient.
	Pack(ctx context.Context, bundle string, without []string) ([]byte, error)
}

// ErrNoRecipient says that nobody was named to whom bundles are encrypted.
var ErrNoRecipient = errors.New("nobody is named to whom a bundle is encrypted: write the public key of support into support.recipients of the configuration")

func diagnosticsRoutes() []route {
	const path = api + "/system"
	const bundles = path + "/bundles"
	return []route{
		{Route{Method: "GET", Path: path + "/doctor", Operation: "getDoctor", Access: Permitted, Verb: "store.diagnose"}, do((*Server).getDoctor)},
		{Route{Method: "GET", Path: bundles, Operation: "listBundles", Access: Permitted, Verb: "support.bundle"}, do((*Server).listBundles)},
		{Route{Method: "POST", Path: bundles, Operation: "collectBundle", Access: Permitted, Verb: "support.bundle"}, do((*Server).collectBundle)},
		{Route{Method: "GET", Path: bundles + "/{id}/file", Operation: "getBundleFile", Access: Permitted, Verb: "support.bundle"}, do((*Server).getBundleFile)},
		{Route{Method: "GET", Path: bundles + "/{id}/content", Operation: "downloadBundle", Access: Permitted, Verb: "support.bundle"}, do((*Server).downloadBundle)},
	}
}

// diagnostics is what looks, or a refusal.
func (s *Server) diagnostics() (Diagnostics, error) {
	if s.options.Diagnostics == nil {
		return nil, refuse(kindNotFound, "this appliance has no diagnostics")
	}
	return s.options.Diagnostics, nil
}

// getDoctor looks the appliance and its host over.
func (s *Server) getDoctor(ctx context.Context, c *Call, _ struct{}) (wire.Doctor, error) {
	d, err := s.diagnostics()
	if err != nil {
		return wire.Doctor{}, err
	}
	return d.Doctor(ctx, c.Principal)
}

// collectBundle collects what may be handed to support, for the operator to look at first.
func (s *Server) collectBundle(ctx context.Context, c *Call, _ struct{}) (wire.Bundle, error) {
	d, err := s.diagnostics()
	if err != nil {
		return wire.Bundle{}, err
	}
	return d.Collect(ctx, c.Principal)
}

// listBundles gives the bundles that were collected and are kept still, so that whoever collected one finds it again.
func (s *Server) listBundles(ctx context.Context, c *Call, _ struct{}) (page wire.Page[wire.Bundle], err error) {
	d, err := s.diagnostics()
	if err != nil {
		return page, err
	}
	return pageOf(c, d.Bundles(), "", func(b wire.Bundle) wire.Bundle { return b }), s.enterBundle(ctx, c, store.ID{}, nil)
}

// getBundleFile shows a file of a bundle exactly as it would be packed.
func (s *Server) getBundleFile(ctx context.Context, c *Call, in struct {
	ID   store.ID `path:"id"`
	Name string   `query:"name"`
}) (*Document, error) {
	d, err := s.diagnostics()
	if err != nil {
		return nil, err
	}
	text, err := d.File(in.ID.String(), in.Name)
	if err := s.enterBundle(ctx, c, in.ID, err); err != nil {
		return nil, err
	}
	return &Document{Type: "text/plain; charset=utf-8", Body: text}, nil
}

// downloadBundle gives out a bundle, signed and encrypted to support, without the files that the operator leaves out.
func (s *Server) downloadBundle(ctx context.Context, c *Call, in struct {
	ID      store.ID `path:"id"`
	Without []string `query:"without"`
}) (*Document, error) {
	d, err := s.diagnostics()
	if err != nil {
		return nil, err
	}
	packed, err := d.Pack(ctx, in.ID.String(), in.Without)
	if errors.Is(err, ErrNoRecipient) {
		return nil, refuse(kindConflict, "%v", ErrNoRecipient)
	}
	if err := s.enterBundle(ctx, c, in.ID, err); err != nil {
		return nil, err
	}
	return &Document{Type: "application/octet-stream", Name: "qrsd-bundle-" + in.ID.String() + ".tar.gz.age", Body: packed}, nil
}

// enterBundle leaves the entry of what was done to a bundle, which is not in the store, by a reading of the store's.
func (s *Server) enterBundle(ctx context.Context, c *Call, bundle store.ID, failed error) error {
	t, err := s.own(ctx, c)
	if err != nil {
		return err
	}
	verb, err := store.ParseVerb("support.bundle")
	if err != nil {
		return err
	}
	return t.View(ctx, store.Action{Verb: verb, Object: bundle}, func(*store.ReadTx) error { return failed })
}
