// Package parquet writes a results.Table as an Apache Parquet file: ORD's types (int32,
// float32), zstd, the same bytes for the same table and library version. It reads such a file again, by columns and parts;
// files of others are not for it.
//
// Parquet is kept out of engine/results because the library links much else; digests are
// made there and do not depend on this package. Begin with Write, then Open.
package parquet

import (
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine/results"
)

// rowGroupRows is after how many rows a row group is closed; it bounds the memory of a writer.
const rowGroupRows = 1 << 18

// Write writes a table. All columns are required (not nullable), Float32 columns rounded to
// float32, strings UTF-8; column order is the table's. The values go in column by
// column: by rows takes four times as long.
func Write(w io.Writer, t results.Table) error {
	pw := parquet.NewGenericWriter[any](w, schema(t),
		parquet.Compression(&parquet.Zstd),
		parquet.CreatedBy("qrsd", "1", "")) // else it names the build
	if err := writeGroups(pw, t); err != nil {
		return fmt.Errorf("writing %s as Parquet: %w", t.Name, err)
	}
	if err := pw.Close(); err != nil {
		return fmt.Errorf("writing %s as Parquet: %w", t.Name, err)
	}
	return nil
}

func writeGroups(pw *parquet.GenericWriter[any], t results.Table) error {
	var values []parquet.Value
	rows := 0
	for g := range t.Groups() {
		for i, c := range pw.ColumnWriters() {
			values = appendValues(values[:0], t.Columns[i].Type, &g.Columns[i])
			if _, err := c.WriteRowValues(values); err != nil {
				return err
			}
		}
		if rows += g.Rows; rows >= rowGroupRows {
			if err := pw.Flush(); err != nil {
				return err
			}
			rows = 0
		}
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

// appendValues appends the values of one column of a group.
func appendValues(values []parquet.Value, t results.Type, c *results.Values) []parquet.Value {
	for _, x := range c.Int {
		values = append(values, parquet.Int32Value(x))
	}
	for _, x := range c.Float {
		if t == results.Float32 {
			values = append(values, parquet.FloatValue(float32(x)))
		} else {
			values = append(values, parquet.DoubleValue(x))
		}
	}
	for _, x := range c.String {
		values = append(values, parquet.ByteArrayValue([]byte(x)))
	}
	return values
}
