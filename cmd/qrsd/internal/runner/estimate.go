package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/quantum/simulator"
)

// EstimateFile is the quantum estimate's name in the output folder: a quantum.Report as JSON.
const EstimateFile = "estimate.json"

// defaultQubits make 256 bins.
const defaultQubits = 8

// Quantum says how the quantum estimate of a run is made. The zero value is the default estimate, on the simulator of this host.
type Quantum struct {
	Off    bool // none
	Qubits int  // of 2^n bins; 0 = 8
}

func (q Quantum) qubits() int {
	if q.Qubits == 0 {
		return defaultQubits
	}
	return q.Qubits
}

// wanted: one storm in one year has no return periods to estimate.
func (q Quantum) wanted(s engine.Spec) bool { return !q.Off && s.Scenario == nil }

// check refuses before the run what could not be estimated after it.
func (q Quantum) check(s engine.Spec) error {
	if !q.wanted(s) {
		return nil
	}
	if q.qubits() < 1 || q.qubits() > quantum.MaxQubits {
		return usage("%d qubits: give 1 to %d, or leave the quantum estimate out", q.Qubits, quantum.MaxQubits)
	}
	if most := 1<<q.qubits() - 2; len(s.ReturnPeriods) > most {
		return usage("%d return periods do not fit into the %d bins of the quantum estimate: use more qubits or leave it out", len(s.ReturnPeriods), most+2)
	}
	return nil
}

// estimate asks the simulator about the portfolio's four loss distributions at the run's return periods. The seed of shots and
// draws follows from the run's: the same run has the same estimate.
func (q Quantum) estimate(ctx context.Context, r *engine.Result, currency string) (*quantum.Report, error) {
	report := &quantum.Report{Format: quantum.Format, Notice: quantum.Notice, Seed: r.Spec.Seed, Currency: currency}
	distributions := annualLosses(r.Table)
	panels := make([]*quantum.Panel, len(distributions))
	reasons := make([]error, len(distributions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, l := range distributions {
		group.Go(func() error {
			p, err := quantum.NewProblem(l, q.qubits(), r.Spec.ReturnPeriods)
			if errors.Is(err, quantum.ErrNoLoss) {
				reasons[i] = quantum.ErrNoLoss
				return nil
			}
			if err != nil {
				return fmt.Errorf("binning losses for the quantum estimate: %w", err)
			}
			seed := panelSeed(r.Spec.Seed, l.Name)
			panels[i], err = quantum.Estimate(ctx, p, &simulator.Backend{Seed: seed}, quantum.Options{
				Backend: quantum.Provenance{Name: "simulator", Simulated: true}, Seed: seed,
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, l := range distributions {
		if reasons[i] != nil {
			report.Without = append(report.Without, quantum.Missing{Name: l.Name, Reason: reasons[i].Error()})
			continue
		}
		report.Panels = append(report.Panels, panels[i])
	}
	return report, nil
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

// addEstimate digests the estimate and, with a folder, writes it. One of an earlier run does not stay beside results
// that have none.
func (m *Manifest) addEstimate(folder string, r *quantum.Report) error {
	if r == nil && folder != "" {
		if err := os.Remove(filepath.Join(folder, EstimateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the quantum estimate of an earlier run: %w", err)
		}
	}
	if r == nil {
		return nil
	}
	text, err := estimateText(r)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(text)
	m.Estimate = "sha256:" + hex.EncodeToString(digest[:])
	if folder == "" {
		return nil
	}
	file, err := writeFile(folder, EstimateFile, func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(text)); return err })
	if err != nil {
		return fmt.Errorf("writing %s: %w", EstimateFile, err)
	}
	m.Files = append(m.Files, file)
	return nil
}

// estimateText is the content of EstimateFile.
func estimateText(r *quantum.Report) ([]byte, error) {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, fmt.Errorf("writing the quantum estimate: %w", err)
	}
	return append(text, '\n'), nil
}
