package parquet

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine/results"
)

// File is a table that Write wrote, open to be read. It is not safe for use by several goroutines.
type File struct {
	Name    string
	Columns []results.Column
	Rows    int64
	file    *parquet.File
}

// Open opens a table's file. An error says what in it is not as Write leaves it.
func Open(from io.ReaderAt, size int64) (*File, error) {
	file, err := parquet.OpenFile(from, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, fmt.Errorf("opening a table: %w", err)
	}
	f := &File{Name: file.Schema().Name(), Rows: file.NumRows(), file: file}
	for _, c := range file.Schema().Fields() {
		kind, ok := typeOf(c)
		if !ok {
			return nil, fmt.Errorf("opening table %s: column %s is of no type that a table has", f.Name, c.Name())
		}
		f.Columns = append(f.Columns, results.Column{Name: c.Name(), Type: kind})
	}
	return f, nil
}

// typeOf is a column's type; false: no table has it.
func typeOf(c parquet.Field) (results.Type, bool) {
	if !c.Leaf() || !c.Required() {
		return 0, false
	}
	switch c.Type().Kind() {
	case parquet.Int32:
		return results.Int32, true
	case parquet.Float:
		return results.Float32, true
	case parquet.Double:
		return results.Float64, true
	case parquet.ByteArray:
		return results.String, true
	}
	return 0, false
}

// groupRows is how many rows a group has at most.
const groupRows = 1 << 14

// Groups reads up to count rows from a row on, of the named columns in their order. The group is reused: use it before asking for the
// next. After an error there is no more. It panics where there is no such column.
func (f *File) Groups(first, count int64, names ...string) iter.Seq2[*results.Group, error] {
	at := make([]int, len(names))
	for i, name := range names {
		if at[i] = slices.IndexFunc(f.Columns, func(c results.Column) bool { return c.Name == name }); at[i] < 0 {
			panic("parquet: table " + f.Name + " has no column " + name)
		}
	}
	return func(yield func(*results.Group, error) bool) {
		g := &results.Group{Columns: make([]results.Values, len(names))}
		begin := int64(0) // of the row group
		for _, part := range f.file.RowGroups() {
			end := begin + part.NumRows()
			from, to := max(first, begin), min(first+count, end)
			if from < to && !f.part(part, at, from-begin, to-begin, g, yield) {
				return
			}
			begin = end
		}
	}
}

// part reads rows of one row group; false: it is the end.
func (f *File) part(part parquet.RowGroup, at []int, from, to int64, g *results.Group, yield func(*results.Group, error) bool) bool {
	columns, err := f.openColumns(part, at, from)
	defer func() {
		for _, c := range columns {
			c.close()
		}
	}()
	for ; err == nil && from < to; from += groupRows {
		g.Rows = int(min(groupRows, to-from))
		for i, c := range columns {
			if err = c.take(g.Rows, &g.Columns[i]); err != nil {
				break
			}
		}
		if err == nil && !yield(g, nil) {
			return false
		}
	}
	if err != nil {
		yield(nil, fmt.Errorf("reading table %s: %w", f.Name, err))
		return false
	}
	return true
}

func (f *File) openColumns(part parquet.RowGroup, at []int, from int64) (columns []*column, err error) {
	chunks := part.ColumnChunks()
	for _, i := range at {
		c := &column{kind: f.Columns[i].Type, pages: chunks[i].Pages()}
		columns = append(columns, c)
		if err := c.pages.SeekToRow(from); err != nil {
			return columns, err
		}
	}
	return columns, nil
}

// column reads one column of a row group, page by page.
type column struct {
	kind   results.Type
	pages  parquet.Pages
	page   parquet.Page // nil: none is at hand
	values parquet.ValueReader
	left   int64 // rows of the page
	room   []parquet.Value
}

func (c *column) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	_ = c.pages.Close() // reading has no end that could fail
}

// take fills into with the next n values.
func (c *column) take(n int, into *results.Values) error {
	into.Int, into.Float, into.String = into.Int[:0], into.Float[:0], into.String[:0]
	for n > 0 {
		if c.left == 0 {
			if err := c.next(); err != nil {
				return err
			}
			continue
		}
		if got := c.taken(int64(n), into); got > 0 {
			n, c.left = n-int(got), c.left-got
			continue
		}
		want := min(n, int(c.left))
		c.room = slices.Grow(c.room[:0], want)[:want]
		got, err := c.values.ReadValues(c.room)
		if err != nil && !errors.Is(err, io.EOF) || got == 0 {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		c.add(c.room[:got], into)
		n, c.left = n-got, c.left-int64(got)
	}
	return nil
}

// next goes to the next page.
func (c *column) next() error {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	page, err := c.pages.ReadPage()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	c.page, c.values, c.left = page, page.Values(), page.NumRows()
	return nil
}

// taken appends up to n numbers of a page that holds them as they are, all at once; 0: this one does not.
func (c *column) taken(n int64, into *results.Values) int64 {
	if c.page.Dictionary() != nil || c.kind == results.String {
		return 0
	}
	at := c.page.NumRows() - c.left
	n = min(n, c.left)
	switch data := c.page.Data(); c.kind {
	case results.Int32:
		into.Int = append(into.Int, data.Int32()[at:at+n]...)
	case results.Float32:
		for _, x := range data.Float()[at : at+n] {
			into.Float = append(into.Float, float64(x))
		}
	case results.Float64:
		into.Float = append(into.Float, data.Double()[at:at+n]...)
	}
	return n
}

func (c *column) add(values []parquet.Value, into *results.Values) {
	switch c.kind {
	case results.Int32:
		for _, v := range values {
			into.Int = append(into.Int, v.Int32())
		}
	case results.Float32:
		for _, v := range values {
			into.Float = append(into.Float, float64(v.Float()))
		}
	case results.Float64:
		for _, v := range values {
			into.Float = append(into.Float, v.Double())
		}
	default:
		for _, v := range values {
			into.String = append(into.String, string(v.ByteArray()))
		}
	}
}

// Table is the file as a table whose rows are read when they are asked for. The error is that of the last reading of them, which ended
// there.
func (f *File) Table() (t results.Table, failed func() error) {
	var last error
	names := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i] = c.Name
	}
	return results.Streamed(f.Name, f.Columns, func(yield func(*results.Group) bool) {
		last = nil
		for g, err := range f.Groups(0, f.Rows, names...) {
			if err != nil {
				last = err
				return
			}
			if !yield(g) {
				return
			}
		}
	}), func() error { return last }
}
