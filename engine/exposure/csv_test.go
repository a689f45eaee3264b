package exposure

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// readAll reads every record with the package's own reader.
func readAll(content string) (records [][]string, lines []int, err error) {
	rows := CSV("f", strings.NewReader(content)).rows
	header, err := rows.Header()
	if err != nil {
		return nil, nil, err
	}
	records, lines = append(records, header), append(lines, 1)
	for {
		line, fields, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return records, lines, nil
		}
		if err != nil {
			return nil, nil, err
		}
		record := make([]string, len(fields))
		for i, f := range fields {
			record[i] = strings.Clone(f) // fields are good until the next record only
		}
		records, lines = append(records, record), append(lines, line)
	}
}

func TestRecordLines(t *testing.T) {
	records, lines, err := readAll("a,b\r\n\"1\r\n1\",2\r\n\r\n3,\"\"\"4\"\"\"\r\n5,6")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"a", "b"}, {"1\r\n1", "2"}, {"3", `"4"`}, {"5", "6"}}
	if !slices.EqualFunc(records, want, slices.Equal) || !slices.Equal(lines, []int{1, 2, 5, 6}) {
		t.Errorf("%q at %v", records, lines)
	}
}

// FuzzRecords holds the reader against encoding/csv: what both accept they cut alike, and what
// encoding/csv accepts is accepted, but for the files refused by their first bytes.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\n\"x\ny\"\n", "a,b\r\n\"1\"\"\",\r\n", "\xef\xbb\xbfa\n1", "a\n\n1\n", "a,b\n1\n", "a\n\"", "a,\"b\"x\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		got, _, err := readAll(content)
		reference := csv.NewReader(strings.NewReader(strings.TrimPrefix(content, "\xef\xbb\xbf")))
		want, refErr := reference.ReadAll()
		if err != nil || refErr != nil || strings.ContainsAny(content, "\x00\r") || len(want) == 0 {
			return // the two read a carriage return amid a line apart, and refuse apart
		}
		for i := range want[0] {
			want[0][i] = strings.TrimSpace(want[0][i])
		}
		if !slices.EqualFunc(got, want, slices.Equal) || !utf8.ValidString(content) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// FuzzCSV reads any two texts as the files of an import, and never imports half.
func FuzzCSV(f *testing.F) {
	const location = "PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,LocCurrency,BuildingTIV,CondTag,LocDed6All,LocPeril,YearBuilt,LocInceptionDate,X\nP,A,1,US,WTC,USD,5,T,1,WW1,1999,2026-01-01,y\n"
	const account = "PortNumber,AccNumber,AccCurrency,PolNumber,PolPerilsCovered,CondTag,CondNumber,CondPeril,CondDed6All,StepFunctionName,StepNumber,StepTriggerType\nP,A,USD,1,WTC,T,1,WTC,5,27,1,1\n"
	f.Add(location, account)
	f.Add(location+"P,A,1,US,AA1,USD,,,,,,,\n", "")
	f.Add(strings.ReplaceAll(location, "5", "NaN"), account)
	f.Fuzz(func(t *testing.T, location, account string) {
		read := func(run func(l, a *Source) error) error {
			var acc *Source
			if account != "" {
				acc = CSV("a", strings.NewReader(account))
			}
			return run(CSV("l", strings.NewReader(location)), acc)
		}
		var p *Portfolio
		var first, second *Report
		opt := Options{AnyCountry: true, MaxFaults: 5, BadLocations: io.Discard, BadAccounts: io.Discard}
		err := read(func(l, a *Source) (err error) { p, first, err = Read(l, a, opt); return err })
		again := read(func(l, a *Source) (err error) { second, err = Validate(l, a, opt); return err })
		if (err == nil) != (p != nil) || (err == nil) != (again == nil) || first.FaultCount != second.FaultCount || (err == nil) != (first.FaultCount == 0) {
			t.Fatalf("portfolio %v, %v; validating: %v", p, err, again)
		}
		if err != nil {
			if !errors.Is(err, ErrFaults) || len(first.Faults) == 0 || len(first.Faults) > 5 {
				t.Fatalf("%v", err)
			}
			return
		}
		checkShape(t, p)
	})
}

// checkShape holds a portfolio against what portfolio.go promises.
func checkShape(t *testing.T, p *Portfolio) {
	next := 0
	for _, a := range p.Accounts {
		if a.First != next || a.Count == 0 {
			t.Fatalf("account %q has locations %d + %d, want from %d", a.AccNumber, a.First, a.Count, next)
		}
		next += a.Count
		for _, l := range p.Locations[a.First:next] {
			if l.PortNumber != a.PortNumber || l.AccNumber != a.AccNumber || l.Key != LocationKey(l.PortNumber, l.AccNumber, l.LocNumber) {
				t.Fatalf("location %+v in account %q", l, a.AccNumber)
			}
		}
	}
	if next != len(p.Locations) || next == 0 {
		t.Fatalf("%d of %d locations have an account", next, len(p.Locations))
	}
	for _, c := range p.Columns {
		if c.Codes != nil && c.File == "location" && len(c.Codes) != len(p.Locations) {
			t.Fatalf("column %q has %d values for %d locations", c.Name, len(c.Codes), len(p.Locations))
		}
	}
}
