package hazard

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
)

// ashore comes from the Gulf, is at its strongest 100 km off Naples, and crosses the peninsula. Fields
// beyond the pressure are absent, as in short decks.
const ashore = `AL992099, TEST, 4,
20990910, 0000,  , HU, 25.4N,  83.6W, 100,  960
20990910, 0600,  , HU, 25.8N,  82.8W, 110,  950
20990910, 1200,  , HU, 26.4N,  81.2W,  80,  970
20990910, 1800,  , TS, 27.0N,  79.4W,  60,  985
`

func track(t *testing.T, text string) besttrack.Storm {
	t.Helper()
	storms, err := besttrack.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return storms[0]
}

func TestStrengthStaysUntilTheCoast(t *testing.T) {
	p := florida(t)
	points := RecordedPoints(track(t, ashore), p.climate, p.ground)
	if len(points) != 19 {
		t.Fatalf("%d points of 18 hours", len(points))
	}
	crossed := -1
	for i, x := range points[:13] {
		if x.Hour != float64(i) {
			t.Errorf("point %d is at hour %g", i, x.Hour)
		}
		if i > 6 && x.Land && crossed < 0 {
			crossed = i
		}
	}
	if crossed < 8 || crossed > 11 {
		t.Fatalf("the coast is crossed at hour %d", crossed)
	}
	for i := 6; i < crossed; i++ {
		if points[i].DP != 63 || points[i].Wind != 110 {
			t.Errorf("hour %d, over water: %g hPa and %g kt, want the fix before, 63 and 110", i, points[i].DP, points[i].Wind)
		}
	}
	for i := crossed; i < 12; i++ {
		if !(points[i].DP < points[i-1].DP && points[i].Wind < points[i-1].Wind) {
			t.Errorf("hour %d, over land: %g hPa and %g kt after %g and %g", i, points[i].DP, points[i].Wind, points[i-1].DP, points[i-1].Wind)
		}
	}
	if points[12].DP != 43 || points[12].Wind != 80 {
		t.Errorf("at the fix ashore %g hPa and %g kt", points[12].DP, points[12].Wind)
	}
	// Over the sea, before and after, strength is linear between fixes.
	near(t, "deficit at 03", points[3].DP, 58, 1e-12)
	near(t, "wind at 03", points[3].Wind, 105, 1e-12)
	near(t, "latitude at 03", points[3].Lat, 25.6, 1e-12)
	near(t, "longitude at 03", points[3].Lon, -83.2, 1e-12)
	// 0.4 degrees of latitude in 6 h and 0.8 of longitude at 25.6 N.
	near(t, "northward translation", points[3].V, 0.4*EarthRadius*Degree*1000/21600, 1e-9)
	near(t, "eastward translation", points[3].U, 0.8*EarthRadius*Degree*1000/21600*math.Cos(25.6*Degree), 1e-9)
}

func TestFromTrackFindsTheLandfall(t *testing.T) {
	p := florida(t)
	e, err := FromTrack(track(t, ashore), p.climate, p.ground)
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != 1 || e.Year != 1 || e.Name != "TEST 2099" || e.Day != 253 {
		t.Errorf("event %d, year %d, %q, day %d", e.ID, e.Year, e.Name, e.Day)
	}
	if len(e.Landfalls) != 1 {
		t.Fatalf("landfalls %+v", e.Landfalls)
	}
	l := e.Landfalls[0]
	if l.Region != "SW" || l.Wind != 110 || l.Pressure != 950 || !p.ground.Inside(l.Lat, l.Lon) {
		t.Errorf("landfall %+v", l)
	}
	if l.Hour < 7 || l.Hour > 11 || l.Heading < 60 || l.Heading > 75 || l.Speed < 7 || l.Speed > 9 {
		t.Errorf("landfall at hour %g, heading %g, %g m/s", l.Hour, l.Heading, l.Speed)
	}
	if !Hit(e.Landfalls, "SW", true) || !Hit(e.Landfalls, "FL", false) || Hit(e.Landfalls, "SE", false) {
		t.Error("Hit does not see the landfall where it was")
	}
}

func TestMissingValuesAreThoseOfTheModel(t *testing.T) {
	p := florida(t)
	fix := func(row string) Point {
		text := strings.Replace(ashore, "20990910, 0600,  , HU, 25.8N,  82.8W, 110,  950", row, 1)
		return RecordedPoints(track(t, text), p.climate, p.ground)[6]
	}
	x := fix("20990910, 0600,  , HU, 25.8N,  82.8W, 110, -999")
	near(t, "deficit of 110 kt", x.DP, p.climate.PressureWind.DP(110), 0)
	near(t, "wind as given", x.Wind, 110, 0)
	x = fix("20990910, 0600,  , HU, 25.8N,  82.8W, -99,  950")
	near(t, "wind of 63 hPa", x.Wind, p.climate.PressureWind.Wind(63), 0)
	near(t, "mean Rmax", x.Rmax, Rmax(63, 25.8, -82.8, 0), 0)
	near(t, "mean B, as no wind says otherwise", x.B, HollandB(63, x.Rmax, 25.8, 0), 0)
	x = fix("20990910, 0600,  , HU, 25.8N,  82.8W, 110,  950, 0,0,0,0,0,0,0,0,0,0,0,0, 20")
	near(t, "given Rmax in nautical miles", x.Rmax, 20*1.852, 1e-12)
	x = fix("20990910, 0600,  , HU, 25.8N,  82.8W, 110,  950, 0,0,0,0,0,0,0,0,0,0,0,0, 90")
	near(t, "Rmax beyond the limit", x.Rmax, 120, 0)
	x = fix("20990910, 0600,  , TS, 25.8N,  82.8W,  40, 1013")
	near(t, "no deficit", x.DP, minDP, 0)
	x = fix("20990910, 0600,  , TS, 25.8N,  82.8W,  10, -999")
	near(t, "a wind below the relation's range", x.DP, math.Max(minDP, p.climate.PressureWind.DP(15)), 0)
}

// At sea, a hurricane whose wind is high for its pressure has a peaked profile, within two deviations; over land
// the best track's wind is that of rough ground and says nothing of the profile.
func TestBFollowsTheWindAtSea(t *testing.T) {
	p := florida(t)
	b := func(fix, hour int, wind float64) float64 {
		s := track(t, ashore)
		s.Fixes[fix].Wind = wind
		return RecordedPoints(s, p.climate, p.ground)[hour].B
	}
	pw := p.climate.PressureWind
	rmax := Rmax(63, 25.8, -82.8, 0)
	for _, score := range []float64{-1.5, -1, 0, 0.5, 1.9} {
		near(t, "B of a wind some deviations from the median", b(1, 6, pw.Wind(63)*math.Exp(score*pw.SD)),
			HollandB(63, rmax, 25.8, BWindCorrelation*score), 1e-9)
	}
	near(t, "B, at most two deviations up", b(1, 6, 200), HollandB(63, rmax, 25.8, 2*BWindCorrelation), 1e-12)
	near(t, "B, at most two deviations down", b(1, 6, 64), HollandB(63, rmax, 25.8, -2*BWindCorrelation), 1e-12)
	near(t, "B below hurricane strength", b(1, 6, 63), HollandB(63, rmax, 25.8, 0), 1e-12)
	near(t, "B over land", b(2, 12, 100), HollandB(43, Rmax(43, 26.4, -81.2, 0), 26.4, 0), 1e-12)
}

func TestFromTrackRefuses(t *testing.T) {
	p := florida(t)
	for name, c := range map[string]struct{ text, want string }{
		"one fix":  {"AL992099, TEST, 1,\n20990910, 0000,  , HU, 25.6N,  83.6W, 100,  960\n", "has 1 fixes"},
		"nothing":  {strings.Replace(ashore, "110,  950", "-99, -999", 1), "neither wind nor pressure at 2099-09-10 06 UTC"},
		"long gap": {strings.Replace(ashore, "20990910, 1800", "20990912, 1800", 1), "54 hours after the one before it"},
		"far away": {strings.NewReplacer("83.6W", "43.6W", "82.8W", "42.8W", "81.2W", "41.2W", "79.4W", "39.4W").Replace(ashore), "never comes near Florida"},
	} {
		_, err := FromTrack(track(t, c.text), p.climate, p.ground)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "AL992099") {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

// Landfalls need hurricane strength, and a track that begins ashore has not come from the sea.
func TestWhatIsNoLandfall(t *testing.T) {
	p := florida(t)
	falls := func(text string) []Landfall {
		return Landfalls(RecordedPoints(track(t, text), p.climate, p.ground), p.ground)
	}
	if l := falls(strings.NewReplacer("100,", " 60,", "110,", " 63,", " 80,", " 50,").Replace(ashore)); len(l) != 0 {
		t.Errorf("a tropical storm: %+v", l)
	}
	inland := "AL992099, TEST, 2,\n20990910, 1200,  , HU, 26.4N,  81.2W,  80,  970\n20990910, 1800,  , TS, 27.0N,  79.4W,  70,  985\n"
	if l := falls(inland); len(l) != 0 {
		t.Errorf("a track that begins inland: %+v", l)
	}
	// In from the Gulf, out to the Atlantic, back in: two landfalls on two coasts.
	twice := strings.Replace(ashore, ", 4,", ", 5,", 1) + "20990911, 0600,  , HU, 27.0N,  81.2W,  70,  980\n"
	twice = strings.Replace(twice, "TS, 27.0N,  79.4W,  60", "HU, 27.0N,  79.4W,  70", 1)
	if l := falls(twice); len(l) != 2 || l[0].Region != "SW" || l[1].Region != "SE" || l[1].Wind != 70 || l[1].Heading < 260 || l[1].Heading > 280 {
		t.Errorf("in, out and in again: %+v", l)
	}
}

func TestScenariosAreTheStormsTheyAreKnownFor(t *testing.T) {
	p := florida(t)
	storms, err := ReadScenarios(os.DirFS(packFolder))
	if err != nil {
		t.Fatal(err)
	}
	// Landfall strength as in the best track: kt and hPa at the last fix before, and the coast.
	for id, want := range map[string]struct {
		region string
		wind   float64
		low    float64 // pressure between low and high
		high   float64
	}{
		"AL041992": {"SE", 145, 918, 930}, "AL032004": {"SW", 130, 938, 945}, "AL252005": {"SW", 105, 948, 952}, "AL142018": {"NW", 140, 915, 925},
		"AL092022": {"SW", 130, 935, 945}, "AL092024": {"NW", 120, 935, 945},
	} {
		s, ok := besttrack.Find(storms, id)
		if !ok {
			t.Errorf("no scenario %s", id)
			continue
		}
		e, err := FromTrack(s, p.climate, p.ground)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		found := false
		for _, l := range e.Landfalls {
			found = found || l.Region == want.region && math.Abs(l.Wind-want.wind) <= 5 && l.Pressure >= want.low && l.Pressure <= want.high
		}
		if !found {
			t.Errorf("%s: landfalls %+v, want %+v", e.Name, e.Landfalls, want)
		}
	}
	for _, s := range storms {
		e, err := FromTrack(s, p.climate, p.ground)
		if err != nil {
			t.Errorf("%s: %v", s.ID, err)
			continue
		}
		for _, x := range e.Points {
			if x.Land != (p.ground.Surface(x.Lat, x.Lon) != geography.Water) || !(x.DP >= minDP && x.Rmax >= rmaxMin && x.Rmax <= rmaxMax+1e-9 && x.B >= bMin && x.B <= bMax) {
				t.Fatalf("%s: point %+v", e.Name, x)
			}
		}
	}
}
