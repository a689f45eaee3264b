package web

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// mostCompared is how many runs are put beside a baseline.
const mostCompared = 3

// ofComparison is the input of a route about runs beside a baseline.
type ofComparison struct {
	Baseline *store.ID `query:"baseline"`
	With     []string  `query:"with"`
}

// compareRuns puts runs beside a baseline: what was put in otherwise first, then the figures.
func (s *Server) compareRuns(ctx context.Context, c *Call, in ofComparison) (wire.Comparison, error) {
	return s.comparison(ctx, c, in, (*workspace.Workspace).Finished)
}

// exportComparison gives the same as a workbook.
func (s *Server) exportComparison(ctx context.Context, c *Call, in ofComparison) (*Stream, error) {
	out, err := s.comparison(ctx, c, in, (*workspace.Workspace).ExportCompared)
	if err != nil {
		return nil, err
	}
	return &Stream{Type: tableForms["xlsx"], Name: "comparison.xlsx", Write: func(_ context.Context, w io.Writer) error {
		return s.options.Figures.Comparison(w, out)
	}}, nil
}

// comparison reads the runs by a verb of the workspace, and compares them.
func (s *Server) comparison(ctx context.Context, c *Call, in ofComparison,
	finished func(*workspace.Workspace, context.Context, func(workspace.File) bool, ...store.ID) ([]*workspace.Finished, error),
) (out wire.Comparison, err error) {
	if s.options.Figures == nil || s.options.Settings == nil {
		return out, refuse(kindConflict, "this appliance shows no results")
	}
	ids, err := comparedIDs(in.Baseline, in.With)
	if err != nil {
		return out, err
	}
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	tables := append(slices.Clone(metricsTables), curveTables[1:]...)
	all, err := finished(w, ctx, tablesNamed(tables), ids...)
	if err != nil {
		return out, err
	}
	defer func() {
		for _, one := range all {
			_ = one.Close() // of files that were read
		}
	}()
	base, err := s.newCompared(ctx, all[0], tables)
	if err != nil {
		return out, err
	}
	out = wire.Comparison{Baseline: base.view(), With: []wire.ComparedWith{}}
	for _, one := range all[1:] {
		with, err := s.newCompared(ctx, one, tables)
		if err != nil {
			return out, err
		}
		out.With = append(out.With, s.differences(base, with))
	}
	return out, nil
}

// comparedIDs are the baseline and then the others.
func comparedIDs(baseline *store.ID, with []string) ([]store.ID, error) {
	if baseline == nil {
		return nil, badParameter("baseline", "name the run to which the others are held")
	}
	if len(with) < 1 || len(with) > mostCompared {
		return nil, badParameter("with", fmt.Sprintf("it is there %d times; name one to %d runs, each with a parameter of its own", len(with), mostCompared))
	}
	ids := []store.ID{*baseline}
	for _, text := range with {
		id, err := store.ParseID(text)
		if err != nil {
			return nil, badParameter("with", err.Error())
		}
		if slices.Contains(ids, id) {
			return nil, badParameter("with", fmt.Sprintf("run %s is there twice", id))
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// compared is a run of a comparison with its figures.
type compared struct {
	*workspace.Finished
	metrics wire.RunMetrics
	curves  wire.RunCurves
}

// comparedSummaries bounds the figures of a comparison: the portfolio, lines of business and counties of Florida are fewer.
const comparedSummaries = 1000

func (s *Server) newCompared(ctx context.Context, f *workspace.Finished, tables []string) (c compared, err error) {
	c.Finished = f
	r := keptRun(f, tables)
	if c.metrics, err = s.options.Figures.Metrics(r, levels[:3], 0, comparedSummaries); err != nil {
		return c, err
	}
	c.curves, err = s.options.Figures.Curves(ctx, r, 1, nil)
	return c, err
}

func (c compared) view() wire.ComparedRun {
	run, p := c.Run.Value, c.Portfolio.Value
	return wire.ComparedRun{
		Basis: c.metrics.Basis, Name: run.Name, Portfolio: run.Portfolio.String(), PortfolioName: p.Name, PortfolioVersion: p.Number, Model: run.Model.String(),
		TIV: p.TIV, Locations: p.Locations,
	}
}

func (s *Server) differences(base, with compared) wire.ComparedWith {
	out := wire.ComparedWith{Run: with.view(), Exposure: []wire.Change{}, Model: []wire.Change{}, Settings: []wire.Change{}, Figures: []wire.FigureDifference{}}
	b, w := base.Portfolio.Value, with.Portfolio.Value
	add := func(to *[]wire.Change, name, before, after string) {
		if before != after {
			*to = append(*to, wire.Change{Name: name, Baseline: before, With: after})
		}
	}
	add(&out.Exposure, "portfolio", b.Name, w.Name)
	if base.Portfolio.ID == with.Portfolio.ID { // those of two portfolios say nothing beside one another
		add(&out.Exposure, "version", strconv.Itoa(b.Number), strconv.Itoa(w.Number))
	}
	add(&out.Exposure, "digest", base.Run.Value.Exposure.String(), with.Run.Value.Exposure.String())
	add(&out.Exposure, "locations", strconv.Itoa(b.Locations), strconv.Itoa(w.Locations))
	add(&out.Exposure, "accounts", strconv.Itoa(b.Accounts), strconv.Itoa(w.Accounts))
	add(&out.Exposure, "tiv", amount(b.TIV), amount(w.TIV))
	add(&out.Exposure, "currency", b.Currency, w.Currency)
	add(&out.Model, "digest", base.Run.Value.Model.String(), with.Run.Value.Model.String())
	after := s.explained(with)
	for i, one := range s.explained(base) {
		add(&out.Settings, one.Name, one.Value, after[i].Value)
	}
	out.Figures = append(annualDifferences(base.metrics.Items, with.metrics.Items), curveDifferences(base.curves, with.curves)...)
	return out
}

func (s *Server) explained(c compared) []wire.Setting {
	return s.options.Settings.Explain(workspace.NewRun{Model: c.Run.Value.Model, Spec: c.Run.Value.Spec})
}

func amount(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// annualDifferences are those of the summaries that either run has, in the baseline's order.
func annualDifferences(base, with []wire.SummaryMetrics) (all []wire.FigureDifference) {
	place := func(m wire.SummaryMetrics) string { return m.Summary.Level + "\x00" + m.Summary.Key }
	others := map[string]*wire.SummaryMetrics{}
	for i := range with {
		others[place(with[i])] = &with[i]
	}
	for i := range base {
		all = append(all, summaryDifferences(&base[i], others[place(base[i])])...)
		delete(others, place(base[i]))
	}
	for i := range with {
		if others[place(with[i])] != nil {
			all = append(all, summaryDifferences(nil, &with[i])...)
		}
	}
	return all
}

func summaryDifferences(base, with *wire.SummaryMetrics) (all []wire.FigureDifference) {
	known := base
	if known == nil {
		known = with
	}
	for _, f := range []struct {
		perspective, figure string
		of                  func(*wire.SummaryMetrics) float64
	}{
		{"", "tiv", func(m *wire.SummaryMetrics) float64 { return m.Summary.TIV }},
		{"ground_up", "aal", func(m *wire.SummaryMetrics) float64 { return m.GroundUp.AAL }},
		{"gross", "aal", func(m *wire.SummaryMetrics) float64 { return m.Gross.AAL }},
		{"ground_up", "sd", func(m *wire.SummaryMetrics) float64 { return m.GroundUp.SD }},
		{"gross", "sd", func(m *wire.SummaryMetrics) float64 { return m.Gross.SD }},
	} {
		d := wire.FigureDifference{Level: known.Summary.Level, Key: known.Summary.Key, Name: known.Summary.Name, Perspective: f.perspective, Figure: f.figure}
		if base != nil {
			x := f.of(base)
			d.Baseline = &x
			d.BaselineLow, d.BaselineHigh = bandOf(base, f.perspective, f.figure)
		}
		if with != nil {
			x := f.of(with)
			d.With = &x
			d.WithLow, d.WithHigh = bandOf(with, f.perspective, f.figure)
		}
		all = append(all, differed(d))
	}
	return all
}

// bandOf is the band of an annual figure: average annual losses have one.
func bandOf(m *wire.SummaryMetrics, perspective, figure string) (low, high *float64) {
	if figure != "aal" {
		return nil, nil
	}
	if perspective == "gross" {
		return m.Gross.AALLow, m.Gross.AALHigh
	}
	return m.GroundUp.AALLow, m.GroundUp.AALHigh
}

// curveDifferences are those of the portfolio's curves, at the return periods of either run.
func curveDifferences(base, with wire.RunCurves) (all []wire.FigureDifference) {
	for _, curve := range base.Curves {
		others := pointsOf(with, curve)
		for _, p := range curve.Points {
			other := others[p.ReturnPeriod]
			delete(others, p.ReturnPeriod)
			all = append(all, pointDifferences(curve, p.ReturnPeriod, p, other)...)
		}
		for _, period := range slices.Sorted(maps.Keys(others)) {
			all = append(all, pointDifferences(curve, period, wire.CurvePoint{}, others[period])...)
		}
	}
	return all
}

// pointsOf are the points of the same curve of another run, by return period.
func pointsOf(c wire.RunCurves, like wire.Curve) map[float64]wire.CurvePoint {
	points := map[float64]wire.CurvePoint{}
	for _, curve := range c.Curves {
		if curve.Perspective == like.Perspective && curve.Type == like.Type {
			for _, p := range curve.Points {
				points[p.ReturnPeriod] = p
			}
		}
	}
	return points
}

func pointDifferences(curve wire.Curve, period float64, base, with wire.CurvePoint) []wire.FigureDifference {
	d := wire.FigureDifference{Level: levels[0], Perspective: curve.Perspective, Figure: strings.ToLower(curve.Type), ReturnPeriod: &period}
	tail := d
	tail.Figure += "_tvar"
	d.Baseline, d.BaselineLow, d.BaselineHigh = base.Loss, base.Low, base.High
	d.With, d.WithLow, d.WithHigh = with.Loss, with.Low, with.High
	tail.Baseline, tail.BaselineLow, tail.BaselineHigh = base.TVaR, base.TVaRLow, base.TVaRHigh
	tail.With, tail.WithLow, tail.WithHigh = with.TVaR, with.TVaRLow, with.TVaRHigh
	return []wire.FigureDifference{differed(d), differed(tail)}
}

// differed fills the differences in, where both runs have the figure.
func differed(d wire.FigureDifference) wire.FigureDifference {
	if d.Baseline == nil || d.With == nil {
		return d
	}
	absolute := *d.With - *d.Baseline
	d.Absolute = &absolute
	if *d.Baseline != 0 {
		relative := absolute / *d.Baseline
		d.Relative = &relative
	}
	d.AbsoluteLow, d.AbsoluteHigh = less(d.WithLow, d.BaselineHigh), less(d.WithHigh, d.BaselineLow)
	return d
}

// less is a difference of what may be absent.
func less(from, what *float64) *float64 {
	if from == nil || what == nil {
		return nil
	}
	x := *from - *what
	return &x
}
