package web

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
)

// neutralise copies CSV so that no spreadsheet takes a cell for a formula (OWASP, CSV injection): what begins like one gets an
// apostrophe before it. Numbers stay as they are, negative ones too. What was clipped ends with its last whole row.
func neutralise(to io.Writer, from io.Reader) error {
	in, out := csv.NewReader(from), csv.NewWriter(to)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	for {
		row, err := in.Read()
		if cut := (*csv.ParseError)(nil); errors.Is(err, io.EOF) || errors.As(err, &cut) {
			out.Flush()
			return out.Error()
		}
		if err != nil {
			return err
		}
		for i, cell := range row {
			row[i] = neutral(cell)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
}

// neutral is a cell that no spreadsheet calculates.
func neutral(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) && !strings.HasPrefix(cell, "＝") {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil && !strings.ContainsAny(cell, "xXpP_iInN") {
		return cell
	}
	return "'" + cell
}

// neutralised gives what write writes, which is CSV, to w as neutralise does.
func neutralised(w io.Writer, write func(io.Writer) error) error {
	from, to := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		err := neutralise(w, from)
		_ = from.CloseWithError(err)
		copied <- err
	}()
	var err error
	defer func() { _ = to.CloseWithError(err) }() // also where write panics
	err = write(to)
	_ = to.CloseWithError(err)
	return errors.Join(err, <-copied)
}
