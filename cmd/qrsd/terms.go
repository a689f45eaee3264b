package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/engine/terms"
)

// termsCommand is `qrsd terms`.
type termsCommand struct {
	Check termsCheck `cmd:"" help:"Apply the terms of a case folder (location.csv, account.csv, expected.csv) and compare every location."`
}

// termsCheck is `qrsd terms check`.
type termsCheck struct {
	Dir  string `arg:"" help:"Case folder."`
	JSON bool   `help:"Print the comparison as JSON."`
}

type termsOutput struct {
	Agrees      bool                    `json:"agrees"`
	Locations   []terms.CheckedLocation `json:"locations"`
	Unknown     []string                `json:"expected_but_not_in_the_case,omitempty"`
	Reinsurance bool                    `json:"reinsurance_not_applied"`
}

// Run carries out the command.
func (t *termsCheck) Run(c console) error {
	report, err := terms.Check(os.DirFS(t.Dir))
	if err != nil {
		return fmt.Errorf("%s: %w", t.Dir, err)
	}
	if t.JSON {
		err = printJSON(c.out, termsOutput{report.Agrees(), report.Locations, report.Unknown, report.Reinsurance})
	} else {
		printCheck(c, report)
	}
	if err == nil && !report.Agrees() {
		return errDiffer
	}
	return err
}

func printCheck(c console, r *terms.CheckReport) {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "account\tlocation\tloss factor\texpected\tcomputed\t\t")
	for _, l := range r.Locations {
		verdict := ""
		if !l.Agrees() {
			verdict = "differs"
		}
		fmt.Fprintf(w, "%s\t%s\t%g\t%.2f\t%.2f\t%s\t\n", l.AccNumber, l.LocNumber, l.Factor, l.Expected, l.Computed, verdict)
	}
	w.Flush()
	for _, u := range r.Unknown {
		fmt.Fprintf(c.out, "expected for a location that the case does not have: %s\n", u)
	}
	if r.Reinsurance {
		fmt.Fprintln(c.out, "the case has reinsurance, which is not applied: gross losses were compared")
	}
	if n := len(r.Differences()); n > 0 {
		fmt.Fprintf(c.out, "%d of %d locations differ by more than 1e-3\n", n, len(r.Locations))
	} else if r.Agrees() {
		fmt.Fprintf(c.out, "all %d locations agree\n", len(r.Locations))
	}
}
