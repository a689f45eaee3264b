package excel_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/qrsrisk/qrsd/engine/results/excel"
)

// TestWriteSheets: rows come back as they were put in, with all digits, empty cells empty and no formula; rows that do not fit their columns are refused.
func TestWriteSheets(t *testing.T) {
	var book bytes.Buffer
	sheet := excel.Sheet{Name: "Figures", Columns: []string{"Figure", "Baseline", "Difference", "Year"}, Rows: [][]any{
		{"aal", 12345678.901234567, nil, 1}, {"=1+1", 0.1, -5.5, 2},
	}}
	if err := excel.WriteSheets(&book, []excel.Fact{{"Baseline", "one"}}, []excel.Sheet{sheet}); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&book)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows("Figures", excelize.Options{RawCellValue: true})
	if err != nil || len(rows) != 3 {
		t.Fatalf("%q, %v", rows, err)
	}
	for i, want := range [][]string{{"Figure", "Baseline", "Difference", "Year"}, {"aal", "12345678.901234567", "", "1"}, {"=1+1", "0.1", "-5.5", "2"}} {
		if !slices.Equal(rows[i], want) {
			t.Errorf("row %d is %q, want %q", i, rows[i], want)
		}
	}
	if formula, _ := f.GetCellFormula("Figures", "A3"); formula != "" {
		t.Errorf("a formula %q", formula)
	}
	sheet.Rows = append(sheet.Rows, []any{"short"})
	if err := excel.WriteSheets(&book, nil, []excel.Sheet{sheet}); err == nil || !strings.Contains(err.Error(), "row 3 has 1 values for 4 columns") {
		t.Errorf("a short row: %v", err)
	}
}
