// Package figures reads the figures of finished runs from the tables that were kept of them, for the server.
//
// Annual figures and curves at a run's own return periods are those of its tables, to the last bit. Curves at other return periods are
// computed by the engine's own rule (engine/metrics) from the losses of events, which tables hold to the seven digits of a float32.
// It opens no store: whoever calls it brings the files. Package web may not import the engine; this package implements its
// interface Figures.
//
// Begin with Reader.
package figures

import (
	"fmt"
	"slices"
	"sync"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/results/parquet"
	"github.com/qrsrisk/qrsd/internal/turns"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Reader reads the figures of runs. It is safe for use by many goroutines.
type Reader struct {
	computing *turns.Turns[store.ID] // of curves and shares, by tenant
	ground    func() (*geography.Florida, error)
	shares    kept[shareOf, *shared]
}

// Options of a Reader.
type Options struct {
	// AtOnce is of how many runs curves and shares are computed at the same time, of a tenant one; the others wait. 0 is one.
	AtOnce int
	// Ground gives the model's Florida, for the places of counties and ZIPs; it is asked once. nil: they have none.
	Ground func() (*geography.Florida, error)
}

// New makes a reader.
func New(o Options) *Reader {
	r := &Reader{computing: turns.New[store.ID](o.AtOnce)}
	if o.Ground != nil {
		r.ground = sync.OnceValues(o.Ground)
	}
	return r
}

// perspectives are the prefixes of tables and the names of the API, ground-up first.
var perspectives = []struct{ code, name string }{{"gu", "ground_up"}, {"gr", "gross"}}

// confidence is that of the bands in tables: metrics.Options' default, which every run has.
const confidence = 0.9

func basis(r *web.KeptRun) wire.Basis {
	return wire.Basis{Run: r.ID, Years: r.Years, Samples: r.Samples, Currency: r.Currency, Confidence: confidence}
}

// open opens a table. That a result lacks one of our own is our fault or damage, not the client's.
func open(r *web.KeptRun, table string) (*parquet.File, error) {
	from := r.Files[table]
	if from == nil {
		return nil, fmt.Errorf("run %s has no table %s", r.ID, table)
	}
	f, err := parquet.Open(from, from.Size())
	if err != nil {
		return nil, fmt.Errorf("table %s of run %s: %w", table, r.ID, err)
	}
	return f, nil
}

// summaries are the lines of summary-info, in the order of their ids.
func summaries(r *web.KeptRun) (all []wire.Summary, err error) {
	f, err := open(r, "summary-info")
	if err != nil {
		return nil, err
	}
	for g, err := range f.Groups(0, f.Rows, "SummaryId", "Level", "Key", "Name", "TIV") {
		if err != nil {
			return nil, err
		}
		for i := range g.Rows {
			all = append(all, wire.Summary{
				ID: int(g.Columns[0].Int[i]), Level: g.Columns[1].String[i], Key: g.Columns[2].String[i], Name: g.Columns[3].String[i], TIV: g.Columns[4].Float[i],
			})
		}
	}
	return all, nil
}

// summary is the one of an id; store.ErrNotFound: there is none.
func (f *Reader) summary(r *web.KeptRun, id int) (wire.Summary, error) {
	all, err := summaries(r)
	if err != nil {
		return wire.Summary{}, err
	}
	at := slices.IndexFunc(all, func(s wire.Summary) bool { return s.ID == id })
	if at < 0 {
		return wire.Summary{}, fmt.Errorf("summary %d: %w", id, store.ErrNotFound)
	}
	return all[at], f.place(all[at : at+1])
}

// place gives counties and ZIPs a point for a map.
func (f *Reader) place(all []wire.Summary) error {
	if f.ground == nil {
		return nil
	}
	ground, err := f.ground()
	if err != nil {
		return err
	}
	for i := range all {
		s := &all[i]
		if s.Level == "county" {
			if c, known := ground.CountyPoint(s.Key); known {
				s.Lat, s.Lon = &c.Lat, &c.Lon
			}
		}
		if s.Level == "zip" {
			if z, known := ground.ZIP(s.Key); known {
				s.Lat, s.Lon = &z.Lat, &z.Lon
			}
		}
	}
	return nil
}

// curved says whether a summary has curves; of ZIPs and accounts only moments are kept.
func curved(s wire.Summary) error {
	if s.Level == "zip" || s.Level == "account" {
		return store.Invalid("summary", "%d is of level %s, of which average and standard deviation are kept, and neither curves nor events", s.ID, s.Level)
	}
	return nil
}

// Metrics gives the annual figures of the summaries of some levels, from a place on.
func (f *Reader) Metrics(r *web.KeptRun, levels []string, from, limit int) (out wire.RunMetrics, err error) {
	out = wire.RunMetrics{Basis: basis(r), Items: []wire.SummaryMetrics{}}
	all, err := summaries(r)
	if err != nil {
		return out, err
	}
	wanted := slices.DeleteFunc(slices.Clone(all), func(s wire.Summary) bool { return !slices.Contains(levels, s.Level) })
	part := wanted[min(from, len(wanted)):min(from+limit, len(wanted))]
	if err := f.place(part); err != nil {
		return out, err
	}
	for _, s := range part {
		out.Items = append(out.Items, wire.SummaryMetrics{Summary: s})
	}
	out.NextCursor = web.NextPlace(int64(from+limit), int64(len(wanted)))
	for _, p := range perspectives {
		if err := annual(r, p.code, out.Items); err != nil {
			return out, err
		}
	}
	return out, nil
}

// annual fills in the annual losses of one perspective.
func annual(r *web.KeptRun, code string, items []wire.SummaryMetrics) error {
	f, err := open(r, code+"_aal")
	if err != nil || len(items) == 0 {
		return err
	}
	at := map[int]int{}
	for i, m := range items {
		at[m.Summary.ID] = i
	}
	for g, err := range f.Groups(0, f.Rows, "SummaryId", "AAL", "AALStandardError", "LowerCI", "UpperCI", "SD", "SDStandardError", "LargestYear") {
		if err != nil {
			return err
		}
		for i := range g.Rows {
			place, found := at[int(g.Columns[0].Int[i])]
			if !found {
				continue
			}
			m := &items[place]
			value := func(column int) float64 { return g.Columns[column].Float[i] }
			a := wire.AnnualLosses{AAL: value(1), AALStandardError: value(2), SD: value(5)}
			if curved(m.Summary) == nil {
				low, high, sd, largest := value(3), value(4), value(6), value(7)
				a.AALLow, a.AALHigh, a.SDStandardError, a.LargestYear = &low, &high, &sd, &largest
			}
			if code == perspectives[0].code {
				m.GroundUp = a
			} else {
				m.Gross = a
			}
		}
	}
	return nil
}

// headline is the calculation whose curves are shown.
func headline(samples int) string {
	r := metrics.Report{Samples: samples}
	return r.Headline().String()
}
