package web

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Settings knows what a run can be asked to do.
type Settings interface {
	// Plan makes a run of what was asked: defaults filled in, values held to their bounds, the model of the appliance. Faults are
	// what is to be mended.
	Plan(asked wire.NewRun) (workspace.NewRun, []wire.Fault, error)
	// Explain says in words what a run does, setting by setting.
	Explain(n workspace.NewRun) []wire.Setting
}

// Queue carries runs out.
type Queue interface {
	// Submitted tells it of a run that waits, Cancelled of one that is to stop.
	Submitted(tenant, run store.ID)
	Cancelled(tenant, run store.ID, reason string)
}

// Workload is the size of a run, from which its time and room follow.
type Workload struct{ Locations, Years, Samples int }

// Forecast is what a run takes, roughly.
type Forecast struct {
	Elapsed      time.Duration // with no other run beside it
	Memory, Disk int64         // bytes
}

// runRoutes are the runs of the caller's tenant.
func runRoutes() []route {
	const path, one = api + "/runs", api + "/runs/{id}"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "listRuns", Access: Permitted, Verb: "run.read"}, do((*Server).listRuns)},
		{Route{Method: "POST", Path: path, Operation: "submitRun", Access: Permitted, Verb: "run.submit", Keyed: true}, do((*Server).submitRun)},
		{Route{Method: "POST", Path: path + "/estimate", Operation: "forecastRun", Access: Permitted, Verb: "portfolio.read"}, do((*Server).forecastRun)},
		{Route{Method: "GET", Path: path + "/compare", Operation: "compareRuns", Access: Permitted, Verb: "run.read"}, do((*Server).compareRuns)},
		{Route{Method: "GET", Path: path + "/compare/export", Operation: "exportComparison", Access: Permitted, Verb: "run.export", Bulk: true}, do((*Server).exportComparison)},
		{Route{Method: "GET", Path: one, Operation: "getRun", Access: Permitted, Verb: "run.read"}, do((*Server).getRun)},
		{Route{Method: "PATCH", Path: one, Operation: "changeRun", Access: Permitted, Verb: "run.submit"}, do((*Server).changeRun)},
		{Route{Method: "GET", Path: one + "/settings", Operation: "getRunSettings", Access: Permitted, Verb: "run.read"}, do((*Server).getRunSettings)},
		{Route{Method: "POST", Path: one + "/cancel", Operation: "cancelRun", Access: Permitted, Verb: "run.cancel"}, do((*Server).cancelRun)},
	}
}

func (s *Server) listRuns(ctx context.Context, c *Call, in struct {
	State     string    `query:"state"`
	Portfolio *store.ID `query:"portfolio"`
	By        *store.ID `query:"by"`
	Cursor    string    `query:"cursor"`
	Limit     *int      `query:"limit"`
}) (page wire.Page[wire.Run], err error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return page, err
	}
	wanted := workspace.RunFilter{State: workspace.State(in.State)}
	if in.State != "" && !slices.Contains(workspace.States(), wanted.State) {
		return page, badParameter("state", fmt.Sprintf("%q is no state of a run; they are %s", clipped(in.State), statesInWords()))
	}
	if in.Portfolio != nil {
		wanted.Portfolio = *in.Portfolio
	}
	if in.By != nil {
		wanted.By = *in.By
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return page, err
	}
	found, err := w.FindRuns(ctx, wanted, store.Cursor(in.Cursor), limit)
	if err != nil {
		return page, err
	}
	return pageOf(c, found.Records, string(found.Next), func(r store.Record[workspace.Run]) wire.Run { return s.runView(c, r) }), nil
}

func statesInWords() string {
	return strings.Join(viewed(workspace.States(), func(s workspace.State) string { return string(s) }), ", ")
}

// submitRun queues a run. The answer explains what it will do, defaults included.
func (s *Server) submitRun(ctx context.Context, c *Call, in struct {
	Body wire.NewRun `body:"json"`
}) (made wire.SubmittedRun, err error) {
	n, err := s.plan(in.Body)
	if err != nil {
		return made, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return made, err
	}
	id, err := w.Submit(ctx, n)
	if err != nil {
		return made, err
	}
	if s.options.Queue != nil {
		s.options.Queue.Submitted(c.Principal.Tenant(), id)
	}
	c.Created("/runs/" + id.String())
	return wire.SubmittedRun{ID: id.String(), State: string(workspace.Queued), Settings: s.options.Settings.Explain(n)}, nil
}

// plan makes a run of what was asked.
func (s *Server) plan(asked wire.NewRun) (n workspace.NewRun, err error) {
	if s.options.Settings == nil {
		return n, refuse(kindConflict, "this appliance carries out no runs")
	}
	n, faults, err := s.options.Settings.Plan(asked)
	if err != nil {
		return n, err
	}
	if n.Portfolio, err = store.ParseID(asked.Portfolio); err != nil {
		faults = append(faults, wire.Fault{Pointer: "/portfolio", Detail: err.Error()})
	}
	if v := asked.PortfolioVersion; v != nil && *v < 1 {
		faults = append(faults, wire.Fault{Pointer: "/portfolio_version", Detail: fmt.Sprintf("%d is no version of a portfolio; they are counted from 1, and left out it is the latest", *v)})
	} else if v != nil {
		n.PortfolioVersion = *v
	}
	if len(faults) > 0 {
		return n, &refusal{kind: kindInvalid, faults: faults}
	}
	n.Name, n.Note = asked.Name, asked.Note
	return n, nil
}

// forecastRun says what a run would take, and makes none.
func (s *Server) forecastRun(ctx context.Context, c *Call, in struct {
	Body wire.NewRun `body:"json"`
}) (out wire.RunForecast, err error) {
	if s.options.Forecast == nil {
		return out, refuse(kindConflict, "this appliance carries out no runs")
	}
	n, err := s.plan(in.Body)
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	p, err := w.PortfolioVersion(ctx, n.Portfolio, n.PortfolioVersion)
	if err != nil {
		return out, err
	}
	f := s.options.Forecast(Workload{Locations: p.Value.Locations, Years: n.Spec.Years, Samples: n.Spec.Samples})
	return wire.RunForecast{Seconds: f.Elapsed.Seconds(), MemoryBytes: f.Memory, DiskBytes: f.Disk, Settings: s.options.Settings.Explain(n)}, nil
}

func (s *Server) getRun(ctx context.Context, c *Call, in byID) (wire.Run, error) {
	r, err := s.readRun(ctx, c, in.ID)
	if err != nil {
		return wire.Run{}, err
	}
	c.Version(r.Version)
	return s.runView(c, r), nil
}

// changeRun gives a run another name or note. What it does stays what it is.
func (s *Server) changeRun(ctx context.Context, c *Call, in struct {
	ID   store.ID       `path:"id"`
	Body wire.RunChange `body:"json"`
}) (wire.Run, error) {
	if in.Body.Name == nil && in.Body.Note == nil {
		return wire.Run{}, badField("", "give name, note, or both")
	}
	version, err := c.IfMatch()
	if err != nil {
		return wire.Run{}, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return wire.Run{}, err
	}
	r, err := w.Describe(ctx, in.ID, version, workspace.Label(in.Body))
	if err != nil {
		return wire.Run{}, err
	}
	c.Version(r.Version)
	return s.runView(c, r), nil
}

func (s *Server) readRun(ctx context.Context, c *Call, id store.ID) (r store.Record[workspace.Run], err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return r, err
	}
	return w.Run(ctx, id)
}

// getRunSettings explains what a run was asked to do.
func (s *Server) getRunSettings(ctx context.Context, c *Call, in byID) (out wire.RunSettings, err error) {
	if s.options.Settings == nil {
		return out, refuse(kindConflict, "this appliance carries out no runs")
	}
	r, err := s.readRun(ctx, c, in.ID)
	if err != nil {
		return out, err
	}
	v := r.Value
	return wire.RunSettings{
		Run: r.ID.String(), Portfolio: v.Portfolio.String(), PortfolioVersion: v.PortfolioVersion, PortfolioDigest: v.Exposure.String(), Model: v.Model.String(), Spec: specView(v),
		Settings: s.options.Settings.Explain(workspace.NewRun{Portfolio: v.Portfolio, Model: v.Model, Spec: v.Spec}),
	}, nil
}

// cancelRun ends a run that waits or is being carried out.
func (s *Server) cancelRun(ctx context.Context, c *Call, in struct {
	ID   store.ID          `path:"id"`
	Body wire.Cancellation `body:"json"`
}) (Nothing, error) {
	const most = 500
	if len(in.Body.Reason) > most {
		return Nothing{}, badField("/reason", fmt.Sprintf("%d bytes are more than %d", len(in.Body.Reason), most))
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return Nothing{}, err
	}
	if err := w.Cancel(ctx, in.ID, in.Body.Reason); err != nil {
		return Nothing{}, err
	}
	if s.options.Queue != nil {
		s.options.Queue.Cancelled(c.Principal.Tenant(), in.ID, in.Body.Reason)
	}
	return Nothing{}, nil
}

func (s *Server) runView(c *Call, r store.Record[workspace.Run]) wire.Run {
	v := r.Value
	out := wire.Run{
		ID: r.ID.String(), State: string(v.State), Name: v.Name, Note: v.Note, Portfolio: v.Portfolio.String(), PortfolioVersion: v.PortfolioVersion, PortfolioDigest: v.Exposure.String(),
		Model: v.Model.String(), Spec: specView(v), Submitted: v.Submitted.UTC(), By: v.By.String(), Started: momentOf(v.Started), Ended: momentOf(v.Ended),
		Starts: v.Claims, Reason: v.Reason, Seal: v.Seal,
	}
	if s.options.Progress != nil && !v.State.Ended() {
		out.Progress = s.options.Progress(c.Principal.Tenant(), r.ID)
	}
	return out
}

func specView(r workspace.Run) wire.RunSpec {
	s := r.Spec
	out := wire.RunSpec{
		Years: s.Years, Samples: s.Samples, Seed: strconv.FormatUint(s.Seed, 10),
		Correlation:   wire.Correlation{Event: s.Correlation.Event, Local: s.Correlation.Local},
		ReturnPeriods: append([]float64{}, s.ReturnPeriods...), Without: append([]string{}, s.Without...),
	}
	if s.Scenario != nil {
		out.Scenario = s.Scenario.Name
	}
	return out
}
