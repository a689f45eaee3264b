package besttrack_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
)

const hurdat2 = `AL092022,                IAN,      3,
20220928, 1800,  , HU, 26.6N,  82.3W, 130,  941,  150, 120,  70,  90,  80,  60,  40,  50,  45,  30,  20,  30,  20
20220928, 1905, L, HU, 26.7N,  82.2W, 130,  941,  150, 120,  70,  90,  80,  60,  40,  50,  45,  30,  20,  30,  20
20220929, 0000,  , HU, 27.2N,  81.7W,  -99, -999, -999,-999,-999,-999,-999,-999,-999,-999,-999,-999,-999,-999,-999
`

const atcf = `AL, 09, 2022092818,   , BEST,   0, 266N,  823W, 130,  941, HU,  34, NEQ,  150,  120,   70,   90, 1006,  240,  20,   0,   0,   L,   0,    ,   0,   0,        IAN, D
AL, 09, 2022092818,   , BEST,   0, 266N,  823W, 130,  941, HU,  50, NEQ,   80,   60,   40,   50, 1006,  240,  20,   0,   0,   L,   0,    ,   0,   0,        IAN, D
AL, 09, 2022092900,   , BEST,   0, 272N,  817W, 100,    0, HU
`

func TestFormatsAgree(t *testing.T) {
	h, err := besttrack.Parse(strings.NewReader("\ufeff" + strings.ReplaceAll(hurdat2, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	a, err := besttrack.Parse(strings.NewReader(atcf))
	if err != nil {
		t.Fatal(err)
	}
	if len(h) != 1 || len(a) != 1 || len(h[0].Fixes) != 3 || len(a[0].Fixes) != 2 {
		t.Fatalf("storms: HURDAT2 %+v, ATCF %+v", h, a)
	}
	want := h[0].Fixes[0]
	if got := a[0].Fixes[0]; got != want {
		t.Errorf("first fix: ATCF %+v, HURDAT2 %+v", got, want)
	}
	if a[0].ID != "AL092022" || a[0].Name != "IAN" || h[0].Name != "IAN" {
		t.Errorf("names %q %q %q", a[0].ID, a[0].Name, h[0].Name)
	}
	if f := h[0].Fixes[2]; f.Wind != besttrack.Missing || f.Pressure != besttrack.Missing || f.Rmax != besttrack.Missing {
		t.Errorf("missing values read as %+v", f)
	}
	if !h[0].Fixes[1].Landfall || h[0].Fixes[1].Synoptic() || math.Abs(h[0].Fixes[1].Time()-want.Time()-65.0/60) > 1e-6 {
		t.Errorf("landfall fix %+v", h[0].Fixes[1])
	}
}

func TestFaultsNameThePlace(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no storm":   {"", "no storm track found"},
		"not tracks": {"hello\n", `line 1, row "hello"`},
		"early end":  {"AL092022, IAN, 2,\n20220928, 1800,  , HU, 26.6N,  82.3W, 130,  941\n", "1 fixes early"},
		"hemisphere": {strings.Replace(hurdat2, "26.6N", "26.6", 1), `line 2, latitude "26.6"`},
		"pole":       {strings.Replace(hurdat2, "26.6N", "96.6N", 1), "beyond a pole"},
		"wind":       {strings.Replace(hurdat2, "130,", "x,", 1), `line 2, wind "x"`},
		"order":      {strings.Replace(hurdat2, "20220929", "20220920", 1), "line 4, time"},
		"date":       {strings.Replace(hurdat2, "20220928", "20221328", 1), "no such date"},
	} {
		_, err := besttrack.Parse(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

func TestCalendarAgreesWithTime(t *testing.T) {
	base := time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC)
	for h := int64(0); h < 24*365*290; h += 1237 {
		at := base.Add(time.Duration(h) * time.Hour)
		y, m, d, hour := besttrack.Date(h)
		if y != at.Year() || m != int(at.Month()) || d != at.Day() || hour != at.Hour() {
			t.Fatalf("hour %d: %d-%d-%d %d, want %v", h, y, m, d, hour, at)
		}
		if besttrack.Hours(y, m, d)+int64(hour) != h || besttrack.DayOfYear(y, m, d) != at.YearDay() {
			t.Fatalf("hour %d does not come back", h)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(hurdat2)
	f.Add(atcf)
	f.Fuzz(func(t *testing.T, text string) {
		storms, err := besttrack.Parse(strings.NewReader(text))
		var line *besttrack.LineError
		if err != nil && !errors.Is(err, besttrack.ErrNoTrack) && !errors.As(err, &line) {
			t.Errorf("untyped error %v", err)
		}
		for _, s := range storms {
			for _, x := range s.Fixes {
				if x.Lat < -90 || x.Lat > 90 || x.Lon < -180 || x.Lon > 360 {
					t.Errorf("position %v", x)
				}
			}
		}
	})
}

func TestDatesThatAreNone(t *testing.T) {
	for date, ok := range map[string]bool{"20230229": false, "20240229": true, "20230431": false, "20231231": true} {
		text := "AL092022, IAN, 1,\n" + date + ", 1800,  , HU, 26.6N,  82.3W, 130,  941\n"
		if _, err := besttrack.Parse(strings.NewReader(text)); (err == nil) != ok {
			t.Errorf("%s: error %v", date, err)
		}
	}
}
