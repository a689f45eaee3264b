package runestimate_test

import (
	"bytes"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/quantum"
)

// result has three years of two samples: the second without an event, the last with one, of which ZIPs are no part.
func result(factor float64) *engine.Result {
	table := &loss.Table{
		Years: 4, Samples: 2,
		Summaries:  []loss.Summary{{Level: loss.ByPortfolio}, {Level: loss.ByCounty}},
		Events:     []loss.Event{{ID: 1, Year: 1}, {ID: 2, Year: 1}, {ID: 3, Year: 3}},
		RowEvent:   []uint32{0, 0, 1, 2, 2},
		RowSummary: []uint16{0, 1, 0, 0, 1},
	}
	for p := range table.Loss {
		table.Loss[p] = []float64{5 * factor, 2 * factor, 70 * factor, 70 * factor, 3 * factor, 4 * factor, 0, 1 * factor, 9 * factor, 9 * factor}
	}
	return &engine.Result{Spec: engine.Spec{Seed: 3, ReturnPeriods: []float64{2}}, Table: table}
}

// TestReport: four panels over the portfolio's largest and summed annual losses, the same each time, with the run's seed.
func TestReport(t *testing.T) {
	report, err := runestimate.Report(t.Context(), result(1), "USD", 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Panels) != 4 || len(report.Without) != 0 || report.Currency != "USD" || report.Seed != 3 {
		t.Fatalf("%d panels, %d without, %s, seed %d", len(report.Panels), len(report.Without), report.Currency, report.Seed)
	}
	// Of 8 years and samples, 3 have a loss: 5, 4, 1 at most and 8, 6, 1 in sum. Once in two years there is none.
	for i, want := range []struct {
		name    string
		highest float64
	}{{"ground_up_oep", 5}, {"ground_up_aep", 8}, {"gross_oep", 5}, {"gross_aep", 8}} {
		p := report.Panels[i]
		edges := p.Problem.Edges
		if p.Name != want.name || edges[len(edges)-1] > want.highest || p.Qubits != 3 {
			t.Errorf("panel %d: %s with edges %v, want %s up to %v", i, p.Name, edges, want.name, want.highest)
		}
	}
	first, err := runestimate.Text(report)
	if err != nil {
		t.Fatal(err)
	}
	again, err := runestimate.Report(t.Context(), result(1), "USD", 3)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := runestimate.Text(again); err != nil || !bytes.Equal(first, second) {
		t.Errorf("another report the second time (%v)", err)
	}
}

// TestReportOfNoLoss says why there is no panel.
func TestReportOfNoLoss(t *testing.T) {
	report, err := runestimate.Report(t.Context(), result(0), "USD", 3)
	if err != nil || len(report.Panels) != 0 || len(report.Without) != 4 || report.Without[0].Reason != quantum.ErrNoLoss.Error() {
		t.Errorf("%+v, %v", report, err)
	}
	if _, err := runestimate.Report(t.Context(), result(1), "USD", 40); err == nil {
		t.Error("2^40 bins were taken")
	}
}
