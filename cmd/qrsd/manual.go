package main

import (
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/qrsrisk/qrsd/cmd/internal/manual"
	"github.com/qrsrisk/qrsd/engine"
)

// manualCommand is `qrsd manual`.
type manualCommand struct{}

// Help is shown by `qrsd manual --help`.
func (manualCommand) Help() string {
	return `The page qrsd(1), made from the same grammar as the help: qrsd manual | man --local-file -. Packages install it.`
}

// Run carries out the command.
func (manualCommand) Run(parsed *kong.Context, c console) error {
	info, _ := debug.ReadBuildInfo()
	return manual.Write(c.out, parsed.Model, manual.Page{
		Summary: "Florida hurricane losses, sealed, on one's own host", Version: engine.Version, Date: manual.Date(info),
		Files: []manual.File{
			{Path: "/etc/qrsd/qrsd.hcl", Text: "Configuration of the server that packages install; it explains every key."},
			{Path: "/var/lib/qrsd", Text: "Store, TLS certificate and record of connections of that server."},
			{Path: "/var/lib/qrsd-key", Text: "The file with the key of its store. Mount another disk here: together with the store it is the data in the clear."},
		},
		SeeAlso: []string{"qrs-replay(1)", "systemctl(1)", "journalctl(1)"},
	})
}
