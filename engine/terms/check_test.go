package terms

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sharedCases is the folder of the validation suite, beside the repository.
func sharedCases(t *testing.T) string {
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
	cases := filepath.Join(filepath.Dir(dir), "shared", "data", "fm-cases")
	if _, err := os.Stat(cases); err != nil {
		t.Skip("the validation suite ../shared/data/fm-cases is not here")
	}
	return cases
}

// directCases are the suite's cases without reinsurance, as group/case.
func directCases(t *testing.T, dir string) []string {
	folders, err := filepath.Glob(filepath.Join(dir, "*", "*", "expected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []string
	for _, f := range folders {
		folder := filepath.Dir(f)
		if _, err := os.Stat(filepath.Join(folder, "ri_info.csv")); err == nil {
			continue
		}
		cases = append(cases, filepath.Base(filepath.Dir(folder))+"/"+filepath.Base(folder))
	}
	slices.Sort(cases)
	return cases
}

// TestValidationSuite holds every case that ever agreed (testdata/cases_agree.txt).
// Add cases to the list as they come to agree; never remove one to fix a build.
func TestValidationSuite(t *testing.T) {
	dir := sharedCases(t)
	text, err := os.ReadFile("testdata/cases_agree.txt")
	if err != nil {
		t.Fatal(err)
	}
	golden := strings.Fields(string(text))
	agree := 0
	for _, name := range directCases(t, dir) {
		report, err := Check(os.DirFS(filepath.Join(dir, name)))
		held := slices.Contains(golden, name)
		switch {
		case err != nil:
			t.Logf("%s: %v", name, err)
		case report.Agrees():
			agree++
			if !held {
				t.Errorf("%s agrees and is not in testdata/cases_agree.txt", name)
			}
			continue
		default:
			for _, d := range report.Differences() {
				t.Logf("%s: %+v", name, d)
			}
		}
		if held {
			t.Errorf("%s agreed before and does not now", name)
		}
	}
	t.Logf("%d direct cases agree", agree)
}
