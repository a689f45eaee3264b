package figures

import (
	"fmt"
	"io"

	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/excel"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Page gives rows of a table from a place on.
func (*Reader) Page(r *web.KeptRun, table string, from int64, limit int) (out wire.TablePage, err error) {
	f, err := open(r, table)
	if err != nil {
		return out, err
	}
	out = wire.TablePage{Run: r.ID, Table: table, Total: f.Rows, Rows: [][]any{}, NextCursor: web.NextPlace(from+int64(limit), f.Rows)}
	var names []string
	for _, c := range f.Columns {
		names = append(names, c.Name)
		out.Columns = append(out.Columns, wire.TableColumn{Name: c.Name, Type: c.Type.String()})
	}
	for g, err := range f.Groups(from, int64(limit), names...) {
		if err != nil {
			return out, err
		}
		for i := range g.Rows {
			out.Rows = append(out.Rows, row(f.Columns, g, i))
		}
	}
	return out, nil
}

// row is one row as JSON has it; a float32 with the digits that it has.
func row(columns []results.Column, g *results.Group, i int) []any {
	values := make([]any, len(columns))
	for k, c := range columns {
		switch v := &g.Columns[k]; c.Type {
		case results.Int32:
			values[k] = v.Int[i]
		case results.Float32:
			values[k] = float32(v.Float[i])
		case results.Float64:
			values[k] = v.Float[i]
		default:
			values[k] = v.String[i]
		}
	}
	return values
}

// workbookCells is how many cells a workbook has at most: what the library holds in memory (16 MiB of a sheet). Of larger ones
// it would write the sheet into a temporary file, in plain text.
const workbookCells = 150_000

// Workbook writes a table as an Excel workbook. *store.InvalidError: it is too large for one; CSV and Parquet take all.
func (*Reader) Workbook(w io.Writer, r *web.KeptRun, table string) error {
	f, err := open(r, table)
	if err != nil {
		return err
	}
	if cells := f.Rows * int64(len(f.Columns)); cells > workbookCells {
		return store.Invalid("format", "a workbook holds %d cells, the table has %d; take csv or parquet", workbookCells, cells)
	}
	t, failed := f.Table()
	facts := []excel.Fact{
		{Name: "Run", Value: r.ID}, {Name: "Years", Value: fmt.Sprint(r.Years)}, {Name: "Draws of damage an event", Value: fmt.Sprint(r.Samples)},
		{Name: "Currency", Value: r.Currency}, {Name: "Perspectives", Value: "gu_ ground-up, gr_ gross"},
	}
	if err := excel.Write(w, facts, []results.Table{t}); err != nil {
		return err
	}
	return failed()
}
