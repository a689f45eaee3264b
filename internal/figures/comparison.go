package figures

import (
	"fmt"
	"io"

	"github.com/qrsrisk/qrsd/engine/results/excel"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Comparison implements web.Figures: what the workbook is of, then what was put in otherwise, then the figures with their differences. Its numbers are
// those of the comparison; a cell is empty where that has none.
func (*Reader) Comparison(w io.Writer, c wire.Comparison) error {
	return excel.WriteSheets(w, comparisonFacts(c), []excel.Sheet{changeSheet(c), figureSheet(c)})
}

func comparisonFacts(c wire.Comparison) []excel.Fact {
	facts := []excel.Fact{{Name: "Comparison", Value: "Florida hurricane, wind only. Simulated events, not observed ones."}}
	facts = append(facts, runFacts("Baseline", c.Baseline)...)
	for i, with := range c.With {
		facts = append(facts, runFacts(runTitle(i), with.Run)...)
	}
	return append(facts,
		excel.Fact{Name: "Difference", Value: "the run's figure less the baseline's; relative: of the baseline's"},
		excel.Fact{Name: "Low and high of a run", Value: fmt.Sprintf("its band of %g %%, for sampling over the simulated years only; the error of the model itself is not in it", 100*c.Baseline.Basis.Confidence)},
		excel.Fact{Name: "Low and high of a difference", Value: "the least and the largest that the bands of both runs leave. Runs of the same model, years and seed simulate the same storms: their difference is surer than that."},
		excel.Fact{Name: "Empty cells", Value: "the run has no such figure, or it has no band"},
	)
}

// runTitle names a run that is put beside the baseline, counted from 0.
func runTitle(i int) string { return fmt.Sprintf("Run %d", i+1) }

func runFacts(title string, r wire.ComparedRun) []excel.Fact {
	return []excel.Fact{
		{Name: title, Value: r.Basis.Run}, {Name: title + ", name", Value: r.Name},
		{Name: title + ", portfolio", Value: fmt.Sprintf("%s, version %d (%s)", r.PortfolioName, r.PortfolioVersion, r.Portfolio)},
		{Name: title + ", model", Value: r.Model}, {Name: title + ", years", Value: fmt.Sprint(r.Basis.Years)},
		{Name: title + ", draws of damage an event", Value: fmt.Sprint(r.Basis.Samples)}, {Name: title + ", currency", Value: r.Basis.Currency},
	}
}

func changeSheet(c wire.Comparison) excel.Sheet {
	s := excel.Sheet{Name: "Changes", Columns: []string{"Run", "Of", "What", "Baseline", "Run's"}}
	for i, with := range c.With {
		for _, part := range []struct {
			of      string
			changes []wire.Change
		}{{"exposure", with.Exposure}, {"model", with.Model}, {"settings", with.Settings}} {
			for _, x := range part.changes {
				s.Rows = append(s.Rows, []any{runTitle(i), part.of, x.Name, x.Baseline, x.With})
			}
		}
	}
	return s
}

func figureSheet(c wire.Comparison) excel.Sheet {
	s := excel.Sheet{Name: "Figures", Columns: []string{
		"Run", "Level", "Key", "Name", "Perspective", "Figure", "Return period (years)", "Baseline", "Baseline, low", "Baseline, high",
		"Run's", "Run's, low", "Run's, high", "Difference", "Difference, low", "Difference, high", "Relative difference",
	}}
	for i, with := range c.With {
		for _, d := range with.Figures {
			s.Rows = append(s.Rows, []any{
				runTitle(i), d.Level, d.Key, d.Name, d.Perspective, d.Figure, orEmpty(d.ReturnPeriod), orEmpty(d.Baseline), orEmpty(d.BaselineLow), orEmpty(d.BaselineHigh),
				orEmpty(d.With), orEmpty(d.WithLow), orEmpty(d.WithHigh), orEmpty(d.Absolute), orEmpty(d.AbsoluteLow), orEmpty(d.AbsoluteHigh), orEmpty(d.Relative),
			})
		}
	}
	return s
}

// orEmpty is the value of a cell.
func orEmpty(x *float64) any {
	if x == nil {
		return nil
	}
	return *x
}
