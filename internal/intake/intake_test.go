package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/web"
)

var ground = sync.OnceValues(func() (*geography.Florida, error) {
	m, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return nil, err
	}
	return m.Ground, nil
})

func file(name, content string) web.ExposureFile {
	return web.ExposureFile{Name: name, Size: int64(len(content)), Content: strings.NewReader(content)}
}

// TestRead: what is read is what package exposure reads, a check says the same, and who gives up waiting gets nothing.
func TestRead(t *testing.T) {
	text, err := os.ReadFile("../../examples/florida/location.csv")
	if err != nil {
		t.Fatal(err)
	}
	florida, err := ground()
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := exposure.Read(exposure.CSV("location.csv", bytes.NewReader(text)), nil, exposure.Options{Geocoder: geography.Geocoder{Florida: florida}})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Ground: ground})
	got, err := r.Read(t.Context(), web.Exposure{Location: file("location.csv", string(text))})
	if err != nil || got.Digest != want.Digest() || got.Report.FaultCount != 0 {
		t.Fatalf("%v, %+v", err, got)
	}
	check, err := r.Read(t.Context(), web.Exposure{Location: file("location.csv", string(text)), CheckOnly: true})
	if err != nil || check.Report.Locations != got.Report.Locations || check.Summary != nil {
		t.Errorf("%v, %+v", err, check)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(gone, web.Exposure{Location: file("location.csv", string(text))}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestMaxRows: one row too many is a fault of the file.
func TestMaxRows(t *testing.T) {
	const text = "PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,BuildingTIV,LocCurrency,LocPerilsCovered,OccupancyCode,ConstructionCode\n" +
		"B,A,1,US,FL,33139,1,USD,WTC,1051,5100\nB,A,2,US,FL,33139,1,USD,WTC,1051,5100\n"
	for most, faults := range map[int]int{1: 1, 2: 0} {
		got, err := New(Options{Ground: ground, MaxRows: most}).Read(t.Context(), web.Exposure{Location: file("l.csv", text)})
		if err != nil || got.Report.FaultCount != faults {
			t.Errorf("of at most %d rows: %v, %+v", most, err, got)
		}
	}
}

// TestSites: 20,000 locations are thinned to 5,000 sites at most, which hold all of them and all their value.
func TestSites(t *testing.T) {
	p := &exposure.Portfolio{}
	for i := range 20_000 {
		p.Locations = append(p.Locations, exposure.Location{
			LocNumber: fmt.Sprint(i), Key: uint64(i), Latitude: 25 + float64(i%200)*0.02, Longitude: -80 - float64(i/200)*0.02, TIV: [exposure.NumTIV]float64{1, 2},
		})
	}
	got := sitesOf(p)
	count, tiv := 0, 0.0
	for _, s := range got.Sites {
		count, tiv = count+s.Locations, tiv+s.TIV
	}
	if len(got.Sites) > maxSites || len(got.Sites) < maxSites/5 || got.Locations != 20_000 || count != 20_000 || math.Abs(tiv-60_000) > 1e-6 || got.Cell == 0 {
		t.Errorf("%d sites of %d locations, holding %d and %g, in cells of %g", len(got.Sites), got.Locations, count, tiv, got.Cell)
	}
}

// TestShares: beyond the most there can be, the smallest are one, and nothing is lost.
func TestShares(t *testing.T) {
	var all tally
	for i := range 1000 {
		all.add(fmt.Sprint(i), float64(i))
	}
	got := all.shares()
	count, tiv := 0, 0.0
	for _, s := range got {
		count, tiv = count+s.Locations, tiv+s.TIV
	}
	if len(got) != maxShares || got[0].Key != "999" || got[maxShares-1].Key != otherKey || count != 1000 || tiv != 499500 {
		t.Errorf("%d shares, the first %+v, the last %+v, with %d locations and %g", len(got), got[0], got[len(got)-1], count, tiv)
	}
}
