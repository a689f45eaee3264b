package results

import (
	"fmt"
	"iter"
)

// Type is the type of a column.
type Type uint8

// The column types. Float32 columns hold float64 values that files round to float32.
const (
	Int32 Type = iota + 1
	Float32
	Float64
	String
)

// String is the type's name, part of the digest.
func (t Type) String() string {
	return [...]string{"", "int32", "float32", "float64", "string"}[t]
}

// Column is the name and type of a column.
type Column struct {
	Name string
	Type Type
}

// Table is a named table whose rows are made on demand. Its rows have a fixed order,
// the same for the same results.
type Table struct {
	Name    string
	Columns []Column
	fill    func(yield func(*Group) bool, g *Group)
}

// Group is a run of rows, column by column. It is reused: use it before asking for the next.
type Group struct {
	Rows    int
	Columns []Values
}

// Values are one column of a group: one of the slices, of Group.Rows values, is used.
// Float holds Float32 and Float64 columns.
type Values struct {
	Int    []int32
	Float  []float64
	String []string
}

// groupRows is about how many rows a group has.
const groupRows = 1 << 14

// Groups are the rows in order. They can be run through more than once.
func (t Table) Groups() iter.Seq[*Group] {
	return func(yield func(*Group) bool) {
		t.fill(yield, &Group{Columns: make([]Values, len(t.Columns))})
	}
}

// reset empties the group and keeps its memory.
func (g *Group) reset() {
	g.Rows = 0
	for i := range g.Columns {
		c := &g.Columns[i]
		c.Int, c.Float, c.String = c.Int[:0], c.Float[:0], c.String[:0]
	}
}

// add appends a row: an int32, float64 or string for each column.
func (g *Group) add(values ...any) {
	if len(values) != len(g.Columns) {
		panic(fmt.Sprintf("results: a row of %d values for %d columns", len(values), len(g.Columns)))
	}
	for i, v := range values {
		c := &g.Columns[i]
		switch v := v.(type) {
		case int32:
			c.Int = append(c.Int, v)
		case float64:
			c.Float = append(c.Float, v)
		case string:
			c.String = append(c.String, v)
		default:
			panic(fmt.Sprintf("results: a %T is no column value", v))
		}
	}
	g.Rows++
}

// New is a table of rows in memory, each an int32, float64 or string for each column as
// its type says. It panics when a row does not fit.
func New(name string, columns []Column, rows [][]any) Table {
	t := Table{Name: name, Columns: columns}
	t.fill = func(yield func(*Group) bool, g *Group) {
		for _, r := range rows {
			g.add(r...)
			if g.Rows == groupRows {
				if !yield(g) {
					return
				}
				g.reset()
			}
		}
		if g.Rows > 0 {
			yield(g)
		}
	}
	for i, r := range rows {
		for k, v := range r {
			if k >= len(columns) || !fits(v, columns[k].Type) {
				panic(fmt.Sprintf("results: table %s row %d: %v does not fit its column", name, i, v))
			}
		}
	}
	return t
}

// Streamed is a table whose rows come from groups, each with the columns' values as their types say.
func Streamed(name string, columns []Column, groups iter.Seq[*Group]) Table {
	return Table{Name: name, Columns: columns, fill: func(yield func(*Group) bool, _ *Group) { groups(yield) }}
}

func fits(v any, t Type) bool {
	switch v.(type) {
	case int32:
		return t == Int32
	case float64:
		return t == Float32 || t == Float64
	case string:
		return t == String
	}
	return false
}
