package web

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/page"
	"github.com/qrsrisk/qrsd/web/wire"
)

// reportRoutes are finished runs as they are read and signed for: as PDF here, as a page at reportPath.
func reportRoutes() []route {
	return []route{
		{Route{Method: "GET", Path: api + "/runs/{id}/report", Operation: "getRunReport", Access: Permitted, Verb: "run.report"}, do((*Server).getRunReport)},
	}
}

// getRunReport gives the report as PDF.
func (s *Server) getRunReport(ctx context.Context, c *Call, in byID) (out *Document, err error) {
	place, err := s.heavy.enter(c.Principal.Tenant())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	r, err := s.report(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	text, err := r.Paper()
	if err != nil {
		return nil, err
	}
	return &Document{Type: "application/pdf", Name: in.ID.String() + "-" + strings.ToLower(r.State) + ".pdf", Body: text}, nil
}

func (s *Server) showRunReport(ctx context.Context, c *Call, in byID) (out *Document, err error) {
	place, err := s.heavy.enter(c.Principal.Tenant())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	r, err := s.report(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return s.draw(r)
}

// evidence is what a report is made of.
type evidence struct {
	*workspace.Reported
	metrics  wire.RunMetrics
	curves   wire.RunCurves
	settings []wire.Setting
	verdict  *seal.Verdict // nil: there is no seal
	panels   *panels       // nil: there is no estimate
	names    map[store.ID]string
}

// peopleOf are those whom a report names.
func peopleOf(r *workspace.Reported) []store.ID {
	all := []store.ID{r.Run.Value.By}
	if a := r.Approval; a != nil {
		all = append(all, a.Value.By, a.Value.Decider)
	}
	return all
}

// who is somebody's name, or the id of somebody who has none, or none that the reader may know.
func (e *evidence) who(id store.ID) string {
	if name := e.names[id]; name != "" {
		return name
	}
	return id.String()
}

// report reads a run in one reading, computes whether its seal holds, and writes it down.
func (s *Server) report(ctx context.Context, c *Call, id store.ID) (r page.Report, err error) {
	if s.options.Figures == nil || s.options.Settings == nil {
		return r, refuse(kindConflict, "this appliance shows no results")
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return r, err
	}
	e := &evidence{}
	e.Reported, err = w.Report(ctx, id, func(tx store.Reader, r *workspace.Reported) (err error) {
		e.names, err = s.directory.Names(tx, c.Principal, peopleOf(r)...)
		return err
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := s.gather(ctx, e); err != nil {
		return r, fmt.Errorf("the report of run %s: %w", id, err)
	}
	return s.reportPage(c, e), nil
}

// gather takes figures, estimate and verdict from the open files.
func (s *Server) gather(ctx context.Context, e *evidence) (err error) {
	v := e.Run.Value
	e.settings = s.options.Settings.Explain(workspace.NewRun{Portfolio: v.Portfolio, Model: v.Model, Spec: v.Spec})
	if e.metrics, err = s.options.Figures.Metrics(keptRun(e.Finished, metricsTables), levels[:3], 0, 100); err != nil {
		return err
	}
	if e.curves, err = s.options.Figures.Curves(ctx, keptRun(e.Finished, curveTables), 1, nil); err != nil {
		return err
	}
	if err := s.verify(ctx, e); err != nil {
		return err
	}
	e.panels, err = readPanels(e.Finished)
	return err
}

// verify holds the seal to the keys and to the bytes of the files, as they are now.
func (s *Server) verify(ctx context.Context, e *evidence) error {
	if e.Seal == nil {
		return nil
	}
	files, err := digests(ctx, e.Finished)
	if err != nil {
		return err
	}
	keys, err := s.db.PublishedKeys()
	if err != nil {
		return err
	}
	e.verdict = seal.Verify(e.Seal.Value.Envelope, keys, files)
	return nil
}
