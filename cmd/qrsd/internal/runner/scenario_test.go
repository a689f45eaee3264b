package runner

import (
	"errors"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// Two storms as HURDAT2 text; only the second reaches Florida.
const tracks = `AL782031,             DISTANT,     2,
20310910, 0000,  , HU, 40.0N,  43.6W, 110,  950,  120,  100,   80,  100,   70,   60,   50,   60,   40,   35,   30,   35,   20
20310910, 0600,  , HU, 41.0N,  43.0W, 115,  946,  120,  100,   80,  100,   70,   60,   50,   60,   40,   35,   30,   35,   20
AL792031,           SEMINOLE,      3,
20310910, 0600,  , HU, 25.0N,  83.0W, 115,  946,  120,  100,   80,  100,   70,   60,   50,   60,   40,   35,   30,   35,   20
20310910, 1200,  , HU, 26.0N,  82.4W, 120,  941,  120,  100,   80,  100,   70,   60,   50,   60,   40,   35,   30,   35,   20
20310910, 1800,  , HU, 27.0N,  81.8W,  95,  958,  120,  100,   80,  100,   70,   60,   50,   60,   40,   35,   30,   35,   20
`

func TestScenario(t *testing.T) {
	m, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		t.Fatal(err)
	}
	both := fileOf(t, "both.txt", tracks)
	one := fileOf(t, "one.txt", tracks[strings.Index(tracks, "AL79"):])
	const refused = "" // no storm
	for _, x := range []struct {
		scenario Scenario
		storm    string // its name
		says     string // the error, where refused
		usage    bool
	}{
		{Scenario{Name: "AL092022"}, "IAN 2022", "", false},
		{Scenario{Name: "ian"}, "IAN 2022", "", false},
		{Scenario{Name: "Ian 2022"}, "IAN 2022", "", false},
		{Scenario{Name: "unnamed 1926"}, "UNNAMED 1926", "", false},
		{Scenario{Name: "unnamed"}, refused, `no scenario "unnamed"; there are`, true},
		{Scenario{Name: "ian 2021"}, refused, `no scenario "ian 2021"`, true},
		{Scenario{Track: one}, "SEMINOLE 2031", "", false},
		{Scenario{Track: both, Storm: "AL792031"}, "SEMINOLE 2031", "", false},
		{Scenario{Track: both}, refused, "has 2 storms; choose one by its ATCF id", true},
		{Scenario{Track: both, Storm: "AL012031"}, refused, "storm AL012031 is not in", true},
		{Scenario{Track: both, Storm: "AL782031"}, refused, "AL782031", false}, // never near Florida
		{Scenario{Track: one + ".gone"}, refused, "opening the track", false},
		{Scenario{Track: fileOf(t, "text.txt", "a letter, not a track\n")}, refused, "text.txt", false},
		{Scenario{Storm: "AL092022"}, refused, "give the track file", true},
		{Scenario{Name: "ian", Track: one}, refused, "not both", true},
	} {
		s := engine.Spec{Years: 10_000}
		err := x.scenario.apply(m, &s)
		if x.storm == refused {
			var usage *ErrUsage
			if err == nil || !strings.Contains(err.Error(), x.says) || errors.As(err, &usage) != x.usage {
				t.Errorf("%+v: %v, want an error that says %q, of usage: %v", x.scenario, err, x.says, x.usage)
			}
			if s.Scenario != nil || s.Years != 10_000 {
				t.Errorf("%+v: refused, and the spec is changed", x.scenario)
			}
			continue
		}
		if err != nil || s.Scenario == nil || s.Scenario.Name != x.storm || s.Years != 1 || len(s.Scenario.Landfalls) == 0 {
			t.Errorf("%+v: %v, spec %+v; want %s and its landfall in 1 year", x.scenario, err, s, x.storm)
		}
	}
	s := engine.Spec{Years: 10_000}
	if err := (Scenario{}).apply(m, &s); err != nil || s.Scenario != nil || s.Years != 10_000 {
		t.Errorf("no scenario: %v, %+v", err, s)
	}
}

// TestNamed: of several storms of a name the latest is meant, unless the year is given.
func TestNamed(t *testing.T) {
	storms := []besttrack.Storm{{ID: "AL012001", Name: "ANNA"}, {ID: "AL052007", Name: "BO"}, {ID: "AL012013", Name: "ANNA"}}
	for name, want := range map[string]string{"anna": "AL012013", "Anna 2001": "AL012001", "al012001": "AL012001", "bo": "AL052007"} {
		if s, err := named(storms, name); err != nil || s.ID != want {
			t.Errorf("%s: %s, %v; want %s", name, s.ID, err, want)
		}
	}
}
