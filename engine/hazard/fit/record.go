package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
)

// writeRecord lists the strikes of the record's years and the passes by the cities.
func writeRecord(c *hazard.Climatology, storms []besttrack.Storm, ground *geography.Florida, pack string) (*hazard.Record, error) {
	r := &hazard.Record{FirstYear: c.FirstYear, LastYear: c.LastYear}
	for _, city := range geography.Cities() {
		r.Cities = append(r.Cities, hazard.RecordedCity{Name: city.Name})
	}
	for _, s := range storms {
		year, _, _, _ := besttrack.Date(s.Fixes[0].Hour)
		if year < c.FirstYear || len(s.Fixes) < 2 {
			continue
		}
		points := hazard.RecordedPoints(s, c, ground)
		r.Strikes = append(r.Strikes, strikes(s, hazard.Landfalls(points, ground))...)
		for i, city := range geography.Cities() {
			wind := hazard.StrongestNear(points, city.Lat, city.Lon)
			if hazard.Category(wind) >= 1 {
				r.Cities[i].Hurricanes++
			}
			if hazard.Category(wind) >= hazard.Major {
				r.Cities[i].Majors++
			}
		}
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, err
	}
	return r, os.WriteFile(filepath.Join(pack, hazard.RecordFile), append(text, '\n'), 0o644)
}

// strikes keeps the strongest landfall of a storm on each coast, in order of time.
func strikes(s besttrack.Storm, falls []hazard.Landfall) []hazard.RecordedStrike {
	var out []hazard.RecordedStrike
	base := s.Fixes[0].Hour - s.Fixes[0].Hour%24
	for i, l := range falls {
		year, month, _, _ := besttrack.Date(base + int64(l.Hour))
		before := fixBefore(s, base+int64(l.Hour))
		strike := hazard.RecordedStrike{
			Storm: s.ID, Name: s.Name, Year: year, Month: month, First: i == 0, Region: l.Region,
			Lat: two(l.Lat), Lon: two(l.Lon), Wind: before.Wind, Heading: two(l.Heading), Speed: two(l.Speed),
		}
		if before.Pressure != besttrack.Missing {
			strike.Pressure = before.Pressure
		}
		known := false
		for k := range out {
			if out[k].Region == l.Region {
				known = true
				if strike.Wind > out[k].Wind {
					strike.First = out[k].First
					out[k] = strike
				}
			}
		}
		if !known {
			out = append(out, strike)
		}
	}
	return out
}

// fixBefore is the last fix up to the hour: the record's own word on the storm's strength.
func fixBefore(s besttrack.Storm, hour int64) besttrack.Fix {
	before := s.Fixes[0]
	for _, f := range s.Fixes {
		if f.Hour > hour {
			break
		}
		before = f
	}
	return before
}

func two(v float64) float64 { return float64(int64(v*100+copysignHalf(v))) / 100 }

func copysignHalf(v float64) float64 {
	if v < 0 {
		return -0.5
	}
	return 0.5
}
