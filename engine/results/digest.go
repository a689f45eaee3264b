package results

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// digestVersion opens the digested bytes; a change of the form below changes it.
const digestVersion = "qrsd table 1"

// Digest is the canonical digest of a table: SHA-256 over its name, the names and types of
// its columns, and the bits of its rows in order. It does not depend on groups or files.
//
// The form: strings are their length in 8 bytes and their bytes; the header is digestVersion,
// the table's name, the number of columns in 8 bytes and each column's name and type; then row by row
// each value, an int32 as 4 bytes, a float of either type as the 8 bytes of its float64, a
// string as above; at the end the number of rows in 8 bytes. Integers are little-endian.
func Digest(t Table) [32]byte {
	h := sha256.New()
	b := appendString(nil, digestVersion)
	b = appendString(b, t.Name)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(t.Columns)))
	for _, c := range t.Columns {
		b = appendString(b, c.Name)
		b = appendString(b, c.Type.String())
	}
	rows := uint64(0)
	for g := range t.Groups() {
		for r := range g.Rows {
			b = appendRow(b, t.Columns, g, r)
			if len(b) > 1<<16 {
				h.Write(b)
				b = b[:0]
			}
		}
		rows += uint64(g.Rows)
	}
	h.Write(binary.LittleEndian.AppendUint64(b, rows))
	return [32]byte(h.Sum(nil))
}

func appendRow(b []byte, columns []Column, g *Group, row int) []byte {
	for i := range columns {
		switch c := &g.Columns[i]; columns[i].Type {
		case Int32:
			b = binary.LittleEndian.AppendUint32(b, uint32(c.Int[row]))
		case String:
			b = appendString(b, c.String[row])
		default:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.Float[row]))
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}
