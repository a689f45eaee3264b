// Package excel writes tables of results as one Excel workbook (Office Open XML, ISO/IEC 29500): a sheet of facts, then a
// sheet for each table, with its header frozen and its rows ready to be filtered.
//
// It writes the values that CSV and Parquet hold, Float32 columns rounded to float32, and no formulas: what begins with "=" in a
// portfolio stays text. A sheet holds [MaxRows] rows; a longer table is left out and said to be so on the first sheet. The
// same tables give the same bytes for the same library version.
//
// Begin with Write.
package excel

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/qrsrisk/qrsd/engine/results"
)

// MaxRows is how many rows a sheet holds below its header.
const MaxRows = excelize.TotalRows - 1

// Fact is a line of the first sheet: what the workbook's figures belong to.
type Fact struct {
	Name, Value string
}

const factsSheet = "Run"

// Write writes a workbook. Names of tables are names of sheets and must be good ones: at most 31 characters, different
// without regard to case, none of them "Run".
func Write(w io.Writer, facts []Fact, tables []results.Table) (err error) {
	b := &book{file: excelize.NewFile()}
	defer func() { err = errors.Join(err, b.file.Close()) }()
	if err := b.begin(); err != nil {
		return fmt.Errorf("beginning the workbook: %w", err)
	}
	for _, t := range tables {
		if err := b.table(t); err != nil {
			return fmt.Errorf("writing %s as a sheet: %w", t.Name, err)
		}
	}
	if err := b.facts(append(facts, b.leftOut...)); err != nil {
		return fmt.Errorf("writing the sheet %s: %w", factsSheet, err)
	}
	if err := b.writeTo(w); err != nil {
		return fmt.Errorf("writing the workbook: %w", err)
	}
	return nil
}

// writeTo writes the parts of the file in the order of their names: the library's own differs from one time to the next.
func (b *book) writeTo(w io.Writer) error {
	whole, err := b.file.WriteToBuffer()
	if err != nil {
		return err
	}
	parts, err := zip.NewReader(bytes.NewReader(whole.Bytes()), int64(whole.Len()))
	if err != nil {
		return err
	}
	slices.SortFunc(parts.File, func(x, y *zip.File) int { return strings.Compare(x.Name, y.Name) })
	out := zip.NewWriter(w)
	for _, part := range parts.File {
		if err := out.Copy(part); err != nil {
			return err
		}
	}
	return out.Close()
}

// book is a workbook on its way.
type book struct {
	file    *excelize.File
	header  int // styles
	money   int
	number  int
	leftOut []Fact
}

// begin names the first sheet, fixes what would name the hour, and makes the styles.
func (b *book) begin() (err error) {
	if err := b.file.SetSheetName("Sheet1", factsSheet); err != nil {
		return err
	}
	const never = "2000-01-01T00:00:00Z" // the same tables, the same bytes
	if err := b.file.SetDocProps(&excelize.DocProperties{Creator: "qrsd", LastModifiedBy: "qrsd", Created: never, Modified: never}); err != nil {
		return err
	}
	bold := &excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}
	if b.header, err = b.file.NewStyle(bold); err != nil {
		return err
	}
	whole, exact := "#,##0", "General"
	if b.money, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &whole}); err != nil {
		return err
	}
	b.number, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &exact})
	return err
}

// table writes one sheet, or notes that it does not fit.
func (b *book) table(t results.Table) error {
	if _, err := b.file.NewSheet(t.Name); err != nil {
		return err
	}
	sheet, err := b.file.NewStreamWriter(t.Name)
	if err != nil {
		return err
	}
	rows, err := b.fill(sheet, t)
	if err != nil {
		return err
	}
	if rows > MaxRows {
		b.leftOut = append(b.leftOut, Fact{"Left out: " + t.Name, "more than " + strconv.Itoa(MaxRows) + " rows; see its CSV or Parquet file"})
		return b.file.DeleteSheet(t.Name)
	}
	return sheet.Flush()
}

// fill writes header and rows, and returns how many rows there are, or MaxRows + 1 for too many.
func (b *book) fill(sheet *excelize.StreamWriter, t results.Table) (rows int, err error) {
	line := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = c.Name
	}
	if err := b.head(sheet, line); err != nil {
		return 0, err
	}
	for g := range t.Groups() {
		if rows+g.Rows > MaxRows {
			return MaxRows + 1, nil
		}
		for r := range g.Rows {
			b.row(line, t.Columns, g, r)
			rows++
			if err := sheet.SetRow("A"+strconv.Itoa(rows+1), line); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// head writes the first row, which stays in sight, and the widths.
func (b *book) head(sheet *excelize.StreamWriter, names []any) error {
	const width = 16
	if err := sheet.SetColWidth(1, len(names), width); err != nil {
		return err
	}
	if err := sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	line := make([]any, len(names))
	for i, name := range names {
		line[i] = excelize.Cell{StyleID: b.header, Value: name}
	}
	return sheet.SetRow("A1", line)
}

// figure is the cell of a number x, kept as value.
func (b *book) figure(x float64, value any) excelize.Cell {
	style := b.number
	if x >= 1000 || x <= -1000 {
		style = b.money
	}
	return excelize.Cell{StyleID: style, Value: value}
}

// row fills a line with row r of a group. Figures of 1,000 and more are shown with separators; the cell keeps all digits.
func (b *book) row(line []any, columns []results.Column, g *results.Group, r int) {
	for i, c := range columns {
		switch v := &g.Columns[i]; c.Type {
		case results.Int32:
			line[i] = v.Int[r]
		case results.String:
			line[i] = v.String[r]
		default:
			x := v.Float[r]
			if c.Type == results.Float32 {
				line[i] = b.figure(x, float32(x))
			} else {
				line[i] = b.figure(x, x)
			}
		}
	}
}

// facts writes the first sheet.
func (b *book) facts(all []Fact) error {
	sheet, err := b.file.NewStreamWriter(factsSheet)
	if err != nil {
		return err
	}
	const nameWidth, valueWidth = 28, 100
	if err := errors.Join(sheet.SetColWidth(1, 1, nameWidth), sheet.SetColWidth(2, 2, valueWidth)); err != nil {
		return err
	}
	for i, f := range all {
		if err := sheet.SetRow("A"+strconv.Itoa(i+1), []any{excelize.Cell{StyleID: b.header, Value: f.Name}, f.Value}); err != nil {
			return err
		}
	}
	return sheet.Flush()
}
