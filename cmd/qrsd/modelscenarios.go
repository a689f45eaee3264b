package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// scenariosCommand is `qrsd model scenarios`.
type scenariosCommand struct {
	JSON bool `help:"Print as JSON."`
}

type scenarioOutput struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Landfalls []hazard.Landfall `json:"landfalls"`
}

// Run carries out the command.
func (s *scenariosCommand) Run(c console) error {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	var list []scenarioOutput
	for _, storm := range model.Scenarios {
		e, err := hazard.FromTrack(storm, model.Climate, model.Ground)
		if err != nil {
			return err
		}
		list = append(list, scenarioOutput{storm.ID, runner.ScenarioName(storm), e.Landfalls})
	}
	if s.JSON {
		return printJSON(c.out, list)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tname\tcoast\tlat\tlon\tkt\thPa\tRmax km\theading\tm/s")
	for _, x := range list {
		for _, l := range x.Landfalls {
			fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\n", x.ID, x.Name, l.Region, l.Lat, l.Lon, l.Wind, l.Pressure, l.Rmax, l.Heading, l.Speed)
		}
	}
	return w.Flush()
}
