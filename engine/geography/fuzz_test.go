package geography_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// Whatever the boundaries file holds, reading it ends in an error or in boundaries that
// answer.
func FuzzReadBoundaries(f *testing.F) {
	for _, s := range []string{"12001 -82,29 -81,29 -81,30", "# none\n", "01 -86,31 -86,31 -86,31", "12001 -82,NaN -81,29 -81,30",
		"12001 -180,-90 180,-90 180,90", "12001 -82,29", "\n\n", " "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := geography.ReadBoundaries(strings.NewReader(text))
		if err == nil {
			b.County(28, -82)
			b.Fetch(29.5, -81.5)
		}
	})
}

// The same for the other three files.
func FuzzOpen(f *testing.F) {
	read := func(name string) []byte {
		data, err := os.ReadFile("../modelpack/florida/" + name)
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	boundaries := &fstest.MapFile{Data: []byte("12001 -82,29 -81,29 -81,30\n"), Mode: fs.ModePerm}
	f.Add([]byte("fips,name,lat,lon,population\n12001,Alachua,29.5,-81.2,5\n"), []byte("zip,lat,lon,county,area_km2,water_share,roughness_cm\n32003,29.5,-81.2,12001,40,0.3,15\n"), read(geography.SurfaceFile))
	f.Add([]byte("a\n\"b"), []byte(""), []byte("W800\n"))
	f.Fuzz(func(t *testing.T, counties, zips, surface []byte) {
		g, err := geography.Open(fstest.MapFS{geography.BoundariesFile: boundaries, geography.CountiesFile: {Data: counties},
			geography.ZIPsFile: {Data: zips}, geography.SurfaceFile: {Data: surface}})
		if err == nil {
			g.NearestZIP(29, -81)
			g.Surface(20, -90)
		}
	})
}
