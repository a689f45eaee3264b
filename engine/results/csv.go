package results

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteCSV writes a table as CSV (RFC 4180, lines ending in \n): the column names, then
// the rows. Floats are the shortest decimal that reads back as the same float32 or
// float64, without exponent.
func WriteCSV(w io.Writer, t Table) error {
	var b []byte
	for i, c := range t.Columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, c.Name)
	}
	b = append(b, '\n')
	for g := range t.Groups() {
		for r := range g.Rows {
			b = appendLine(b, t.Columns, g, r)
		}
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("writing %s as CSV: %w", t.Name, err)
		}
		b = b[:0]
	}
	if _, err := w.Write(b); err != nil { // the header of a table without rows
		return fmt.Errorf("writing %s as CSV: %w", t.Name, err)
	}
	return nil
}

func appendLine(b []byte, columns []Column, g *Group, row int) []byte {
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		switch c := &g.Columns[i]; columns[i].Type {
		case Int32:
			b = strconv.AppendInt(b, int64(c.Int[row]), 10)
		case Float32:
			b = strconv.AppendFloat(b, float64(float32(c.Float[row])), 'f', -1, 32)
		case Float64:
			b = strconv.AppendFloat(b, c.Float[row], 'f', -1, 64)
		default:
			b = appendText(b, c.String[row])
		}
	}
	return append(b, '\n')
}

// appendText quotes where the text could be taken for something else.
func appendText(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") && strings.TrimSpace(s) == s {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}
