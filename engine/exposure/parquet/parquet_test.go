package parquet_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	parquetgo "github.com/parquet-go/parquet-go"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/exposure/parquet"
)

// location is a location file with a column of every kind that writers choose.
type location struct {
	PortNumber       string
	AccNumber        int64
	LocNumber        int32 `parquet:",optional"`
	CountryCode      string
	LocPerilsCovered string
	LocCurrency      string
	PostalCode       uint32
	Latitude         float64
	Longitude        float64
	BuildingTIV      *float64
	ContentsTIV      float32
	BITIV            int64   `parquet:",decimal(2:18)"`
	OtherTIV         [4]byte `parquet:"OtherTIV,decimal(1:9)"`
	IsAggregate      bool
	LocInceptionDate int32     `parquet:",date"`
	LocExpiryDate    time.Time `parquet:",timestamp(microsecond)"`
	OccupancyCode    float64
	Remark           string `parquet:",dict,optional"`
}

const sameAsCSV = "PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,LocCurrency,PostalCode,Latitude,Longitude,BuildingTIV,ContentsTIV,BITIV,OtherTIV,IsAggregate,LocInceptionDate,LocExpiryDate,OccupancyCode,Remark\n" +
	"P1,7,1,US,WW1,USD,33139,25.78,-80.14,400000.5,100000.25,123.45,-0.0,1,2026-01-01,2026-12-31,1051,x\n" +
	"P1,7,2,US,WW1,USD,33139,25.78,-80.14,,0.5,0.01,0.1,0,1999-02-28,2000-02-29,1100,\n"

var amount = 400000.5

func goodRows() []location {
	day := func(s string) time.Time {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			panic(err)
		}
		return t
	}
	return []location{
		{"P1", 7, 1, "US", "WW1", "USD", 33139, 25.78, -80.14, &amount, 100000.25, 12345, [4]byte{}, true,
			int32(day("2026-01-01T00:00:00Z").Unix() / 86400), day("2026-12-31T23:59:59Z"), 1051, "x"},
		{"P1", 7, 2, "US", "WW1", "USD", 33139, 25.78, -80.14, nil, 0.5, 1, [4]byte{3: 1}, false,
			int32(day("1999-02-28T00:00:00Z").Unix() / 86400), day("2000-02-29T00:00:01Z"), 1100, ""},
	}
}

func write[T any](t testing.TB, rows []T, perGroup int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquetgo.NewGenericWriter[T](&b)
	for i := range rows {
		if _, err := w.Write(rows[i : i+1]); err != nil {
			t.Fatal(err)
		}
		if (i+1)%perGroup == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var anywhere = exposure.Options{AnyCountry: true}

func read(content []byte) (*exposure.Portfolio, *exposure.Report, error) {
	return exposure.Read(parquet.Open("l.parquet", bytes.NewReader(content), int64(len(content))), nil, anywhere)
}

// TestSameAsCSV reads the same portfolio from both formats.
func TestSameAsCSV(t *testing.T) {
	want, _, err := exposure.Read(exposure.CSV("l.csv", strings.NewReader(sameAsCSV)), nil, anywhere)
	if err != nil {
		t.Fatal(err)
	}
	for _, perGroup := range []int{1, 100} {
		got, report, err := read(write(t, goodRows(), perGroup))
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest() != want.Digest() || report.Locations != 2 {
			t.Errorf("row groups of %d: got\n%+v\nwant\n%+v", perGroup, got.Locations, want.Locations)
		}
		for _, c := range got.Columns {
			if c.Name == "Remark" && (c.NonEmpty != 1 || c.Value(0) != "x" || c.Value(1) != "") {
				t.Errorf("%+v", c)
			}
		}
	}
	var long []location
	for i := range 1000 {
		row := goodRows()[0]
		row.LocNumber = int32(i + 1)
		long = append(long, row)
	}
	if _, report, err := read(write(t, long, 300)); err != nil || report.Locations != 1000 {
		t.Errorf("%v, %+v", err, report)
	}
}

type nested struct {
	PortNumber string
	Terms      []float64
}

func TestFaults(t *testing.T) {
	good := write(t, goodRows(), 100)
	negative := goodRows()
	negative[1].ContentsTIV = -1
	nan := goodRows()
	nan[1].ContentsTIV = float32(math.NaN())
	text := goodRows()
	text[1].Remark = "caf\xe9"
	longFooter := bytes.Clone(good)
	copy(longFooter[len(good)-8:], "\xff\xff\xff\x7f")
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":       {nil, "l.parquet line 1: the file is empty; export it again with its rows"},
		"short":       {[]byte("PAR1"), "l.parquet line 1: the file is too short to be Parquet; export it again"},
		"CSV":         {[]byte(sameAsCSV), "l.parquet line 1: the file is not Parquet; give CSV files the ending .csv, or export it as Parquet"},
		"cut short":   {good[:len(good)-20], "l.parquet line 1: the Parquet file is cut short: its footer is missing; copy or export it again"},
		"long footer": {longFooter, "l.parquet line 1: the Parquet file is damaged: its footer is longer than the file; copy or export it again"},
		"no rows":     {write(t, []location{}, 1), "l.parquet: the file has a header but no rows; export it again with its rows"},
		"lists":       {write(t, []nested{{"P", []float64{1}}}, 1), `l.parquet line 1: column "Terms" holds lists or nested columns; write a flat table, one value per column and row`},
		"negative":    {write(t, negative, 100), `l.parquet line 2, ContentsTIV "-1": negative; write a number of 0 or more`},
		"NaN":         {write(t, nan, 100), `l.parquet line 2, ContentsTIV "NaN": not a number; write a number, or leave it blank for OED's default`},
		"Latin-1":     {write(t, text, 100), `l.parquet line 2 "caf` + "\uFFFD" + `": the text of column 18 is not UTF-8; write text columns in UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			p, report, err := read(c.content)
			if p != nil || !errors.Is(err, exposure.ErrFaults) || len(report.Faults) != 1 || report.Faults[0].String() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

// brokenDisk fails after the first reads.
type brokenDisk struct {
	io.ReaderAt
	good int
}

var errDisk = errors.New("input/output error")

func (d *brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if d.good--; d.good < 0 {
		return 0, errDisk
	}
	return d.ReaderAt.ReadAt(p, off)
}

// TestMediumFails tells a broken disk from a damaged file, wherever it breaks.
func TestMediumFails(t *testing.T) {
	content := write(t, goodRows(), 1)
	for good := 0; ; good++ {
		disk := &brokenDisk{bytes.NewReader(content), good}
		p, _, err := exposure.Read(parquet.Open("l.parquet", disk, int64(len(content))), nil, anywhere)
		if err == nil {
			if disk.good < 0 || good < 3 {
				t.Errorf("read with a disk that fails after %d reads", good)
			}
			return
		}
		if p != nil || !errors.Is(err, errDisk) || errors.Is(err, exposure.ErrFaults) {
			t.Fatalf("after %d reads: %v", good, err)
		}
	}
}

// FuzzParquet damages Parquet files: whatever they hold, reading neither panics nor imports half.
func FuzzParquet(f *testing.F) {
	good := write(f, goodRows(), 1)
	f.Add(good)
	f.Add(write(f, []nested{{"P", []float64{1}}}, 1))
	f.Add([]byte("PAR1PAR1PAR1"))
	for i := 0; i < len(good); i += 37 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x55
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, report, err := read(content)
		switch {
		case err == nil && (p == nil || len(p.Locations) == 0 || report.FaultCount != 0):
			t.Errorf("no error, but portfolio %v and report %+v", p, report)
		case err != nil && (p != nil || !errors.Is(err, exposure.ErrFaults) || report.FaultCount == 0):
			t.Errorf("portfolio %v with %v", p, err)
		}
	})
}

// odd is a location file with kept columns in types whose text is easily got wrong.
type odd struct {
	PortNumber, AccNumber, LocNumber, CountryCode, LocPerilsCovered, LocCurrency string

	Unsigned32 uint32
	Unsigned64 uint64
	Debit      [4]byte   `parquet:",decimal(2:9)"`
	Cent       int32     `parquet:",decimal(2:9)"`
	Before     int32     `parquet:",date"`
	Eve        time.Time `parquet:",timestamp(nanosecond)"`
	Large      float64
}

func TestValues(t *testing.T) {
	row := odd{"P", "A", "1", "US", "WTC", "USD", 4_000_000_000, 1 << 63, [4]byte{0xff, 0xff, 0xff, 0x01}, -5, -1,
		time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), 1e300}
	p, _, err := read(write(t, []odd{row}, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Unsigned32": "4000000000", "Unsigned64": "9223372036854775808", "Debit": "-2.55", "Cent": "-0.05",
		"Before": "1969-12-31", "Eve": "1969-12-31", "Large": "1e+300"}
	for _, c := range p.Columns {
		if c.Use == exposure.ColumnUnknown && c.Value(0) != want[c.Name] {
			t.Errorf("%s is %q, want %q", c.Name, c.Value(0), want[c.Name])
		}
	}
}

// TestPromisedRows changes the row counts in a footer, wherever they may be: no file is
// taken for a shorter or longer one.
func TestPromisedRows(t *testing.T) {
	good := write(t, goodRows(), 100)
	told := false
	for i := range good[:len(good)-9] {
		if good[i] != 0x16 || good[i+1] != 2<<1 { // an i64 field holding 2, in Thrift's compact form
			continue
		}
		bad := bytes.Clone(good)
		bad[i+1] = 3 << 1
		_, report, err := read(bad)
		if err == nil && report.Locations != 2 {
			t.Errorf("byte %d: %d locations", i, report.Locations)
		}
		told = told || err != nil && strings.Contains(err.Error(), "it holds 2 rows, its footer promises 3")
	}
	if !told {
		t.Error("no change of a row count was told")
	}
}
