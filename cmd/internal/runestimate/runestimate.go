// Package runestimate holds the quantum estimate of a run: which of the engine's losses are asked about, with which seeds, and how
// the report is written. It is where engine and quantum meet, for the program that runs and for the one that recomputes; it
// reads and writes no file.
//
// Begin with Report.
package runestimate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// File is the report's name beside the result tables.
const File = "estimate.json"

// Backend is the name of the simulator of this host in a report.
const Backend = "simulator"

// Report asks the simulator about the portfolio's four loss distributions at the run's return periods, in 2^qubits bins. The seeds of
// shots and draws follow from the run's: the same run has the same report, bit for bit, on any number of cores.
//
// A distribution without any loss has no panel, and the report says why. Errors: qubits or return periods that quantum
// refuses, or ctx's.
func Report(ctx context.Context, r *engine.Result, currency string, qubits int) (*quantum.Report, error) {
	report := &quantum.Report{Format: quantum.Format, Notice: quantum.Notice, Seed: r.Spec.Seed, Currency: currency}
	distributions := annualLosses(r.Table)
	panels := make([]*quantum.Panel, len(distributions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, l := range distributions {
		group.Go(func() (err error) {
			panels[i], err = panel(ctx, l, r.Spec, qubits)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, l := range distributions {
		if panels[i] == nil {
			report.Without = append(report.Without, quantum.Missing{Name: l.Name, Reason: quantum.ErrNoLoss.Error()})
			continue
		}
		report.Panels = append(report.Panels, panels[i])
	}
	return report, nil
}

// panel is nil where there is no loss.
func panel(ctx context.Context, l quantum.Losses, s engine.Spec, qubits int) (*quantum.Panel, error) {
	p, err := quantum.NewProblem(l, qubits, s.ReturnPeriods)
	if errors.Is(err, quantum.ErrNoLoss) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("binning losses for the quantum estimate: %w", err)
	}
	seed := panelSeed(s.Seed, l.Name)
	return quantum.Estimate(ctx, p, &simulator.Backend{Seed: seed}, quantum.Options{
		Backend: quantum.Provenance{Name: Backend, Simulated: true}, Seed: seed,
	})
}

// panelSeed is the seed of one panel: bins of different distributions have the same probabilities, and would have
// the same shots. 48 bits, which JSON readers keep that hold all numbers in floating point.
func panelSeed(seed uint64, name string) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, name))
	return binary.BigEndian.Uint64(sum[:8]) >> 16
}

// annualLosses are the portfolio's losses of each year and sample: the largest event's (OEP) and all events' (AEP), ground-up and gross.
func annualLosses(t *loss.Table) (list []quantum.Losses) {
	for _, v := range []struct {
		perspective loss.Perspective
		name        string
	}{{loss.GroundUp, "ground_up"}, {loss.Gross, "gross"}} {
		largest, sum := annual(t, v.perspective)
		list = append(list,
			quantum.Losses{Name: v.name + "_oep", Years: t.Years, Samples: t.Samples, Positive: largest},
			quantum.Losses{Name: v.name + "_aep", Years: t.Years, Samples: t.Samples, Positive: sum})
	}
	return list
}

// annual gathers the largest and the sum of the portfolio's losses above zero of each year and sample. Losses are added in
// the order of events, as the figures of the run are.
func annual(t *loss.Table, p loss.Perspective) (largest, sum []float64) {
	width := t.Width()
	year := int32(0)
	for i, s := range t.RowSummary {
		if t.Summaries[s].Level != loss.ByPortfolio {
			continue
		}
		if y := t.Events[t.RowEvent[i]].Year; y != year {
			year = y
			largest, sum = append(largest, make([]float64, width)...), append(sum, make([]float64, width)...)
		}
		l, a := largest[len(largest)-width:], sum[len(sum)-width:]
		for k, x := range t.Loss[p][i*width : (i+1)*width] {
			l[k] = max(l[k], x)
			a[k] += x
		}
	}
	return positive(largest), positive(sum)
}

func positive(x []float64) []float64 {
	kept := x[:0]
	for _, v := range x {
		if v > 0 {
			kept = append(kept, v)
		}
	}
	return kept
}

// Text is the content of File.
func Text(r *quantum.Report) ([]byte, error) {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, fmt.Errorf("writing the quantum estimate: %w", err)
	}
	return append(text, '\n'), nil
}
