package exposure_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// squareCounties is a Florida of two square counties and one ZIP code in each.
type squareCounties struct{}

func (squareCounties) County(lat, lon float64) (string, float64, bool) {
	switch {
	case lat > 25 && lat < 26 && lon > -81 && lon < -80:
		return "12086", 0, true
	case lat > 27 && lat < 28 && lon > -83 && lon < -82:
		return "12057", 0, true
	case lat > 25 && lat < 26 && lon >= -80 && lon < -79.9:
		return "12086", (lon + 80) * 100, true
	}
	return "", 0, false
}

func (squareCounties) ZIP(code string) (float64, float64, bool) {
	switch code {
	case "33139":
		return 25.78, -80.14, true
	case "33602":
		return 27.95, -82.45, true
	}
	return 0, 0, false
}

func (squareCounties) CountyPoint(name string) (float64, float64, string, bool) {
	switch strings.ToLower(name) {
	case "miami-dade", "12086":
		return 25.6, -80.5, "12086", true
	case "hillsborough":
		return 27.9, -82.3, "12057", true
	}
	return 0, 0, "", false
}

var florida = exposure.Options{Geocoder: squareCounties{}}

const goodLocation = "PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,Latitude,Longitude,OccupancyCode,ConstructionCode,YearBuilt,NumberOfStoreys," +
	"RoofGeometry,BuildingTIV,ContentsTIV,BITIV,LocPerilsCovered,LocPeril,LocCurrency,LocDed6All,LocDedType6All,LocLimit1Building,CondTag,LocParticipation,LocInceptionDate,LocExpiryDate,BIPOI\n" +
	"P1,A1,1,US,FL,33139,25.78,-80.14,1051,5103,1998,2,3,400000,100000,20000,WTC;WSS,WW1,USD,0.02,2,350000,,1,2026-01-01,2026-12-31,365\n"

const goodAccount = "PortNumber,AccNumber,AccCurrency,PolNumber,PolPerilsCovered,PolPeril,LOB,LayerNumber,LayerParticipation,LayerLimit,LayerAttachment," +
	"PolDed6All,CondTag,CondNumber,CondPriority,CondPeril,CondLimit6All,AccParticipation,PolInceptionDate,PolExpiryDate,StepFunctionName,StepNumber,StepTriggerType,TriggerBuildingStart\n" +
	"P1,A1,USD,Pol1,WW1,WW1,HO,1,1,0,0,1000,,,,,,1,,,,,,\n"

// edit is a CSV of one header and its rows with cells replaced: "row.Column=value", rows from 1;
// "+" repeats the last row first.
func edit(t testing.TB, content string, edits ...string) string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		if e == "+" {
			records = append(records, slices.Clone(records[len(records)-1]))
			continue
		}
		column, value, _ := strings.Cut(e, "=")
		i := slices.Index(records[0], column)
		if i < 0 {
			records[0] = append(records[0], column)
			for r := 1; r < len(records); r++ {
				records[r] = append(records[r], "")
			}
			i = len(records[0]) - 1
		}
		records[len(records)-1][i] = value
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(records); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// faults reads two files and gives the faults as lines.
func faults(t testing.TB, location, account string, opt exposure.Options) []string {
	t.Helper()
	var acc, acc2 *exposure.Source
	if account != "" {
		acc, acc2 = exposure.CSV("account.csv", strings.NewReader(account)), exposure.CSV("account.csv", strings.NewReader(account))
	}
	p, report, err := exposure.Read(exposure.CSV("location.csv", strings.NewReader(location)), acc, opt)
	report2, err2 := exposure.Validate(exposure.CSV("location.csv", strings.NewReader(location)), acc2, opt)
	if (err == nil) != (err2 == nil) || report.FaultCount != report2.FaultCount || !slices.Equal(report.Faults, report2.Faults) {
		t.Errorf("Read says %v, Validate %v", err, err2)
	}
	if err == nil {
		if p == nil || report.FaultCount != 0 {
			t.Errorf("no error, portfolio %v, %d faults", p, report.FaultCount)
		}
		return nil
	}
	if p != nil || !errors.Is(err, exposure.ErrFaults) || report.FaultCount == 0 {
		t.Errorf("portfolio %v with %v", p, err)
	}
	var lines []string
	for _, f := range report.Faults {
		lines = append(lines, f.String())
	}
	return lines
}

func TestFaultsOfLocations(t *testing.T) {
	for name, c := range map[string]struct {
		edits []string
		want  string
	}{
		"missing value":         {[]string{"LocNumber="}, `location.csv line 2, LocNumber: a required value is missing; fill it in`},
		"negative TIV":          {[]string{"BuildingTIV=-5"}, `location.csv line 2, BuildingTIV "-5": negative; write a number of 0 or more`},
		"NaN TIV":               {[]string{"ContentsTIV=NaN"}, `location.csv line 2, ContentsTIV "NaN": not a number; write a number, or leave it blank for OED's default`},
		"infinite TIV":          {[]string{"BITIV=+Inf"}, `location.csv line 2, BITIV "+Inf": an infinite number; write a finite number`},
		"overflowing TIV":       {[]string{"BITIV=1e999"}, `location.csv line 2, BITIV "1e999": not a number; write a number, or leave it blank for OED's default`},
		"hexadecimal":           {[]string{"BITIV=0x10"}, `location.csv line 2, BITIV "0x10": not a number; write a number, or leave it blank for OED's default`},
		"thousands separator":   {[]string{"BuildingTIV=400,000"}, `location.csv line 2, BuildingTIV "400,000": not a plain number; write it without thousands separators, currency or percent signs, with a point for decimals`},
		"text for a number":     {[]string{"YearBuilt=old"}, `location.csv line 2, YearBuilt "old": not a number; write a number, or leave it blank for OED's default`},
		"fraction":              {[]string{"NumberOfStoreys=1.5"}, `location.csv line 2, NumberOfStoreys "1.5": not a whole number; write a whole number`},
		"storeys out of range":  {[]string{"NumberOfStoreys=-4"}, `location.csv line 2, NumberOfStoreys "-4": outside OED's range [-3,255]; write a number in [-3,255]`},
		"share out of range":    {[]string{"LocParticipation=12"}, `location.csv line 2, LocParticipation "12": outside OED's range [0,1]; write a number in [0,1]`},
		"code":                  {[]string{"RoofGeometry=13"}, `location.csv line 2, RoofGeometry "13": not a code of OED's RoofGeometry list; use a code between 0 and 12 of that list`},
		"short code list":       {[]string{"LocDedType6All=3"}, `location.csv line 2, LocDedType6All "3": not a code of OED's DedType list; use one of 0, 1, 2`},
		"occupancy":             {[]string{"OccupancyCode=1"}, `location.csv line 2, OccupancyCode "1": not a code of OED's OccupancyCode list; use a code between 1000 and 1412 of that list`},
		"year":                  {[]string{"YearBuilt=98"}, `location.csv line 2, YearBuilt "98": not a year of four digits; write the year, or 0 if unknown`},
		"date":                  {[]string{"LocInceptionDate=1/31/2026"}, `location.csv line 2, LocInceptionDate "1/31/2026": not a date; write it as YYYY-MM-DD`},
		"29 February":           {[]string{"LocInceptionDate=2026-02-29"}, `location.csv line 2, LocInceptionDate "2026-02-29": not a date; write it as YYYY-MM-DD`},
		"dates reversed":        {[]string{"LocExpiryDate=2025-12-31"}, `location.csv line 2, LocExpiryDate "2025-12-31": before LocInceptionDate 2026-01-01; correct one of the two dates`},
		"too long":              {[]string{"LocNumber=123456789012345678901"}, `location.csv line 2, LocNumber "123456789012345678901": longer than the 20 characters of OED; shorten it`},
		"peril":                 {[]string{"LocPerilsCovered=WTC;XYZ"}, `location.csv line 2, LocPerilsCovered "WTC;XYZ": not an OED peril: XYZ; use OED's codes separated by semicolons, e.g. WTC;WSS or WW1`},
		"terms without peril":   {[]string{"LocPeril="}, `location.csv line 2, LocPeril: LocLimit1Building is given without the perils it is for; fill LocPeril, e.g. WW1`},
		"percent":               {[]string{"LocDed6All=2"}, `location.csv line 2, LocDed6All "2": a share above 1: LocDedType6All is 2; write 2 % as 0.02, or set the type to 0 for an amount`},
		"limit percent":         {[]string{"LocLimitType1Building=2"}, `location.csv line 2, LocLimit1Building "350000": a share above 10: LocLimitType1Building is 2; write 50 % as 0.5, or set the type to 0 for an amount`},
		"currency code":         {[]string{"LocCurrency=US$"}, `location.csv line 2, LocCurrency "US$": not a currency code of three letters; write an ISO 4217 code, e.g. USD`},
		"second currency":       {[]string{"+", "LocNumber=2", "LocCurrency=CAD"}, `location.csv line 3, LocCurrency "CAD": a second currency: the first row read has USD; convert all files to one currency`},
		"other country":         {[]string{"CountryCode=CA"}, `location.csv line 2, CountryCode "CA": outside the United States; this model covers Florida only; remove the location, or correct the code to US`},
		"other state":           {[]string{"AreaCode=GA"}, `location.csv line 2, AreaCode "GA": outside Florida; this model covers Florida only; remove the location, or correct the code to FL`},
		"outside Florida":       {[]string{"Latitude=33.75", "Longitude=-84.39"}, `location.csv line 2, Latitude "33.75, -84.39": the coordinates are outside Florida; this model covers Florida only; correct the coordinates, or clear both for geocoding by ZIP code`},
		"in the box, no county": {[]string{"Latitude=30.5", "Longitude=-80"}, `location.csv line 2, Latitude "30.5, -80": the coordinates are outside Florida; this model covers Florida only; correct the coordinates, or clear both for geocoding by ZIP code`},
		"longitude sign":        {[]string{"Longitude=80.14"}, `location.csv line 2, Longitude "25.78, 80.14": the longitude has lost its minus sign: Florida is west of Greenwich; write -80.14`},
		"latitude sign":         {[]string{"Latitude=-25.78"}, `location.csv line 2, Latitude "-25.78, -80.14": the latitude has a minus sign: Florida is north of the equator; write 25.78 for the latitude`},
		"swapped":               {[]string{"Latitude=-80.14", "Longitude=25.78"}, `location.csv line 2, Latitude "-80.14, 25.78": latitude and longitude are swapped; exchange the two columns`},
		"swapped, sign lost":    {[]string{"Latitude=80.14", "Longitude=25.78"}, `location.csv line 2, Latitude "80.14, 25.78": latitude and longitude are swapped and the longitude has lost its minus sign; write 25.78 for the latitude and -80.14 for the longitude`},
		"latitude above 90":     {[]string{"Latitude=125.78"}, `location.csv line 2, Latitude "125.78": outside OED's range [-90,90]; write a number in [-90,90]`},
		"one coordinate":        {[]string{"Latitude="}, `location.csv line 2, Latitude: missing while Longitude is given; give both, or neither for geocoding by ZIP code`},
		"no place":              {[]string{"Latitude=", "Longitude=", "PostalCode="}, `location.csv line 2, Latitude: no coordinates, no ZIP code and no county; give Latitude and Longitude, a Florida PostalCode, or a county as GeogScheme1 CNTY with GeogName1`},
		"unknown ZIP":           {[]string{"Latitude=0", "Longitude=0", "PostalCode=30301"}, `location.csv line 2, PostalCode "30301": no coordinates, the ZIP code is not known in Florida, and no county is given; give Latitude and Longitude, a Florida PostalCode, or a county as GeogScheme1 CNTY with GeogName1`},
		"unknown county":        {[]string{"Latitude=", "Longitude=", "PostalCode=", "GeogScheme1=CNTY", "GeogName1=Fulton"}, `location.csv line 2, GeogName "Fulton": no coordinates, no ZIP code, and the county is not known in Florida; give Latitude and Longitude, a Florida PostalCode, or a county as GeogScheme1 CNTY with GeogName1`},
		"duplicate":             {[]string{"+"}, `location.csv line 3, LocNumber "1": a duplicate of line 2: the same PortNumber, AccNumber, LocNumber and CondTag; remove one of the rows, or number the locations apart`},
		"tags disagree":         {[]string{"+", "CondTag=T", "BuildingTIV=1"}, `location.csv line 3, LocNumber "1": differs from line 2, the same location under another CondTag; repeat all values but CondTag, or number the locations apart`},
		"duplicate of a tag":    {[]string{"+", "CondTag=T", "+"}, `location.csv line 4, LocNumber "1": a duplicate of line 3: the same PortNumber, AccNumber, LocNumber and CondTag; remove one of the rows, or number the locations apart`},
		"unknown account":       {[]string{"+", "LocNumber=2", "AccNumber=A2"}, `location.csv line 3, AccNumber "A2": the account file has no account "A2" in portfolio "P1"; add the account, or correct the number`},
		"duplicate column":      {[]string{"buildingtiv=1"}, `location.csv line 1, buildingtiv: columns 14 and 28 have the same name; remove or rename one of them`},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, edit(t, goodLocation, c.edits...), goodAccount, florida)
			if len(got) != 1 || got[0] != c.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}

func TestFaultsOfAccounts(t *testing.T) {
	for name, c := range map[string]struct {
		edits []string
		want  string
	}{
		"unused account":       {[]string{"+", "AccNumber=A2"}, `account.csv line 3, AccNumber "A2": no location has this account; add its locations, or remove the account`},
		"missing policy":       {[]string{"+", "PolNumber="}, `account.csv line 3, PolNumber: a required value is missing; fill it in`},
		"duplicate policy":     {[]string{"+"}, `account.csv line 3, PolNumber "Pol1": a duplicate of line 2: the same account, policy, layer, perils, condition and step; remove one of the rows, or number the layers apart`},
		"layer number":         {[]string{"LayerNumber=0"}, `account.csv line 2, LayerNumber "0": outside OED's range [1,2147483647]; write a number in [1,2147483647]`},
		"layer participation":  {[]string{"LayerParticipation=1.2"}, `account.csv line 2, LayerParticipation "1.2": outside OED's range [0,1]; write a number in [0,1]`},
		"account share":        {[]string{"AccParticipation=-0.1"}, `account.csv line 2, AccParticipation "-0.1": negative; write a number in [0,1]`},
		"policy terms, peril":  {[]string{"PolPeril="}, `account.csv line 2, PolPeril: PolDed6All is given without the perils it is for; fill PolPeril, e.g. WW1`},
		"account terms, peril": {[]string{"AccLimit6All=5"}, `account.csv line 2, AccPeril: AccLimit6All is given without the perils it is for; fill AccPeril, e.g. WW1`},
		"condition, peril":     {[]string{"CondTag=T", "CondMinDed6All=5"}, `account.csv line 2, CondPeril: CondMinDed6All is given without the perils it is for; fill CondPeril, e.g. WW1`},
		"condition, tag":       {[]string{"CondPeril=WTC", "CondMaxDed6All=5"}, `account.csv line 2, CondTag: a condition has terms but no tag to find its locations by; fill CondTag here and on the locations`},
		"condition priority":   {[]string{"CondPriority=0"}, `account.csv line 2, CondPriority "0": outside OED's range [1,2147483647]; write a number in [1,2147483647]`},
		"step":                 {[]string{"StepFunctionName=27", "StepNumber=1"}, `account.csv line 2, StepTriggerType: a step policy's required value is missing; fill it in, or clear the step columns of the row`},
		"currency":             {[]string{"+", "PolNumber=2", "AccCurrency=EUR"}, `account.csv line 3, AccCurrency "EUR": a second currency: the first row read has USD; convert all files to one currency`},
		"policy dates":         {[]string{"PolInceptionDate=2026-02-01", "PolExpiryDate=2026-01-01"}, `account.csv line 2, PolExpiryDate "2026-01-01": before PolInceptionDate 2026-02-01; correct one of the two dates`},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, goodLocation, edit(t, goodAccount, c.edits...), florida)
			if len(got) != 1 || got[0] != c.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}

// TestFaultsOfFiles hands over what is no good CSV at all.
func TestFaultsOfFiles(t *testing.T) {
	header, row, _ := strings.Cut(goodLocation, "\n")
	for name, c := range map[string]struct{ content, want string }{
		"empty":           {"", `location.csv line 1: the file is empty; export it again with a header row and at least one row`},
		"mark only":       {"\xef\xbb\xbf", `location.csv line 1: the file is empty; export it again with a header row and at least one row`},
		"header only":     {header + "\n", `location.csv: the file has a header but no rows; export it again with its rows`},
		"zip":             {"PK\x03\x04rest", `location.csv line 1: the file is a zip archive or an Excel workbook (.xlsx), not CSV; unpack it, or save the sheet as CSV (UTF-8)`},
		"gzip":            {"\x1f\x8b\x08", `location.csv line 1: the file is compressed with gzip, not CSV; decompress it first`},
		"parquet":         {"PAR1\x00", `location.csv line 1: the file is a Parquet file, not CSV; name it .parquet so that it is read as one`},
		"UTF-16":          {"\xff\xfeP\x00", `location.csv line 1: the file is text in UTF-16, not CSV; save it as CSV (UTF-8)`},
		"UTF-16, no mark": {"P\x00o\x00", `location.csv line 1: the file holds zero bytes: it is binary or UTF-16 text, not CSV; save it as CSV (UTF-8)`},
		"JSON":            {`{"a":1}`, `location.csv line 1: the file is JSON, not CSV; export the table as CSV`},
		"semicolons":      {strings.ReplaceAll(header, ",", ";") + "\n", `location.csv line 1 "` + strings.ReplaceAll(header, ",", ";")[:60] + `…": the columns are separated by semicolons; export it with commas`},
		"ragged":          {goodLocation + "P1,A1\n", `location.csv line 3 "P1": the row has 2 fields, the header 27; give every row one field per column and quote fields that contain commas`},
		"Latin-1":         {strings.Replace(goodLocation, "33139", "33139\xe9", 1), `location.csv line 2 "33139�": the text is not UTF-8 (perhaps Windows-1252); save the file as CSV (UTF-8)`},
		"stray quote":     {goodLocation + `P1,A"1` + "\n", `location.csv line 3 "A\"": a quote inside a field that is not quoted; write the field in quotes with the quote doubled, e.g. "12"" pipe"`},
		"after a quote":   {goodLocation + `"P"1,A` + "\n", `location.csv line 3 "\"P\"1,A\n": text after a closing quote; double the quotes inside a quoted field`},
		"unclosed quote":  {goodLocation + `"P1,A1` + "\n" + row, `location.csv line 3: a quote is not closed before the end of the file; close the quote`},
		"endless record":  {goodLocation + `"` + strings.Repeat("x\n", 1<<20), `location.csv line 3: a record is longer than 1 MiB: a quote is not closed, or the file is not CSV; close the quote`},
		"missing column":  {edit(t, strings.Replace(goodLocation, "LocPerilsCovered,LocPeril", "Kept1,Kept2", 1), "LocDed6All=", "LocLimit1Building="), `location.csv line 1, LocPerilsCovered: a required column is missing; add it`},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, c.content, "", florida)
			if len(got) != 1 || got[0] != c.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}

func TestReadingFails(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	p, report, err := exposure.Read(exposure.CSV("portfolio", dir), nil, florida)
	if p != nil || report != nil || err == nil || errors.Is(err, exposure.ErrFaults) || !strings.HasPrefix(err.Error(), "reading portfolio: ") {
		t.Errorf("a directory: %v, %v, %v", p, report, err)
	}
	if _, _, err := exposure.Read(exposure.CSV("l", strings.NewReader(goodLocation)), nil, exposure.Options{}); err == nil || errors.Is(err, exposure.ErrFaults) {
		t.Errorf("no geocoder: %v", err)
	}
}

// TestAllFaultsAtOnce reads every fault of a file, in order, with the true count beyond the cap.
func TestAllFaultsAtOnce(t *testing.T) {
	location := edit(t, goodLocation, "BuildingTIV=-1", "YearBuilt=x", "+", "LocNumber=2", "LocCurrency=")
	for range 5 {
		location = edit(t, location, "+", "LocNumber=3")
	}
	opt := florida
	opt.MaxFaults = 4
	var bad bytes.Buffer
	opt.BadLocations = &bad
	_, report, err := exposure.Read(exposure.CSV("l.csv", strings.NewReader(location)), nil, opt)
	var faults *exposure.FaultsError
	if !errors.As(err, &faults) || faults.Count != report.FaultCount || len(faults.Faults) != 4 {
		t.Fatalf("%v", err)
	}
	// two in line 2, one (negative) plus two more in line 3, and so on: every copy has three or four
	if faults.Count != 2+3+3+4*4 {
		t.Errorf("%d faults", faults.Count)
	}
	records, err := csv.NewReader(&bad).ReadAll()
	if err != nil || len(records) != 8 {
		t.Fatalf("bad rows: %v, %v", records, err)
	}
	width := len(records[0])
	if records[0][width-2] != "OED_line" || records[0][width-1] != "OED_reason" || records[1][width-2] != "2" ||
		records[1][width-1] != "YearBuilt: not a number; BuildingTIV: negative" || records[2][2] != "2" {
		t.Errorf("bad rows: %q", records[:3])
	}
}

// TestFaultsOfBothFiles lists the locations' faults first, though accounts are read first, and
// writes the bad rows of each file.
func TestFaultsOfBothFiles(t *testing.T) {
	var bad bytes.Buffer
	opt := florida
	opt.BadAccounts = &bad
	got := faults(t, edit(t, goodLocation, "BITIV=-1", "+", "LocNumber=2"), edit(t, goodAccount, "AccParticipation=2", "+", "AccNumber=A2", "PolNumber=2", "AccParticipation=1"), opt)
	want := []string{
		`location.csv line 2, BITIV "-1": negative; write a number of 0 or more`,
		`location.csv line 3, BITIV "-1": negative; write a number of 0 or more`,
		`account.csv line 2, AccParticipation "2": outside OED's range [0,1]; write a number in [0,1]`,
		`account.csv line 3, AccNumber "A2": no location has this account; add its locations, or remove the account`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	records, err := csv.NewReader(strings.NewReader(bad.String())).ReadAll()
	if err != nil || len(records) != 6 { // header, two rows; and again by Validate
		t.Fatalf("%q, %v", records, err)
	}
	if row := records[2]; row[0] != "P1" || row[1] != "A2" || row[2] != "" || row[len(row)-2] != "3" || row[len(row)-1] != "AccNumber: no location has this account" {
		t.Errorf("%q", row)
	}
}

// TestIncompleteFiles says nothing of accounts and locations that a file which cannot be
// read to its end may hold.
func TestIncompleteFiles(t *testing.T) {
	for name, c := range map[string]struct{ location, account, want string }{
		"location file broken off": {strings.Replace(goodLocation, "P1,", "\"P1,", 1), goodAccount, "location.csv line 2: a quote is not closed"},
		"location key missing":     {strings.Replace(goodLocation, "LocNumber", "Number", 1), goodAccount, "location.csv line 1, LocNumber: a required column is missing"},
		"account file broken off":  {goodLocation, strings.Replace(goodAccount, "P1,", "\"P1,", 1), "account.csv line 2: a quote is not closed"},
		"account file empty":       {goodLocation, "\n", "account.csv line 1: the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := faults(t, c.location, c.account, florida); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("got\n%s\nwant %s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}

// TestSteps keeps the columns of a step, and none for rows padded with zeros.
func TestSteps(t *testing.T) {
	account := edit(t, goodAccount, "StepFunctionName=27", "StepNumber=1", "StepTriggerType=1", "TriggerBuildingStart=0.15", "ScaleFactor=1", "MinimumTIV=0", "TriggerType=2",
		"+", "PolNumber=2", "StepFunctionName=0", "StepNumber=0", "StepTriggerType=0", "TriggerBuildingStart=0", "ScaleFactor=0")
	p, _ := read(t, goodLocation, account)
	rows := p.Accounts[0].Rows
	want := map[string]string{"StepFunctionName": "27", "StepNumber": "1", "StepTriggerType": "1", "TriggerType": "2", "TriggerBuildingStart": "0.15"}
	if len(rows) != 2 || rows[0].PolNumber != "2" || rows[0].Step != nil || !maps.Equal(rows[1].Step.Columns, want) {
		t.Errorf("%+v, %+v", rows[0].Step, rows[1].Step)
	}
}

// TestCondition follows a special condition to the portfolio.
func TestCondition(t *testing.T) {
	p, _ := read(t, edit(t, goodLocation, "CondTag=T"), edit(t, goodAccount, "CondTag=T", "CondNumber=C1", "CondPriority=2", "CondPeril=ORF", "CondLimit6All=5000", "CondClass=1"))
	c := p.Accounts[0].Rows[0].Condition
	if c == nil || c.Tag != "T" || c.Number != "C1" || c.Priority != 2 || c.Class != 1 || c.ForWind ||
		!slices.Equal(c.Terms, []exposure.CoverageTerms{{Coverage: exposure.All, Limit: 5000}}) {
		t.Errorf("%+v", c)
	}
}

func read(t testing.TB, location, account string) (*exposure.Portfolio, *exposure.Report) {
	t.Helper()
	var acc *exposure.Source
	if account != "" {
		acc = exposure.CSV("account.csv", strings.NewReader(account))
	}
	p, report, err := exposure.Read(exposure.CSV("location.csv", strings.NewReader(location)), acc, florida)
	if err != nil {
		t.Fatal(err)
	}
	return p, report
}

// TestFields follows values from the file to the portfolio.
func TestFields(t *testing.T) {
	location := edit(t, goodLocation, "FloorArea=1000", "BuildingHeight=10", "IsTenant=1", "Colour=blue", "FlexiLocX=y", "NumberOfBuildings=", "LocDedCode4BI=1", "LocDedType5PD=2")
	p, report := read(t, location, goodAccount)
	l, a := p.Locations[0], p.Accounts[0]
	if l.TIV != [4]float64{400000, 0, 100000, 20000} || l.YearBuilt != 1998 || l.OccupancyCode != 1051 || l.Modifiers.RoofGeometry != 3 ||
		l.NumberOfBuildings != 1 || l.BIPOI != 365 || l.Participation != 1 || l.CountyFIPS != "12086" || l.Geocode != exposure.GeocodeGiven ||
		!l.CoversWind || !l.TermsForWind || math.Abs(l.FloorArea-92.90304) > 1e-9 || math.Abs(l.BuildingHeight-3.048) > 1e-12 {
		t.Errorf("location %+v", l)
	}
	if want := []exposure.CoverageTerms{{Coverage: exposure.Building, Limit: 350000}, {Coverage: exposure.BI, DedCode: 1}, {Coverage: exposure.All, DedType: exposure.ShareOfValue, Ded: 0.02}}; !slices.Equal(l.Terms, want) {
		t.Errorf("terms %+v", l.Terms)
	}
	if l.Key != exposure.LocationKey("P1", "A1", "1") {
		t.Errorf("key %x", l.Key)
	}
	if len(a.Rows) != 1 || a.Rows[0].LOB != "HO" || a.Rows[0].LayerParticipation != 1 || len(a.Rows[0].Policy) != 1 || a.Rows[0].Condition != nil || a.Rows[0].Step != nil || a.LOB() != "HO" {
		t.Errorf("account %+v", a)
	}
	uses := map[string]exposure.Column{}
	for _, c := range p.Columns {
		if c.File == "location" {
			uses[c.Name] = c
		}
	}
	if c := uses["Colour"]; c.Use != exposure.ColumnUnknown || c.Value(0) != "blue" || c.NonEmpty != 1 {
		t.Errorf("Colour %+v", c)
	}
	if uses["IsTenant"].Use != exposure.ColumnKept || uses["FlexiLocX"].Use != exposure.ColumnKept || uses["BITIV"].Use != exposure.ColumnUsed {
		t.Errorf("columns %+v", uses)
	}
	if len(report.Warnings) != 1 || report.Warnings[0].String() != "location.csv line 1, Colour: not an OED column; kept as text, not used" {
		t.Errorf("warnings %v", report.Warnings)
	}
}

// TestGeocoding finds places by ZIP code, then by county.
func TestGeocoding(t *testing.T) {
	location := edit(t, goodLocation, "GeogScheme1=CNTY", "GeogName1=Hillsborough",
		"+", "LocNumber=2", "Latitude=0", "Longitude=0", "PostalCode=33139-1234",
		"+", "LocNumber=3", "Latitude=", "Longitude=", "PostalCode=00000")
	p, report := read(t, location, "")
	if report.Geocoded != [3]int{1, 1, 1} || report.Locations != 3 || report.Accounts != 1 {
		t.Errorf("report %+v", report)
	}
	if l := p.Locations[1]; l.Latitude != 25.78 || l.CountyFIPS != "12086" || l.Geocode != exposure.GeocodeZIP || l.PostalCode != "33139" {
		t.Errorf("by ZIP: %+v", l)
	}
	if l := p.Locations[2]; l.Latitude != 27.9 || l.CountyFIPS != "12057" || l.Geocode != exposure.GeocodeCounty {
		t.Errorf("by county: %+v", l)
	}
}

// TestWarnings lists what is accepted with a word.
func TestWarnings(t *testing.T) {
	location := edit(t, goodLocation, "OEDVersion=2.0.0", "LocPerilsCovered=ORF", "BuildingTIV=0", "ContentsTIV=", "BITIV=0",
		"+", "LocNumber=2", "+", "LocNumber=3", "Longitude=-79.93", "GeocodeQuality=9")
	_, report := read(t, location, edit(t, goodAccount, "PolPerilsCovered=QQ1"))
	var got []string
	for _, w := range report.Warnings {
		got = append(got, w.String())
	}
	want := []string{
		`account.csv line 2, PolPerilsCovered "QQ1": wind (WTC) is not covered: this model gives the policy no loss`,
		`location.csv line 2, OEDVersion "2.0.0": not OED 3, 4 or 5; read by the rules of OED 5 (3 rows)`,
		`location.csv line 2, BuildingTIV: all insured values are zero: the location has no loss (3 rows)`,
		`location.csv line 2, LocPerilsCovered "ORF": wind (WTC) is not covered: this model gives the location no loss (3 rows)`,
		`location.csv line 4, GeocodeQuality "9": outside OED's range [0,1]; the column is not used`,
		`location.csv line 4, Latitude "25.78, -79.93": more than 5 km off the mapped land of the nearest county; taken as on its coast`,
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestForms reads the same portfolio written in other forms.
func TestForms(t *testing.T) {
	plain, _ := read(t, goodLocation, goodAccount)
	for name, location := range map[string]string{
		"byte-order mark":   "\xef\xbb\xbf" + goodLocation,
		"CRLF":              strings.ReplaceAll(goodLocation, "\n", "\r\n"),
		"no last line end":  strings.TrimSuffix(goodLocation, "\n"),
		"empty lines":       strings.ReplaceAll(goodLocation, "\n", "\n\n"),
		"case and blanks":   strings.Replace(strings.Replace(goodLocation, "BuildingTIV", " buildingtiv ", 1), ",400000,", ", 400000 ,", 1),
		"older name":        strings.Replace(goodLocation, "NumberOfStoreys", "NumberOfStories", 1),
		"decimal codes":     strings.Replace(goodLocation, ",1051,5103,1998,", ",1051.0,5103.0,1998.0,", 1),
		"quoted line break": edit(t, goodLocation, "LocName=two\nlines, \"quoted\""),
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := read(t, location, goodAccount)
			if p.Digest() != plain.Digest() {
				t.Errorf("another portfolio: %+v", p.Locations[0])
			}
		})
	}
	// The line of a record is its first physical line.
	two := edit(t, goodLocation, "LocName=two\nlines", "+", "LocNumber=2", "BITIV=x")
	if got := faults(t, two, "", florida); len(got) != 1 || !strings.HasPrefix(got[0], "location.csv line 4, BITIV") {
		t.Errorf("%q", got)
	}
	perils := strings.Replace(goodLocation, "LocPerilsCovered", "Other1", 1)
	if p, report := read(t, perils, ""); p.Locations[0].PerilsCovered != "WW1" || len(report.Warnings) != 2 {
		t.Errorf("LocPeril for LocPerilsCovered: %+v, %v", p.Locations[0], report.Warnings)
	}
}
