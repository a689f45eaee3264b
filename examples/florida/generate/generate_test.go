package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/terms"
)

const committedSeed = 2026

func florida(tb testing.TB) *geography.Florida {
	tb.Helper()
	f, err := geography.Open(os.DirFS("../../../engine/modelpack/florida"))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// sample generates a portfolio and reads it as a user's would be.
func sample(tb testing.TB, f *geography.Florida, n int, seed uint64) (*exposure.Portfolio, *exposure.Report) {
	tb.Helper()
	var loc, acc bytes.Buffer
	if err := generate(f, n, seed, &loc, &acc); err != nil {
		tb.Fatal(err)
	}
	p, report, err := exposure.Read(exposure.CSV("location.csv", &loc), exposure.CSV("account.csv", &acc),
		exposure.Options{Geocoder: geography.Geocoder{Florida: f}})
	if err != nil {
		tb.Fatal(err)
	}
	return p, report
}

func TestCommittedFilesAreGenerated(t *testing.T) {
	f := florida(t)
	var loc, acc, faulty bytes.Buffer
	if err := generate(f, 5000, committedSeed, &loc, &acc); err != nil {
		t.Fatal(err)
	}
	if err := writeFaulty(&faulty, f, committedSeed); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"location.csv": loc.Bytes(), "account.csv": acc.Bytes(), "faulty-location.csv": faulty.Bytes()} {
		if got, err := os.ReadFile("../" + name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the program makes (%v): run it again and commit the output", name, err)
		}
	}
}

func TestSampleIsReadWithoutFaultOrWarning(t *testing.T) {
	f := florida(t)
	p, report := sample(t, f, 5000, committedSeed)
	if len(p.Locations) != 5000 || report.Locations != 5000 || report.NotWind != 0 {
		t.Errorf("%d locations, %d not covered for wind", len(p.Locations), report.NotWind)
	}
	for _, w := range report.Warnings {
		t.Errorf("warning: %v", w)
	}
	for _, c := range report.Columns {
		if c.Use == exposure.ColumnUnknown {
			t.Errorf("column %s is not of OED", c.Name)
		}
	}
	if g := report.Geocoded; g[exposure.GeocodeZIP] < 200 || g[exposure.GeocodeCounty] < 10 || g[exposure.GeocodeGiven] < 4500 {
		t.Errorf("located by point, ZIP and county: %v", g)
	}
	if _, err := terms.Compile(p, terms.Options{}); err != nil {
		t.Errorf("terms are not all in scope: %v", err)
	}
}

// Every location lies in the county of its ZIP code, and those with coordinates on its land
// unless the ZIP code's own point is not.
func TestLocationsLieInTheirCounty(t *testing.T) {
	f := florida(t)
	p, _ := sample(t, f, 5000, 7)
	offLand := 0
	for _, l := range p.Locations {
		z, ok := f.ZIP(l.PostalCode)
		if !ok {
			if l.PostalCode != "" {
				t.Errorf("ZIP code %s", l.PostalCode)
			}
			continue
		}
		if l.CountyFIPS != z.County {
			t.Errorf("%s: in %s, its ZIP code in %s", l.AccNumber, l.CountyFIPS, z.County)
		}
		if _, km, _ := f.County(l.Latitude, l.Longitude); km > 0 {
			offLand++
		}
	}
	t.Logf("%d of %d locations stand on land that the atlas lacks", offLand, len(p.Locations))
	if offLand > 150 {
		t.Errorf("%d locations are not on land", offLand)
	}
}

func TestSharesOfCountiesAndZIPCodes(t *testing.T) {
	f := florida(t)
	const n = 20000
	where := newPlaces(f, n)
	inCounty, inZIP := map[string]int{}, map[string]int{}
	for i := range n {
		county, zip := where.deal(i)
		inCounty[f.Counties()[county].FIPS]++
		inZIP[zip.Code]++
	}
	people := 0
	for _, c := range f.Counties() {
		people += c.Population
	}
	for i, c := range f.Counties() {
		if exact := float64(n) * float64(c.Population) / float64(people); float64(inCounty[c.FIPS]) < exact-1 || float64(inCounty[c.FIPS]) > exact+1 {
			t.Errorf("%s has %d locations, its population is worth %.2f", c.Name, inCounty[c.FIPS], exact)
		}
		least, most := n, 0
		for _, z := range where.zips[i] {
			least, most = min(least, inZIP[z.Code]), max(most, inZIP[z.Code])
		}
		if most-least > 1 {
			t.Errorf("%s: ZIP codes have between %d and %d locations", c.Name, least, most)
		}
	}
}

func TestApportion(t *testing.T) {
	got := apportion(10, []int{1, 1, 1, 7})
	if got[0]+got[1]+got[2]+got[3] != 10 || got[3] != 7 {
		t.Errorf("10 in the proportion 1:1:1:7 is %v", got)
	}
	if got := apportion(1, []int{3, 3, 4}); got[2] != 1 {
		t.Errorf("1 in the proportion 3:3:4 is %v", got)
	}
}

// The sample must look like Florida: block walls in the south, frame in the panhandle,
// towers at the coast only, every line of business present.
func TestMixOfTheSample(t *testing.T) {
	f := florida(t)
	p, _ := sample(t, f, 5000, committedSeed)
	masonry, homes := [2]int{}, [2]int{}
	lines := map[string]int{}
	for _, a := range p.Accounts {
		lines[a.LOB()]++
	}
	for _, l := range p.Locations {
		if l.OccupancyCode == 1051 && l.ConstructionCode != 5000 && l.ConstructionCode < 5350 {
			part := -1
			switch {
			case l.Latitude < 26.5:
				part = 0
			case l.Longitude < -84:
				part = 1
			}
			if part >= 0 {
				homes[part]++
				if l.ConstructionCode >= 5100 {
					masonry[part]++
				}
			}
		}
		if l.OccupancyCode == 1058 && l.NumberOfStoreys >= 8 && f.CoastKm(l.Latitude, l.Longitude, 20) > 20 {
			t.Errorf("a condominium tower stands at %v, %v", l.Latitude, l.Longitude)
		}
	}
	if s, n := float64(masonry[0])/float64(homes[0]), float64(masonry[1])/float64(homes[1]); s < 0.8 || n > 0.5 {
		t.Errorf("masonry share %.2f in the south, %.2f in the panhandle", s, n)
	}
	for _, lob := range []string{"HO3", "HO4", "HO6", "DP3", "MH", "CMP", "CRES", "IND"} {
		if lines[lob] < 20 {
			t.Errorf("%d accounts of %s", lines[lob], lob)
		}
	}
}

func TestEveryPlantedFaultIsFound(t *testing.T) {
	f := florida(t)
	file, err := os.Open("../faulty-location.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, report, err := exposure.Read(exposure.CSV("faulty-location.csv", file), nil, exposure.Options{Geocoder: geography.Geocoder{Florida: f}})
	if !errors.Is(err, exposure.ErrFaults) {
		t.Fatalf("reading gives %v", err)
	}
	found := map[int][]exposure.Fault{}
	for _, fault := range report.Faults {
		found[fault.Line] = append(found[fault.Line], fault)
	}
	for i, p := range plants {
		line := plantedLine(i)
		ok := false
		for _, fault := range found[line] {
			ok = ok || fault.Column == p.column
		}
		if !ok {
			t.Errorf("line %d, %s (%s): found %v", line, p.column, p.what, found[line])
		}
		delete(found, line)
	}
	for line, faults := range found {
		t.Errorf("line %d has no planted fault, but %v", line, faults)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), faultTable()) {
		t.Error("README.md does not hold the list of planted faults as the program prints it")
	}
}

func TestSeedAndSizeDecideTheFile(t *testing.T) {
	f := florida(t)
	made := func(n int, seed uint64) string {
		var loc bytes.Buffer
		if err := generate(f, n, seed, &loc, io.Discard); err != nil {
			t.Fatal(err)
		}
		return loc.String()
	}
	if made(50, 1) != made(50, 1) {
		t.Error("one seed gives two files")
	}
	if made(50, 1) == made(50, 2) {
		t.Error("two seeds give one file")
	}
	for _, n := range []int{1, 2, 3, 7} {
		if rows := strings.Count(made(n, 1), "\n") - 1; rows != n {
			t.Errorf("%d locations asked for, %d written", n, rows)
		}
	}
}

// failing is a full disk.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAFullDiskIsReported(t *testing.T) {
	if err := generate(florida(t), 10, 1, failing{}, io.Discard); err == nil {
		t.Error("no error")
	}
	if err := run(0, 1, t.TempDir(), "", false); err == nil {
		t.Error("no locations asked for, no error")
	}
}
