package main

import (
	"bytes"
	"slices"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// usCountry is the ISO 3166-1 numeric code of the United States in world-atlas.
const usCountry = "840"

// noState are the codes of us-atlas "states" that are territories.
var noState = []string{"60", "66", "69", "72", "78"}

// writeSurface values every cell of the surface mask at its centre. Land of the United
// States is that of us-atlas alone: where the coarser world atlas has American land
// and us-atlas water (Chesapeake Bay, sounds), it is water.
func writeSurface(atlas, world *topology) ([]byte, error) {
	states, err := polygonsOf(atlas, "states", func(id string) bool { return !slices.Contains(noState, id) })
	if err != nil {
		return nil, err
	}
	others, err := polygonsOf(world, "countries", func(id string) bool { return id != usCountry })
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Census Bureau (us-atlas 3.0.1, ISC) and Natural Earth 1:50m (world-atlas 2.0.2, ISC), public domain data.\n")
	b.WriteString("# rows from 15 N, cells of 0.05 degree from 102 W; W water, U United States, O other land.\n")
	err = geography.WriteSurfaceMask(&b, func(i int) geography.Surface {
		lat, lon, _ := geography.MaskCell(i)
		switch {
		case states.contain(lat, lon):
			return geography.LandUS
		case others.contain(lat, lon):
			return geography.LandOther
		}
		return geography.Water
	})
	return b.Bytes(), err
}

// rowEdges are the sides of many rings by the tenth of a degree of latitude they cross.
type rowEdges map[int][][4]float64

func tenth(lat float64) int { return int(lat*10 + 1000) } // all latitudes here are above -100

// polygonsOf collects the rings of an object's geometries with a wanted id.
func polygonsOf(t *topology, object string, wanted func(id string) bool) (rowEdges, error) {
	rows := rowEdges{}
	for _, g := range t.Objects[object].Geometries {
		if !wanted(g.ID) {
			continue
		}
		rings, err := t.rings(g)
		if err != nil {
			return nil, err
		}
		for _, r := range rings {
			for i, p := range r {
				q := r[(i+1)%len(r)]
				for row := tenth(min(p[1], q[1])); row <= tenth(max(p[1], q[1])); row++ {
					rows[row] = append(rows[row], [4]float64{p[0], p[1], q[0], q[1]})
				}
			}
		}
	}
	return rows, nil
}

// contain is the even-odd rule: an odd number of sides lies west of a point inside.
func (rows rowEdges) contain(lat, lon float64) bool {
	inside := false
	for _, e := range rows[tenth(lat)] {
		if (e[1] <= lat) != (e[3] <= lat) && e[0]+(lat-e[1])/(e[3]-e[1])*(e[2]-e[0]) <= lon {
			inside = !inside
		}
	}
	return inside
}
