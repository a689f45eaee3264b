package main

import (
	"fmt"
	"runtime/debug"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/store/seal"
)

// versionCommand is `qrs-replay version`.
type versionCommand struct {
	JSON bool `help:"Print as JSON."`
}

// Run carries out the command.
func (x *versionCommand) Run(c console) error {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	b := thisBuild()
	if x.JSON {
		return printJSON(c.out, struct {
			Engine string     `json:"engine"`
			Model  string     `json:"model"`
			Build  seal.Build `json:"build"`
		}{engine.Version, model.Digest.String(), b})
	}
	commit := b.Commit
	if commit == "" {
		commit = "unknown (built without -buildvcs=true)"
	}
	fmt.Fprintf(c.out, "qrs-replay engine %s, model %s, commit %s, dirty %v, %s\n", engine.Version, model.Digest, commit, b.Dirty, b.Go)
	return nil
}

func thisBuild() seal.Build {
	info, _ := debug.ReadBuildInfo()
	return seal.BuildOf(info, engine.Version)
}
