package evaluation

import (
	"context"
	"sort"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
)

// Ablated is what one change of the wind field does to a city's design gusts.
type Ablated struct {
	Change      string  `json:"change"`
	City        string  `json:"city"`
	Percent700  float64 `json:"percent_700"`
	Percent1700 float64 `json:"percent_1700"`
}

// change is one part of the wind field set to another defensible value, or left out.
type change struct {
	name  string
	apply func(*windfield.Model)
}

func changes() []change {
	return []change{
		{"no asymmetry", func(m *windfield.Model) { m.Asymmetry = 0 }},
		{"surface wind 0.775 of gradient (FPHLM) in place of 0.71-0.75", func(m *windfield.Model) { m.Inner, m.Outer = 0.775, 0.775 }},
		{"gust factor over land 1.52 in place of 1.55", func(m *windfield.Model) { m.LandGust = 1.52 }},
		{"gust factor at the coast 1.30 (at sea) in place of 1.40", func(m *windfield.Model) { m.SeaGust = 1.30 }},
		{"gust factor at the coast 1.45 (off the sea) in place of 1.40", func(m *windfield.Model) { m.SeaGust = 1.45 }},
		{"land to sea 0.80 in place of 0.83", func(m *windfield.Model) { m.LandRatio = 0.80 }},
		{"B 10 % larger", func(m *windfield.Model) { m.BScale = 1.1 }},
		{"Rmax 25 % larger", func(m *windfield.Model) { m.RmaxScale = 1.25 }},
	}
}

// Ablations is how many times Ablate computes the years.
func Ablations() int { return len(changes()) + 1 }

// Ablate computes the design gusts with the model's wind field and with each change, on the same events.
// The events are those of opt.Years years, which must be 1,700 or more; opt.Progress counts the years of all Ablations.
// The only error is ctx's.
func Ablate(ctx context.Context, catalog *hazard.Catalog, ground *geography.Florida, opt Options) ([]Ablated, error) {
	base, err := designGusts(ctx, catalog, ground, opt)
	if err != nil {
		return nil, err
	}
	var out []Ablated
	for i, c := range changes() {
		o := opt
		if opt.Progress != nil {
			o.Progress = func(years int) { opt.Progress((i+1)*opt.Years + years) }
		}
		o.Field = windfield.Standard()
		c.apply(&o.Field)
		gusts, err := designGusts(ctx, catalog, ground, o)
		if err != nil {
			return nil, err
		}
		var cities []string
		for city := range designSpeeds {
			cities = append(cities, city)
		}
		sort.Strings(cities)
		for _, city := range cities {
			a := Ablated{Change: c.name, City: city}
			a.Percent700 = 100 * (gusts[city][0]/base[city][0] - 1)
			a.Percent1700 = 100 * (gusts[city][1]/base[city][1] - 1)
			out = append(out, a)
		}
	}
	return out, nil
}

// designGusts are the 700- and 1,700-year gusts by city.
func designGusts(ctx context.Context, catalog *hazard.Catalog, ground *geography.Florida, opt Options) (map[string][2]float64, error) {
	r, err := Run(ctx, catalog, new(hazard.Record), ground, opt)
	if err != nil {
		return nil, err
	}
	out := map[string][2]float64{}
	for _, g := range r.Gusts {
		v := out[g.City]
		switch g.Period {
		case 700:
			v[0] = g.Gust
		case 1700:
			v[1] = g.Gust
		}
		out[g.City] = v
	}
	return out, nil
}
