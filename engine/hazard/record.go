package hazard

import (
	"encoding/json"
	"fmt"
	"io/fs"
)

// RecordFile is the record's name in a model pack.
const RecordFile = "hazard-record.json"

// Record is what happened in Florida in the climatology's years, in the terms of a catalogue, so that
// the two can be compared: computed by hazard/fit from HURDAT2 with the model's own geometry.
type Record struct {
	FirstYear int              `json:"first_year"`
	LastYear  int              `json:"last_year"`
	Strikes   []RecordedStrike `json:"strikes"` // by storm and coast region, the strongest landfall
	Cities    []RecordedCity   `json:"cities"`
}

// RecordedStrike is one storm's strongest landfall on one coast region.
type RecordedStrike struct {
	Storm    string  `json:"storm"`
	Name     string  `json:"name"`
	Year     int     `json:"year"`
	Month    int     `json:"month"`
	First    bool    `json:"first"` // the storm's first landfall in Florida
	Region   string  `json:"region"`
	Lat      float64 `json:"lat"`
	Lon      float64 `json:"lon"`
	Wind     float64 `json:"wind_kt"`
	Pressure float64 `json:"pressure_hpa"` // 0 where none was recorded
	Heading  float64 `json:"heading"`
	Speed    float64 `json:"speed"` // m/s
}

// RecordedCity counts the storms whose centre passed within CityRadius while a hurricane, or a major one.
type RecordedCity struct {
	Name       string `json:"name"`
	Hurricanes int    `json:"hurricanes"`
	Majors     int    `json:"majors"`
}

// CityRadius is how near a centre must pass to count for a city: 50 nautical miles, in km.
const CityRadius = 92.6

// ReadRecord reads the record of a model pack.
func ReadRecord(fsys fs.FS) (*Record, error) {
	text, err := fs.ReadFile(fsys, RecordFile)
	if err != nil {
		return nil, fmt.Errorf("reading the record of landfalls: %w", err)
	}
	r := new(Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", RecordFile, err)
	}
	return r, nil
}

// Years is the length of the record.
func (r *Record) Years() int { return r.LastYear - r.FirstYear + 1 }

// Hits counts the storms with a strike on a coast ("FL" for any), at least major if major.
func (r *Record) Hits(region string, major bool) int {
	n, last := 0, ""
	for _, s := range r.Strikes {
		if s.Storm != last && (region == StateRegion || s.Region == region) && (!major || Category(s.Wind) >= Major) {
			n, last = n+1, s.Storm
		}
	}
	return n
}

// StrongestNear is the strongest best-track wind (knots) while the centre is within CityRadius of a
// place, 0 if it never is.
func StrongestNear(points []Point, lat, lon float64) float64 {
	strongest := 0.0
	for i := 0; i+1 < len(points); i++ {
		a, b := points[i], points[i+1]
		if a.Lat > lat+2 || a.Lat < lat-2 || a.Lon > lon+2.4 || a.Lon < lon-2.4 {
			continue
		}
		for k := range 4 {
			f := float64(float64(k) / 4)
			wind := mix(a.Wind, b.Wind, f)
			if wind > strongest && Distance(lat, lon, mix(a.Lat, b.Lat, f), mix(a.Lon, b.Lon, f)) <= CityRadius {
				strongest = wind
			}
		}
	}
	return strongest
}
