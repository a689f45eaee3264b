package hazard

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Event is one storm, hour by hour while it can matter to Florida.
type Event struct {
	ID        int32      `json:"id"`             // Year·128 + number within the year; a scenario has ID 1
	Year      int32      `json:"year"`           // simulated year, from 1
	Name      string     `json:"name,omitempty"` // of a storm of the record; "" in the catalogue
	Day       int        `json:"day"`            // of the year, 1 to 365: the day from whose start Point.Hour counts
	Points    []Point    `json:"points"`
	Landfalls []Landfall `json:"landfalls"` // Florida, at hurricane strength; one per coast region and entry
}

// Point is the storm's state at one time.
type Point struct {
	Hour float64 `json:"hour"` // since 00 UTC of the event's Day
	Lat  float64 `json:"lat"`  // degrees
	Lon  float64 `json:"lon"`
	DP   float64 `json:"dp_hpa"`  // pressure deficit; central pressure is EnvPressure − DP
	Rmax float64 `json:"rmax_km"` // radius of maximum wind
	B    float64 `json:"b"`       // Holland's shape parameter
	U    float64 `json:"u"`       // translation eastward, m/s
	V    float64 `json:"v"`       // and northward
	Wind float64 `json:"wind_kt"` // best-track maximum sustained wind (1-min, 10 m); for categories, not for losses
	Land bool    `json:"land"`    // centre over land
}

// EnvPressure is the pressure around the storm, hPa (Atlantic mean of the outermost closed isobar, 1010-1013).
const EnvPressure = 1013

// Pressure is the central pressure, hPa.
func (p Point) Pressure() float64 { return EnvPressure - p.DP }

// Landfall is an entry of the centre into Florida at hurricane strength.
type Landfall struct {
	Region   string  `json:"region"` // NW, SW, SE, NE: geography.LandfallRegion
	Hour     float64 `json:"hour"`
	Lat      float64 `json:"lat"`
	Lon      float64 `json:"lon"`
	Wind     float64 `json:"wind_kt"`      // the last value over water
	Pressure float64 `json:"pressure_hpa"` // the last value over water
	Rmax     float64 `json:"rmax_km"`
	B        float64 `json:"b"`
	Heading  float64 `json:"heading"` // degrees clockwise from north, towards
	Speed    float64 `json:"speed"`   // m/s
}

// Category is the Saffir-Simpson category of a sustained wind in knots; 0 below hurricane strength.
func Category(wind float64) int {
	switch {
	case wind < 64:
		return 0
	case wind < 83:
		return 1
	case wind < 96:
		return 2
	case wind < 113:
		return 3
	case wind < 137:
		return 4
	}
	return 5
}

// Major is the least category of a major hurricane.
const Major = 3

// Heading is the direction of translation, degrees clockwise from north.
func Heading(u, v float64) float64 {
	h := fmath.Atan2(u, v) / Degree
	if h < 0 {
		h += 360
	}
	return h
}

// Speed is the translation speed, m/s.
func Speed(u, v float64) float64 { return math.Sqrt(float64(u*u) + float64(v*v)) }

// Month is the month (1-12) of a day of the year, of a year without a leap day.
func Month(day float64) int {
	month, _ := MonthDay(day)
	return month
}

// DayOfYear is the day of the year of a date in the calendar of 365 days that events are dated in;
// 29 February is 28 February.
func DayOfYear(month, day int) int {
	const common = 2001 // any year without a leap day
	if month == 2 && day == 29 {
		day = 28
	}
	return besttrack.DayOfYear(common, month, day)
}

// MonthDay is the month and day of month of a day of the year without a leap day.
func MonthDay(day float64) (month, dayOfMonth int) {
	lengths := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	rest := (int(day)-1)%365 + 1
	for m, n := range lengths {
		if rest <= n {
			return m + 1, rest
		}
		rest -= n
	}
	return 12, 31
}
