package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/store/ledger"
)

// difference is the first place where a result file and the recomputed table part.
type difference struct {
	Table      string `json:"table"`
	Row        int    `json:"row"` // of data, from 1; 0 is the header
	Column     string `json:"column"`
	File       string `json:"file"`       // what the file has; "" where it ends
	Recomputed string `json:"recomputed"` // "" where the table ends
	Note       string `json:"note,omitempty"`
}

// String is the place and both values.
func (d *difference) String() string {
	if d.Note != "" {
		return fmt.Sprintf("first difference: table %s: %s", d.Table, d.Note)
	}
	return fmt.Sprintf("first difference: table %s, row %d, column %s: the file has %q, recomputed it is %q", d.Table, d.Row, d.Column, d.File, d.Recomputed)
}

// firstDifference looks into the first table whose digest differs and whose CSV file was given; nil: no table differs or there is
// no file to look into.
func firstDifference(tables []results.Table, sealed map[string]ledger.Digest, paths []string) (*difference, error) {
	named := map[string]string{}
	for _, path := range paths {
		named[filepath.Base(path)] = path
	}
	for _, t := range tables {
		path, given := named[t.Name+".csv"]
		if !given || sealed[t.Name] == results.Digest(t) {
			continue
		}
		d, err := compareFile(t, path)
		if err != nil {
			return nil, err
		}
		if d == nil {
			d = &difference{Table: t.Name, Note: "as CSV file and recomputed table are the same: they differ beyond the digits of the file, or the seal is of another file"}
		}
		return d, nil
	}
	return nil, nil
}

// compareFile reads both as CSV, side by side.
func compareFile(t results.Table, path string) (*difference, error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	from, to := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		to.CloseWithError(results.WriteCSV(to, t))
	}()
	defer func() { _ = from.Close(); <-done }() // never fails; it ends the writer
	return compareCSV(t, csv.NewReader(file), csv.NewReader(from))
}

func compareCSV(t results.Table, file, made *csv.Reader) (*difference, error) {
	file.FieldsPerRecord, made.FieldsPerRecord = -1, -1
	file.ReuseRecord, made.ReuseRecord = true, true
	for row := 0; ; row++ {
		want, madeEnds, err := nextRow(made)
		if err != nil {
			return nil, fmt.Errorf("recomputing %s: %w", t.Name, err)
		}
		got, fileEnds, err := nextRow(file)
		var malformed *csv.ParseError
		if errors.As(err, &malformed) {
			return &difference{Table: t.Name, Note: "the file is no CSV: " + malformed.Error()}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", t.Name, err)
		}
		if madeEnds && fileEnds {
			return nil, nil
		}
		if d := compareRow(t, row, got, want); d != nil {
			return d, nil
		}
	}
}

// nextRow is empty at the end.
func nextRow(r *csv.Reader) (row []string, ends bool, err error) {
	row, err = r.Read()
	if errors.Is(err, io.EOF) {
		return nil, true, nil
	}
	return row, false, err
}

func compareRow(t results.Table, row int, got, want []string) *difference {
	for i := range max(len(got), len(want)) {
		d := difference{Table: t.Name, Row: row, Column: fmt.Sprintf("%d", i+1)}
		if i < len(t.Columns) {
			d.Column = t.Columns[i].Name
		}
		if i < len(got) {
			d.File = got[i]
		}
		if i < len(want) {
			d.Recomputed = want[i]
		}
		if d.File != d.Recomputed || i >= len(got) || i >= len(want) {
			return &d
		}
	}
	return nil
}
