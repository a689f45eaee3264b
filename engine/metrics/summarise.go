package metrics

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/qrsrisk/qrsd/engine/loss"
)

var defaultReturnPeriods = [...]float64{2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000}

// DefaultReturnPeriods are the return periods, in years, of a report that names none.
func DefaultReturnPeriods() []float64 { return slices.Clone(defaultReturnPeriods[:]) }

// Options say what to report; the zero value is the default report.
type Options struct {
	// ReturnPeriods in years, each at least 1; nil means DefaultReturnPeriods.
	ReturnPeriods []float64
	// Confidence of the bands, between 0 and 1; 0 means 0.9.
	Confidence float64
	// Workers is how many summaries are worked on at once; 0 means 1. The figures
	// do not depend on it.
	Workers int
}

// Summarise computes the report of a table. It fails, naming the place and the value,
// when the table is not as its documentation says or the options make no sense.
func Summarise(t *loss.Table, opt Options) (*Report, error) {
	opt, err := opt.complete()
	if err != nil {
		return nil, err
	}
	if err := check(t); err != nil {
		return nil, fmt.Errorf("loss table: %w", err)
	}
	r := &Report{
		Years: t.Years, Samples: t.Samples, Confidence: opt.Confidence, ReturnPeriods: opt.ReturnPeriods,
		Summaries: make([]SummaryMetrics, len(t.Summaries)),
	}
	rows := rowsBySummary(t)
	eachOf(len(t.Summaries), opt.Workers, func() func(int) {
		w := &worker{table: t, options: opt}
		return func(i int) { r.Summaries[i] = w.summary(i, rows[i]) }
	})
	next := int32(len(t.Summaries)) + 1
	r.ZIPs = momentMetrics(t, t.ZIPs, next)
	r.Accounts = momentMetrics(t, t.Accounts, next+int32(len(t.ZIPs)))
	return r, nil
}

// Check returns an error that names the option's value: so that a caller can refuse it before a long run.
func (o Options) Check() error {
	for _, p := range o.ReturnPeriods {
		if !(p >= 1 && p <= math.MaxFloat64) {
			return fmt.Errorf("return period %v: not a number of years of at least 1; give for example 100", p)
		}
	}
	if !(o.Confidence >= 0 && o.Confidence < 1) {
		return fmt.Errorf("confidence %v: not between 0 and 1; give for example 0.9", o.Confidence)
	}
	return nil
}

func (o Options) complete() (Options, error) {
	if err := o.Check(); err != nil {
		return o, err
	}
	if o.ReturnPeriods == nil {
		o.ReturnPeriods = DefaultReturnPeriods()
	}
	o.ReturnPeriods = slices.Clone(o.ReturnPeriods)
	slices.Sort(o.ReturnPeriods)
	o.ReturnPeriods = slices.Compact(o.ReturnPeriods)
	if o.Confidence == 0 {
		o.Confidence = 0.9
	}
	o.Workers = max(o.Workers, 1)
	return o, nil
}

// check holds the table to its documentation, so that the figures may rely on it.
func check(t *loss.Table) error {
	if t.Years < 1 {
		return fmt.Errorf("years %d: a table needs at least one simulated year", t.Years)
	}
	if t.Samples < 0 {
		return fmt.Errorf("samples %d: negative; 0 means mean-only", t.Samples)
	}
	rows, cells := len(t.RowEvent), len(t.RowEvent)*t.Width()
	for p, l := range t.Loss {
		if len(l) != cells {
			return fmt.Errorf("%v losses: %d values for %d rows of width %d", loss.Perspective(p), len(l), rows, t.Width())
		}
	}
	if len(t.RowSummary) != rows || len(t.Footprint) != rows || len(t.Impacted) != cells {
		return fmt.Errorf("columns of %d, %d, %d and %d values do not make %d rows of width %d",
			rows, len(t.RowSummary), len(t.Footprint), len(t.Impacted), rows, t.Width())
	}
	if err := checkEvents(t); err != nil {
		return err
	}
	return checkRows(t)
}

func checkEvents(t *loss.Table) error {
	year := int32(1)
	for i, e := range t.Events {
		if e.Year < year || int(e.Year) > t.Years {
			return fmt.Errorf("event %d (id %d): year %d is outside %d … %d; events must be sorted by year", i, e.ID, e.Year, year, t.Years)
		}
		year = e.Year
	}
	return nil
}

func checkRows(t *loss.Table) error {
	last := int64(-1)
	for i, e := range t.RowEvent {
		s := t.RowSummary[i]
		if int(e) >= len(t.Events) || int(s) >= len(t.Summaries) {
			return fmt.Errorf("row %d: event %d or summary %d does not exist (%d events, %d summaries)", i, e, s, len(t.Events), len(t.Summaries))
		}
		key := int64(e)<<16 | int64(s)
		if key <= last {
			return fmt.Errorf("row %d: event %d, summary %d is out of order or there twice", i, e, s)
		}
		last = key
	}
	for p := range t.Loss {
		for i, x := range t.Loss[p] {
			if !(x >= 0 && x <= math.MaxFloat64) {
				return fmt.Errorf("row %d, %v loss of sample %d: %v is no amount", i/t.Width(), loss.Perspective(p), i%t.Width()+1, x)
			}
		}
	}
	return nil
}

// rowsBySummary lists each summary's rows in table order.
func rowsBySummary(t *loss.Table) [][]uint32 {
	count := make([]int, len(t.Summaries))
	for _, s := range t.RowSummary {
		count[s]++
	}
	all := make([]uint32, len(t.RowSummary))
	rows := make([][]uint32, len(t.Summaries))
	at := 0
	for s, n := range count {
		rows[s] = all[at : at : at+n]
		at += n
	}
	for i, s := range t.RowSummary {
		rows[s] = append(rows[s], uint32(i))
	}
	return rows
}

// eachOf calls the functions that start makes, one per worker, with every number below n once.
func eachOf(n, workers int, start func() func(int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(workers, n) {
		wait.Go(func() {
			f := start()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}

// worker computes one summary after another, reusing its buffers.
type worker struct {
	table   *loss.Table
	options Options

	// Annual losses of the years with a row, width values a year.
	sum, largest []float64
	sorted, tail []float64
	perYear      []float64
	column       []float64
	sort         sorter
}

func (w *worker) summary(i int, rows []uint32) SummaryMetrics {
	m := SummaryMetrics{ID: int32(i) + 1, Summary: w.table.Summaries[i]}
	for p := range m.Perspectives {
		w.gather(w.table.Loss[p], rows)
		m.Perspectives[p] = w.metrics()
	}
	return m
}

// gather fills the annual losses from the rows. Years without a row have none: every
// cell missing from the buffers is zero. Losses are added in event order.
func (w *worker) gather(l []float64, rows []uint32) {
	width := w.table.Width()
	w.sum, w.largest = w.sum[:0], w.largest[:0]
	year := int32(0)
	for _, r := range rows {
		x := l[int(r)*width : (int(r)+1)*width]
		if y := w.table.Events[w.table.RowEvent[r]].Year; y != year {
			year = y
			w.sum = append(w.sum, x...)
			w.largest = append(w.largest, x...)
			continue
		}
		sum, largest := w.sum[len(w.sum)-width:], w.largest[len(w.largest)-width:]
		for s, v := range x {
			sum[s] += v
			largest[s] = max(largest[s], v)
		}
	}
}

func (w *worker) metrics() Metrics {
	m := Metrics{Annual: w.annual(w.sum)}
	calcs := []EPCalc{Full, PerSampleMean, MeanSample}
	if w.table.Samples == 0 {
		calcs = []EPCalc{MeanDR}
	}
	for _, c := range calcs {
		m.Curves = append(m.Curves, w.curve(OEP, c, w.largest), w.curve(AEP, c, w.sum))
	}
	return m
}

func momentMetrics(t *loss.Table, list []loss.Moments, first int32) []MomentMetrics {
	n := float64(t.Years * t.Width())
	out := make([]MomentMetrics, len(list))
	for i, m := range list {
		out[i] = MomentMetrics{ID: first + int32(i), Summary: m.Summary}
		for p := range out[i].Perspectives {
			mean := m.Sum[p] / n
			sd := 0.0
			if n > 1 {
				// The difference can fall a rounding below zero when all annual losses agree.
				sd = math.Sqrt(max(0, m.SumSquares[p]-float64(mean*m.Sum[p])) / (n - 1))
			}
			out[i].Perspectives[p] = Moment{AAL: mean, SD: sd, AALStdErr: sd / math.Sqrt(float64(t.Years))}
		}
	}
	return out
}
