package evaluation

import (
	"context"
	"math"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/internal/parallel"
)

// CellError is what it costs to compute the wind once for a cell in place of every site: over the ZIP codes' points and
// the events of a number of years, for pairs that the wind reaches by both and in which the gust is damaging by either.
type CellError struct {
	Years int     `json:"years"`
	Pairs int     `json:"pairs"`
	Bias  float64 `json:"bias"`    // mean of gust by cell / gust at the site − 1
	RMS   float64 `json:"rms"`     // root mean square of the same
	Worst float64 `json:"largest"` // largest absolute value
}

// cellTally adds up relative differences.
type cellTally struct {
	pairs               int
	sum, squares, worst float64
}

// CompareCells measures the error. The only error is ctx's.
func CompareCells(ctx context.Context, catalog *hazard.Catalog, ground *geography.Florida, opt Options) (*CellError, error) {
	zips := ground.ZIPs()
	var lat, lon, cellLat, cellLon []float64
	factors := make([]windfield.Factors, len(zips))
	for i, z := range zips {
		lat, lon = append(lat, z.Lat), append(lon, z.Lon)
		a, o := windfield.CellCentre(windfield.Cell(z.Lat, z.Lon))
		cellLat, cellLon = append(cellLat, a), append(cellLon, o)
		factors[i] = opt.Field.GustFactors(ground.Fetch(z.Lat, z.Lon))
	}
	exact, cells := windfield.NewPlaces(lat, lon), windfield.NewPlaces(cellLat, cellLon)
	const block = 50
	var total cellTally
	err := parallel.Ordered(ctx, (opt.Years+block-1)/block, max(opt.Workers, 1),
		func(b, _ int) (cellTally, error) {
			var t cellTally
			atSite, byCell := opt.Field.NewFootprinter(exact), opt.Field.NewFootprinter(cells)
			for year := b*block + 1; year <= min((b+1)*block, opt.Years); year++ {
				for _, e := range catalog.Year(year) {
					t.compare(atSite.Of(&e), byCell.Of(&e), factors)
				}
			}
			return t, nil
		},
		func(_ int, t cellTally) error { total.add(t); return nil })
	if err != nil {
		return nil, err
	}
	n := float64(max(total.pairs, 1))
	return &CellError{Years: opt.Years, Pairs: total.pairs, Bias: total.sum / n, RMS: math.Sqrt(total.squares / n), Worst: total.worst}, nil
}

func (t *cellTally) compare(site, cell *windfield.Footprint, factors []windfield.Factors) {
	for i := range factors {
		a := float64(float64(site.Mean[i]) * float64(factors[i][site.From[i]]))
		b := float64(float64(cell.Mean[i]) * float64(factors[i][cell.From[i]]))
		if max(a, b) < windfield.Threshold || min(a, b) == 0 {
			continue
		}
		d := b/a - 1
		t.pairs++
		t.sum += d
		t.squares += float64(d * d)
		t.worst = max(t.worst, math.Abs(d))
	}
}

func (t *cellTally) add(o cellTally) {
	t.pairs += o.pairs
	t.sum += o.sum
	t.squares += o.squares
	t.worst = max(t.worst, o.worst)
}
