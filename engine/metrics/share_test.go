package metrics_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
)

// TestSharesByHand: of four years with two draws the tail of a 4-year return period is the two largest annual losses.
func TestSharesByHand(t *testing.T) {
	b := newBuilder(4, 2, 1)
	b.event(1, map[int][]float64{0: {10, 0}}) // with the next one 40 in the first draw
	b.event(1, map[int][]float64{0: {30, 5}})
	b.event(3, map[int][]float64{0: {0, 60}}) // the largest, in the second draw
	b.event(4, map[int][]float64{0: {39, 39}})
	s, err := metrics.Shares(b.t, 0, loss.GroundUp, 4)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{0.1, 0.3, 0.6, 0}; s.TVaR != 50 || !allNear(s.Share, want) {
		t.Errorf("TVaR %v, shares %v, want 50 and %v", s.TVaR, s.Share, want)
	}
	// Between two ranks the last annual loss counts for what the curve takes of it.
	if s, err = metrics.Shares(b.t, 0, loss.GroundUp, 3); err != nil || !near(s.Share[0]+s.Share[1]+s.Share[2]+s.Share[3], 1) || s.Share[3] == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func allNear(got, want []float64) bool {
	for i := range want {
		if !near(got[i], want[i]) {
			return false
		}
	}
	return len(got) == len(want)
}

// TestSharesAddUp: the TVaR is that of the report, and the shares add up to 1, whatever the table.
func TestSharesAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		table := random(r, 1+r.IntN(30), r.IntN(4), 3)
		periods := []float64{1, 1 + r.Float64()*float64(table.Years-1), float64(table.Years)}
		report := summarise(t, table, metrics.Options{ReturnPeriods: periods})
		for s := range table.Summaries {
			for p := range loss.NumPerspectives {
				for _, at := range report.Summaries[s].Perspectives[p].Curve(metrics.AEP, report.Headline()).Points {
					shares, err := metrics.Shares(table, s, p, at.ReturnPeriod)
					if err != nil {
						t.Fatal(err)
					}
					sum, least := 0.0, 0.0
					for _, x := range shares.Share {
						sum += x
						least = min(least, x)
					}
					if want := math.Ceil(min(shares.TVaR, 1)); shares.TVaR != at.TVaR || !near(sum, want) || least < 0 {
						t.Fatalf("period %v: TVaR %v, want %v; shares add up to %v, the least is %v", at.ReturnPeriod, shares.TVaR, at.TVaR, sum, least)
					}
				}
			}
		}
	}
}

// TestSharesRefuse: what there are no shares of.
func TestSharesRefuse(t *testing.T) {
	b := newBuilder(4, 2, 1)
	for _, c := range []struct {
		summary int
		period  float64
		want    string
	}{{0, 5, "between 1 and the 4"}, {0, 0.5, "between 1"}, {0, math.NaN(), "between 1"}, {1, 2, "there is none"}, {-1, 2, "there is none"}} {
		if _, err := metrics.Shares(b.t, c.summary, loss.Gross, c.period); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("summary %d, period %v: %v, want %q", c.summary, c.period, err, c.want)
		}
	}
}
