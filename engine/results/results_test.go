package results_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	goparquet "github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/parquet"
)

var update = flag.Bool("update", false, "write the golden files")

// small is a table that can be checked by hand: 4 years, 3 events.
func small(samples int) *loss.Table {
	t := &loss.Table{
		Years: 4, Samples: samples,
		Summaries: []loss.Summary{
			{Level: loss.ByPortfolio, Name: "All locations", TIV: 1_234_567.89},
			{Level: loss.ByCounty, Key: "12086", Name: `Miami-Dade, "305"`, TIV: 1e6},
		},
		Events: []loss.Event{{ID: 11, Year: 1, Month: 8, Day: 24, Hour: 9, Minute: 5}, {ID: 12, Year: 1, Month: 9, Day: 10}, {ID: 40, Year: 3, Month: 10, Day: 31, Hour: 23, Minute: 59}},
	}
	loses := [][2]float64{{1000.1, 500}, {0, 0}, {20_000_001, 30_000_000}, {10_000_000, 0}}
	for i, rows := range [][2]uint32{{0, 0}, {1, 0}, {2, 0}, {2, 1}} {
		t.RowEvent = append(t.RowEvent, rows[0])
		t.RowSummary = append(t.RowSummary, uint16(rows[1]))
		t.Footprint = append(t.Footprint, 250_000*float64(i+1))
		for s := range t.Width() {
			x := loses[i][s]
			t.Loss[loss.GroundUp] = append(t.Loss[loss.GroundUp], x)
			t.Loss[loss.Gross] = append(t.Loss[loss.Gross], max(0, x-900))
			t.Impacted = append(t.Impacted, min(x, 240_000))
		}
	}
	t.ZIPs = []loss.Moments{{Summary: loss.Summary{Level: loss.ByZIP, Key: "33139", Name: "33139", TIV: 5}, Sum: [2]float64{80, 40}, SumSquares: [2]float64{1000, 300}}}
	t.Accounts = []loss.Moments{{Summary: loss.Summary{Level: loss.ByAccount, Key: "P1/A1", Name: "P1/A1", TIV: 6}}}
	return t
}

func tables(t *testing.T, table *loss.Table) []results.Table {
	t.Helper()
	r, err := metrics.Summarise(table, metrics.Options{ReturnPeriods: []float64{1, 2, 3, 4, 250}})
	if err != nil {
		t.Fatal(err)
	}
	return results.Tables(table, r)
}

func asCSV(t *testing.T, table results.Table) string {
	t.Helper()
	var b bytes.Buffer
	if err := results.WriteCSV(&b, table); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The golden files are a promise to readers of our files. Do not change these to fix a build.
func TestGolden(t *testing.T) {
	for dir, samples := range map[string]int{"samples": 2, "mean": 0} {
		names := map[string]bool{}
		for _, table := range tables(t, small(samples)) {
			names[table.Name] = true
			path := filepath.Join("testdata", dir, table.Name+".csv")
			got := asCSV(t, table)
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s:\n%s\nwant\n%s", path, got, want)
			}
		}
		if len(names) != 17 {
			t.Errorf("%d tables, want 17 of different names", len(names))
		}
	}
}

// The columns of ORD as the reference implementation writes them, in order.
func TestColumnsOfORD(t *testing.T) {
	const date = "Period int32, PeriodWeight float32, EventId int32, Year int32, Month int32, Day int32, Hour int32, Minute int32, SummaryId int32, "
	const moments = "ChanceOfLoss float32, MeanLoss float32, SDLoss float32, MaxLoss float32, FootprintExposure float32, MeanImpactedExposure float32, MaxImpactedExposure float32"
	want := map[string]string{
		"selt": "EventId int32, SummaryId int32, SampleId int32, Loss float32, ImpactedExposure float32",
		"splt": date + "SampleId int32, Loss float32, ImpactedExposure float32",
		"melt": "EventId int32, SummaryId int32, SampleType int32, EventRate float32, " + moments,
		"mplt": date + "SampleType int32, " + moments,
		"ept":  "SummaryId int32, EPCalc int32, EPType int32, ReturnPeriod float32, Loss float32",
		"palt": "SummaryId int32, SampleType int32, MeanLoss float32, SDLoss float32",
	}
	seen := 0
	for _, table := range tables(t, small(2)) {
		_, kind, _ := strings.Cut(table.Name, "_")
		w, ok := want[kind]
		if !ok {
			continue
		}
		seen++
		var got []string
		for _, c := range table.Columns {
			got = append(got, c.Name+" "+c.Type.String())
		}
		if s := strings.Join(got, ", "); s != w {
			t.Errorf("%s: %s, want %s", table.Name, s, w)
		}
	}
	if seen != 2*len(want) {
		t.Errorf("%d ORD tables, want %d", seen, 2*len(want))
	}
}

// large is a table of more rows than a group, and than a Parquet row group in SELT.
func large() *loss.Table {
	const events = 30_000
	t := &loss.Table{Years: events, Samples: 10, Summaries: []loss.Summary{{}}}
	for i := range events {
		t.Events = append(t.Events, loss.Event{ID: int32(i), Year: int32(i) + 1})
		t.RowEvent = append(t.RowEvent, uint32(i))
		t.RowSummary = append(t.RowSummary, 0)
		t.Footprint = append(t.Footprint, 1)
		for s := range 10 {
			x := float64((i*7919+s*104729)%1000) * 1.1
			t.Impacted = append(t.Impacted, 1)
			t.Loss[0] = append(t.Loss[0], x)
			t.Loss[1] = append(t.Loss[1], x/2)
		}
	}
	return t
}

// Parquet read back by the library equals the CSV, value for value and in order.
func TestParquetEqualsCSV(t *testing.T) {
	for _, source := range []*loss.Table{small(2), small(0), large()} {
		for _, table := range tables(t, source) {
			if source.Years > 4 && table.Name != "gu_selt" && table.Name != "gr_mplt" {
				continue
			}
			var b, again bytes.Buffer
			if err := parquet.Write(&b, table); err != nil {
				t.Fatal(err)
			}
			if err := parquet.Write(&again, table); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
				t.Errorf("%s: written twice, the files differ (%v)", table.Name, err)
			}
			f, err := goparquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatal(err)
			}
			lines, err := csv.NewReader(strings.NewReader(asCSV(t, table))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if f.Schema().Name() != table.Name {
				t.Errorf("schema %q, want %q", f.Schema().Name(), table.Name)
			}
			for i, c := range f.Schema().Columns() {
				if c[0] != lines[0][i] {
					t.Errorf("%s: Parquet column %d is %s, in CSV %s", table.Name, i, c[0], lines[0][i])
				}
			}
			if f.NumRows() != int64(len(lines)-1) {
				t.Fatalf("%s: %d rows in Parquet, %d in CSV", table.Name, f.NumRows(), len(lines)-1)
			}
			compare(t, table, f, lines[1:])
		}
	}
}

func compare(t *testing.T, table results.Table, f *goparquet.File, lines [][]string) {
	t.Helper()
	at := 0
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buffer := make([]goparquet.Row, 100)
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				for i, v := range row {
					if got := text(table.Columns[i].Type, v); got != lines[at][i] {
						t.Fatalf("%s row %d column %s: Parquet %s, CSV %s", table.Name, at, table.Columns[i].Name, got, lines[at][i])
					}
				}
				at++
			}
			if err != nil {
				break
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if at != len(lines) {
		t.Fatalf("%s: read %d rows of %d", table.Name, at, len(lines))
	}
}

func text(kind results.Type, v goparquet.Value) string {
	switch {
	case kind == results.Int32 && v.Kind() == goparquet.Int32:
		return strconv.Itoa(int(v.Int32()))
	case kind == results.Float32 && v.Kind() == goparquet.Float:
		return strconv.FormatFloat(float64(v.Float()), 'f', -1, 32)
	case kind == results.Float64 && v.Kind() == goparquet.Double:
		return strconv.FormatFloat(v.Double(), 'f', -1, 64)
	case kind == results.String && v.Kind() == goparquet.ByteArray:
		return string(v.ByteArray())
	}
	return "Parquet type " + v.Kind().String()
}

func digests(t *testing.T, table *loss.Table) map[string][32]byte {
	d := map[string][32]byte{}
	for _, x := range tables(t, table) {
		d[x.Name] = results.Digest(x)
	}
	return d
}

// One bit of one loss, below what float32 shows, must reach the digest; the order of
// work must not.
func TestDigest(t *testing.T) {
	base := digests(t, small(2))
	if !reflect.DeepEqual(base, digests(t, small(2))) {
		t.Error("the digests of the same table differ")
	}
	changed := func(spoil func(*loss.Table)) (names []string) {
		table := small(2)
		spoil(table)
		for name, d := range digests(t, table) {
			if d != base[name] {
				names = append(names, name)
			}
		}
		return names
	}
	bit := func(x *float64) { *x = math.Float64frombits(math.Float64bits(*x) ^ 1) }
	for what, c := range map[string]struct {
		spoil func(*loss.Table)
		in    []string
	}{
		"a bit of a loss":      {func(t *loss.Table) { bit(&t.Loss[loss.Gross][0]) }, []string{"gr_selt", "gr_splt", "gr_melt", "gr_mplt"}},
		"a bit of an exposure": {func(t *loss.Table) { bit(&t.Impacted[0]) }, []string{"gu_selt", "gu_splt", "gu_melt", "gu_mplt", "gr_melt"}},
		"a footprint":          {func(t *loss.Table) { bit(&t.Footprint[0]) }, []string{"gu_melt", "gr_mplt"}},
		"an event's minute":    {func(t *loss.Table) { t.Events[0].Minute++ }, []string{"gu_splt", "gu_mplt"}},
		"an event's id":        {func(t *loss.Table) { t.Events[0].ID++ }, []string{"gu_selt", "gu_melt"}},
		"a key":                {func(t *loss.Table) { t.Summaries[0].Key = "x" }, []string{"summary-info"}},
		"a ZIP's moments":      {func(t *loss.Table) { bit(&t.ZIPs[0].Sum[0]) }, []string{"gu_palt", "gu_aal"}},
		"a loss of 4 years":    {func(t *loss.Table) { bit(&t.Loss[loss.GroundUp][4]) }, []string{"gu_ept", "gu_bands", "gu_palt", "gu_aal"}},
	} {
		names := strings.Join(changed(c.spoil), " ")
		for _, want := range c.in {
			if !strings.Contains(names, want) {
				t.Errorf("%s: the digest of %s stays the same (changed: %s)", what, want, names)
			}
		}
		if names == "" || strings.Count(names, " ") == 16 {
			t.Errorf("%s: changed %q", what, names)
		}
	}
}

// The digest separates what lies next to each other and covers the header.
func TestDigestForm(t *testing.T) {
	two := []results.Column{{Name: "a", Type: results.String}, {Name: "b", Type: results.String}}
	seen := map[[32]byte]string{}
	for what, table := range map[string]results.Table{
		"base":         results.New("t", two, [][]any{{"xy", "z"}}),
		"moved text":   results.New("t", two, [][]any{{"x", "yz"}}),
		"other name":   results.New("u", two, [][]any{{"xy", "z"}}),
		"other column": results.New("t", []results.Column{{Name: "a", Type: results.String}, {Name: "c", Type: results.String}}, [][]any{{"xy", "z"}}),
		"two rows":     results.New("t", two, [][]any{{"xy", "z"}, {"", ""}}),
		"swapped":      results.New("t", two, [][]any{{"", ""}, {"xy", "z"}}),
		"no rows":      results.New("t", two, nil),
		"float32":      results.New("t", []results.Column{{Name: "a", Type: results.Float32}}, [][]any{{1.0}}),
		"float64":      results.New("t", []results.Column{{Name: "a", Type: results.Float64}}, [][]any{{1.0}}),
		"minus zero":   results.New("t", []results.Column{{Name: "a", Type: results.Float64}}, [][]any{{math.Copysign(0, -1)}}),
		"zero":         results.New("t", []results.Column{{Name: "a", Type: results.Float64}}, [][]any{{0.0}}),
	} {
		d := results.Digest(table)
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s have the same digest", what, other)
		}
		seen[d] = what
	}
	// Pinned: seals out in the world name digests of this form. Do not change this to fix a build.
	const want = "f777a8f174a7bc5bc48cc0402af9a5f252ea9e614e72ba76bccabc4e3c8d8cfd"
	if got := hex(results.Digest(results.New("t", append(two, results.Column{Name: "n", Type: results.Int32}, results.Column{Name: "x", Type: results.Float32}),
		[][]any{{"xy", "", int32(-7), 1.1}}))); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func hex(d [32]byte) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, x := range d {
		b.WriteByte(digits[x>>4])
		b.WriteByte(digits[x&15])
	}
	return b.String()
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.room -= len(b); d.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	for _, table := range tables(t, large()) {
		if table.Name == "gu_splt" || strings.HasPrefix(table.Name, "gr_") {
			continue
		}
		for name, write := range map[string]func(d *fullDisk) error{
			"CSV":     func(d *fullDisk) error { return results.WriteCSV(d, table) },
			"Parquet": func(d *fullDisk) error { return parquet.Write(d, table) },
		} {
			err := write(&fullDisk{room: 20})
			if !errors.Is(err, errFull) || !strings.Contains(err.Error(), table.Name) {
				t.Errorf("%s of %s on a full disk: %v", name, table.Name, err)
			}
		}
	}
}

func BenchmarkSELT(b *testing.B) {
	table := large()
	r, err := metrics.Summarise(table, metrics.Options{})
	if err != nil {
		b.Fatal(err)
	}
	selt := results.Tables(table, r)[1]
	for name, f := range map[string]func(){
		"Digest":  func() { results.Digest(selt) },
		"CSV":     func() { _ = results.WriteCSV(&fullDisk{1 << 40}, selt) },
		"Parquet": func() { _ = parquet.Write(&fullDisk{1 << 40}, selt) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300_000, "ns/row")
		})
	}
}
