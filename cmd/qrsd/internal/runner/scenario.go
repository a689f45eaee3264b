package runner

import (
	"fmt"
	"os"
	"strings"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/besttrack"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// Scenario chooses one storm in place of the catalogue: one of the model's own by name or
// id, or one of a track file.
type Scenario struct {
	Name  string // "IAN 2022", "ian" or "AL092022"
	Track string // HURDAT2 or ATCF file
	Storm string // ATCF id in Track; may be left out where Track has one storm
}

// apply puts the scenario's event into the spec.
func (sc Scenario) apply(m *modelpack.Model, s *engine.Spec) error {
	storm, ok, err := sc.find(m)
	if err != nil || !ok {
		return err
	}
	e, err := hazard.FromTrack(storm, m.Climate, m.Ground)
	if err != nil {
		return err
	}
	s.Scenario, s.Years = &e, 1
	return nil
}

func (sc Scenario) find(m *modelpack.Model) (storm besttrack.Storm, ok bool, err error) {
	switch {
	case sc.Name != "" && sc.Track != "":
		return storm, false, usage("give a scenario or a track file, not both")
	case sc.Name != "" && sc.Storm != "":
		return storm, false, usage("storm %s is looked for in a track file (--track); %s is one of the model's own", sc.Storm, sc.Name)
	case sc.Name != "":
		storm, err = named(m.Scenarios, sc.Name)
	case sc.Track != "":
		storm, err = sc.fromFile()
	case sc.Storm != "":
		return storm, false, usage("storm %s: give the track file it is in", sc.Storm)
	default:
		return storm, false, nil
	}
	return storm, err == nil, err
}

// named finds the latest storm with the name, "NAME YEAR" or id.
func named(storms []besttrack.Storm, name string) (besttrack.Storm, error) {
	var known []string
	for i := len(storms) - 1; i >= 0; i-- {
		s := storms[i]
		full := ScenarioName(s)
		if strings.EqualFold(name, s.ID) || strings.EqualFold(name, full) || strings.EqualFold(name, s.Name) && s.Name != "UNNAMED" {
			return s, nil
		}
		known = append(known, full)
	}
	return besttrack.Storm{}, usage("no scenario %q; there are %s", name, strings.Join(known, ", "))
}

// ScenarioName is a storm's name and year.
func ScenarioName(s besttrack.Storm) string { return s.Name + " " + s.ID[4:] }

func (sc Scenario) fromFile() (storm besttrack.Storm, err error) {
	file, err := os.Open(sc.Track)
	if err != nil {
		return storm, fmt.Errorf("opening the track: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return storm, usage("%s is a folder; give a HURDAT2 or ATCF file", sc.Track)
	}
	storms, err := besttrack.Parse(file)
	if err != nil {
		return storm, fmt.Errorf("%s: %w", sc.Track, err)
	}
	if sc.Storm == "" && len(storms) == 1 {
		return storms[0], nil
	}
	if sc.Storm == "" {
		return storm, usage("%s has %d storms; choose one by its ATCF id, for example --storm %s", sc.Track, len(storms), storms[len(storms)-1].ID)
	}
	storm, ok := besttrack.Find(storms, sc.Storm)
	if !ok {
		return storm, usage("storm %s is not in %s, which has %d storms from %s to %s", sc.Storm, sc.Track, len(storms), storms[0].ID, storms[len(storms)-1].ID)
	}
	return storm, nil
}
