package parquet_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/parquet"
)

// table has every type of column and more rows than a row group of the file holds.
func table(rows int) results.Table {
	all := make([][]any, rows)
	for i := range all {
		all[i] = []any{int32(i), float64(float32(i) / 7), float64(i) / 7, fmt.Sprint("row ", i)}
	}
	return results.New("numbered", []results.Column{{Name: "Number", Type: results.Int32}, {Name: "Seventh", Type: results.Float32}, {Name: "Exact", Type: results.Float64}, {Name: "Text", Type: results.String}}, all)
}

func written(t testing.TB, of results.Table) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := parquet.Write(&out, of); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func opened(t testing.TB, content []byte) *parquet.File {
	t.Helper()
	f, err := parquet.Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestReadsWhatItWrote: the table of a file has the digest of the table that was written.
func TestReadsWhatItWrote(t *testing.T) {
	for _, rows := range []int{0, 1, 1 << 14, 300_001} {
		want := table(rows)
		f := opened(t, written(t, want))
		got, failed := f.Table()
		if results.Digest(got) != results.Digest(want) || failed() != nil || f.Rows != int64(rows) {
			t.Errorf("%d rows: read as %d of another content, %v", rows, f.Rows, failed())
		}
	}
}

// TestReadsParts: any part of any columns is that part, across groups of rows.
func TestReadsParts(t *testing.T) {
	const rows = 300_000
	f := opened(t, written(t, table(rows)))
	for _, c := range []struct{ first, count, want int64 }{
		{0, 10, 10}, {16_380, 10, 10}, {262_140, 10, 10}, {262_144, 20_000, 20_000}, {rows - 3, 100, 3}, {rows, 5, 0}, {rows + 5, 5, 0}, {5, 0, 0},
	} {
		at := c.first
		for g, err := range f.Groups(c.first, c.count, "Text", "Number") {
			if err != nil {
				t.Fatal(err)
			}
			for i := range g.Rows {
				if g.Columns[1].Int[i] != int32(at) || g.Columns[0].String[i] != fmt.Sprint("row ", at) {
					t.Fatalf("row %d of the part from %d is %d, %q", at, c.first, g.Columns[1].Int[i], g.Columns[0].String[i])
				}
				at++
			}
		}
		if at-c.first != c.want {
			t.Errorf("%d rows from %d: got %d, want %d", c.count, c.first, at-c.first, c.want)
		}
	}
}

// TestDamagedIsTold: a file that was cut or changed is an error at opening or reading, and never other rows without one; blobs are
// authenticated before anything is read of them, so that this is the second line.
func TestDamagedIsTold(t *testing.T) {
	whole := written(t, table(1000))
	for _, length := range []int{0, 3, 4, 12, len(whole) / 2, len(whole) - 1} {
		if _, err := parquet.Open(bytes.NewReader(whole[:length]), int64(length)); err == nil {
			t.Errorf("%d bytes of %d are opened as a table", length, len(whole))
		}
	}
}

// BenchmarkScan reads three columns of a table of a million rows.
func BenchmarkScan(b *testing.B) {
	f := opened(b, written(b, table(1_000_000)))
	for b.Loop() {
		for _, err := range f.Groups(0, f.Rows, "Number", "Seventh", "Exact") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
