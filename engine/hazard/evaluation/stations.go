package evaluation

import (
	"fmt"
	"math"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Station is a gust measured in a storm: knots, as reported, at a height over the ground, m. Values are those of
// the NHC's tropical cyclone reports as recalled and not yet checked one by one against them, except
// Punta Gorda in Ian (ASOS file). Stations that failed well before the peak are left out; one that failed near it is marked.
type Station struct {
	Storm    string  `json:"storm"`
	Place    string  `json:"place"`
	Lat      float64 `json:"lat"`
	Lon      float64 `json:"lon"`
	Height   float64 `json:"height_m"`
	Measured float64 `json:"measured_kt"`
}

// Stations are the measured gusts the wind field is compared with.
func Stations() []Station {
	return []Station{
		{"AL041992", "Fowey Rocks", 25.59, -80.10, 43.9, 147}, {"AL041992", "Coral Gables (NHC)", 25.72, -80.28, 40, 142},
		{"AL041992", "Miami International", 25.79, -80.29, 10, 100}, {"AL041992", "Perrine (residence)", 25.61, -80.36, 10, 154},
		{"AL032004", "Punta Gorda", 26.92, -81.99, 10, 97}, {"AL032004", "Orlando International", 28.43, -81.31, 10, 91},
		{"AL032004", "Daytona Beach", 29.18, -81.06, 10, 72}, {"AL032004", "Sanford", 28.78, -81.24, 10, 80},
		{"AL252005", "Opa-locka", 25.91, -80.28, 10, 91}, {"AL252005", "Palm Beach International", 26.68, -80.10, 10, 88},
		{"AL252005", "Fort Lauderdale Executive", 26.20, -80.17, 10, 86}, {"AL252005", "Miami International", 25.79, -80.29, 10, 80},
		{"AL112017", "Naples", 26.15, -81.78, 10, 123}, {"AL112017", "Marco Island", 25.94, -81.73, 10, 113},
		{"AL112017", "Big Pine Key", 24.67, -81.35, 10, 104}, {"AL112017", "Key West", 24.56, -81.76, 10, 80},
		{"AL112017", "Jacksonville International", 30.49, -81.69, 10, 75}, {"AL112017", "Orlando International", 28.43, -81.31, 10, 68},
		{"AL142018", "Tyndall (failed near peak)", 30.07, -85.58, 10, 121}, {"AL142018", "Apalachicola", 29.73, -85.03, 10, 77},
		{"AL142018", "Marianna", 30.84, -85.18, 10, 89}, {"AL142018", "Tallahassee", 30.39, -84.35, 10, 62},
		{"AL092022", "Punta Gorda", 26.92, -81.99, 10, 117}, {"AL092022", "Cape Coral", 26.6, -82.0, 10, 122},
		{"AL092022", "Fort Myers (RSW)", 26.54, -81.76, 10, 96}, {"AL092022", "Naples (NABF1)", 26.13, -81.81, 10, 97},
	}
}

// gustExponent brings a gust to 10 m height by a power law: 0.11 is that of 3-s gusts over open ground and sea.
const gustExponent = 0.11

// StationGust is a station's gust beside the model's, both knots at 10 m.
type StationGust struct {
	Station
	At10m float64 `json:"measured_10m_kt"`
	Model float64 `json:"model_kt"`
	Ratio float64 `json:"ratio"`
}

// StationReport is the comparison over all stations.
type StationReport struct {
	Gusts []StationGust `json:"gusts"`
	Mean  float64       `json:"geometric_mean_ratio"` // target 0.90 to 1.10
	SD    float64       `json:"sd_of_ln_ratio"`       // target at most 0.20
}

// CompareStations computes the storms' footprints at the stations. Errors: a storm that is missing among the scenarios.
func CompareStations(scenarios []besttrack.Storm, c *hazard.Climatology, ground *geography.Florida, field windfield.Model) (*StationReport, error) {
	r := new(StationReport)
	var sum, squares float64
	for _, s := range Stations() {
		storm, ok := besttrack.Find(scenarios, s.Storm)
		if !ok {
			return nil, fmt.Errorf("no scenario %s for the gust at %s", s.Storm, s.Place)
		}
		e, err := hazard.FromTrack(storm, c, ground)
		if err != nil {
			return nil, err
		}
		g := StationGust{Station: s, At10m: s.Measured * fmath.Pow(10/s.Height, gustExponent)}
		print := field.NewFootprinter(windfield.NewPlaces([]float64{s.Lat}, []float64{s.Lon})).Of(&e)
		factors := field.GustFactors(ground.Fetch(s.Lat, s.Lon))
		g.Model = float64(print.Mean[0]*factors[print.From[0]]) / hazard.Knot
		g.Ratio = g.Model / g.At10m
		r.Gusts = append(r.Gusts, g)
		ln := fmath.Log(g.Ratio)
		sum += ln
		squares += float64(ln * ln)
	}
	n := float64(len(r.Gusts))
	mean := sum / n
	r.Mean, r.SD = fmath.Exp(mean), math.Sqrt(squares/n-float64(mean*mean))
	return r, nil
}
