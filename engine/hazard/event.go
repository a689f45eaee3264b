package hazard

import (
	"math"

	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Event is one storm, hour by hour while it can matter to Florida.
type Event struct {
	ID        int32  // Year·128 + number within the year; a scenario has ID 1
	Year      int32  // simulated year, from 1
	Name      string // of a storm of the record; "" in the catalogue
	Day       int    // day of the year at Points[0]
	Points    []Point
	Landfalls []Landfall // Florida, at hurricane strength; one per coast region and entry
}

// Point is the storm's state at one time.
type Point struct {
	Hour     float64 // since 00 UTC of the event's Day
	Lat, Lon float64 // degrees
	DP       float64 // pressure deficit, hPa; central pressure is EnvPressure − DP
	Rmax     float64 // radius of maximum wind, km
	B        float64 // Holland's shape parameter
	U, V     float64 // translation eastward and northward, m/s
	Wind     float64 // best-track maximum sustained wind (1-min, 10 m), knots; for categories, not for losses
	Land     bool    // centre over land
}

// EnvPressure is the pressure around the storm, hPa (Atlantic mean of the outermost closed isobar, 1010-1013).
const EnvPressure = 1013

// Pressure is the central pressure, hPa.
func (p Point) Pressure() float64 { return EnvPressure - p.DP }

// Landfall is an entry of the centre into Florida at hurricane strength.
type Landfall struct {
	Region   string // NW, SW, SE, NE: geography.LandfallRegion
	Hour     float64
	Lat, Lon float64
	Wind     float64 // knots, the last value over water
	Pressure float64 // hPa, the last value over water
	Rmax     float64 // km
	B        float64
	Heading  float64 // degrees clockwise from north, towards
	Speed    float64 // m/s
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
