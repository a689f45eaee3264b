package excel_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/excel"
)

var columns = []results.Column{{Name: "SummaryId", Type: results.Int32}, {Name: "Loss", Type: results.Float32}, {Name: "AAL", Type: results.Float64}, {Name: "Key", Type: results.String}}

func table() results.Table {
	return results.New("gr_aal", columns, [][]any{
		{int32(1), 1234.5, 12345678.901234567, "P"},
		{int32(2), 0.1, 0.1, `=HYPERLINK("http://example.com")`},
		{int32(3), -5.0, 1e-300, "+1\t<&>\""},
	})
}

// TestCellsAreTheCSV: the workbook holds what the CSV file holds, cell by cell, and nothing of it is a formula.
func TestCellsAreTheCSV(t *testing.T) {
	var book, text bytes.Buffer
	if err := excel.Write(&book, []excel.Fact{{"Model", "sha256:0123"}, {"Note", "=1+1"}}, []results.Table{table()}); err != nil {
		t.Fatal(err)
	}
	if err := results.WriteCSV(&text, table()); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&book)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !slices.Equal(got, []string{"Run", "gr_aal"}) {
		t.Errorf("sheets %v", got)
	}
	want, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.GetRows("gr_aal", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("row %d: %q in the workbook, %q in the CSV", i, got[i], want[i])
		}
	}
	if note, _ := f.GetCellValue("Run", "B2"); note != "=1+1" {
		t.Errorf("the fact reads %q", note)
	}
	for _, at := range [][2]string{{"gr_aal", "D3"}, {"Run", "B2"}} {
		if formula, _ := f.GetCellFormula(at[0], at[1]); formula != "" {
			t.Errorf("%s is the formula %q", at, formula)
		}
	}
}

func TestSameTablesSameBytes(t *testing.T) {
	var first []byte
	for range 20 { // of the library's own orders two would be the same by chance
		var w bytes.Buffer
		if err := excel.Write(&w, nil, []results.Table{table(), results.New("gu_aal", columns, nil)}); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = w.Bytes()
		}
		if !bytes.Equal(first, w.Bytes()) {
			t.Fatal("two workbooks of the same tables differ")
		}
	}
}

// TestTooLongATable is left out, and the first sheet says so.
func TestTooLongATable(t *testing.T) {
	rows := make([][]any, excel.MaxRows+1)
	for i := range rows {
		rows[i] = []any{int32(i)}
	}
	long := results.New("gu_selt", columns[:1], rows)
	var book bytes.Buffer
	if err := excel.Write(&book, []excel.Fact{{"Model", "sha256:0123"}}, []results.Table{long, table()}); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&book)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !slices.Equal(got, []string{"Run", "gr_aal"}) {
		t.Errorf("sheets %v", got)
	}
	name, _ := f.GetCellValue("Run", "A2")
	why, _ := f.GetCellValue("Run", "B2")
	if name != "Left out: gu_selt" || !strings.Contains(why, "1048575 rows") {
		t.Errorf("%q: %q", name, why)
	}
}
