package geography

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Surface says what lies under a point.
type Surface uint8

// The surfaces.
const (
	Water     Surface = iota // sea, and inland water only where the atlas leaves it out of the land
	LandUS                   // the 50 states and the District of Columbia
	LandOther                // any other land, Puerto Rico included
)

// The mask of the western North Atlantic, in cells of 0.05 degree valued at their centre.
const (
	maskSouth, maskNorth = 15, 40
	maskWest, maskEast   = -102, -62
	maskPerDegree        = 20
	maskRows             = (maskNorth - maskSouth) * maskPerDegree
	maskCols             = (maskEast - maskWest) * maskPerDegree
)

// surfaceMask has one value a cell, rows from south to north, columns from west to east.
type surfaceMask []Surface

// SurfaceLetters are the run letters of the surface file, by Surface.
const SurfaceLetters = "WUO"

// Surface is what lies under a point between 15 and 40 N, 102 and 62 W: exact to the
// atlas around Florida (24-31.6 N, 88.3-79.6 W), elsewhere that of the centre of a
// cell of 0.05 degree. Beyond these bounds, and for NaN, it is Water.
func (f *Florida) Surface(lat, lon float64) Surface {
	if inRaster(lat, lon) {
		if f.area(lat, lon) != areaNone {
			return LandUS
		}
		return Water
	}
	if !(lat >= maskSouth && lat < maskNorth && lon >= maskWest && lon < maskEast) {
		return Water
	}
	row, col := int((lat-maskSouth)*maskPerDegree), int((lon-maskWest)*maskPerDegree)
	return f.mask[min(row, maskRows-1)*maskCols+min(col, maskCols-1)]
}

// MaskCell is the centre of cell i of the surface mask, cells counted eastwards from
// the south-west corner, row by row northwards. ok is false past the last.
func MaskCell(i int) (lat, lon float64, ok bool) {
	lat = maskSouth + (float64(i/maskCols)+0.5)/maskPerDegree
	lon = maskWest + (float64(i%maskCols)+0.5)/maskPerDegree
	return lat, lon, i >= 0 && i < maskRows*maskCols
}

// WriteSurfaceMask writes a mask that surface gives cell by cell (see MaskCell) as the
// surface file: one line a row, runs of a letter (W water, U US land, O other land)
// and a count.
func WriteSurfaceMask(w io.Writer, surface func(i int) Surface) error {
	for row := range maskRows {
		var line []byte
		for col := 0; col < maskCols; {
			s, start := surface(row*maskCols+col), col
			for col < maskCols && surface(row*maskCols+col) == s {
				col++
			}
			line = append(line, SurfaceLetters[s])
			line = strconv.AppendInt(line, int64(col-start), 10)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("writing surface row %d: %w", row, err)
		}
	}
	return nil
}

// readSurfaceMask reads what WriteSurfaceMask wrote.
func readSurfaceMask(r io.Reader) (surfaceMask, error) {
	mask := make(surfaceMask, 0, maskRows*maskCols)
	err := eachLine(r, func(_ int, line string) error {
		start := len(mask)
		for i := 0; i < len(line); {
			s, count, next, err := parseRun(line, i)
			if err != nil {
				return err
			}
			if count > maskCols-(len(mask)-start) {
				return fmt.Errorf("run %q goes past column %d", line[i:next], maskCols)
			}
			for range count {
				mask = append(mask, s)
			}
			i = next
		}
		if len(mask)-start != maskCols {
			return fmt.Errorf("row has %d cells, want %d", len(mask)-start, maskCols)
		}
		return nil
	})
	if err == nil && len(mask) != maskRows*maskCols {
		err = errors.New("file has " + strconv.Itoa(len(mask)/maskCols) + " rows, want " + strconv.Itoa(maskRows))
	}
	return mask, err
}

// parseRun reads the run at line[i:], a letter and a count, and says where the next begins.
func parseRun(line string, i int) (s Surface, count, next int, err error) {
	switch line[i] {
	case 'W':
		s = Water
	case 'U':
		s = LandUS
	case 'O':
		s = LandOther
	default:
		return 0, 0, 0, fmt.Errorf("%q is no surface: want one of %s", line[i], SurfaceLetters)
	}
	next = i + 1
	for next < len(line) && line[next] >= '0' && line[next] <= '9' {
		next++
	}
	count, err = strconv.Atoi(line[i+1 : next])
	if err != nil || count < 1 {
		return 0, 0, 0, fmt.Errorf("run %q: want a letter and a count of at least 1", line[i:next])
	}
	return s, count, next, nil
}
