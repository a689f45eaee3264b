package windfield

import "math"

// CellDegrees is the side of a wind cell: 4.4 km north, 3.8 to 4.1 km east in Florida. Cells lie on a fixed grid,
// so the wind at a site does not depend on which other sites there are. evaluation.CompareCells measures
// what one wind for a cell costs.
const CellDegrees = 0.04

// Cell is the identity of the cell that holds a position.
func Cell(lat, lon float64) uint64 {
	row := uint64(math.Floor((lat + 90) / CellDegrees))
	col := uint64(math.Floor((lon + 180) / CellDegrees))
	return row<<32 | col
}

// CellCentre is the centre of a cell.
func CellCentre(cell uint64) (lat, lon float64) {
	lat = float64((float64(cell>>32)+0.5)*CellDegrees) - 90
	lon = float64((float64(cell&math.MaxUint32)+0.5)*CellDegrees) - 180
	return lat, lon
}
