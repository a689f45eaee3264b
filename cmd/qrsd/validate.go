package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
)

// validateCommand is `qrsd validate`.
type validateCommand struct {
	configFlags
	JSON bool `help:"Print what was found as JSON."`
}

// Help is shown by `qrsd validate --help`.
func (validateCommand) Help() string {
	return `Reads the configuration as qrsd server does, and looks whether the files that it names are there and in order. Nothing is changed
and nothing is reached over the network. Exit code 2: the text is at fault. 1: a file that it names is. Warnings end with 0.`
}

// validateOutput is `qrsd validate --json`.
type validateOutput struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"` // the appliance would start
	Faults   []faultOutput    `json:"faults"`
	Findings []config.Finding `json:"findings"`
}

// faultOutput is a fault with its place.
type faultOutput struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Key    string `json:"key,omitempty"`
	Reason string `json:"reason"`
}

// errNotInPlace is a configuration whose text is right and whose files are not; they have been printed.
var errNotInPlace = errors.New("the configuration is well-formed, but what it names is not in order")

// Run carries out the command.
func (x *validateCommand) Run(_ context.Context, c console) error {
	cfg, err := config.Load(x.Config)
	var faults *config.FaultsError
	if err != nil && !(x.JSON && errors.As(err, &faults)) {
		return err
	}
	out := validateOutput{File: x.Config, Faults: []faultOutput{}, Findings: []config.Finding{}}
	if faults != nil {
		for _, f := range faults.Faults {
			out.Faults = append(out.Faults, faultOutput{f.Line, f.Column, f.Key, f.Reason})
		}
	} else {
		out.Findings = append(out.Findings, cfg.Check(time.Now())...)
	}
	serious := 0
	for _, f := range out.Findings {
		if !f.Warning {
			serious++
		}
	}
	out.Valid = faults == nil && serious == 0
	if err == nil && serious > 0 {
		err = errNotInPlace
	}
	if x.JSON {
		return errors.Join(printJSON(c.out, out), err)
	}
	for _, f := range out.Findings {
		fmt.Fprintf(c.out, "%s: %s\n", x.Config, f)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s is in order: %s, store %s\n", x.Config, cfg.URL, cfg.Store.Path)
	return nil
}
