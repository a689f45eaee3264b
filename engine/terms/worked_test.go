package terms

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWorkedCases runs the cases of testdata/cases; each README.md there works its
// figures out by hand.
func TestWorkedCases(t *testing.T) {
	folders, err := filepath.Glob("testdata/cases/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no worked cases: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			report, err := Check(os.DirFS(folder))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range report.Differences() {
				t.Errorf("location %s at factor %v: computed %v, expected %v", d.LocNumber, d.Factor, d.Computed, d.Expected)
			}
			for _, u := range report.Unknown {
				t.Errorf("expected.csv names %s, which is no location", u)
			}
		})
	}
}
