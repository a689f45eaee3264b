package web_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
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

// BenchmarkSummary reads what a run's page begins with over 64 connections, next to hello-world of bare Fiber, all in one run: the run's record,
// its annual figures, its curves. Client and server share the cores.
func BenchmarkSummary(b *testing.B) {
	a := start(b, unlimited, func(o *web.Options, _ *directory.Options) { o.Limits.PerAddress = 4 * sides })
	tenant := a.tenant("Example Mutual")
	w := newBench(a, tenant, "Coast", locations)
	id := w.submit(smallSpec())
	w.carryOut(id)
	viewer := a.join(tenant, "viewer@example.com", store.Viewer)
	bare := bareFiber(b)
	b.Run("bare", func(b *testing.B) {
		drive(b, a, bare, slices.Repeat([]string{"GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"}, sides))
	})
	for _, path := range []string{"", "/metrics", "/curves"} {
		request := "GET /api/v1/runs/" + id.String() + path + " HTTP/1.1\r\nHost: " + host + "\r\nCookie: __Host-qrsd=" + viewer.cookie + "\r\n\r\n"
		b.Run("run"+path, func(b *testing.B) { drive(b, a, a.address, slices.Repeat([]string{request}, sides)) })
	}
}
