package hazard

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.10g, want %.10g", what, got, want)
	}
}

// The scale of the NHC in knots: 64-82, 83-95, 96-112, 113-136, 137 and more.
func TestCategoryHasTheNHCsLimits(t *testing.T) {
	for _, c := range []struct {
		wind float64
		want int
	}{{0, 0}, {63.99, 0}, {64, 1}, {82.99, 1}, {83, 2}, {95.99, 2}, {96, 3}, {112.99, 3}, {113, 4}, {136.99, 4}, {137, 5}, {200, 5}} {
		if got := Category(c.wind); got != c.want {
			t.Errorf("category of %g kt = %d, want %d", c.wind, got, c.want)
		}
	}
}

func TestHeadingIsClockwiseFromNorth(t *testing.T) {
	for _, c := range []struct{ u, v, want float64 }{
		{0, 5, 0}, {5, 5, 45}, {5, 0, 90}, {5, -5, 135}, {0, -5, 180}, {-5, -5, 225}, {-5, 0, 270}, {-5, 5, 315}, {1, math.Sqrt(3), 30},
	} {
		near(t, "heading", Heading(c.u, c.v), c.want, 1e-9)
	}
	near(t, "speed", Speed(3, -4), 5, 0)
}

func TestMonthDayFollowsTheCalendar(t *testing.T) {
	first := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC) // no leap day
	for day := 1; day <= 3*365; day++ {
		want := first.AddDate(0, 0, (day-1)%365)
		month, of := MonthDay(float64(day) + 0.9)
		if month != int(want.Month()) || of != want.Day() || Month(float64(day)) != month {
			t.Fatalf("day %d is %d-%d, want %s", day, month, of, want.Format("01-02"))
		}
	}
}

func TestDistanceOnTheSphere(t *testing.T) {
	near(t, "a degree of latitude", Distance(27, -80, 28, -80), EarthRadius*math.Pi/180, 1e-9)
	near(t, "a quarter of the equator", Distance(0, 0, 0, 90), EarthRadius*math.Pi/2, 1e-6)
	near(t, "pole to pole", Distance(90, 0, -90, 33), EarthRadius*math.Pi, 1e-3)
	near(t, "nothing", Distance(27.8, -82.8, 27.8, -82.8), 0, 0)
	// Miami to Key West by the spherical law of cosines.
	a, b, l := 25.7617*Degree, 24.5551*Degree, (81.78-80.1918)*Degree
	near(t, "Miami to Key West", Distance(25.7617, -80.1918, 24.5551, -81.78),
		EarthRadius*math.Acos(math.Sin(a)*math.Sin(b)+math.Cos(a)*math.Cos(b)*math.Cos(l)), 1e-6)
}

func TestDisplaceIsTheInverseOfDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lat, lon := rapid.Float64Range(18, 38).Draw(t, "lat"), rapid.Float64Range(-95, -70).Draw(t, "lon")
		east, north := rapid.Float64Range(-40, 40).Draw(t, "east"), rapid.Float64Range(-40, 40).Draw(t, "north")
		lat2, lon2 := displace(lat, lon, east, north)
		want := math.Hypot(east, north)
		if got := Distance(lat, lon, lat2, lon2); math.Abs(got-want) > 0.01*want+1e-6 {
			t.Errorf("%g km displaced, %g km away", want, got)
		}
	})
}

func TestCoriolisAtThirtyDegreesIsOmega(t *testing.T) {
	near(t, "f at 30 N", Coriolis(30), Omega, 1e-18)
	near(t, "f at the equator", Coriolis(0), 0, 0)
}

// The expected values were computed from the published equations in another language.
func TestRmaxByHand(t *testing.T) {
	for _, c := range []struct{ dp, lat, lon, score, want float64 }{
		{50, 25, -79, 0, 40.45640602744761},         // Atlantic: exp(3.015 - 0.157275 + 0.8425)
		{50, 25, -79, 1, 63.32150481686975},         // and one sd of 0.448
		{50, 29, -86, 0, 39.11476432747451},         // Gulf, no latitude
		{50, 27, -81.8, 0, 41.143357810014535},      // half and half on the peninsula
		{100, 26, -79.5, -1, 18.48759561691473},     // sd 0.345 at 100 hPa
		{110, 26, -86, 1, 25.013107813389745},       // Gulf, sd 0.2921
		{125, 24.8, -79, 1, 21.1955499155503},       // sd 0.186 beyond 120 hPa
		{125, 24.8, -85, 1, 17.21661661965346},      // Gulf, sd 0.19
		{50, 25, -79, 6, 120}, {50, 25, -79, -6, 8}, // limits
	} {
		near(t, "Rmax", Rmax(c.dp, c.lat, c.lon, c.score), c.want, 1e-9*c.want)
	}
}

func TestHollandBByHand(t *testing.T) {
	for _, c := range []struct{ dp, rmax, lat, score, want float64 }{
		{50, 40, 27, 0, 1.504074780637541}, {90, 20, 25, 0, 1.612290819881152}, {30, 90, 30, 0, 1.2969952648744363},
		{50, 40, 27, 1, 1.730074780637541}, {60, 15, 26, 3.5, 2.4059605416224583},
		{60, 15, 26, 6, 2.5}, {20, 110, 31, -4, 0.7}, // limits
	} {
		near(t, "B", HollandB(c.dp, c.rmax, c.lat, c.score), c.want, 1e-9)
	}
}

func TestFillingRateByHand(t *testing.T) {
	for _, c := range []struct{ dp, speed, rmax, score, want float64 }{
		{60, 5, 35, 0, 0.0225 + 0.0017*60*5/35}, {60, 5, 35, -0.3, 0.0225 + 0.0017*60*5/35 - 0.3*0.0158},
		{90, 8, 15, 1, 0.08}, {20, 3, 80, -2, 0.015}, // limits
	} {
		near(t, "filling rate", FillingRate(c.dp, c.speed, c.rmax, c.score), c.want, 1e-15)
	}
	// An average Florida landfall fills at the observed median of 0.031 per hour, within its quartiles.
	if a := FillingRate(45, 5, 38, 0); a < 0.0266 || a > 0.0369 {
		t.Errorf("filling rate of an average landfall %g, observed quartiles 0.0266-0.0369", a)
	}
}

// Deeper storms are smaller, smaller ones more peaked, northern ones larger (Atlantic); scores move
// structure in their own direction; filling is faster for deep, fast, small storms.
func TestStructureIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dp, lat := rapid.Float64Range(5, 125).Draw(t, "dp"), rapid.Float64Range(22, 33).Draw(t, "lat")
		lon, score := rapid.Float64Range(-90, -77).Draw(t, "lon"), rapid.Float64Range(-3, 3).Draw(t, "score")
		more := rapid.Float64Range(0.01, 1).Draw(t, "more")
		r, rmax := Rmax(dp, lat, lon, 0), rapid.Float64Range(8, 100).Draw(t, "rmax")
		order := func(what string, low, high float64) {
			if low > high {
				t.Errorf("%s: %g above %g", what, low, high)
			}
		}
		order("Rmax by deficit", Rmax(dp+more, lat, lon, 0), r)
		order("Rmax by latitude", r, Rmax(dp, lat+more, lon, 0))
		order("Rmax by score", Rmax(dp, lat, lon, score), Rmax(dp, lat, lon, score+more))
		order("B by Rmax", HollandB(dp, rmax+more, lat, score), HollandB(dp, rmax, lat, score))
		order("B by deficit", HollandB(dp, rmax, lat, score), HollandB(dp+more, rmax, lat, score))
		order("B by score", HollandB(dp, rmax, lat, score), HollandB(dp, rmax, lat, score+more))
		order("filling by deficit", FillingRate(dp, 5, rmax, score), FillingRate(dp+more, 5, rmax, score))
		order("filling by Rmax", FillingRate(dp, 5, rmax+more, score), FillingRate(dp, 5, rmax, score))
		order("filling by speed", FillingRate(dp, 5, rmax, score), FillingRate(dp, 5+more, rmax, score))
		for _, b := range []struct{ v, low, high float64 }{
			{Rmax(dp, lat, lon, 3*score), 8, 120}, {HollandB(dp, rmax, lat, 3*score), 0.7, 2.5}, {FillingRate(dp, 5, rmax, 3*score), 0.015, 0.08},
		} {
			if !(b.v >= b.low && b.v <= b.high) {
				t.Errorf("%g outside %g-%g", b.v, b.low, b.high)
			}
		}
	})
}

func TestPressureWindGoesBothWays(t *testing.T) {
	pw := florida(t).climate.PressureWind
	for dp := 3.0; dp < 130; dp += 0.7 {
		near(t, "deficit of the wind of a deficit", pw.DP(pw.Wind(dp)), dp, 1e-9*dp)
	}
	// An independent fit over the same waters, 1988 on, has 14.97·dp^0.446.
	for _, dp := range []float64{25, 50, 75, 100} {
		near(t, "wind", pw.Wind(dp), 14.97*math.Pow(dp, 0.446), 0.05*pw.Wind(dp))
	}
}
