package main

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/results"
)

// TestFirstDifference: the first row and column in which a file parts from its table, also where one ends before the other.
func TestFirstDifference(t *testing.T) {
	table := results.New("aal", []results.Column{{Name: "SummaryId", Type: results.Int32}, {Name: "AAL", Type: results.Float64}, {Name: "Name", Type: results.String}},
		[][]any{{int32(1), 0.5, "a,b"}, {int32(2), 7.25, ""}})
	const same = "SummaryId,AAL,Name\n1,0.5,\"a,b\"\n2,7.25,\n"
	for name, c := range map[string]struct{ file, want string }{
		"same":         {same, ""},
		"value":        {strings.Replace(same, "7.25", "7.5", 1), `table aal, row 2, column AAL: the file has "7.5", recomputed it is "7.25"`},
		"text":         {strings.Replace(same, "a,b", "a;b", 1), `row 1, column Name: the file has "a;b", recomputed it is "a,b"`},
		"header":       {strings.Replace(same, "AAL", "EL", 1), `row 0, column AAL: the file has "EL"`},
		"shorter":      {"SummaryId,AAL,Name\n1,0.5,\"a,b\"\n", `row 2, column SummaryId: the file has "", recomputed it is "2"`},
		"longer":       {same + "3,1,x\n", `row 3, column SummaryId: the file has "3", recomputed it is ""`},
		"column more":  {strings.ReplaceAll(same, "\n", ",x\n"), `row 0, column 4: the file has "x"`},
		"column less":  {"SummaryId,AAL\n", `row 0, column Name: the file has "", recomputed it is "Name"`},
		"empty":        {"", `row 0, column SummaryId: the file has ""`},
		"not a CSV":    {"SummaryId,AAL,Name\n1,\"", "the file is no CSV"},
		"other digits": {strings.Replace(same, "0.5", "0.50", 1), `the file has "0.50"`},
	} {
		var made strings.Builder
		if err := results.WriteCSV(&made, table); err != nil {
			t.Fatal(err)
		}
		d, err := compareCSV(table, csv.NewReader(strings.NewReader(c.file)), csv.NewReader(strings.NewReader(made.String())))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := ""; (d == nil) != (c.want == "") || d != nil && !strings.Contains(d.String(), c.want) {
			if d != nil {
				got = d.String()
			}
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestClean: nothing of a hostile seal reaches the terminal but what can be seen, and not without end.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain é": "plain é", "\x1b[2Jgone\r\n": "\uFFFD[2Jgone\uFFFD\uFFFD", "a\u202eb": "a\uFFFDb", strings.Repeat("x", 5000): strings.Repeat("x", 1000) + " ...",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q prints as %q, want %q", text, got, want)
		}
	}
}
