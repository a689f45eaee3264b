// Package parquet writes a results.Table as an Apache Parquet file: ORD's types (int32,
// float32), zstd, the same bytes for the same table and library version.
//
// Parquet is kept out of engine/results because the library links much else; digests are
// made there and do not depend on this package. Begin with Write.
package parquet

import (
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine/results"
)

// rowGroupRows bounds the memory of a writer.
const rowGroupRows = 1 << 18

// Write writes a table. All columns are required (not nullable), Float32 columns rounded to
// float32, strings UTF-8; column order is the table's.
func Write(w io.Writer, t results.Table) error {
	pw := parquet.NewWriter(w, schema(t),
		parquet.Compression(&parquet.Zstd),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.CreatedBy("qrsd", "1", "")) // else it names the build
	var rows []parquet.Row
	for g := range t.Groups() {
		rows = rowsOf(rows[:0], t.Columns, g)
		if _, err := pw.WriteRows(rows); err != nil {
			return fmt.Errorf("writing %s as Parquet: %w", t.Name, err)
		}
	}
	if err := pw.Close(); err != nil {
		return fmt.Errorf("writing %s as Parquet: %w", t.Name, err)
	}
	return nil
}

// schema is built from a struct type, because a parquet.Group sorts its columns by name.
func schema(t results.Table) *parquet.Schema {
	fields := make([]reflect.StructField, len(t.Columns))
	for i, c := range t.Columns {
		fields[i] = reflect.StructField{
			Name: fmt.Sprintf("Column%d", i),
			Type: map[results.Type]reflect.Type{results.Int32: reflect.TypeFor[int32](), results.Float32: reflect.TypeFor[float32](),
				results.Float64: reflect.TypeFor[float64](), results.String: reflect.TypeFor[string]()}[c.Type],
			Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", c.Name)),
		}
	}
	row := reflect.New(reflect.StructOf(fields)).Interface()
	return parquet.NewSchema(t.Name, parquet.SchemaOf(row))
}

// rowsOf appends the rows of a group; values of strings are not copied.
func rowsOf(rows []parquet.Row, columns []results.Column, g *results.Group) []parquet.Row {
	values := make([]parquet.Value, 0, g.Rows*len(columns))
	for r := range g.Rows {
		for i := range columns {
			values = append(values, valueOf(columns[i].Type, &g.Columns[i], r).Level(0, 0, i))
		}
		rows = append(rows, values[r*len(columns):])
	}
	return rows
}

func valueOf(t results.Type, c *results.Values, row int) parquet.Value {
	switch t {
	case results.Int32:
		return parquet.Int32Value(c.Int[row])
	case results.Float32:
		return parquet.FloatValue(float32(c.Float[row]))
	case results.Float64:
		return parquet.DoubleValue(c.Float[row])
	}
	return parquet.ByteArrayValue([]byte(c.String[row]))
}
