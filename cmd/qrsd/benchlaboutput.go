package main

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/benchlab"
)

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// printBenchmark prints the checks, and the causes of what did not pass below them.
func printBenchmark(c console, plan *benchlab.Plan, r *benchlab.Report, standing string) {
	e := r.Evaluation
	fmt.Fprintf(c.out, "profile %s, %s: %d replicates of %s years, %s, model %.19s\n",
		e.Profile, plan.Signoff(), len(e.Rows), grouped(float64(e.Years)), samplesInWords(e.Samples), e.Model)
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nverdict\tcheck\tlimit\tfound")
	for _, k := range e.Checks {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", k.Verdict, k.ID, k.Limit, k.Found)
	}
	t.Flush()
	failed := 0
	for _, k := range e.Checks {
		if k.Verdict == benchlab.Pass {
			continue
		}
		if k.Verdict == benchlab.Fail {
			failed++
		}
		fmt.Fprintf(c.out, "\n%s: %s: %s\n  %s\n", k.Verdict, k.ID, k.Name, k.Cause)
	}
	fmt.Fprintf(c.out, "\n%d of %d checks failed; %s of wall time, %d MiB at most\n", failed, len(e.Checks), seconds(e.Seconds), e.Memory>>20)
	fmt.Fprintf(c.out, "claims about these figures read: %s\n", standing)
	fmt.Fprintf(c.out, "%s, %s\nreport %s\n", filepath.Join(r.Folder, benchlab.PageFile), filepath.Join(r.Folder, benchlab.RowsFile), r.Digest)
}
