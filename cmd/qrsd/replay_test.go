package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/qrsrisk/qrsd/cmd/internal/runestimate"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
)

// TestEstimateIsReplayed: the quantum estimate that qrs-replay computes of a run is the one that qrsd wrote, to the last byte.
func TestEstimateIsReplayed(t *testing.T) {
	out, err := runner.Run(t.Context(), runner.Request{
		Files:   runner.Files{Location: filepath.Join("testdata", "replay", "location.csv")},
		Spec:    engine.Spec{Years: 300, Samples: 2, Seed: 9, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{5, 20}},
		Quantum: runner.Quantum{Qubits: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := runestimate.Report(t.Context(), out.Result, "USD", 5)
	if err != nil {
		t.Fatal(err)
	}
	text, err := runestimate.Text(report)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if got := "sha256:" + hex.EncodeToString(sum[:]); got != out.Manifest.Estimate || len(report.Panels) != 4 {
		t.Errorf("replayed %s with %d panels, the run has %s", got, len(report.Panels), out.Manifest.Estimate)
	}
}
