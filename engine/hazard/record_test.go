package hazard

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
)

// strikesOfTheRecord are the storms that struck in 1900-2025: all hurricanes, and major ones.
var strikesOfTheRecord = []struct {
	region      string
	all, majors int
}{{"NW", 32, 9}, {"SW", 26, 10}, {"SE", 31, 14}, {"NE", 3, 0}, {"FL", 75, 31}}

func TestCommittedRecordHasTheCounts(t *testing.T) {
	r := florida(t).record
	if r.FirstYear != 1900 || r.LastYear != 2025 || r.Years() != 126 {
		t.Errorf("record of %d to %d, %d years", r.FirstYear, r.LastYear, r.Years())
	}
	for _, want := range strikesOfTheRecord {
		if all, majors := r.Hits(want.region, false), r.Hits(want.region, true); all != want.all || majors != want.majors {
			t.Errorf("%s: %d hurricanes and %d majors, want %d and %d", want.region, all, majors, want.all, want.majors)
		}
	}
	firsts := map[string]int{}
	for _, s := range r.Strikes {
		if s.First {
			firsts[s.Storm]++
		}
		if s.Region != geography.LandfallRegion(s.Lat, s.Lon).String() || s.Wind < 64 || s.Wind > 165 || s.Month < 5 || s.Month > 12 {
			t.Errorf("strike %+v", s)
		}
		if s.Pressure != 0 && (s.Pressure < 885 || s.Pressure > 1005) {
			t.Errorf("%s: pressure %g", s.Storm, s.Pressure)
		}
	}
	for storm, n := range firsts {
		if n != 1 {
			t.Errorf("%s has %d first landfalls", storm, n)
		}
	}
	if len(firsts) != 75 {
		t.Errorf("%d storms have a first landfall, want 75", len(firsts))
	}
}

// The independent list of landfalls, one row per storm and region with its strongest category, agrees strike by strike.
func TestRecordAgreesWithTheIndependentList(t *testing.T) {
	f, err := os.Open(sharedFile(t, "data/fl_landfalls_by_region.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	type strike struct{ storm, region string }
	listed := map[strike]int{} // category
	for _, row := range rows[1:] {
		if year, _ := strconv.Atoi(row[0][4:]); year >= 1900 {
			listed[strike{row[0], row[3]}], _ = strconv.Atoi(row[7])
		}
	}
	ours := map[strike]int{}
	for _, s := range florida(t).record.Strikes {
		ours[strike{s.Storm, s.Region}] = Category(s.Wind)
	}
	for s, category := range listed {
		if got, ok := ours[s]; !ok || got != category {
			t.Errorf("%s on %s: category %d (known %v), listed as %d", s.storm, s.region, got, ok, category)
		}
	}
	for s := range ours {
		if _, ok := listed[s]; !ok {
			t.Errorf("%s on %s is not listed", s.storm, s.region)
		}
	}
}

// What Landfalls finds along the tracks of HURDAT2 itself. Strength is here that of the hour before the coast, in
// the record that of the fix before; they differ for one storm, which had crossed from Miami and strengthened
// from 90 to 100 kt between two fixes while it passed the islands of the other coast.
func TestLandfallsOfHurdat2(t *testing.T) {
	p := florida(t)
	type counts struct{ all, majors int }
	found := map[string]counts{}
	passes := map[string]counts{}
	for _, s := range hurdat2(t) {
		if s.ID[4:] < "1900" || len(s.Fixes) < 2 {
			continue
		}
		points := RecordedPoints(s, p.climate, p.ground)
		falls := Landfalls(points, p.ground)
		for _, r := range strikesOfTheRecord {
			c := found[r.region]
			if Hit(falls, r.region, false) {
				c.all++
			}
			if Hit(falls, r.region, true) && !(s.ID == "AL071926" && r.region == "SW") {
				c.majors++
			}
			found[r.region] = c
		}
		for _, city := range geography.Cities() {
			c := passes[city.Name]
			wind := StrongestNear(points, city.Lat, city.Lon)
			if wind >= 64 {
				c.all++
			}
			if wind >= 96 {
				c.majors++
			}
			passes[city.Name] = c
		}
	}
	for _, want := range strikesOfTheRecord {
		if got := found[want.region]; got != (counts{want.all, want.majors}) {
			t.Errorf("%s: %+v, want %d and %d", want.region, got, want.all, want.majors)
		}
	}
	for _, c := range p.record.Cities {
		if got := passes[c.Name]; got != (counts{c.Hurricanes, c.Majors}) {
			t.Errorf("%s: %+v near, the committed record has %d and %d", c.Name, got, c.Hurricanes, c.Majors)
		}
	}
}

func hurdat2(t *testing.T) []besttrack.Storm {
	t.Helper()
	f, err := os.Open(sharedFile(t, "data/hurdat2-1851-2025.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	storms, err := besttrack.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return storms
}

// The independent count of passes samples tracks at other times; it may differ by a storm or two on the circle's edge.
func TestPassesNearCitiesAgreeWithTheIndependentList(t *testing.T) {
	f, err := os.Open(sharedFile(t, "data/fl_city_return_periods_hurdat2.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string][2]int{}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, row := range rows[1:] {
		all, _ := strconv.Atoi(row[column["n_hur_1900_2025"]])
		majors, _ := strconv.Atoi(row[column["n_maj_1900_2025"]])
		listed[row[0]] = [2]int{all, majors}
	}
	compared := 0
	for _, c := range florida(t).record.Cities {
		want, ok := listed[c.Name]
		if !ok {
			continue // another spelling of the city
		}
		compared++
		if math.Abs(float64(c.Hurricanes-want[0])) > 2 || math.Abs(float64(c.Majors-want[1])) > 2 {
			t.Errorf("%s: %d and %d, listed %v", c.Name, c.Hurricanes, c.Majors, want)
		}
	}
	if compared < 12 {
		t.Errorf("only %d cities compared", compared)
	}
}

func TestHitsCountAStormOnce(t *testing.T) {
	r := &Record{Strikes: []RecordedStrike{
		{Storm: "A", Region: "SW", Wind: 100}, {Storm: "A", Region: "SE", Wind: 70},
		{Storm: "B", Region: "SW", Wind: 95}, {Storm: "C", Region: "NW", Wind: 64}, {Storm: "C", Region: "NW", Wind: 120},
	}}
	for _, c := range []struct {
		region string
		major  bool
		want   int
	}{{"FL", false, 3}, {"FL", true, 2}, {"SW", false, 2}, {"SW", true, 1}, {"SE", false, 1}, {"SE", true, 0}, {"NW", false, 1}, {"NW", true, 1}, {"NE", false, 0}} {
		if got := r.Hits(c.region, c.major); got != c.want {
			t.Errorf("%s major=%v: %d, want %d", c.region, c.major, got, c.want)
		}
	}
}

func TestStrikeIsNearCitiesByWindWithinTheCircle(t *testing.T) {
	miami := geography.City{}
	for _, c := range geography.Cities() {
		if c.Name == "Miami" {
			miami = c
		}
	}
	// A storm passing due south to north at a distance east of the city.
	pass := func(km, wind float64) *Strike {
		_, lon := displace(miami.Lat, miami.Lon, km, 0)
		var points []Point
		for h := range 13 {
			points = append(points, Point{Hour: float64(h), Lat: miami.Lat - 0.6 + 0.1*float64(h), Lon: lon, Wind: wind})
		}
		return &Strike{Points: points}
	}
	for _, c := range []struct {
		km, wind   float64
		all, major bool
	}{{80, 70, true, false}, {80, 96, true, true}, {80, 63, false, false}, {92, 64, true, false}, {93.5, 140, false, false}} {
		s := pass(c.km, c.wind)
		if s.Is("Miami", false) != c.all || s.Is("Miami", true) != c.major {
			t.Errorf("%g kt at %g km: %v, %v", c.wind, c.km, s.Is("Miami", false), s.Is("Miami", true))
		}
		if s.Is("FL", false) || s.Is("Key West", false) {
			t.Errorf("%g kt at %g km counts elsewhere", c.wind, c.km)
		}
	}
	near(t, "no pass", StrongestNear(nil, 25, -80), 0, 0)
}

func TestReadRecordNamesTheFile(t *testing.T) {
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		want string
	}{
		"absent":  {fstest.MapFS{}, "reading the record of landfalls"},
		"damaged": {fstest.MapFS{RecordFile: {Data: []byte(`{"strikes": 5}`)}}, RecordFile},
	} {
		if _, err := ReadRecord(c.fsys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}
