package hazard

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qrsrisk/qrsd/engine/registry"
)

// small is a climatology of the least size that check accepts.
func small() *Climatology {
	grid := Grid{Lat0: 20, Lon0: -90, Step: 5, Rows: 2, Cols: 2}
	column := func(v float64) []float64 { return []float64{v, v, v, v} }
	return &Climatology{
		Source: "made up", FirstYear: 2000, LastYear: 2001,
		Entries: []Entry{{Storm: "AL012000", Day: 250, Lat: 24, Lon: -80, U: -3, V: 3, DP: 30}},
		Motion: Motion{Grid: grid, N: 1, Seasons: []Season{{Day: 250, U: column(-3), V: column(3), PhiU: column(0.9), PhiV: column(0.9),
			NoisU: column(1), NoisV: column(1), N: column(1)}}},
		Intensity:    Intensity{Grid: grid, Local: column(0), NoiseAt: []float64{1, 2}, Noise: []float64{0.1, 0.1}, Residual: []float64{-1, 1}, MaxDP: 128, N: 1},
		PressureWind: PressureWind{A: 14, P: 0.45, SD: 0.1, N: 1},
		Landfall:     LandfallFit{MaxWeight: 2, Trials: 1, Hits: []HitFit{{Region: "SE", Record: 1, Lambda: 0.1, Prior: 20}}},
	}
}

func packOf(text []byte) fstest.MapFS { return fstest.MapFS{ClimatologyFile: {Data: text}} }

func TestSmallestClimatologyIsRead(t *testing.T) {
	text, err := json.Marshal(small())
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadClimatology(packOf(text))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "candidates a year", c.CandidateRate(), 1, 0) // one entry in two years, twice
	if len(NewCatalog(c, florida(t).ground, 1).Year(1)) > eventsPerYear {
		t.Error("too many events")
	}
}

func TestDamagedClimatologyIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(*Climatology)
		want   string
	}{
		"years":               {func(c *Climatology) { c.LastYear = 1999 }, "years 2000 to 1999"},
		"no entries":          {func(c *Climatology) { c.Entries = nil }, "no entries"},
		"no seasons":          {func(c *Climatology) { c.Motion.Seasons = nil }, "grids of"},
		"no grid":             {func(c *Climatology) { c.Motion.Grid.Rows = 0 }, "grids of 0 and 4"},
		"no intensity grid":   {func(c *Climatology) { c.Intensity.Grid.Cols = 0 }, "grids of 4 and 0"},
		"local term":          {func(c *Climatology) { c.Intensity.Local = c.Intensity.Local[1:] }, "grids of"},
		"noise":               {func(c *Climatology) { c.Intensity.Noise = c.Intensity.Noise[1:] }, "residuals"},
		"residual":            {func(c *Climatology) { c.Intensity.Residual = c.Intensity.Residual[1:] }, "residuals"},
		"weight":              {func(c *Climatology) { c.Landfall.MaxWeight = 0.5 }, "maximum weight 0.5"},
		"season of one node":  {func(c *Climatology) { c.Motion.Seasons[0].PhiV = []float64{1} }, "season 250 has 1 of 4 nodes"},
		"season without v":    {func(c *Climatology) { c.Motion.Seasons[0].V = nil }, "season 250 has 0 of 4 nodes"},
		"season without phi":  {func(c *Climatology) { c.Motion.Seasons[0].PhiU = nil }, "season 250 has 0 of 4 nodes"},
		"season, noise of u":  {func(c *Climatology) { c.Motion.Seasons[0].NoisU = nil }, "season 250 has 0 of 4 nodes"},
		"season, noise of v":  {func(c *Climatology) { c.Motion.Seasons[0].NoisV = nil }, "season 250 has 0 of 4 nodes"},
		"season without mean": {func(c *Climatology) { c.Motion.Seasons[0].U = nil }, "season 250 has 0 of 4 nodes"},
	} {
		damaged := small()
		c.damage(damaged)
		text, err := json.Marshal(damaged)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadClimatology(packOf(text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), ClimatologyFile) || !strings.Contains(err.Error(), "derive it again") {
			t.Errorf("%s: error %v, want %q, the file and the way out in it", name, err, c.want)
		}
	}
}

func TestUnreadableClimatologyIsRefused(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(packFolder, ClimatologyFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		want string
	}{
		"absent":     {fstest.MapFS{}, "reading the climatology"},
		"cut short":  {packOf(whole[:len(whole)/2]), "reading " + ClimatologyFile},
		"empty":      {packOf(nil), "reading " + ClimatologyFile},
		"other type": {packOf([]byte(`{"entries": 7}`)), "entries"},
		"not ours":   {packOf([]byte(`{}`)), "years 0 to 0"},
	} {
		if _, err := ReadClimatology(c.fsys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

// FuzzReadClimatology: no text makes the reader panic; what it accepts can be listed, and written and read again as the same.
func FuzzReadClimatology(f *testing.F) {
	text, err := json.Marshal(small())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(bytes.Replace(text, []byte(`"seasons":[`), []byte(`"seasons":[{"day":1},`), 1))
	f.Add([]byte(`{"entries":[{}],"first_year":1,"last_year":2,"motion":{"grid":{"rows":-1,"cols":-1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ReadClimatology(packOf(text))
		if err != nil {
			if !strings.Contains(err.Error(), ClimatologyFile) {
				t.Errorf("error without the file's name: %v", err)
			}
			return
		}
		if len(c.Parameters()) == 0 {
			t.Error("no parameters")
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadClimatology(packOf(again))
		if err != nil {
			t.Fatalf("what was accepted is refused when written again: %v", err)
		}
		if third, _ := json.Marshal(back); !bytes.Equal(again, third) {
			t.Error("written, read and written again, it differs")
		}
	})
}

// Between nodes and seasons the motion is linear; beyond them it is that of the edge.
func TestMotionBetweenNodesAndSeasons(t *testing.T) {
	m := small().Motion
	m.Seasons[0].U = []float64{0, 4, 8, 12} // rows north: 20 N 90 W, 20 N 85 W, 25 N 90 W, 25 N 85 W
	later := m.Seasons[0]
	later.Day, later.U = 270, []float64{10, 14, 18, 22}
	m.Seasons = append(m.Seasons, later)
	for _, c := range []struct{ day, lat, lon, want float64 }{
		{250, 20, -90, 0}, {250, 20, -85, 4}, {250, 25, -90, 8}, {250, 22.5, -87.5, 6}, {260, 22.5, -87.5, 11}, {265, 20, -90, 7.5},
		{1, 20, -90, 0}, {365, 20, -90, 10}, {250, 5, -100, 0}, {250, 60, -30, 12},
	} {
		u, _ := m.Mean(c.day, c.lat, c.lon)
		near(t, "mean eastward translation", u, c.want, 1e-6)
		near(t, "the same when drawn", m.at(c.day, c.lat, c.lon).u, c.want, 1e-6)
	}
}

func TestIntensityBetweenNodes(t *testing.T) {
	in := Intensity{NoiseAt: []float64{1, 2, 4}, Noise: []float64{0.3, 0.2, 0.1}, Residual: []float64{-2, -1, 0, 3}}
	for _, c := range []struct{ x, want float64 }{{0, 0.3}, {1, 0.3}, {1.5, 0.25}, {2, 0.2}, {3, 0.15}, {4, 0.1}, {9, 0.1}} {
		near(t, "noise", in.NoiseSD(c.x), c.want, 1e-15)
	}
	for _, c := range []struct{ p, want float64 }{{0, -2}, {1.0 / 6, -1.5}, {1.0 / 3, -1}, {2.0 / 3, 0}, {5.0 / 6, 1.5}, {math.Nextafter(1, 0), 3}} {
		near(t, "residual", in.residual(c.p), c.want, 1e-12)
	}
	near(t, "below 75 hPa", Beyond(math.Log(74)), 0, 0)
	near(t, "beyond 75 hPa", Beyond(math.Log(100)), math.Log(100.0/75), 1e-5)
}

func TestParametersAreComplete(t *testing.T) {
	c := florida(t).climate
	list := c.Parameters()
	names := map[string]bool{}
	kinds := map[registry.Kind]int{}
	for _, p := range list {
		if names[p.Name] {
			t.Errorf("%q is listed twice", p.Name)
		}
		names[p.Name] = true
		kinds[p.Kind]++
		if p.Name == "" || p.Stage != "hazard" || p.Distribution == "" || p.Value == "" || p.Source == "" {
			t.Errorf("parameter %+v is incomplete", p)
		}
		if (p.N != "") != (p.Kind == registry.Fitted) {
			t.Errorf("%q is %s and has n = %q", p.Name, p.Kind, p.N)
		}
		if p.Group != "" || p.Off != "" {
			t.Errorf("%q claims that it can be switched off", p.Name)
		}
	}
	for _, k := range []registry.Kind{registry.Fitted, registry.Literature, registry.Judgement} {
		if kinds[k] < 5 {
			t.Errorf("%d parameters are %s", kinds[k], k)
		}
	}
	// The values are those in force, not words about them.
	for name, want := range map[string]string{
		"storms entering the domain or forming in it":                   "5.09524",
		"pressure-wind relation V = A·dp^P: factor":                     number(c.PressureWind.A),
		"the same: slope with ln dp":                                    number(c.Intensity.B1),
		"correlation of the score of B with the pressure-wind residual": "0.6",
		"largest weight": number(c.Landfall.MaxWeight),
		"years of record that the unweighted model counts for in a strike's target rate": "20",
	} {
		at := slices.IndexFunc(list, func(p registry.Parameter) bool { return p.Name == name })
		if at < 0 || list[at].Value != want {
			t.Errorf("%q: %v, want the value %s", name, at, want)
		}
	}
	changed := *c
	changed.PressureWind.A = 99
	if reflect.DeepEqual(changed.Parameters(), list) {
		t.Error("another climatology has the same parameters")
	}
}
