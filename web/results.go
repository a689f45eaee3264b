package web

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Figures reads the tables of finished runs.
type Figures interface {
	// Metrics gives the annual figures of the summaries of some levels, from a place on.
	Metrics(r *KeptRun, levels []string, from, limit int) (wire.RunMetrics, error)
	// Curves gives the exceedance curves of a summary: at the run's own return periods, or at those that are asked for.
	Curves(ctx context.Context, r *KeptRun, summary int, periods []float64) (wire.RunCurves, error)
	// Events gives the events with a loss of a summary, largest first, from a place on; with a return period (years; 0: without) the share of each
	// of the TVaR there, for which the tables of losses by draw are needed.
	Events(ctx context.Context, r *KeptRun, summary int, perspective string, tvar float64, from, limit int) (wire.RunEvents, error)
	// Storm gives the losses of one event by summary; store.ErrNotFound: the run has no loss of it.
	Storm(ctx context.Context, r *KeptRun, event StormNumber) (wire.StormLosses, error)
	// Page gives rows of a table from a place on.
	Page(r *KeptRun, table string, from int64, limit int) (wire.TablePage, error)
	// Workbook writes a table as an Excel workbook; *store.InvalidError: it has too many rows.
	Workbook(w io.Writer, r *KeptRun, table string) error
	// Comparison writes a comparison as an Excel workbook.
	Comparison(w io.Writer, c wire.Comparison) error
}

// KeptRun is a finished run as its figures are read. Files are tables by their names, in Parquet.
type KeptRun struct {
	ID             string
	Tenant         store.ID // whose it is
	Years, Samples int
	ReturnPeriods  []float64
	Currency       string
	Files          map[string]KeptFile
}

// KeptFile is an open file.
type KeptFile interface {
	io.ReaderAt
	Size() int64
}

// resultRoutes are what came out of finished runs.
func resultRoutes() []route {
	const one = api + "/runs/{id}"
	read := func(path, operation string, e endpoint) route {
		return route{Route{Method: "GET", Path: one + path, Operation: operation, Access: Permitted, Verb: "run.read"}, e}
	}
	export := func(path, operation string, e endpoint) route {
		return route{Route{Method: "GET", Path: one + path, Operation: operation, Access: Permitted, Verb: "run.export", Bulk: true}, e}
	}
	return []route{
		read("/metrics", "getRunMetrics", do((*Server).getRunMetrics)),
		read("/curves", "getRunCurves", do((*Server).getRunCurves)),
		read("/events", "listRunEvents", do((*Server).listRunEvents)),
		read("/tables", "listRunTables", do((*Server).listRunTables)),
		read("/tables/{name}", "getRunTable", do((*Server).getRunTable)),
		export("/tables/{name}/export", "exportRunTable", do((*Server).exportRunTable)),
		export("/files/{name}", "getRunFile", do((*Server).getRunFile)),
	}
}

const parquetFile = ".parquet"

// kept opens tables of a finished run.
func (s *Server) kept(ctx context.Context, c *Call, id store.ID, tables ...string) (*KeptRun, func(), error) {
	if s.options.Figures == nil {
		return nil, nil, refuse(kindConflict, "this appliance shows no results")
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	all, err := w.Finished(ctx, tablesNamed(tables), id)
	if err != nil {
		return nil, nil, err
	}
	return keptRun(all[0], tables), func() { _ = all[0].Close() }, nil // of files that were read
}

// tablesNamed picks the Parquet files of tables.
func tablesNamed(tables []string) func(workspace.File) bool {
	return func(f workspace.File) bool {
		name, found := strings.CutSuffix(f.Name, parquetFile)
		return found && f.Role == "table" && slices.Contains(tables, name)
	}
}

func keptRun(f *workspace.Finished, tables []string) *KeptRun {
	spec := f.Run.Value.Spec
	r := &KeptRun{
		ID: f.Run.ID.String(), Tenant: f.Tenant, Years: spec.Years, Samples: spec.Samples, ReturnPeriods: spec.ReturnPeriods, Currency: f.Portfolio.Value.Currency,
		Files: map[string]KeptFile{},
	}
	for _, name := range tables {
		if from := f.File(name + parquetFile); from != nil {
			r.Files[name] = from
		}
	}
	return r
}

// The tables that figures are read from.
var (
	metricsTables = []string{"summary-info", "gu_aal", "gr_aal"}
	curveTables   = []string{"summary-info", "gu_bands", "gr_bands"}
	lossTables    = []string{"gu_splt", "gr_splt"}
	eventTables   = []string{"summary-info", "gu_mplt", "gr_mplt"}
)

// levels of summaries, in the order of their ids.
var levels = []string{"portfolio", "lob", "county", "zip", "account"}

func (s *Server) getRunMetrics(ctx context.Context, c *Call, in struct {
	ID     store.ID `path:"id"`
	Level  []string `query:"level"`
	Cursor string   `query:"cursor"`
	Limit  *int     `query:"limit"`
}) (out wire.RunMetrics, err error) {
	from, limit, err := countedPage(in.Cursor, in.Limit)
	if err != nil {
		return out, err
	}
	for _, level := range in.Level {
		if !slices.Contains(levels, level) {
			return out, badParameter("level", fmt.Sprintf("%q is none; they are %s", clipped(level), strings.Join(levels, ", ")))
		}
	}
	if len(in.Level) == 0 {
		in.Level = levels[:3]
	}
	r, done, err := s.kept(ctx, c, in.ID, metricsTables...)
	if err != nil {
		return out, err
	}
	defer done()
	out, err = s.options.Figures.Metrics(r, in.Level, int(from), limit)
	c.Next(out.NextCursor)
	return out, err
}

// countedPage is the part of a list that is asked for: from which place on, and how much.
func countedPage(cursor string, asked *int) (from uint64, limit int, err error) {
	if limit, err = pageSize(asked); err != nil || cursor == "" {
		return 0, limit, err
	}
	from, err = readNumber(cursor)
	if err == nil && from > math.MaxInt32 {
		err = badParameter("cursor", fmt.Sprintf("%q is not one that this list gave", clipped(cursor)))
	}
	return from, limit, err
}

// NextPlace is the cursor of a counted list that goes on at a place; "" where that is its end.
func NextPlace(place, total int64) string {
	if place >= total {
		return ""
	}
	return numberCursor(uint64(place))
}

func (s *Server) getRunCurves(ctx context.Context, c *Call, in struct {
	ID            store.ID `path:"id"`
	Summary       *int     `query:"summary"`
	ReturnPeriods string   `query:"return_periods"`
}) (out wire.RunCurves, err error) {
	summary, err := summaryID(in.Summary)
	if err != nil {
		return out, err
	}
	periods, err := yearsOf("return_periods", in.ReturnPeriods)
	if err != nil {
		return out, err
	}
	tables := slices.Clone(curveTables)
	if len(periods) > 0 {
		tables = append(tables, lossTables...)
	}
	r, done, err := s.kept(ctx, c, in.ID, tables...)
	if err != nil {
		return out, err
	}
	defer done()
	return s.options.Figures.Curves(ctx, r, summary, periods)
}

// summaryID is the summary that is asked for; the first is the portfolio.
func summaryID(asked *int) (int, error) {
	switch {
	case asked == nil:
		return 1, nil
	case *asked < 1 || *asked > math.MaxInt32:
		return 0, badParameter("summary", fmt.Sprintf("%d is no SummaryId; they begin with 1, the portfolio", *asked))
	}
	return *asked, nil
}

// mostPeriods bounds what one request computes.
const mostPeriods = 100

// yearsOf reads the return periods of a parameter: years with commas between.
func yearsOf(parameter, text string) (all []float64, err error) {
	if text == "" {
		return nil, nil
	}
	for _, one := range strings.Split(text, ",") {
		p, err := strconv.ParseFloat(strings.TrimSpace(one), 64)
		if err != nil || !(p >= 1 && p <= math.MaxInt32) {
			return nil, badParameter(parameter, fmt.Sprintf("%q is no number of years of at least 1; write for example 100,250", clipped(one)))
		}
		all = append(all, p)
	}
	if len(all) > mostPeriods {
		return nil, badParameter(parameter, fmt.Sprintf("%d are more than %d", len(all), mostPeriods))
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (s *Server) listRunEvents(ctx context.Context, c *Call, in struct {
	ID          store.ID `path:"id"`
	Summary     *int     `query:"summary"`
	Perspective string   `query:"perspective"`
	TVaR        string   `query:"tvar"`
	Cursor      string   `query:"cursor"`
	Limit       *int     `query:"limit"`
}) (out wire.RunEvents, err error) {
	from, limit, err := countedPage(in.Cursor, in.Limit)
	if err != nil {
		return out, err
	}
	summary, err := summaryID(in.Summary)
	if err != nil {
		return out, err
	}
	if in.Perspective == "" {
		in.Perspective = "ground_up"
	}
	if in.Perspective != "ground_up" && in.Perspective != "gross" {
		return out, badParameter("perspective", fmt.Sprintf("%q is neither ground_up nor gross", clipped(in.Perspective)))
	}
	tables, tvar := eventTables, 0.0
	if in.TVaR != "" {
		periods, err := yearsOf("tvar", in.TVaR)
		if err != nil || len(periods) != 1 {
			return out, cmp.Or(err, badParameter("tvar", "give one return period, in years"))
		}
		tables, tvar = slices.Concat(eventTables, lossTables), periods[0]
	}
	r, done, err := s.runOfStorms(ctx, c, in.ID, tables, false, false)
	if err != nil {
		return out, err
	}
	defer done()
	if out, err = s.options.Figures.Events(ctx, r.KeptRun, summary, in.Perspective, tvar, int(from), limit); err != nil {
		return out, err
	}
	c.Next(out.NextCursor)
	return out, s.addStorms(ctx, r, &out)
}
