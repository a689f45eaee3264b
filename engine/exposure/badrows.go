package exposure

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// badRows writes rows with faults as CSV while a file is read.
type badRows struct {
	out    *csv.Writer // nil = not wanted
	header []string
	begun  bool
	record []string
}

func newBadRows(w io.Writer, header []string) *badRows {
	b := &badRows{header: header}
	if w != nil {
		b.out = csv.NewWriter(w)
	}
	return b
}

// row writes one bad row. fields is nil for a row that could not be cut into fields.
func (b *badRows) row(line int, fields []string, reasons []string) error {
	if b.out == nil {
		return nil
	}
	if !b.begun {
		b.begun = true
		if err := b.write(b.header, "OED_line", "OED_reason"); err != nil {
			return err
		}
	}
	if fields == nil {
		fields = make([]string, len(b.header))
	}
	return b.write(fields, strconv.Itoa(line), strings.Join(reasons, "; "))
}

func (b *badRows) write(fields []string, line, reason string) error {
	b.record = append(append(b.record[:0], fields...), line, reason)
	if err := b.out.Write(b.record); err != nil {
		return fmt.Errorf("writing bad rows: %w", err)
	}
	return nil
}

func (b *badRows) close() error {
	if b.out == nil {
		return nil
	}
	b.out.Flush()
	if err := b.out.Error(); err != nil {
		return fmt.Errorf("writing bad rows: %w", err)
	}
	return nil
}
