package geography_test

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// florida opens the committed geography.
func florida(tb testing.TB) *geography.Florida {
	tb.Helper()
	f, err := geography.Open(os.DirFS("../modelpack/florida"))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// sharedTable reads a CSV of the shared data as rows by column name; the test is
// skipped where the folder is absent.
func sharedTable(tb testing.TB, name string) []map[string]string {
	tb.Helper()
	file, err := os.Open(filepath.Join("../../../shared/data", name))
	if err != nil {
		tb.Skipf("shared data are not here: %v", err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	var table []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, column := range rows[0] {
			m[column] = row[i]
		}
		table = append(table, m)
	}
	return table
}

func number(tb testing.TB, s string) float64 {
	tb.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestEveryCountyHoldsItsPoint(t *testing.T) {
	f := florida(t)
	if n := len(f.Counties()); n != 67 {
		t.Fatalf("%d counties, want 67", n)
	}
	for _, c := range f.Counties() {
		if fips, km, ok := f.County(c.Lat, c.Lon); !ok || fips != c.FIPS || km != 0 {
			t.Errorf("%s: point %v, %v is in %q at %v km", c.Name, c.Lat, c.Lon, fips, km)
		}
		if c.Population < 5000 {
			t.Errorf("%s: population %d", c.Name, c.Population)
		}
		for _, name := range []string{c.Name, c.FIPS, c.Name + " County"} {
			if got, ok := f.CountyPoint(name); !ok || got.FIPS != c.FIPS {
				t.Errorf("CountyPoint(%q) = %q, %v", name, got.FIPS, ok)
			}
		}
	}
	for name, fips := range map[string]string{"saint johns county": "12109", "ST. LUCIE": "12111", " Miami Dade ": "12086", "DeSoto": "12027", "De Soto": "12027"} {
		if c, _ := f.CountyPoint(name); c.FIPS != fips {
			t.Errorf("CountyPoint(%q) = %q, want %s", name, c.FIPS, fips)
		}
	}
	if c, ok := f.CountyPoint("Orleans"); ok {
		t.Errorf("CountyPoint of a county elsewhere is %v", c)
	}
}

func TestCountyOfKnownPlaces(t *testing.T) {
	f := florida(t)
	for _, p := range []struct {
		name     string
		lat, lon float64
		fips     string
		maxKm    float64
	}{
		{"Miami", 25.774, -80.194, "12086", 0.5},
		{"Key West", 24.555, -81.780, "12087", 1},
		{"Tampa", 27.950, -82.460, "12057", 0},
		{"Cedar Key", 29.138, -83.035, "12075", 4},
		{"Pensacola Beach", 30.333, -87.142, "12033", 5},
		{"Orlando", 28.540, -81.380, "12095", 0},
		{"Sanibel", 26.440, -82.080, "12071", 2},
		{"Dry Tortugas", 24.628, -82.873, "12087", 15},
		{"Tallahassee", 30.440, -84.280, "12073", 0},
		{"Jacksonville", 30.330, -81.660, "12031", 0},
		{"Everglades", 25.600, -80.900, "12087", 0},
	} {
		fips, km, ok := f.County(p.lat, p.lon)
		if !ok || fips != p.fips || km > p.maxKm {
			t.Errorf("%s is in %q at %.2f km (%v), want %s within %v km", p.name, fips, km, ok, p.fips, p.maxKm)
		}
	}
	for _, p := range []struct {
		name     string
		lat, lon float64
	}{
		{"Atlanta", 33.75, -84.39}, {"Mobile", 30.69, -88.04}, {"Valdosta", 30.83, -83.28}, {"Nassau", 25.04, -77.35},
		{"Kingsland, Georgia, 5 km from the border", 30.80, -81.69}, {"Brewton, Alabama, 12 km from the border", 31.105, -87.07},
		{"Gulf", 27.5, -84.5}, {"Havana", 23.11, -82.37}, {"nowhere", math.NaN(), -81}, {"nowhere", 28, math.Inf(1)}, {"zero", 0, 0},
	} {
		if fips, km, ok := f.County(p.lat, p.lon); ok {
			t.Errorf("%s is in %q at %v km, want none", p.name, fips, km)
		}
	}
}

// Off a straight coast the distance to the county is that to the shore, up to the reach.
func TestCountyReachesOverWater(t *testing.T) {
	f := florida(t)
	if fips, km, ok := f.County(26.14, -81.91); !ok || fips != "12021" || km < 8 || km > 14 {
		t.Errorf("off Naples: %q at %v km (%v), want Collier at about 11 km", fips, km, ok)
	}
	if fips, km, ok := f.County(26.14, -81.98); ok {
		t.Errorf("18 km off Naples: %q at %v km, want none", fips, km)
	}
}

// The raster must give what the polygons give: every point is compared with an even-odd
// count over all rings of the file.
func TestAreaAgreesWithEvenOddRule(t *testing.T) {
	f := florida(t)
	rings := readRings(t)
	n := 0
	for lat := 24.003; lat < 31.6; lat += 0.0217 {
		for lon := -88.29; lon < -79.6; lon += 0.0213 {
			want := evenOdd(rings, lat, lon)
			got, km, ok := f.County(lat, lon)
			if inside := ok && km == 0; inside != (len(want) == 5) || inside && got != want {
				t.Fatalf("%v, %v: County %q %v %v, polygons say %q", lat, lon, got, km, ok, want)
			}
			if land := f.Surface(lat, lon) == geography.LandUS; land != (want != "") {
				t.Fatalf("%v, %v: land %v, polygons say %q", lat, lon, land, want)
			}
			n++
		}
	}
	t.Logf("%d points agree", n)
}

// Points at the very latitude of a vertex are where a ray meets several sides at once.
func TestAreaAtVertexLatitudes(t *testing.T) {
	f := florida(t)
	rings := readRings(t)
	for i, r := range rings {
		for j, p := range r.points {
			lat, lon := p[1], p[0]+0.037*float64(1+(i+j)%40)
			want := evenOdd(rings, lat, lon)
			got, km, ok := f.County(lat, lon)
			if inside := ok && km == 0; inside != (len(want) == 5) || inside && got != want {
				t.Fatalf("%v, %v: County %q %v %v, polygons say %q", lat, lon, got, km, ok, want)
			}
		}
	}
}

func TestLandfallPointsHaveTheirCounty(t *testing.T) {
	f := florida(t)
	table := sharedTable(t, "fl_landfalls_from_hurdat2.csv")
	agree := 0
	for _, r := range table {
		lat, lon := number(t, r["lat"]), number(t, r["lon"])
		fips, km, ok := f.County(lat, lon)
		if ok && fips == r["fips"] {
			agree++
		} else {
			t.Logf("%s at %v, %v: %q at %.1f km, the record has %s %s", r["storm_id"], lat, lon, fips, km, r["fips"], r["county"])
		}
	}
	t.Logf("%d of %d landfalls are in the county of the record", agree, len(table))
	if agree*100 < len(table)*95 {
		t.Errorf("%d of %d landfalls agree, want 95 %%", agree, len(table))
	}
}

func TestLandfallRegionReproducesTheRecord(t *testing.T) {
	table := sharedTable(t, "fl_landfalls_by_region.csv")
	if len(table) < 92 {
		t.Fatalf("%d rows", len(table))
	}
	for _, r := range table {
		lat, lon := number(t, r["lat"]), number(t, r["lon"])
		if got := geography.LandfallRegion(lat, lon).String(); got != r["region"] {
			t.Errorf("%s at %v, %v: %s, the record has %s", r["storm_id"], lat, lon, got, r["region"])
		}
	}
}

// The record says little about points far from the coast.
func TestLandfallRegionInland(t *testing.T) {
	for _, p := range []struct {
		name     string
		lat, lon float64
		want     geography.CoastRegion
	}{
		{"Pensacola", 30.42, -87.22, geography.Northwest}, {"Lake City", 30.19, -82.64, geography.Northwest},
		{"Gainesville", 29.65, -82.33, geography.Northwest}, {"Jacksonville", 30.33, -81.66, geography.Northeast},
		{"Orlando", 28.54, -81.38, geography.Northeast}, {"Lakeland", 28.04, -81.95, geography.Southwest},
		{"Key West", 24.555, -81.78, geography.Southwest}, {"Key Largo", 25.10, -80.43, geography.Southeast},
		{"Vero Beach", 27.64, -80.39, geography.Southeast}, {"Valdosta, beyond the border", 30.83, -83.28, geography.Northwest},
	} {
		if got := geography.LandfallRegion(p.lat, p.lon); got != p.want {
			t.Errorf("%s is %v, want %v", p.name, got, p.want)
		}
	}
}

func TestGazetteerPointsResolve(t *testing.T) {
	f := florida(t)
	inside, table := 0, sharedTable(t, "fl_zcta_census2010_gazetteer.csv")
	for _, r := range table {
		fips, km, ok := f.County(number(t, r["INTPTLAT"]), number(t, r["INTPTLONG"]))
		if !ok {
			t.Errorf("%s lies in no county", r["GEOID"])
			continue
		}
		if km == 0 {
			inside++
		}
		z, ok := f.ZIP(r["GEOID"])
		if !ok {
			t.Logf("%s is a tabulation area of 2010 without a ZIP point", r["GEOID"])
			continue
		}
		if z.County != fips {
			t.Logf("%s: gazetteer point in %s, ZIP point in %s", r["GEOID"], fips, z.County)
		}
	}
	t.Logf("%d of %d points lie inside a polygon", inside, len(table))
	if inside*100 < len(table)*95 {
		t.Errorf("only %d of %d points lie inside a polygon", inside, len(table))
	}
}

func TestZIP(t *testing.T) {
	f := florida(t)
	if n := len(f.ZIPs()); n < 1000 {
		t.Errorf("%d ZIP codes", n)
	}
	for _, z := range f.ZIPs() {
		if got, ok := f.ZIP(z.Code); !ok || got != z {
			t.Errorf("ZIP(%s) = %v, %v", z.Code, got, ok)
		}
		if got, km, ok := f.NearestZIP(z.Lat, z.Lon); !ok || km != 0 || got.Lat != z.Lat || got.Lon != z.Lon {
			t.Errorf("NearestZIP at %s = %s, %v km", z.Code, got.Code, km)
		}
		if fips, _, _ := f.County(z.Lat, z.Lon); fips != z.County {
			t.Errorf("%s: county %s, table has %s", z.Code, fips, z.County)
		}
	}
	if z, ok := f.ZIP("33139-1234"); !ok || z.County != "12086" {
		t.Errorf("Miami Beach is %v, %v", z, ok)
	}
	for _, code := range []string{"", "3313", "33139-", "33139X1234", "90210", "34999", "ABCDE", "331390"} {
		if z, ok := f.ZIP(code); ok {
			t.Errorf("ZIP(%q) = %v", code, z)
		}
	}
}

// NearestZIP must be the nearest of all, inside and outside the grid of buckets.
func TestNearestZIPAgreesWithSearch(t *testing.T) {
	f := florida(t)
	for lat := 23.5; lat < 32.5; lat += 0.31 {
		for lon := -89.5; lon < -78.5; lon += 0.37 {
			_, km, ok := f.NearestZIP(lat, lon)
			best := math.Inf(1)
			for _, z := range f.ZIPs() {
				dx := (z.Lon - lon) * math.Cos(lat*math.Pi/180)
				best = min(best, math.Hypot(dx, z.Lat-lat)*geography.EarthRadiusKm*math.Pi/180)
			}
			if !ok || math.Abs(km-best) > 1e-6 {
				t.Fatalf("%v, %v: %v km, nearest is at %v km", lat, lon, km, best)
			}
		}
	}
	if _, _, ok := f.NearestZIP(math.NaN(), 0); ok {
		t.Error("a point with NaN has a nearest ZIP code")
	}
}
