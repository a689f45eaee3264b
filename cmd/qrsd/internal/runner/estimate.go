package runner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/quantum"
)

// EstimateFile is the quantum estimate's name in the output folder: a quantum.Report as JSON.
const EstimateFile = runestimate.File

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
	text, err := runestimate.Text(r)
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
