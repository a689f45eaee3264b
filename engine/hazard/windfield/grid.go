package windfield

import (
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
)

// Grid is the wind cells over the land of Florida, for maps of an event's wind. The mean wind of a cell is the one that sites in it
// get; its gust is that at a point of land near its centre, where a site's is that at the site. It is immutable and safe
// for use by many goroutines.
type Grid struct {
	model   Model
	cells   []uint64
	places  *Places
	factors []Factors
}

// The box that holds Florida.
const (
	gridSouth, gridNorth = 24.3, 31.1
	gridWest, gridEast   = -87.8, -79.9
)

// NewGrid lists the cells with land of Florida at their centre or between it and their edge.
func (m Model) NewGrid(ground *geography.Florida) *Grid {
	g := &Grid{model: m}
	var lats, lons []float64
	first, last := Cell(gridSouth, gridWest), Cell(gridNorth, gridEast)
	for row := first >> 32; row <= last>>32; row++ {
		for col := first & cellColumn; col <= last&cellColumn; col++ {
			cell := row<<32 | col
			lat, lon, found := landIn(ground, cell)
			if !found {
				continue
			}
			g.cells = append(g.cells, cell)
			g.factors = append(g.factors, m.GustFactors(ground.Fetch(lat, lon)))
			lat, lon = CellCentre(cell)
			lats, lons = append(lats, lat), append(lons, lon)
		}
	}
	g.places = NewPlaces(lats, lons)
	return g
}

const cellColumn = 1<<32 - 1

// landIn finds a point of Florida's land in a cell, its centre if that is one.
func landIn(ground *geography.Florida, cell uint64) (lat, lon float64, found bool) {
	lat, lon = CellCentre(cell)
	const third = CellDegrees / 3
	for _, offset := range [...][2]float64{{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}} {
		x, y := lon+float64(offset[0]*third), lat+float64(offset[1]*third)
		if ground.Inside(y, x) {
			return y, x, true
		}
	}
	return 0, 0, false
}

// Len is the number of cells.
func (g *Grid) Len() int { return len(g.cells) }

// CellGust is the peak wind of an event in a cell.
type CellGust struct {
	Cell uint64
	Gust float64 // peak 3-s gust in open terrain at 10 m, m/s
}

// Gusts are the cells in which an event's gust reaches Threshold, from south to north and west to east.
func (g *Grid) Gusts(e *hazard.Event) []CellGust {
	print := g.model.NewFootprinter(g.places).Of(e)
	var all []CellGust
	for i, mean := range print.Mean {
		if mean == 0 {
			continue
		}
		gust := float64(float64(mean) * float64(g.factors[i][print.From[i]]))
		if gust >= Threshold {
			all = append(all, CellGust{g.cells[i], gust})
		}
	}
	return all
}
