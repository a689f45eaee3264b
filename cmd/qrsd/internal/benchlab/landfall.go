package benchlab

import (
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// Landfalls are the hurricanes of one catalogue that struck Florida.
type Landfalls struct {
	Years  int     `json:"years"`
	Storms int     `json:"storms"` // with at least one landfall at hurricane strength
	Coasts []Coast `json:"coasts"` // NW, SW, SE, NE, then FL for any
	// Annual counts years by their number of landfalling hurricanes; the last entry is that number or more.
	Annual     [maxAnnual + 1]int `json:"annual"`
	Quantities []Quantity         `json:"quantities"` // at the storm's first landfall
}

const maxAnnual = 10

// Coast counts the storms that struck a coast.
type Coast struct {
	Region string `json:"region"`
	All    int    `json:"all"`
	Major  int    `json:"major"` // of category 3 or more
}

// regions are the coasts of the protocol; hazard.StateRegion, which is reported beside them, is not one.
func regions() []string { return []string{"NW", "SW", "SE", "NE"} }

// Quantity is one quantity at first landfall, kept in the form in which catalogues can be pooled: how many of N
// modelled values lie below each value of the record, and how many at or below it.
type Quantity struct {
	Name  string `json:"name"`
	N     int    `json:"n"`
	Below []int  `json:"below"` // by recorded value, ascending
	UpTo  []int  `json:"up_to"`
}

// quantity is one that is compared: its recorded values, ascending, and where a landfall has it.
type quantity struct {
	name, unit string
	record     []float64
	of         func(*hazard.Landfall) float64
}

const numQuantities = 3

// quantities are central pressure, translation speed and heading. Pressures that the record lacks are left out.
// The heading is cut at south, into which no hurricane has landed, so that it has an order.
func quantities(r *hazard.Record) []quantity {
	list := [numQuantities]quantity{
		{name: "central pressure", unit: "hPa", of: func(l *hazard.Landfall) float64 { return l.Pressure }},
		{name: "translation speed", unit: "m/s", of: func(l *hazard.Landfall) float64 { return l.Speed }},
		{name: "heading", unit: "degrees from north", of: func(l *hazard.Landfall) float64 { return fromNorth(l.Heading) }},
	}
	for _, s := range r.Strikes {
		if !s.First {
			continue
		}
		if s.Pressure > 0 {
			list[0].record = append(list[0].record, s.Pressure)
		}
		list[1].record = append(list[1].record, s.Speed)
		list[2].record = append(list[2].record, fromNorth(s.Heading))
	}
	for i := range list {
		slices.Sort(list[i].record)
	}
	return list[:]
}

// fromNorth is a direction as −180 to 180 degrees.
func fromNorth(heading float64) float64 {
	if heading > 180 {
		return heading - 360
	}
	return heading
}

// numCities is the number of geography.Cities.
const numCities = 16

// CityGusts are the 3-s gusts (open terrain, 10 m) of return periods at a city; 0 where below the damage threshold.
type CityGusts struct {
	City string    `json:"city"`
	Gust []float64 `json:"gust_m_s"` // by Plan.GustPeriods; those longer than the years are missing
}

// catalogueTally is what one goroutine counts of a range of years.
type catalogueTally struct {
	storms  int
	coasts  []Coast
	annual  [maxAnnual + 1]int
	first   []hazard.Landfall
	maxima  [][]float64 // by city: annual maximum gusts above zero, m/s
	field   *windfield.Footprinter
	factors []windfield.Factors
}

func newCatalogueTally(ground *geography.Florida) *catalogueTally {
	t := &catalogueTally{}
	for _, r := range append(regions(), hazard.StateRegion) {
		t.coasts = append(t.coasts, Coast{Region: r})
	}
	var lat, lon []float64
	model := windfield.Standard()
	for _, c := range geography.Cities() {
		lat, lon = append(lat, c.Lat), append(lon, c.Lon)
		t.factors = append(t.factors, model.GustFactors(ground.Fetch(c.Lat, c.Lon)))
	}
	t.maxima = make([][]float64, len(lat))
	t.field = model.NewFootprinter(windfield.NewPlaces(lat, lon))
	return t
}

// year counts the events of one year.
func (t *catalogueTally) year(events []hazard.Event) {
	landfalling := 0
	strongest := make([]float64, len(t.maxima))
	for i := range events {
		e := &events[i]
		if len(e.Landfalls) > 0 {
			landfalling++
			t.first = append(t.first, e.Landfalls[0])
			t.strike(e.Landfalls)
		}
		footprint := t.field.Of(e)
		for c := range strongest {
			strongest[c] = max(strongest[c], float64(footprint.Mean[c]*t.factors[c][footprint.From[c]]))
		}
	}
	t.storms += landfalling
	t.annual[min(landfalling, maxAnnual)]++
	for c, gust := range strongest {
		if gust > 0 {
			t.maxima[c] = append(t.maxima[c], gust)
		}
	}
}

func (t *catalogueTally) strike(falls []hazard.Landfall) {
	for i := range t.coasts {
		c := &t.coasts[i]
		if hazard.Hit(falls, c.Region, false) {
			c.All++
		}
		if hazard.Hit(falls, c.Region, true) {
			c.Major++
		}
	}
}

func (t *catalogueTally) add(o *catalogueTally) {
	t.storms += o.storms
	for i := range t.coasts {
		t.coasts[i].All += o.coasts[i].All
		t.coasts[i].Major += o.coasts[i].Major
	}
	for i, n := range o.annual {
		t.annual[i] += n
	}
	t.first = append(t.first, o.first...)
	for c := range t.maxima {
		t.maxima[c] = append(t.maxima[c], o.maxima[c]...)
	}
}

// countCatalogue makes the catalogue of a seed once more, apart from the losses, and counts its landfalls and gusts. The
// result does not depend on workers. progress is called from several goroutines with years done; it may be nil. The only
// error is ctx's.
func countCatalogue(ctx context.Context, m *modelpack.Model, seed uint64, years, workers int, periods []float64, progress func(int)) (*Landfalls, []CityGusts, error) {
	catalog := hazard.NewCatalog(m.Climate, m.Ground, seed)
	parts := make([]*catalogueTally, workers)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			parts[w] = newCatalogueTally(m.Ground)
			for year := w*years/workers + 1; year <= (w+1)*years/workers; year++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				parts[w].year(catalog.Year(year))
				if progress != nil {
					progress(1)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for _, p := range parts[1:] {
		parts[0].add(p)
	}
	return parts[0].landfalls(m.Record, years), parts[0].gusts(years, periods), nil
}

func (t *catalogueTally) landfalls(record *hazard.Record, years int) *Landfalls {
	l := &Landfalls{Years: years, Storms: t.storms, Coasts: t.coasts, Annual: t.annual}
	values := make([]float64, len(t.first))
	for _, q := range quantities(record) {
		for i := range t.first {
			values[i] = q.of(&t.first[i])
		}
		slices.Sort(values)
		l.Quantities = append(l.Quantities, against(q.name, q.record, values))
	}
	return l
}

// against counts sorted values below each of the sorted recorded ones.
func against(name string, record, values []float64) Quantity {
	q := Quantity{Name: name, N: len(values), Below: make([]int, len(record)), UpTo: make([]int, len(record))}
	for i, r := range record {
		q.Below[i], _ = slices.BinarySearch(values, r)
		q.UpTo[i], _ = slices.BinarySearch(values, math.Nextafter(r, math.Inf(1)))
	}
	return q
}

func (t *catalogueTally) gusts(years int, periods []float64) []CityGusts {
	var list []CityGusts
	for c, city := range geography.Cities() {
		g := CityGusts{City: city.Name, Gust: []float64{}}
		slices.Sort(t.maxima[c])
		for _, period := range periods {
			if rank := float64(years) / period; rank >= 1 {
				g.Gust = append(g.Gust, fromTop(t.maxima[c], rank))
			}
		}
		list = append(list, g)
	}
	return list
}

// fromTop is the value of ascending values that rank of them reach, linear between order statistics; 0 where there are fewer.
func fromTop(ascending []float64, rank float64) float64 {
	at := float64(len(ascending)) - rank
	if at < 0 {
		return 0
	}
	i := int(at)
	if i+1 >= len(ascending) {
		return ascending[len(ascending)-1]
	}
	f := at - float64(i)
	return float64((1-f)*ascending[i]) + float64(f*ascending[i+1])
}
