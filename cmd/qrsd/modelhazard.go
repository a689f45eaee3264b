package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/evaluation"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// hazardCommand is `qrsd model hazard`.
type hazardCommand struct {
	Years    int    `default:"50000" help:"Simulated years."`
	Seed     uint64 `default:"1" help:"Seed of the catalogue."`
	Workers  int    `placeholder:"N" help:"Goroutines; default all cores."`
	Ablation bool   `help:"Also show which part of the wind field moves the design gusts how far."`
	JSON     bool   `help:"Print as JSON."`
}

// cellYears are enough for the error of wind by cell.
const cellYears = 500

type hazardOutput struct {
	Model    string                    `json:"model"`
	Seed     uint64                    `json:"seed"`
	Report   *evaluation.Report        `json:"report"`
	Stations *evaluation.StationReport `json:"stations"`
	Cells    *evaluation.CellError     `json:"wind_by_cell"`
	Ablation []evaluation.Ablated      `json:"ablation,omitempty"`
}

// longestPeriod is the longest return period of a design gust, years.
const longestPeriod = 1700

func (h *hazardCommand) check() error {
	switch {
	case h.Years < 1 || h.Years > hazard.MaxYears:
		return &runner.ErrUsage{Reason: fmt.Sprintf("years %d: must be 1 to %d", h.Years, hazard.MaxYears)}
	case h.Workers < 0:
		return &runner.ErrUsage{Reason: fmt.Sprintf("workers %d: give 1 or more, or leave it out for all cores", h.Workers)}
	case h.Ablation && h.Years < longestPeriod:
		return &runner.ErrUsage{Reason: fmt.Sprintf("years %d: --ablation compares gusts of up to %d years and needs as many", h.Years, longestPeriod)}
	}
	return nil
}

// Run carries out the command.
func (h *hazardCommand) Run(ctx context.Context, c console) error {
	if err := h.check(); err != nil {
		return err
	}
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	workers := h.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	catalog := hazard.NewCatalog(model.Climate, model.Ground, h.Seed)
	bar := startProgress(c.err)
	options := evaluation.Options{Years: h.Years, Workers: workers, Field: windfield.Standard(), Progress: func(years int) {
		bar.update(engine.Progress{Stage: "years", Done: years, All: h.Years})
	}}
	out := hazardOutput{Model: model.Digest.String(), Seed: h.Seed}
	out.Report, err = evaluation.Run(ctx, catalog, model.Record, model.Ground, options)
	if err == nil && h.Ablation {
		options.Progress = func(years int) {
			bar.update(engine.Progress{Stage: "ablation", Done: years, All: h.Years * evaluation.Ablations()})
		}
		out.Ablation, err = evaluation.Ablate(ctx, catalog, model.Ground, options)
	}
	if err == nil {
		options.Years, options.Progress = min(h.Years, cellYears), nil
		out.Cells, err = evaluation.CompareCells(ctx, catalog, model.Ground, options)
	}
	bar.stop()
	if err != nil {
		return err
	}
	if out.Stations, err = evaluation.CompareStations(model.Scenarios, model.Climate, model.Ground, windfield.Standard()); err != nil {
		return err
	}
	if h.JSON {
		return printJSON(c.out, out)
	}
	printHazard(c.out, out)
	return nil
}

func printHazard(w io.Writer, out hazardOutput) {
	r := out.Report
	fmt.Fprintf(w, "catalogue of %s years, seed %d, model %.19s, beside the record of %d years\n", grouped(float64(r.Years)), out.Seed, out.Model, r.RecordYears)
	printRates(w, r)
	printDistributions(w, r)
	printCities(w, r)
	printGusts(w, r)
	printStations(w, out.Stations)
	fmt.Fprintf(w, "\nwind once per cell of %g degrees in place of each ZIP code's point, %s years, %s pairs: bias %+.3f %%, root mean square %.2f %%, largest %.1f %%\n",
		windfield.CellDegrees, grouped(float64(out.Cells.Years)), grouped(float64(out.Cells.Pairs)), 100*out.Cells.Bias, 100*out.Cells.RMS, 100*out.Cells.Worst)
	if len(out.Ablation) > 0 {
		printAblation(w, out.Ablation)
	}
}

// table prints rows aligned under a title.
func table(w io.Writer, title, header string, rows func(add func(format string, args ...any))) {
	fmt.Fprintf(w, "\n%s\n", title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, header+"\t")
	rows(func(format string, args ...any) { fmt.Fprintf(t, format+"\t\n", args...) })
	t.Flush()
}

func verdict(ok bool) string {
	if ok {
		return "ok"
	}
	return "OUTSIDE"
}

func category(major bool) string {
	if major {
		return "major"
	}
	return "all"
}

func printRates(w io.Writer, r *evaluation.Report) {
	table(w, "Landfalling hurricanes a year, by coast (95 % Poisson interval of the record)", "coast\t\trecorded\trecord\tinterval\tmodel\t", func(add func(string, ...any)) {
		for _, x := range r.Rates {
			add("%s\t%s\t%d\t%.3f\t%.3f–%.3f\t%.3f\t%s", x.Region, category(x.Major), x.Recorded, x.RecordRate, x.Low, x.High, x.ModelRate, verdict(x.Within))
		}
	})
	table(w, "Years by number of landfalling hurricanes", "landfalls\trecord\tmodel", func(add func(string, ...any)) {
		for _, x := range r.AnnualCounts[:6] {
			add("%d\t%.3f\t%.3f", x.Landfalls, x.Record, x.Model)
		}
	})
}

func printDistributions(w io.Writer, r *evaluation.Report) {
	table(w, "First landfalls: quantiles 5, 25, 50, 75, 95 % (KS = Kolmogorov-Smirnov)", "\tstorms\trecord\tmodel\tKS\tp", func(add func(string, ...any)) {
		for _, x := range r.Distributions {
			add("%s, %s\t%d\t%.1f\t%.1f\t%.3f\t%.3f", x.Name, x.Unit, x.N, x.Record, x.Model, x.Distance, x.P)
		}
	})
	table(w, "First landfalls: shares by month and by direction of motion", "\t\trecord\tmodel", func(add func(string, ...any)) {
		for _, x := range r.Shares {
			add("%s\t%s\t%.2f\t%.2f", x.Kind, x.Name, x.Record, x.Model)
		}
	})
}

func printCities(w io.Writer, r *evaluation.Report) {
	period := func(v float64) string {
		if v == 0 {
			return "never"
		}
		return fmt.Sprintf("%.1f", v)
	}
	table(w, "Hurricanes whose centre passes within 50 nautical miles: return period, years", "city\t\trecorded\trecord\tmodel\t", func(add func(string, ...any)) {
		for _, x := range r.Cities {
			add("%s\t%s\t%d\t%s\t%s\t%s", x.City, category(x.Major), x.Recorded, period(x.RecordPeriod), period(x.ModelPeriod), verdict(x.Within))
		}
	})
}

func printGusts(w io.Writer, r *evaluation.Report) {
	table(w, "3-s gust in open terrain at 10 m, mph (90 % sampling interval; target ASCE 7-16)", "city\treturn period\tgust\tinterval\ttarget\tdifference\t", func(add func(string, ...any)) {
		for _, x := range r.Gusts {
			if x.Target == 0 {
				add("%s\t%.0f\t%.0f\t%.0f–%.0f\t\t\t", x.City, x.Period, x.Gust, x.Low, x.High)
				continue
			}
			add("%s\t%.0f\t%.0f\t%.0f–%.0f\t%.0f\t%+.1f %%\t%s", x.City, x.Period, x.Gust, x.Low, x.High, x.Target, 100*(x.Gust/x.Target-1), verdict(x.Within))
		}
	})
}

func printStations(w io.Writer, s *evaluation.StationReport) {
	table(w, "Gusts measured in storms, knots at 10 m (measured values as recalled from NHC reports, to be checked)", "storm\tstation\tmeasured\tmodel\tratio", func(add func(string, ...any)) {
		for _, x := range s.Gusts {
			add("%s\t%s\t%.0f\t%.0f\t%.2f", x.Storm, x.Place, x.At10m, x.Model, x.Ratio)
		}
	})
	fmt.Fprintf(w, "geometric mean of the ratios %.3f (suggested 0.90–1.10), standard deviation of their logarithm %.3f (suggested at most 0.20)\n", s.Mean, s.SD)
}

func printAblation(w io.Writer, a []evaluation.Ablated) {
	table(w, "Ablation: change of the 700- and 1,700-year gust, %, when one part of the wind field is changed", "change\tcity\t700\t1,700", func(add func(string, ...any)) {
		for _, x := range a {
			add("%s\t%s\t%+.1f\t%+.1f", x.Change, x.City, x.Percent700, x.Percent1700)
		}
	})
}
