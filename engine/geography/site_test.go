package geography_test

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qrsrisk/qrsd/engine/geography"
)

func TestSurfaceAtKnownPlaces(t *testing.T) {
	f := florida(t)
	for _, p := range []struct {
		name     string
		lat, lon float64
		want     geography.Surface
	}{
		{"Orlando", 28.54, -81.38, geography.LandUS},
		{"Lake Okeechobee, which the atlas has as land", 26.95, -80.85, geography.LandUS},
		{"Mobile", 30.69, -88.10, geography.LandUS},
		{"New Orleans", 29.97, -90.05, geography.LandUS},
		{"Houston", 29.76, -95.37, geography.LandUS},
		{"Atlanta", 33.75, -84.39, geography.LandUS},
		{"Havana province", 22.95, -82.2, geography.LandOther},
		{"Merida", 20.97, -89.62, geography.LandOther},
		{"Santo Domingo", 18.6, -70.0, geography.LandOther},
		{"Kingston hills", 18.1, -76.9, geography.LandOther},
		{"Puerto Rico", 18.2, -66.4, geography.LandOther},
		{"Andros", 24.5, -78.1, geography.LandOther},
		{"Gulf", 26.0, -86.0, geography.Water},
		{"Straits of Florida", 23.9, -81.5, geography.Water},
		{"Gulf Stream", 27.0, -79.5, geography.Water},
		{"Tampa Bay", 27.70, -82.57, geography.Water},
		{"Atlantic", 32.0, -70.0, geography.Water},
		{"Caribbean", 16.0, -75.0, geography.Water},
		{"north of the mask", 45, -75, geography.Water},
		{"nowhere", math.NaN(), math.NaN(), geography.Water},
	} {
		if got := f.Surface(p.lat, p.lon); got != p.want {
			t.Errorf("%s: surface %d, want %d", p.name, got, p.want)
		}
	}
	for _, c := range geography.Cities() {
		if _, km, ok := f.County(c.Lat, c.Lon); !ok || km > 1 {
			t.Errorf("%s lies %v km from Florida (%v)", c.Name, km, ok)
		}
	}
	if !f.Inside(28.54, -81.38) || f.Inside(33.75, -84.39) || f.Inside(26, -86) {
		t.Error("Inside takes the wrong points")
	}
}

// Directions of Fetch, from which the wind blows.
const (
	north, east, south, west = 0, 4, 8, 12
)

func TestFetchAtKnownPlaces(t *testing.T) {
	f := florida(t)
	for _, p := range []struct {
		name      string
		lat, lon  float64
		direction int
		low, high float32
	}{
		{"Orlando from the north", 28.54, -81.38, north, 50, 50},
		{"Orlando from the south", 28.54, -81.38, south, 50, 50},
		{"Fort Lauderdale from the sea", 26.13, -80.12, east, 0, 3.5},
		{"Fort Lauderdale from the Everglades", 26.13, -80.12, west, 50, 50},
		{"Naples from the Gulf", 26.14, -81.79, west, 0, 4},
		{"Naples from inland", 26.14, -81.79, east, 50, 50},
		{"Daytona Beach from the sea", 29.21, -81.02, east, 0, 4},
		{"Plant City from Tampa Bay", 28.02, -82.11, west, 25, 50},
		{"Destin from the Gulf", 30.40, -86.50, south, 0, 2.5},
		{"Destin from Alabama", 30.45, -86.55, north, 50, 50},
		{"the Gulf", 27, -84, north, 0, 0},
	} {
		if got := f.Fetch(p.lat, p.lon)[p.direction]; got < p.low || got > p.high {
			t.Errorf("%s: fetch %v km, want %v to %v", p.name, got, p.low, p.high)
		}
	}
}

// Walking inland from the Atlantic the fetch from the east grows by what is walked, and
// the fetch to the nearest water of any direction is about the distance to the coast.
func TestFetchGrowsInland(t *testing.T) {
	f := florida(t)
	kmPerLon := geography.EarthRadiusKm * math.Pi / 180 * math.Cos(27.2*math.Pi/180)
	start := f.Fetch(27.2, -80.4)[east]
	for _, lon := range []float64{-80.45, -80.5, -80.55, -80.6} {
		walked := float32((-80.4 - lon) * kmPerLon)
		if got := f.Fetch(27.2, lon)[east]; math.Abs(float64(got-start-walked)) > 0.6 {
			t.Errorf("%v: fetch %v km, started at %v and walked %v", lon, got, start, walked)
		}
	}
	for _, z := range f.ZIPs() {
		if f.Surface(z.Lat, z.Lon) == geography.Water {
			continue
		}
		shortest := float32(geography.FetchCapKm)
		for _, km := range f.Fetch(z.Lat, z.Lon) {
			shortest = min(shortest, km)
		}
		if coast := f.CoastKm(z.Lat, z.Lon, geography.FetchCapKm); float64(shortest) < min(coast, geography.FetchCapKm)-1 {
			t.Errorf("%s: water upwind at %v km, but the coast is %v km away", z.Code, shortest, coast)
		}
	}
}

func TestTerrain(t *testing.T) {
	f := florida(t)
	for _, c := range []struct {
		density, water, lat float64
		want                geography.Roughness
	}{
		{5, 0, 26, geography.OpenTerrain}, {5, 0, 30, geography.LightSuburban}, {5, 0.9, 26, geography.OpenTerrain}, {5, 0.9, 30, geography.OpenTerrain},
		{20, 0, 26, geography.LightSuburban}, {999, 0, 26, geography.LightSuburban}, {500, 0.5, 26, geography.OpenTerrain},
		{1000, 0, 26, geography.Suburban}, {1500, 0.6, 26, geography.LightSuburban}, {4000, 0.49, 26, geography.LightTrees},
	} {
		if got := geography.RoughnessByDensity(c.density, c.water, c.lat); got != c.want {
			t.Errorf("RoughnessByDensity(%v, %v, %v) = %d, want %d", c.density, c.water, c.lat, got, c.want)
		}
	}
	var count [geography.NumRoughness]int
	for _, z := range f.ZIPs() {
		count[z.Terrain]++
		if got := f.Terrain(z.Code, math.NaN(), math.NaN()); got != z.Terrain {
			t.Errorf("Terrain(%s) = %d, want %d", z.Code, got, z.Terrain)
		}
	}
	t.Logf("ZIP codes by class: %v", count)
	if near, _, _ := f.NearestZIP(25.81, -80.2); f.Terrain("", 25.81, -80.2) != near.Terrain || f.Terrain("99999", 25.81, -80.2) != near.Terrain {
		t.Error("a location without a Florida ZIP code does not take the nearest one's class")
	}
	if geography.Suburban.Cm() != 35 || geography.Trees.Cm() != 100 {
		t.Error("roughness lengths are not those of Hazus")
	}
}

func TestCodeRegion(t *testing.T) {
	f := florida(t)
	for _, p := range []struct {
		name     string
		lat, lon float64
		want     geography.CodeRegion
	}{
		{"Miami", 25.77, -80.20, geography.HVHZ},
		{"Weston", 26.10, -80.40, geography.HVHZ},
		{"Key West", 24.555, -81.78, geography.WindBorneDebris},
		{"West Palm Beach", 26.71, -80.06, geography.WindBorneDebris},
		{"Naples", 26.14, -81.79, geography.WindBorneDebris},
		{"St. Petersburg", 27.77, -82.66, geography.WindBorneDebris},
		{"Pensacola Beach", 30.333, -87.142, geography.WindBorneDebris},
		{"Orlando", 28.54, -81.38, geography.Interior},
		{"Gainesville", 29.65, -82.33, geography.Interior},
		{"Tallahassee", 30.44, -84.28, geography.Interior},
		{"Crestview, in the panhandle beyond the mile", 30.76, -86.57, geography.Interior},
		{"Lakeland", 28.04, -81.95, geography.Interior},
	} {
		fips, _, _ := f.County(p.lat, p.lon)
		if got := f.Region(p.lat, p.lon, fips); got != p.want {
			t.Errorf("%s (%s): %v, want %v", p.name, fips, got, p.want)
		}
	}
}

func TestProjection(t *testing.T) {
	greatCircle := func(lat0, lon0, lat1, lon1 float64) float64 {
		const rad = math.Pi / 180
		a := math.Sin((lat1 - lat0) / 2 * rad)
		b := math.Sin((lon1 - lon0) / 2 * rad)
		return 2 * geography.EarthRadiusKm * math.Asin(math.Sqrt(a*a+math.Cos(lat0*rad)*math.Cos(lat1*rad)*b*b))
	}
	worst := 0.0
	for lat := 24.5; lat <= 31; lat += 0.5 {
		for lon := -87.6; lon <= -80; lon += 0.4 {
			x, y := geography.Project(lat, lon)
			back, backLon := geography.Unproject(x, y)
			if math.Abs(back-lat) > 1e-11 || math.Abs(backLon-lon) > 1e-11 {
				t.Fatalf("%v, %v comes back as %v, %v", lat, lon, back, backLon)
			}
			for _, d := range [][2]float64{{0.05, 0}, {0, 0.05}, {0.05, 0.05}, {0.05, -0.05}} {
				x1, y1 := geography.Project(lat+d[0], lon+d[1])
				scale := math.Hypot(x1-x, y1-y) / greatCircle(lat, lon, lat+d[0], lon+d[1])
				worst = max(worst, math.Abs(scale-1))
			}
		}
	}
	t.Logf("worst error of scale %.4f %%", worst*100)
	if worst > 0.0014 {
		t.Errorf("scale is off by %.3f %%, documented as 0.14 %%", worst*100)
	}
	if x, y := geography.Project(28, -83); math.Abs(x) > 1e-9 || math.Abs(y) > 1e-9 {
		t.Errorf("origin is at %v, %v", x, y)
	}
	if x, y := geography.Project(28.1, -82.9); x < 9 || x > 11 || y < 10 || y > 12 {
		t.Errorf("north-east of the origin is %v east, %v north", x, y)
	}
}

func TestCitiesAreThoseOfTheRecord(t *testing.T) {
	table := sharedTable(t, "fl_city_return_periods_hurdat2.csv")
	cities := geography.Cities()
	if len(table) != len(cities) {
		t.Fatalf("%d cities, the record has %d", len(cities), len(table))
	}
	for i, r := range table {
		if c := cities[i]; c.Name != r["city"] || c.Lat != number(t, r["lat"]) || c.Lon != number(t, r["lon"]) {
			t.Errorf("city %d is %v, the record has %v", i, c, r)
		}
	}
}

func TestOpenNamesTheFault(t *testing.T) {
	good := func() fstest.MapFS {
		files := fstest.MapFS{}
		for _, name := range []string{geography.BoundariesFile, geography.CountiesFile, geography.ZIPsFile, geography.SurfaceFile} {
			data, err := os.ReadFile("../modelpack/florida/" + name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: data, Mode: fs.ModePerm}
		}
		return files
	}
	if _, err := geography.Open(good()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, old, new, want string }{
		{geography.BoundariesFile, "12001 -", "12001 x,1 -", `vertex "x,1"`},
		{geography.BoundariesFile, "\n12001 ", "\n1201 ", `area "1201"`},
		{geography.BoundariesFile, "\n01 ", "\n01 -86,31 -85,30\n01 ", "2 vertices"},
		{geography.CountiesFile, "12001,Alachua,", "12001,Alachua,x", "line 2, column 3"},
		{geography.CountiesFile, "12001,", "12002,", "has no ring"},
		{geography.ZIPsFile, "\n32003,", "\n02003,", "not a Florida ZIP code"},
		{geography.ZIPsFile, "\n32008,", "\n32003,", "ascending"},
		{geography.ZIPsFile, "0.308,15", "0.308,16", "roughness length"},
		{geography.SurfaceFile, "W186O190W424", "W186O190W425", "goes past column 800"},
		{geography.SurfaceFile, "W186O190W424", "W186O190W423", "799 cells"},
		{geography.SurfaceFile, "W186O190W424", "W186Q190W424", "no surface"},
		{geography.SurfaceFile, "W186O190W424\n", "", "499 rows"},
	} {
		files := good()
		data := files[c.file].Data
		broken := bytes.Replace(data, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(broken, data) {
			t.Fatalf("%s does not hold %q", c.file, c.old)
		}
		files[c.file].Data = broken
		f, err := geography.Open(files)
		if f != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%q for %q gives %v, want %q", c.new, c.old, err, c.want)
		}
	}
	files := good()
	delete(files, geography.ZIPsFile)
	if _, err := geography.Open(files); err == nil || !strings.Contains(err.Error(), geography.ZIPsFile) {
		t.Errorf("a missing file gives %v", err)
	}
}
