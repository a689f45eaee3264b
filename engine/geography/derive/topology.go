package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"sort"
	"strings"

	"bytes"
)

// topology is a TopoJSON file (specification 1.0): quantised, delta-encoded arcs that
// the polygons of its objects share.
type topology struct {
	Transform struct{ Scale, Translate [2]float64 }
	Arcs      [][][2]int
	Objects   map[string]struct{ Geometries []geometry }
}

// geometry is a Polygon or MultiPolygon of a topology.
type geometry struct {
	Type       string
	ID         string
	Arcs       json.RawMessage
	Properties struct{ Name string }
}

// ring is a closed line of lon, lat vertices in degrees; the last joins the first.
type ring [][2]float64

func readTopology(path string) (*topology, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the atlas: %w", err)
	}
	t := &topology{}
	if err := json.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("reading the atlas %s: %w", path, err)
	}
	for _, arc := range t.Arcs {
		for i := 1; i < len(arc); i++ {
			arc[i][0] += arc[i-1][0]
			arc[i][1] += arc[i-1][1]
		}
	}
	return t, nil
}

// rings are the rings of a geometry, holes included, in the order of the file.
func (t *topology) rings(g geometry) ([]ring, error) {
	var polygons [][][]int
	switch g.Type {
	case "MultiPolygon":
		if err := json.Unmarshal(g.Arcs, &polygons); err != nil {
			return nil, fmt.Errorf("arcs of %s: %w", g.ID, err)
		}
	case "Polygon":
		polygons = make([][][]int, 1)
		if err := json.Unmarshal(g.Arcs, &polygons[0]); err != nil {
			return nil, fmt.Errorf("arcs of %s: %w", g.ID, err)
		}
	default:
		return nil, fmt.Errorf("geometry %s is a %s, want a Polygon or MultiPolygon", g.ID, g.Type)
	}
	var rings []ring
	for _, polygon := range polygons {
		for i, arcs := range polygon {
			r := t.join(arcs)
			// The area must be on the left hand: outer rings anticlockwise, holes clockwise.
			if (r.signedArea() > 0) != (i == 0) {
				slices.Reverse(r)
			}
			rings = append(rings, r)
		}
	}
	return rings, nil
}

// join puts arcs end to end; arc ^i is arc i backwards.
func (t *topology) join(arcs []int) ring {
	var r ring
	for _, a := range arcs {
		backwards := a < 0
		if backwards {
			a = ^a
		}
		points := slices.Clone(t.Arcs[a])
		if backwards {
			slices.Reverse(points)
		}
		for _, p := range points[:len(points)-1] { // the last is the first of the next arc
			r = append(r, [2]float64{
				round5(float64(p[0])*t.Transform.Scale[0] + t.Transform.Translate[0]),
				round5(float64(p[1])*t.Transform.Scale[1] + t.Transform.Translate[1]),
			})
		}
	}
	return r
}

// round5 rounds to the five decimals that the boundaries file has, so that areas and
// surfaces see the very vertices that the engine will read.
func round5(x float64) float64 { return math.Round(x*1e5) / 1e5 }

// signedArea is twice the area, positive anticlockwise.
func (r ring) signedArea() float64 {
	sum := 0.0
	for i, p := range r {
		q := r[(i+1)%len(r)]
		sum += p[0]*q[1] - q[0]*p[1]
	}
	return sum
}

// neighbours are the states with land within 50 km of Florida's.
var neighbours = []string{"01", "13", "28"}

// writeBoundaries writes the rings of the Florida counties and the neighbouring states.
func writeBoundaries(atlas *topology) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Census Bureau cartographic boundaries by way of us-atlas 3.0.1 (ISC), public domain data.\n")
	b.WriteString("# area code, then lon,lat vertices of one ring with the area on the left hand.\n")
	var wanted []geometry
	for _, g := range atlas.Objects["counties"].Geometries {
		if strings.HasPrefix(g.ID, "12") {
			wanted = append(wanted, g)
		}
	}
	for _, g := range atlas.Objects["states"].Geometries {
		if slices.Contains(neighbours, g.ID) {
			wanted = append(wanted, g)
		}
	}
	if len(wanted) != 67+len(neighbours) {
		return nil, fmt.Errorf("atlas has %d of the 67 counties and %d states", len(wanted), len(neighbours))
	}
	sort.SliceStable(wanted, func(i, j int) bool { return wanted[i].ID < wanted[j].ID })
	for _, g := range wanted {
		rings, err := atlas.rings(g)
		if err != nil {
			return nil, err
		}
		for _, r := range rings {
			b.WriteString(g.ID)
			for _, p := range r {
				fmt.Fprintf(&b, " %.5f,%.5f", p[0], p[1])
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}
