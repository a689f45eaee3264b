// Package losscost computes ground-up loss costs, the average annual loss per 1,000 of insured value, by construction
// and part of Florida, and holds them beside what is known of them.
//
// It holds the classes of construction, the parts of the state, the regrouping of a portfolio that lets the engine
// report each site by itself, and the shape checks. No policy term plays a part: a loss cost is that of a
// policy without deductible. It prints nothing and opens no file.
//
// Begin with Book in book.go.
package losscost

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
)

// Class is a class of construction, of OED construction codes.
type Class uint8

// The classes of construction.
const (
	Wood         Class = iota // 5050-5099
	Masonry                   // 5100-5149
	Manufactured              // 5350-5399, mobile homes
	Other                     // concrete, steel, composite, special, and unknown (5000)
	NumClasses   = 4
)

// String is the class's name in tables.
func (c Class) String() string {
	return [...]string{"wood", "masonry", "manufactured", "other"}[c]
}

// ClassOf is the class of an OED construction code.
func ClassOf(code int) Class {
	switch {
	case code >= 5050 && code < 5100:
		return Wood
	case code >= 5100 && code < 5150:
		return Masonry
	case code >= 5350 && code < 5400:
		return Manufactured
	}
	return Other
}

// Residential reports whether an OED occupancy code is that of dwellings: 1050-1099.
func Residential(code int) bool { return code >= 1050 && code < 1100 }

// Part is a part of Florida from south to north.
type Part uint8

// The parts of Florida, by the latitudes between which geography draws the debris region of the building code: South
// is south of 27.2 N, from Port Charlotte to Stuart; North is north of 28.8 N, from Crystal River to New Smyrna
// Beach; Central, with Tampa and Orlando, is between.
const (
	South Part = iota
	Central
	North
	NumParts = 3
)

// String is the part's name in tables.
func (p Part) String() string { return [...]string{"South", "Central", "North"}[p] }

// CoastalKm is how near the sea a site counts as coastal: 5 statute miles.
const CoastalKm = 8.0

// PartOf is the part of Florida of a place and whether it is coastal: within CoastalKm of the sea, or on an
// island that the geography leaves out.
func PartOf(ground *geography.Florida, lat, lon float64) (p Part, coastal bool) {
	coastal = !ground.Inside(lat, lon) || !math.IsInf(ground.CoastKm(lat, lon, CoastalKm), 1)
	switch {
	case lat < geography.DebrisSouthLat:
		p = South
	case lat > geography.DebrisMiddleLat:
		p = North
	default:
		p = Central
	}
	return p, coastal
}

// Group is what loss costs are told apart by.
type Group struct {
	Class       Class
	Part        Part
	Coastal     bool
	Residential bool
}

// groupOf is the group of a location.
func groupOf(l *exposure.Location, ground *geography.Florida) Group {
	g := Group{Class: ClassOf(l.ConstructionCode), Residential: Residential(l.OccupancyCode)}
	g.Part, g.Coastal = PartOf(ground, l.Latitude, l.Longitude)
	return g
}

// numGroups is the number of groups.
const numGroups = NumClasses * NumParts * 2 * 2

func (g Group) index() int {
	i := int(g.Class)*NumParts + int(g.Part)
	for _, yes := range []bool{g.Coastal, g.Residential} {
		i *= 2
		if yes {
			i++
		}
	}
	return i
}

// groupAt is the inverse of index.
func groupAt(i int) Group {
	return Group{Class: Class(i / (NumParts * 4)), Part: Part(i / 4 % NumParts), Coastal: i/2%2 == 1, Residential: i%2 == 1}
}
