package runestimate

import (
	"reflect"
	"testing"

	"github.com/qrsrisk/qrsd/engine/loss"
)

// TestAnnual: the largest and the sum of a year are over events and by sample; other summaries and zeros do not count.
func TestAnnual(t *testing.T) {
	table := &loss.Table{
		Years: 4, Samples: 2,
		Summaries:  []loss.Summary{{Level: loss.ByPortfolio}, {Level: loss.ByCounty}},
		Events:     []loss.Event{{ID: 1, Year: 1}, {ID: 2, Year: 1}, {ID: 3, Year: 3}},
		RowEvent:   []uint32{0, 0, 1, 2, 2},
		RowSummary: []uint16{0, 1, 0, 0, 1},
	}
	table.Loss[loss.Gross] = []float64{5, 2, 70, 70, 3, 4, 0, 1, 9, 9}
	largest, sum := annual(table, loss.Gross)
	if want := []float64{5, 4, 1}; !reflect.DeepEqual(largest, want) {
		t.Errorf("largest %v, want %v", largest, want)
	}
	if want := []float64{8, 6, 1}; !reflect.DeepEqual(sum, want) {
		t.Errorf("sums %v, want %v", sum, want)
	}
}
