package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// plant is one fault put into a good row: what it is and the columns it sets.
type plant struct {
	what   string
	column string // where a reader should see it
	set    map[string]string
}

// plants are the faults of faulty-location.csv, in the order of its lines. Between
// two of them stands one row without fault.
var plants = []plant{
	{"negative insured value", "BuildingTIV", map[string]string{"BuildingTIV": "-250000"}},
	{"insured value that is not a number", "ContentsTIV", map[string]string{"ContentsTIV": "NaN"}},
	{"insured value with thousands separators", "BuildingTIV", map[string]string{"BuildingTIV": `"1,200,000"`}},
	{"no insured value at all: a formula's error text", "BuildingTIV", map[string]string{"BuildingTIV": "#REF!"}},
	{"coordinates in Atlanta", "Latitude", map[string]string{"Latitude": "33.74900", "Longitude": "-84.38800"}},
	{"longitude without its minus sign", "Longitude", map[string]string{"Latitude": "27.95000", "Longitude": "82.46000"}},
	{"latitude and longitude exchanged", "Latitude", map[string]string{"Latitude": "-81.38000", "Longitude": "28.54000"}},
	{"coordinates in the Gulf, 90 km from land", "Latitude", map[string]string{"Latitude": "27.50000", "Longitude": "-83.70000"}},
	{"latitude without longitude", "Longitude", map[string]string{"Latitude": "28.54000", "Longitude": ""}},
	{"no coordinates, a ZIP code that does not exist, no county", "PostalCode", map[string]string{"Latitude": "", "Longitude": "", "PostalCode": "99999", "GeogScheme1": "", "GeogName1": ""}},
	{"same account and location number as the first row", "LocNumber", map[string]string{"AccNumber": "A0000001", "LocNumber": "1"}},
	{"no account number", "AccNumber", map[string]string{"AccNumber": ""}},
	{"no location number", "LocNumber", map[string]string{"LocNumber": ""}},
	{"account number longer than 40 characters", "AccNumber", map[string]string{"AccNumber": strings.Repeat("A123456789", 5)}},
	{"construction code that OED does not have", "ConstructionCode", map[string]string{"ConstructionCode": "9999"}},
	{"occupancy as a word", "OccupancyCode", map[string]string{"OccupancyCode": "house"}},
	{"age in place of the year built", "YearBuilt", map[string]string{"YearBuilt": "38"}},
	{"roof geometry that OED does not have", "RoofGeometry", map[string]string{"RoofGeometry": "99"}},
	{"number of storeys below -3", "NumberOfStoreys", map[string]string{"NumberOfStoreys": "-7"}},
	{"a second currency", "LocCurrency", map[string]string{"LocCurrency": "EUR"}},
	{"no currency", "LocCurrency", map[string]string{"LocCurrency": ""}},
	{"country other than the United States", "CountryCode", map[string]string{"CountryCode": "BS"}},
	{"state other than Florida", "AreaCode", map[string]string{"AreaCode": "GA"}},
	{"peril code that OED does not have", "LocPerilsCovered", map[string]string{"LocPerilsCovered": "WTC;HUR"}},
	{"no perils covered", "LocPerilsCovered", map[string]string{"LocPerilsCovered": ""}},
	{"deductible of 2 percent written as 2", "LocDed5PD", map[string]string{"LocPeril": "WTC", "LocDedType5PD": "2", "LocDed5PD": "2"}},
	{"negative deductible", "LocDed6All", map[string]string{"LocPeril": "WTC", "LocDed6All": "-500"}},
	{"deductible without the perils it is for", "LocPeril", map[string]string{"LocPeril": "", "LocDed6All": "1000"}},
}

// plantedLine is the line of plant i in the file: the header, the first good row, then a
// fault and a good row by turns.
func plantedLine(i int) int { return 3 + 2*i }

// writeFaulty writes faulty-location.csv: good rows of a sample of their own with a
// fault in every second one.
func writeFaulty(w io.Writer, florida *geography.Florida, seed uint64) error {
	var good, accounts bytes.Buffer
	if err := generate(florida, 2*len(plants)+40, seed, &good, &accounts); err != nil {
		return err
	}
	rows := placedRows(good.String())
	if _, err := fmt.Fprintln(w, strings.Join(locationColumns, ",")); err != nil {
		return err
	}
	for i, row := range rows[:2*len(plants)+1] {
		if i%2 == 1 {
			row = plants[i/2].into(row)
		}
		if _, err := fmt.Fprintln(w, strings.Join(row, ",")); err != nil {
			return err
		}
	}
	return nil
}

// placedRows are the rows of a location file that have coordinates, so that each faulty
// row has no fault but the planted one.
func placedRows(file string) [][]string {
	lines := strings.Split(strings.TrimSpace(file), "\n")[1:]
	latitude := slices.Index(locationColumns, "Latitude")
	var rows [][]string
	for _, line := range lines {
		if row := strings.Split(line, ","); row[latitude] != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// into gives a copy of the row with the fault.
func (p plant) into(row []string) []string {
	row = slices.Clone(row)
	for i, c := range locationColumns {
		if v, ok := p.set[c]; ok {
			row[i] = v
		}
	}
	return row
}

// faultTable is the list of README.md.
func faultTable() string {
	var b strings.Builder
	b.WriteString("| line | column | what is wrong |\n|---|---|---|\n")
	for i, p := range plants {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", plantedLine(i), p.column, p.what)
	}
	return b.String()
}
