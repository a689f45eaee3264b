package exposure

import "fmt"

// Rows is a table read row by row: a CSV or a Parquet file.
type Rows interface {
	// Header is the column names, read before the first row.
	Header() ([]string, error)
	// Next is the next row with its line number: in text, the first physical line of
	// the record, counted from 1; in Parquet, the row counted from 1. It returns io.EOF after the
	// last row, and a *Malformed for content that is not a table; after one
	// with Stop unset the next row can still be read. The fields are as many as the
	// header's and stay valid until the next call.
	Next() (line int, fields []string, err error)
	// Estimate is about how many rows remain, judged from what was read; 0 = unknown.
	// It only sizes memory.
	Estimate() int
}

// Source is one OED file to read: a name for messages and its rows. A Source is read once.
type Source struct {
	Name string
	rows Rows
}

// NewSource makes a Source of rows; name is the file's name in messages.
func NewSource(name string, rows Rows) *Source { return &Source{Name: name, rows: rows} }

// Malformed is content that cannot be read as a table: a stray quote, a row with too
// many fields, a zip archive. Read turns it into a Fault; every other error
// of Rows is taken as a failure of the medium and ends reading.
type Malformed struct {
	Line        int
	Value       string
	Reason, Fix string
	Stop        bool // no row can be read after it
}

// Error is the reason with its line.
func (m *Malformed) Error() string { return fmt.Sprintf("line %d: %s", m.Line, m.Reason) }
