package main

import (
	"fmt"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// exposureCommand is `qrsd exposure`.
type exposureCommand struct {
	Check exposureCheck `cmd:"" help:"Check OED files and list every fault with its line, column, reason and fix."`
}

// exposureCheck is `qrsd exposure check`.
type exposureCheck struct {
	Location string `required:"" placeholder:"FILE" help:"OED location file, CSV or Parquet."`
	Account  string `placeholder:"FILE" help:"OED account file, CSV or Parquet."`
	BadRows  string `placeholder:"DIR" help:"Write the rows with faults, with their reasons, into this folder."`
	JSON     bool   `help:"Print what was read as JSON."`
}

// Run carries out the command.
func (x *exposureCheck) Run(c console) error {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	files := runner.Files{Location: x.Location, Account: x.Account, BadRows: x.BadRows}
	_, report, err := files.Read(model.Ground)
	if err != nil {
		return err
	}
	out := newExposureOutput(report)
	if x.JSON {
		return printJSON(c.out, out)
	}
	printExposure(c.out, out)
	fmt.Fprintln(c.out, "no faults")
	return nil
}
