package terms

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const reference = "testdata/reference"

// TestSecondImplementation holds the terms to another implementation, in another language and in exact fractions
// (testdata/reference/terms.py): 1e-9 relative, and a millionth of a dollar.
func TestSecondImplementation(t *testing.T) {
	report, err := Check(os.DirFS(reference))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Locations) < 1000 || len(report.Unknown) > 0 {
		t.Fatalf("%d losses compared, %d unknown", len(report.Locations), len(report.Unknown))
	}
	between := 0
	for _, l := range report.Locations {
		if l.Expected > 0 {
			between++
		}
		if !(math.Abs(l.Computed-l.Expected) <= max(1e-6, 1e-9*l.Expected)) {
			t.Errorf("account %s, location %s at factor %v: %.12g, the other implementation has %.12g", l.AccNumber, l.LocNumber, l.Factor, l.Computed, l.Expected)
		}
	}
	if between < len(report.Locations)/3 {
		t.Errorf("only %d of %d losses are paid at all: the cases say little", between, len(report.Locations))
	}
}

// TestSecondImplementationWroteItsFigures runs the other implementation again, where there is a Python.
func TestSecondImplementationWroteItsFigures(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here: expected.csv is taken as terms.py's output")
	}
	script, err := filepath.Abs(reference + "/terms.py")
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(python, script)
	run.Dir = t.TempDir()
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"location.csv", "account.csv", "loss_factors.csv", "expected.csv"} {
		again, err := os.ReadFile(filepath.Join(run.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join(reference, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, kept) {
			t.Errorf("%s is not what terms.py writes", name)
		}
	}
}
