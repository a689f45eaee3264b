package figures

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Curves gives the exceedance curves of a summary: at the run's own return periods, or at those that are asked for. Those that
// are the run's own are as its tables have them. store.ErrNotFound: there is no such summary.
func (f *Reader) Curves(ctx context.Context, r *web.KeptRun, id int, periods []float64) (out wire.RunCurves, err error) {
	s, err := f.summary(r, id)
	if err != nil {
		return out, err
	}
	if err := curved(s); err != nil {
		return out, err
	}
	out = wire.RunCurves{Basis: basis(r), Summary: s}
	own := slices.Clone(r.ReturnPeriods)
	if len(own) == 0 {
		own = metrics.DefaultReturnPeriods()
	}
	slices.Sort(own)
	if len(periods) == 0 {
		periods = own
	}
	out.Curves, err = tabled(r, id, periods)
	if err != nil {
		return out, err
	}
	others := slices.DeleteFunc(slices.Clone(periods), func(p float64) bool { return slices.Contains(own, p) || p > float64(r.Years) })
	if len(others) == 0 {
		return out, nil
	}
	return out, f.addComputed(ctx, r, id, others, out.Curves)
}

// curveTypes are the names of the API by those of the tables of bands.
var curveTypes = []metrics.EPType{metrics.OEP, metrics.AEP}

// tabled are the curves as the tables of bands have them, with a point for each return period, empty where there is none.
func tabled(r *web.KeptRun, id int, periods []float64) (curves []wire.Curve, err error) {
	for _, p := range perspectives {
		part := make([]wire.Curve, len(curveTypes))
		for i, t := range curveTypes {
			part[i] = wire.Curve{Perspective: p.name, Type: strings.ToLower(t.String())}
			for _, period := range slices.Compact(slices.Clone(periods)) {
				part[i].Points = append(part[i].Points, wire.CurvePoint{ReturnPeriod: period})
			}
		}
		if err := readBands(r, p.code, id, part); err != nil {
			return nil, err
		}
		curves = append(curves, part...)
	}
	return curves, nil
}

// readBands fills the points of a perspective's curves in.
func readBands(r *web.KeptRun, code string, id int, curves []wire.Curve) error {
	f, err := open(r, code+"_bands")
	if err != nil {
		return err
	}
	calculation := headline(r.Samples)
	for g, err := range f.Groups(0, f.Rows, "SummaryId", "UpperCIUnbounded", "Calculation", "Type", "ReturnPeriod", "Loss", "LowerCI", "UpperCI") {
		if err != nil {
			return err
		}
		for i := range g.Rows {
			if int(g.Columns[0].Int[i]) != id || g.Columns[2].String[i] != calculation {
				continue
			}
			value := func(column int) *float64 { x := g.Columns[column].Float[i]; return &x }
			low, high := value(6), value(7)
			if g.Columns[1].Int[i] != 0 {
				high = nil
			}
			for c, t := range curveTypes {
				at := pointAt(curves[c].Points, *value(4))
				switch {
				case at == nil:
				case g.Columns[3].String[i] == t.String():
					at.Loss, at.Low, at.High = value(5), low, high
				case g.Columns[3].String[i] == (t + 1).String():
					at.TVaR, at.TVaRLow, at.TVaRHigh = value(5), low, high
				}
			}
		}
	}
	return nil
}

func pointAt(points []wire.CurvePoint, period float64) *wire.CurvePoint {
	for i := range points {
		if points[i].ReturnPeriod == period {
			return &points[i]
		}
	}
	return nil
}

// addComputed computes the points of return periods that the tables do not have.
func (f *Reader) addComputed(ctx context.Context, r *web.KeptRun, id int, periods []float64, curves []wire.Curve) error {
	end, err := f.computing.Take(ctx, r.Tenant)
	if err != nil {
		return err
	}
	defer end()
	t, err := lossTable(ctx, r, id)
	if err != nil {
		return err
	}
	report, err := metrics.Summarise(t, metrics.Options{ReturnPeriods: periods})
	if err != nil {
		return fmt.Errorf("run %s: %w", r.ID, err)
	}
	for p := range loss.NumPerspectives {
		for c, kind := range curveTypes {
			computed := report.Summaries[0].Perspectives[p].Curve(kind, report.Headline())
			for _, from := range computed.Points {
				if at := pointAt(curves[int(p)*len(curveTypes)+c].Points, from.ReturnPeriod); at != nil && from.Available {
					fill(at, from)
				}
			}
		}
	}
	return nil
}

func fill(at *wire.CurvePoint, from metrics.Point) {
	at.Loss, at.Low, at.TVaR, at.TVaRLow = &from.Loss, &from.LossBand.Low, &from.TVaR, &from.TVaRBand.Low
	if !from.LossBand.Unbounded {
		at.High = &from.LossBand.High
	}
	if !from.TVaRBand.Unbounded {
		at.TVaRHigh = &from.TVaRBand.High
	}
}

// mostCells bounds the losses that are computed with at once, two of 8 bytes each.
const mostCells = 32 << 20

// lossTable is the loss table of one summary, made of what was kept of it by period.
func lossTable(ctx context.Context, r *web.KeptRun, id int) (*loss.Table, error) {
	t := &loss.Table{Years: r.Years, Samples: r.Samples, Summaries: []loss.Summary{{Level: loss.ByPortfolio}}}
	rows := map[int32]int{} // by event
	for p := range loss.NumPerspectives {
		if err := addLosses(ctx, r, id, p, t, rows); err != nil {
			return nil, err
		}
	}
	t.Footprint = make([]float64, len(t.RowEvent))
	t.Impacted = t.Loss[loss.GroundUp] // of the right length; the figures do not look into it
	return t, nil
}

// addLosses adds the losses of a perspective. Ground-up comes first: it has all events that gross has.
func addLosses(ctx context.Context, r *web.KeptRun, id int, p loss.Perspective, t *loss.Table, rows map[int32]int) error {
	f, err := open(r, p.String()+"_splt")
	if err != nil {
		return err
	}
	width := t.Width()
	t.Loss[p] = make([]float64, len(t.RowEvent)*width)
	for g, err := range f.Groups(0, f.Rows, "SummaryId", "Period", "EventId", "SampleId", "Loss") {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, of := range g.Columns[0].Int {
			if int(of) != id {
				continue
			}
			event, sample := g.Columns[2].Int[i], max(int(g.Columns[3].Int[i]), 1)
			row, found := rows[event]
			if !found {
				if p != loss.GroundUp || len(t.Loss[p]) >= mostCells {
					return tooMany(p)
				}
				row = len(t.RowEvent)
				rows[event] = row
				t.Events = append(t.Events, loss.Event{ID: event, Year: g.Columns[1].Int[i]})
				t.RowEvent, t.RowSummary = append(t.RowEvent, uint32(row)), append(t.RowSummary, 0)
				t.Loss[p] = append(t.Loss[p], make([]float64, width)...)
			}
			if sample > width {
				return fmt.Errorf("event %d: sample %d of %d", event, sample, width)
			}
			t.Loss[p][row*width+sample-1] = g.Columns[4].Float[i]
		}
	}
	return nil
}

func tooMany(p loss.Perspective) error {
	if p != loss.GroundUp {
		return fmt.Errorf("a gross loss without a loss ground-up")
	}
	return store.Invalid("summary", "the run has more than %d losses of events and draws: take its own return periods, or run it with those that you need", mostCells)
}
