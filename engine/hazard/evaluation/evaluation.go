package evaluation

import (
	"context"
	"sort"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/internal/parallel"
)

// Options say how a catalogue is evaluated.
type Options struct {
	Years    int             // simulated years
	Workers  int             // goroutines; 0 = 1
	Field    windfield.Model // windfield.Standard() for the model
	Progress func(years int) // called now and then with the years done; may be nil
}

// Report is a catalogue beside the record. JSON names are those of the command line.
type Report struct {
	Years         int            `json:"years"`
	RecordYears   int            `json:"record_years"`
	Rates         []Rate         `json:"landfall_rates"`
	AnnualCounts  []Count        `json:"landfalling_hurricanes_a_year"`
	Distributions []Distribution `json:"landfall_distributions"`
	Shares        []Share        `json:"landfall_shares"`
	Cities        []CityRate     `json:"cities"`
	Gusts         []GustLevel    `json:"gust_return_levels"`
}

// Run simulates the years and compares them with the record. The result does not depend
// on Workers. The only error is ctx's.
func Run(ctx context.Context, catalog *hazard.Catalog, record *hazard.Record, ground *geography.Florida, opt Options) (*Report, error) {
	const block = 250
	total := newTally()
	blocks := (opt.Years + block - 1) / block
	err := parallel.Ordered(ctx, blocks, max(opt.Workers, 1),
		func(b, _ int) (*tally, error) {
			t := newTally()
			field := opt.Field.NewFootprinter(cityPlaces())
			factors := cityFactors(ground, opt.Field)
			for year := b*block + 1; year <= min((b+1)*block, opt.Years); year++ {
				t.year(catalog.Year(year), field, factors)
			}
			return t, nil
		},
		func(b int, t *tally) error {
			total.add(t)
			if opt.Progress != nil {
				opt.Progress(min((b+1)*block, opt.Years))
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	return total.report(record, opt.Years), nil
}

// tally counts events of a block of years.
type tally struct {
	hits   map[hit]int
	counts [11]int // years by number of landfalling hurricanes, 10 = 10 or more
	first  []hazard.Landfall
	months []int                // of the first landfalls
	near   [numCities][2]int    // storms within CityRadius: hurricanes, majors
	maxima [numCities][]float64 // annual maximum gusts above zero, m/s
}

type hit struct {
	region string
	major  bool
}

const numCities = 16

func newTally() *tally { return &tally{hits: map[hit]int{}} }

func hits() []hit {
	var all []hit
	for _, region := range []string{"NW", "SW", "SE", "NE", hazard.StateRegion} {
		all = append(all, hit{region, false}, hit{region, true})
	}
	return all
}

func (t *tally) year(events []hazard.Event, field *windfield.Footprinter, factors [numCities]windfield.Factors) {
	landfalling := 0
	var strongest [numCities]float64
	for i := range events {
		e := &events[i]
		if len(e.Landfalls) > 0 {
			landfalling++
			t.first = append(t.first, e.Landfalls[0])
			t.months = append(t.months, hazard.Month(float64(e.Day)+e.Landfalls[0].Hour/24))
		}
		for _, h := range hits() {
			if hazard.Hit(e.Landfalls, h.region, h.major) {
				t.hits[h]++
			}
		}
		t.pass(e)
		print := field.Of(e)
		for c := range strongest {
			strongest[c] = max(strongest[c], float64(print.Mean[c]*factors[c][print.From[c]]))
		}
	}
	t.counts[min(landfalling, 10)]++
	for c, gust := range strongest {
		if gust > 0 {
			t.maxima[c] = append(t.maxima[c], gust)
		}
	}
}

// pass counts the cities that the event's centre comes near.
func (t *tally) pass(e *hazard.Event) {
	for c, city := range geography.Cities() {
		wind := hazard.StrongestNear(e.Points, city.Lat, city.Lon)
		if hazard.Category(wind) >= 1 {
			t.near[c][0]++
		}
		if hazard.Category(wind) >= hazard.Major {
			t.near[c][1]++
		}
	}
}

func (t *tally) add(o *tally) {
	for h, n := range o.hits {
		t.hits[h] += n
	}
	for i, n := range o.counts {
		t.counts[i] += n
	}
	t.first = append(t.first, o.first...)
	t.months = append(t.months, o.months...)
	for c := range t.near {
		t.near[c][0] += o.near[c][0]
		t.near[c][1] += o.near[c][1]
		t.maxima[c] = append(t.maxima[c], o.maxima[c]...)
	}
}

func (t *tally) report(record *hazard.Record, years int) *Report {
	r := &Report{Years: years, RecordYears: record.Years()}
	for _, h := range hits() {
		r.Rates = append(r.Rates, newRate(h, record.Hits(h.region, h.major), record.Years(), t.hits[h], years))
	}
	r.AnnualCounts = annualCounts(record, t.counts, years)
	r.Distributions = distributions(record, t.first)
	r.Shares = shares(record, t.first, t.months)
	for c, city := range record.Cities {
		r.Cities = append(r.Cities,
			newCityRate(city.Name, false, city.Hurricanes, record.Years(), t.near[c][0], years),
			newCityRate(city.Name, true, city.Majors, record.Years(), t.near[c][1], years))
	}
	for c, city := range geography.Cities() {
		sort.Float64s(t.maxima[c])
		r.Gusts = append(r.Gusts, gustLevels(city.Name, t.maxima[c], years)...)
	}
	return r
}

func cityPlaces() *windfield.Places {
	var lat, lon []float64
	for _, c := range geography.Cities() {
		lat, lon = append(lat, c.Lat), append(lon, c.Lon)
	}
	return windfield.NewPlaces(lat, lon)
}

func cityFactors(ground *geography.Florida, field windfield.Model) (f [numCities]windfield.Factors) {
	for i, c := range geography.Cities() {
		f[i] = field.GustFactors(ground.Fetch(c.Lat, c.Lon))
	}
	return f
}
