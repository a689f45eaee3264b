package exposure_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// sharedData is ../shared/data relative to the repository root, skipping the test where absent.
func sharedData(t testing.TB, path ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	full := filepath.Join(append([]string{filepath.Dir(dir), "shared", "data"}, path...)...)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("needs %s, which is not here", full)
	}
	return full
}

// TestFinancialModuleCases reads every case of the Oasis LMF financial-module suite.
func TestFinancialModuleCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedData(t, "fm-cases"), "*", "*", "location.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 259 {
		t.Fatalf("%d cases, want 259", len(files))
	}
	for _, path := range files {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir), func(t *testing.T) {
			p, report := readCase(t, dir)
			if report.FaultCount != 0 || len(p.Locations) == 0 || len(p.Accounts) == 0 {
				t.Errorf("%d faults, %d locations, %d accounts", report.FaultCount, len(p.Locations), len(p.Accounts))
			}
			for _, a := range p.Accounts {
				if len(a.Rows) == 0 || a.Count == 0 {
					t.Errorf("account %q: %d rows, %d locations", a.AccNumber, len(a.Rows), a.Count)
				}
			}
			for _, w := range report.Warnings {
				t.Log(w)
			}
		})
	}
}

func readCase(t *testing.T, dir string) (*exposure.Portfolio, *exposure.Report) {
	t.Helper()
	loc, err := os.Open(filepath.Join(dir, "location.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer loc.Close()
	acc, err := os.Open(filepath.Join(dir, "account.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer acc.Close()
	p, report, err := exposure.Read(exposure.CSV("location.csv", loc), exposure.CSV("account.csv", acc), exposure.Options{AnyCountry: true})
	if err != nil {
		var faults *exposure.FaultsError
		if errors.As(err, &faults) {
			for _, f := range faults.Faults {
				t.Error(f)
			}
		}
		t.Fatal(err)
	}
	return p, report
}
