package excel

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"
)

// Sheet is rows that are no table of results, such as a comparison of two runs.
type Sheet struct {
	Name    string // as that of a table
	Columns []string
	Rows    [][]any // each an int, float64 or string for each column, or nil for an empty cell
}

// WriteSheets writes a workbook as Write does, of sheets that fit: at most MaxRows rows each.
func WriteSheets(w io.Writer, facts []Fact, sheets []Sheet) (err error) {
	b := &book{file: excelize.NewFile()}
	defer func() { err = errors.Join(err, b.file.Close()) }()
	if err := b.begin(); err != nil {
		return fmt.Errorf("beginning the workbook: %w", err)
	}
	for _, s := range sheets {
		if err := b.sheet(s); err != nil {
			return fmt.Errorf("writing the sheet %s: %w", s.Name, err)
		}
	}
	if err := b.facts(facts); err != nil {
		return fmt.Errorf("writing the sheet %s: %w", factsSheet, err)
	}
	if err := b.writeTo(w); err != nil {
		return fmt.Errorf("writing the workbook: %w", err)
	}
	return nil
}

func (b *book) sheet(s Sheet) error {
	if len(s.Rows) > MaxRows {
		return fmt.Errorf("%d rows are more than %d", len(s.Rows), MaxRows)
	}
	if _, err := b.file.NewSheet(s.Name); err != nil {
		return err
	}
	to, err := b.file.NewStreamWriter(s.Name)
	if err != nil {
		return err
	}
	header := make([]any, len(s.Columns))
	for i, name := range s.Columns {
		header[i] = name
	}
	if err := b.head(to, header); err != nil {
		return err
	}
	for i, row := range s.Rows {
		if len(row) != len(s.Columns) {
			return fmt.Errorf("row %d has %d values for %d columns", i+1, len(row), len(s.Columns))
		}
		line := make([]any, len(row))
		for j, v := range row {
			line[j] = v
			if x, ok := v.(float64); ok {
				line[j] = b.figure(x, x)
			}
		}
		if err := to.SetRow("A"+strconv.Itoa(i+2), line); err != nil {
			return err
		}
	}
	return to.Flush()
}
