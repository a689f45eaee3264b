package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
)

// famous are the best-known Florida hurricanes. Rmax (nautical miles; 0 = let the model's mean stand) is the
// radius of maximum wind around landfall as given by the storm's NHC tropical cyclone report or, before 1990, by
// Ho et al. 1987 (NOAA Technical Report NWS 38); where the archive has radii of its own they are used.
var famous = []struct {
	id   string
	rmax float64
}{
	{"AL071926", 21}, {"AL041928", 28}, {"AL031935", 6}, {"AL041947", 19}, {"AL111950", 15}, {"AL051960", 21}, {"AL061964", 30},
	{"AL031965", 22}, {"AL131975", 18}, {"AL051985", 17}, {"AL131985", 21}, {"AL041992", 10}, {"AL171995", 31}, {"AL032004", 6},
	{"AL062004", 30}, {"AL092004", 25}, {"AL112004", 25}, {"AL042005", 8}, {"AL252005", 32}, {"AL112017", 17}, {"AL142018", 10},
	{"AL192020", 25}, {"AL092022", 0}, {"AL172022", 0}, {"AL102023", 0}, {"AL092024", 0}, {"AL142024", 0},
}

// writeScenarios writes the famous storms' tracks near Florida in HURDAT2 form.
func writeScenarios(storms []besttrack.Storm, pack string) error {
	var text strings.Builder
	for _, f := range famous {
		s, ok := besttrack.Find(storms, f.id)
		if !ok {
			return fmt.Errorf("scenario %s is not in the track file", f.id)
		}
		var rows []string
		for _, x := range nearFlorida(s.Fixes) {
			rows = append(rows, row(x, f.rmax))
		}
		fmt.Fprintf(&text, "%s, %s, %d,\n%s", s.ID, s.Name, len(rows), strings.Join(rows, ""))
	}
	return os.WriteFile(filepath.Join(pack, hazard.ScenariosFile), []byte(text.String()), 0o644)
}

// nearFlorida is the track from its first to its last fix near Florida, without gaps: some storms leave and come back.
func nearFlorida(fixes []besttrack.Fix) []besttrack.Fix {
	first, last := -1, -1
	for i, x := range fixes {
		if x.Lat > 20.5 && x.Lat < 35 && x.Lon > -92 && x.Lon < -74 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return nil
	}
	return fixes[first : last+1]
}

func row(x besttrack.Fix, rmax float64) string {
	year, month, day, hour := besttrack.Date(x.Hour)
	record := " "
	if x.Landfall {
		record = "L"
	}
	if x.Rmax != besttrack.Missing || rmax == 0 || x.Wind < 64 {
		rmax = x.Rmax
	}
	return fmt.Sprintf("%04d%02d%02d, %02d%02d, %s, %s, %.1fN, %.1fW, %g, %g%s, %g\n", year, month, day, hour, x.Minute,
		record, x.Status, x.Lat, -x.Lon, x.Wind, x.Pressure, strings.Repeat(",-999", 12), rmax)
}
