package windfield

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/qrsrisk/qrsd/engine/hazard"
)

// TestSecondImplementation holds the wind to another implementation, written from the equations in another language
// (testdata/reference/windfield.py, whose output windfield.csv is): 1e-9 relative.
func TestSecondImplementation(t *testing.T) {
	text, err := os.ReadFile("testdata/reference/windfield.csv")
	if err != nil {
		t.Fatal(err)
	}
	m := Standard()
	for n, v := range numbers(t, text) {
		p := m.NewProfile(hazard.Point{Lat: v[0], U: v[1], V: v[2], DP: v[3], Rmax: v[4], B: v[5]})
		dx, dy, fetch := v[6], v[7], v[8]
		for _, c := range []struct {
			what              string
			got, want, within float64
		}{
			{"gradient wind", p.Gradient(dx, dy), v[9], 1e-9 * v[9]},
			{"gradient wind without a table", p.Gradient(dx, dy), v[10], max(1e-4*v[10], 0.005)}, // m/s
			{"mean wind", p.Surface(dx, dy), v[11], 1e-9 * v[11]},
			{"gust factor", m.gustFactor(fetch), v[12], 1e-9 * v[12]},
			{"direction", From(dx, dy), v[13], 1e-9 * v[13]},
		} {
			if !(math.Abs(c.got-c.want) <= c.within) {
				t.Errorf("row %d: %s %.15g, the other implementation has %.15g", n+1, c.what, c.got, c.want)
			}
		}
	}
}

// TestSecondImplementationWroteItsFigures runs the other implementation again, where there is a Python. The last digits may
// differ by the machine's functions.
func TestSecondImplementationWroteItsFigures(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here: windfield.csv is taken as windfield.py's output")
	}
	output, err := exec.Command(python, "testdata/reference/windfield.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/reference/windfield.csv")
	if err != nil {
		t.Fatal(err)
	}
	again, kept := numbers(t, output), numbers(t, text)
	if len(again) != len(kept) {
		t.Fatalf("windfield.csv has %d rows, windfield.py writes %d: python3 windfield.py > windfield.csv", len(kept), len(again))
	}
	for n := range kept {
		for i := range kept[n] {
			if math.Abs(again[n][i]-kept[n][i]) > 1e-11*math.Abs(kept[n][i]) {
				t.Errorf("row %d: windfield.csv has %v, windfield.py writes %v: python3 windfield.py > windfield.csv", n+1, kept[n][i], again[n][i])
			}
		}
	}
}

// numbers reads the rows below the heading.
func numbers(t *testing.T, text []byte) (all [][]float64) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 300 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		v := make([]float64, len(row))
		for i, cell := range row {
			if v[i], err = strconv.ParseFloat(cell, 64); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, v)
	}
	return all
}
