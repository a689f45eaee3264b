package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/quantum"
)

// withoutBins is a report without its problems: a thousand numbers that nobody reads in a listing.
func withoutBins(r *quantum.Report) *quantum.Report {
	if r == nil {
		return nil
	}
	short := *r
	short.Panels = make([]*quantum.Panel, len(r.Panels))
	for i, p := range r.Panels {
		bare := *p
		bare.Problem = nil
		short.Panels[i] = &bare
	}
	return &short
}

// estimatedCurves are shown on the terminal; the rest is in JSON and in the folder's file.
var estimatedCurves = [...]struct{ name, title string }{{"gross_oep", "GROSS OEP"}, {"gross_aep", "GROSS AEP"}}

// printEstimate shows the quantum estimate of the gross curves beside what it must be held against.
func printEstimate(w io.Writer, out runOutput) {
	r := out.Estimate
	if r == nil {
		return
	}
	for _, curve := range estimatedCurves {
		p := r.Panel(curve.name)
		if p == nil || len(p.Answers) == 0 {
			fmt.Fprintf(w, "QUANTUM ESTIMATE of %s: none, no return period within the years has a loss\n\n", curve.title)
			continue
		}
		fmt.Fprintf(w, "QUANTUM ESTIMATE of %s (%s)  %d bins, %.0f %% intervals\n", curve.title, simulatedInWords(p.Backend), 1<<p.Qubits, 100*p.Confidence)
		printPanel(w, p)
		printOmitted(w, p.Omitted)
	}
	fmt.Fprintln(w, strings.ReplaceAll(r.Notice, ". ", ".\n"))
	fmt.Fprintf(w, "Probabilities, TVaR and layers likewise, and sampling with as many draws as shots: --json, or estimate.json of -o.\n\n")
}

// printOmitted says in one line which return periods have no answer, and why.
func printOmitted(w io.Writer, omitted []quantum.Omitted) {
	if len(omitted) == 0 {
		return
	}
	texts := make([]string, len(omitted))
	for i, o := range omitted {
		texts[i] = fmt.Sprintf("1 in %s (%s)", grouped(o.ReturnPeriod), o.Reason)
	}
	fmt.Fprintf(w, "not asked: %s\n\n", strings.Join(texts, ", "))
}

// printPanel is a table of values at risk and the cost of it all. Sampling has as many draws as the estimate took queries.
func printPanel(w io.Writer, p *quantum.Panel) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "1 in\tlosses\tsum of bins\tbins' error\testimate\tinterval\tMonte Carlo\tstratified\tqueries\t")
	queries, shots, power := 0, 0, 0
	for i := range p.Answers {
		a := &p.Answers[i]
		e := &a.Estimate
		queries, shots, power = queries+e.Queries, shots+e.Shots, max(power, e.LargestPower)
		if a.Kind == quantum.ValueAtRisk {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s–%s\t%s\t%s\t%s\t\n", grouped(a.ReturnPeriod), money(a.Empirical), money(a.Exact), money(a.DiscretisationError),
				money(e.Value), money(e.Low), money(e.High), sampledRange(a.Queries), sampledRange(a.Stratified), grouped(float64(e.Queries)))
		}
	}
	t.Flush()
	fmt.Fprintf(w, "backend %s (%s), all questions: %s queries, %s shots, at most %s Grover iterations, cost %.2f USD\n\n",
		p.Backend.Name, simulatedInWords(p.Backend), grouped(float64(queries)), grouped(float64(shots)), grouped(float64(power)), p.Backend.Cost)
}

func simulatedInWords(b quantum.Provenance) string {
	if b.Simulated {
		return "simulated"
	}
	return "measured on hardware"
}

// sampledRange is a sample's interval.
func sampledRange(s quantum.Sampled) string {
	if s.Low == nil || s.High == nil {
		return "–"
	}
	return money(*s.Low) + "–" + money(*s.High)
}
