package web_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/store"
)

// manyEvents is a loss table of so many events with losses in the portfolio and some parts of it.
func manyEvents(events, parts int) *loss.Table {
	t := &loss.Table{Years: events, Samples: 1}
	for s := range parts {
		t.Summaries = append(t.Summaries, loss.Summary{Level: loss.Level(min(s, 2)), Key: fmt.Sprint(s), TIV: 1e9})
	}
	for e := range events {
		t.Events = append(t.Events, loss.Event{ID: int32(e + 1), Year: int32(e + 1), Month: 9, Day: 1})
		for s := range parts {
			x := float64((e*7919+s)%1_000_003) + 1
			t.RowEvent, t.RowSummary = append(t.RowEvent, uint32(e)), append(t.RowSummary, uint16(s))
			t.Footprint, t.Impacted = append(t.Footprint, 10*x), append(t.Impacted, 2*x)
			t.Loss[loss.GroundUp], t.Loss[loss.Gross] = append(t.Loss[loss.GroundUp], x), append(t.Loss[loss.Gross], x/2)
		}
	}
	return t
}

// BenchmarkFigures reads figures of a run of 100,000 events over TLS, each request as the first: nothing is kept in memory.
func BenchmarkFigures(b *testing.B) {
	for _, parts := range []int{1, 10} {
		a := start(b, unlimited)
		tenant := a.tenant("Example Mutual")
		w := newBench(a, tenant, "Coast", locations)
		id := w.submit(engine.Spec{Years: 100_000, Samples: 1})
		_, err := w.Claim(b.Context(), id, "test", time.Hour)
		a.must(err)
		table := manyEvents(100_000, parts)
		report, err := metrics.Summarise(table, metrics.Options{})
		a.must(err)
		_, err = w.Finish(b.Context(), id, "test", tableFiles(b, results.Tables(table, report)))
		a.must(err)
		viewer := a.join(tenant, "viewer@example.com", store.Viewer)
		for _, path := range []string{"", "/metrics", "/curves", "/curves?return_periods=75", "/events", "/tables/gu_mplt", "/tables/gu_mplt?cursor=bjkwMDAw"} {
			b.Run(fmt.Sprintf("rows=%d%s", 100_000*parts, path), func(b *testing.B) {
				for b.Loop() {
					viewer.want(200, viewer.call("GET", "/api/v1/runs/"+id.String()+path, nil))
				}
			})
		}
	}
}
