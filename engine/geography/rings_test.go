package geography_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// ring is one line of the boundaries file, read independently of the package.
type ring struct {
	id     string
	points [][2]float64 // lon, lat
}

func readRings(t *testing.T) []ring {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../modelpack/florida", geography.BoundariesFile))
	if err != nil {
		t.Fatal(err)
	}
	var rings []ring
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		r := ring{id: words[0]}
		for _, w := range words[1:] {
			lon, lat, _ := strings.Cut(w, ",")
			r.points = append(r.points, [2]float64{number(t, lon), number(t, lat)})
		}
		rings = append(rings, r)
	}
	return rings
}

// evenOdd is the area of a point by counting, ring by ring, the sides west of it.
func evenOdd(rings []ring, lat, lon float64) string {
	odd := map[string]bool{}
	for _, r := range rings {
		for i, p := range r.points {
			q := r.points[(i+1)%len(r.points)]
			if p[1] > q[1] {
				p, q = q, p // both copies of a side must cross at the same longitude
			}
			if p[1] <= lat && lat < q[1] && p[0]+(lat-p[1])/(q[1]-p[1])*(q[0]-p[0]) <= lon {
				odd[r.id] = !odd[r.id]
			}
		}
	}
	area := ""
	for id, in := range odd {
		if in {
			area = id
		}
	}
	return area
}
