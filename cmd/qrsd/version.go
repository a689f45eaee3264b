package main

import (
	"fmt"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
)

// versionCommand is `qrsd version`.
type versionCommand struct {
	JSON bool `help:"Print as JSON."`
}

// Run carries out the command.
func (v *versionCommand) Run(c console) error {
	b := runner.ThisBuild()
	if v.JSON {
		return printJSON(c.out, struct {
			Engine string       `json:"engine"`
			Build  runner.Build `json:"build"`
		}{engine.Version, b})
	}
	commit := b.Commit
	if commit == "" {
		commit = "unknown (built without -buildvcs=true)"
	}
	fmt.Fprintf(c.out, "qrsd engine %s, commit %s, modified %v, %s, %s\n", engine.Version, commit, b.Modified, b.Go, b.Platform)
	return nil
}
