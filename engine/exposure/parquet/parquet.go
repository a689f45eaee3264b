package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// Open is a Source of the size bytes of a Parquet file; name stands in messages, where lines are
// rows counted from 1. Nothing is read before exposure.Read or Validate. A file that is
// no Parquet, is cut short or damaged, or holds lists or nested columns is a fault of
// the import (*exposure.Malformed); an error of r itself passes through.
//
// Values become text as OED writes it: whole numbers without a decimal point, dates and times
// as YYYY-MM-DD, flags as 1 and 0, nulls as blank. NaN stays NaN, which exposure refuses.
func Open(name string, r io.ReaderAt, size int64) *exposure.Source {
	return exposure.NewSource(name, &rows{in: &watched{r: r, size: size}, size: size})
}

// watched remembers an error of the medium, which the Parquet library reports like damage
// of the file.
type watched struct {
	r    io.ReaderAt
	size int64
	err  error
}

var errOutside = errors.New("it points outside the file")

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > w.size {
		return 0, errOutside // the medium is not to blame
	}
	n, err := w.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// rows is exposure.Rows over a Parquet file.
type rows struct {
	in      *watched
	size    int64
	file    *parquet.File
	formats []format
	group   int // of the row group being read
	reader  parquet.Rows
	batch   []parquet.Row
	pending []parquet.Row // of batch, not yet handed out
	done    int           // rows handed out
	text    []byte
	ends    []int
	fields  []string
	unzstd  *zstd.Decoder // of checkGroup; nil: no column wants it
}

// batchRows is how many rows are decoded at a time.
const batchRows = 64

func (r *rows) Estimate() int {
	if r.file == nil {
		return 0
	}
	return int(r.file.NumRows()) - r.done
}

// Header opens the file and gives its column names.
func (r *rows) Header() (header []string, err error) {
	defer r.damage(&err)
	if err := r.checkFooter(); err != nil {
		return nil, err
	}
	r.file, err = parquet.OpenFile(r.in, r.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	for _, column := range r.file.Root().Columns() {
		if !column.Leaf() || column.Repeated() {
			return nil, malformed(fmt.Sprintf("column %q holds lists or nested columns", column.Name()), "write a flat table, one value per column and row")
		}
		header = append(header, column.Name())
		r.formats = append(r.formats, formatOf(column.Type()))
	}
	if len(header) == 0 {
		return nil, malformed("the file has no columns", "export it again with its columns")
	}
	r.batch = make([]parquet.Row, batchRows)
	return header, nil
}

// checkFooter looks at the two marks and the footer's length before the library does: it
// would allocate whatever length a damaged footer names.
func (r *rows) checkFooter() error {
	const smallest = 12
	if r.size == 0 {
		return malformed("the file is empty", "export it again with its rows")
	}
	var head, tail [8]byte
	if r.size < smallest {
		return malformed("the file is too short to be Parquet", "export it again")
	}
	if _, err := r.in.ReadAt(head[:4], 0); err != nil {
		return err
	}
	if _, err := r.in.ReadAt(tail[:], r.size-8); err != nil {
		return err
	}
	switch {
	case string(head[:4]) == "PARE" || string(tail[4:]) == "PARE":
		return malformed("the Parquet file is encrypted", "export it without encryption")
	case string(head[:4]) != "PAR1":
		return malformed("the file is not Parquet", "give CSV files the ending .csv, or export it as Parquet")
	case string(tail[4:]) != "PAR1":
		return malformed("the Parquet file is cut short: its footer is missing", "copy or export it again")
	case int64(binary.LittleEndian.Uint32(tail[:4])) > r.size-smallest:
		return malformed("the Parquet file is damaged: its footer is longer than the file", "copy or export it again")
	}
	return r.checkDescription(int64(binary.LittleEndian.Uint32(tail[:4])))
}

func malformed(reason, fix string) error {
	return &exposure.Malformed{Line: 1, Reason: reason, Fix: fix, Stop: true}
}

// damage turns errors and panics of the Parquet library on damaged files into a
// fault of the file, and lets errors of the medium pass.
func (r *rows) damage(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%v", p)
	}
	var bad *exposure.Malformed
	switch {
	case r.in.err != nil:
		*err = r.in.err
	case *err == nil, *err == io.EOF && r.file != nil: //nolint:errorlint // our own end, unwrapped; the library wraps its own
	case errors.As(*err, &bad):
	default:
		*err = &exposure.Malformed{Line: r.done + 1, Reason: "the Parquet file is damaged: " + (*err).Error(), Fix: "copy or export it again", Stop: true}
	}
}

// Next is the next row as text.
func (r *rows) Next() (line int, fields []string, err error) {
	defer r.damage(&err)
	for len(r.pending) == 0 {
		if err := r.fill(); err != nil {
			return r.done + 1, nil, err
		}
	}
	row := r.pending[0]
	r.pending = r.pending[1:]
	r.done++
	fields, err = r.cut(row)
	return r.done, fields, err
}

// fill decodes the next batch of rows, from the next row group where one ends.
func (r *rows) fill() error {
	if r.reader == nil {
		groups := r.file.RowGroups()
		if r.group == len(groups) {
			return r.end()
		}
		if err := r.checkGroup(r.group); err != nil {
			return err
		}
		r.reader = groups[r.group].Rows()
		r.group++
	}
	n, err := r.reader.ReadRows(r.batch)
	r.pending = r.batch[:n]
	switch {
	case err == nil && n == 0:
		return errors.New("a row group ends early")
	case errors.Is(err, io.EOF):
		err = r.reader.Close()
		r.reader = nil
	}
	return err
}

// end is io.EOF if all rows that the footer promises were there.
func (r *rows) end() error {
	if int64(r.done) != r.file.NumRows() {
		return fmt.Errorf("it holds %d rows, its footer promises %d", r.done, r.file.NumRows())
	}
	return io.EOF
}

// cut makes the row's fields; all share one allocation.
func (r *rows) cut(row parquet.Row) ([]string, error) {
	if len(row) != len(r.formats) {
		return nil, fmt.Errorf("a row has %d values for %d columns", len(row), len(r.formats))
	}
	r.text, r.ends, r.fields = r.text[:0], r.ends[:0], r.fields[:0]
	for i, v := range row {
		if v.Column() != i {
			return nil, fmt.Errorf("a row has no value for column %d", i+1)
		}
		if err := checkText(i+1, v); err != nil {
			return nil, err
		}
		if !v.IsNull() {
			r.text = r.formats[i](r.text, v)
		}
		r.ends = append(r.ends, len(r.text))
	}
	all, start := string(r.text), 0
	for i, end := range r.ends {
		if !utf8.ValidString(all[start:end]) {
			return nil, &exposure.Malformed{Line: r.done, Value: strings.ToValidUTF8(all[start:end], "\uFFFD"),
				Reason: fmt.Sprintf("the text of column %d is not UTF-8", i+1), Fix: "write text columns in UTF-8"}
		}
		r.fields = append(r.fields, all[start:end])
		start = end
	}
	return r.fields, nil
}
