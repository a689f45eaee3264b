package main

import (
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/qrsrisk/qrsd/cmd/internal/manual"
	"github.com/qrsrisk/qrsd/engine"
)

// manualCommand is `qrs-replay manual`.
type manualCommand struct{}

// Run carries out the command.
func (manualCommand) Run(parsed *kong.Context, c console) error {
	info, _ := debug.ReadBuildInfo()
	return manual.Write(c.out, parsed.Model, manual.Page{
		Summary: "verify and recompute sealed runs offline", Version: engine.Version, Date: manual.Date(info), SeeAlso: []string{"qrsd(1)"},
	})
}
