package loss_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

var openFlorida = sync.OnceValues(func() (*modelpack.Model, error) { return modelpack.Florida(vulnerability.Options{}) })

// florida is the embedded model, opened once for all tests.
func florida(t testing.TB) *modelpack.Model {
	t.Helper()
	m, err := openFlorida()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const locationHeader = "PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,Latitude,Longitude,OccupancyCode,ConstructionCode," +
	"YearBuilt,NumberOfStoreys,BuildingTIV,OtherTIV,ContentsTIV,BITIV,LocCurrency,LocPerilsCovered,LocPeril,LocDedType6All,LocDed6All,LocMinDed6All,LocLimit6All,CondTag\n"

const accountHeader = "PortNumber,AccNumber,AccCurrency,PolNumber,LOB,PolPerilsCovered,PolPeril,LayerNumber,LayerParticipation,LayerLimit,LayerAttachment," +
	"PolDed6All,CondTag,CondNumber,CondPriority,CondPeril,CondLimit6All\n"

// homes are 20 single-family accounts around Fort Myers and Naples: some in one wind cell, some with a share as
// deductible, some with an amount, some with a limit.
func homes() (location, account string) {
	var l, a strings.Builder
	towns := []struct {
		zip      string
		lat, lon float64
	}{{"33901", 26.620, -81.870}, {"33901", 26.622, -81.872}, {"33931", 26.452, -81.948}, {"34102", 26.140, -81.795}, {"34119", 26.270, -81.700}}
	for i := range 20 {
		town := towns[i%len(towns)]
		tiv := float64(200_000 + 13_000*i)
		deductible := []string{"2,0.02,500,", "0,2500,,", "0,0,,", "0,1000,,150000"}[i%4]
		fmt.Fprintf(&l, "P,H%02d,1,US,FL,%s,%.5f,%.5f,1051,%d,%d,%d,%g,%g,%g,%g,USD,WTC,WTC,%s,\n", i, town.zip,
			town.lat+0.0007*float64(i), town.lon+0.0011*float64(i), []int{5050, 5100, 5000}[i%3], 1965+3*i, 1+i%2, tiv, 0.1*tiv, 0.5*tiv, 0.2*tiv, deductible)
		fmt.Fprintf(&a, "P,H%02d,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,\n", i)
	}
	return l.String(), a.String()
}

// The accounts that are more than a home: LAYERS has five buildings in two counties under two layers; TAGS lists
// two of its three locations under two conditions each; MIXED has a location that does not
// cover wind beside one that does; CALM covers no wind at all; FAR lies out of reach of southern storms. NEXT and SHOP share
// a wind cell and differ in nothing but the ZIP code, INN and SOUTH but the line of business, NORTH and SOUTH but the county.
const (
	otherLocations = `P,LAYERS,1,US,FL,33901,26.6402,-81.8721,1101,5151,1999,3,4000000,0,400000,300000,USD,WTC,WTC,,,,,
P,LAYERS,2,US,FL,33901,26.6403,-81.8722,1101,5151,1999,3,2500000,0,250000,0,USD,WTC,WTC,,,,,
P,LAYERS,3,US,FL,33931,26.4501,-81.9402,1101,5100,1981,2,1500000,50000,150000,90000,USD,WTC,WTC,,,,,
P,LAYERS,4,US,FL,34102,26.1423,-81.7951,1101,5100,1975,2,1700000,0,170000,100000,USD,WTC,WTC,,,,,
P,LAYERS,5,US,FL,34119,26.2711,-81.7012,1101,5151,2004,6,9000000,100000,0,500000,USD,WTC,WTC,,,,,
P,TAGS,1,US,FL,33931,26.4533,-81.9491,1115,5151,1990,2,3000000,0,300000,200000,USD,WTC,WTC,,,,,coast
P,TAGS,1,US,FL,33931,26.4533,-81.9491,1115,5151,1990,2,3000000,0,300000,200000,USD,WTC,WTC,,,,,west
P,TAGS,2,US,FL,34102,26.1444,-81.7955,1115,5151,2010,1,2000000,0,200000,100000,USD,WTC,WTC,0,10000,,,coast
P,TAGS,2,US,FL,34102,26.1444,-81.7955,1115,5151,2010,1,2000000,0,200000,100000,USD,WTC,WTC,0,10000,,,west
P,TAGS,3,US,FL,34119,26.2699,-81.7033,1115,5100,1978,1,800000,20000,80000,60000,USD,WTC,WTC,,,,,
P,MIXED,1,US,FL,33901,26.6211,-81.8733,1051,5050,1988,1,350000,35000,175000,70000,USD,WTC,WTC,0,1000,,,
P,MIXED,2,US,FL,33901,26.6212,-81.8734,1051,5050,1988,1,360000,36000,180000,72000,USD,OO1,OO1,,,,,
P,CALM,1,US,FL,33901,26.6213,-81.8735,1051,5050,1988,1,370000,37000,185000,74000,USD,OO1,OO1,,,,,
P,FAR,1,US,FL,32501,30.4264,-87.2300,1051,5050,1988,1,380000,38000,190000,76000,USD,WTC,WTC,0,1000,,,
P,NEXT,1,US,FL,33900,26.6216,-81.8716,1101,5100,1988,1,390000,39000,195000,78000,USD,WTC,WTC,0,1000,,,
P,SHOP,1,US,FL,33901,26.6217,-81.8717,1101,5100,1988,1,410000,41000,205000,82000,USD,WTC,WTC,0,1000,,,
P,INN,1,US,FL,34134,26.3151,-81.7501,1101,5100,1988,1,440000,44000,220000,88000,USD,WTC,WTC,0,1000,,,
P,NORTH,1,US,FL,34134,26.3190,-81.7500,1051,5050,1988,1,420000,42000,210000,84000,USD,WTC,WTC,0,1000,,,
P,SOUTH,1,US,FL,34134,26.3150,-81.7500,1051,5050,1988,1,430000,43000,215000,86000,USD,WTC,WTC,0,1000,,,
`
	otherAccounts = `P,LAYERS,USD,1,CRES,WTC,WTC,1,0.6,2000000,0,50000,,,,,
P,LAYERS,USD,1,CRES,WTC,WTC,2,0.4,10000000,2000000,50000,,,,,
P,TAGS,USD,1,CRES,WTC,WTC,1,0.9,3000000,25000,0,coast,1,1,WTC,1500000
P,TAGS,USD,1,CRES,WTC,WTC,1,0.9,3000000,25000,0,west,2,2,WTC,1200000
P,MIXED,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,
P,CALM,USD,1,HO3,WTC;OO1,WTC,1,1,0,0,0,,,,,
P,FAR,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,
P,NEXT,USD,1,CRES,WTC,WTC,1,1,0,0,0,,,,,
P,SHOP,USD,1,CRES,WTC,WTC,1,1,0,0,0,,,,,
P,INN,USD,1,CRES,WTC,WTC,1,1,0,0,0,,,,,
P,NORTH,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,
P,SOUTH,USD,1,HO3,WTC,WTC,1,1,0,0,0,,,,,
`
)

// portfolio is homes and the other accounts.
func portfolio(t testing.TB) *exposure.Portfolio {
	l, a := homes()
	return readPortfolio(t, l+otherLocations, a+otherAccounts)
}

// readPortfolio reads rows under locationHeader and accountHeader.
func readPortfolio(t testing.TB, locations, accounts string) *exposure.Portfolio {
	t.Helper()
	p, _, err := exposure.Read(exposure.CSV("location.csv", strings.NewReader(locationHeader+locations)),
		exposure.CSV("account.csv", strings.NewReader(accountHeader+accounts)),
		exposure.Options{Geocoder: geography.Geocoder{Florida: florida(t).Ground}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newSites(t testing.TB, p *exposure.Portfolio) *loss.Sites {
	t.Helper()
	m := florida(t)
	s, err := loss.NewSites(p, m.Ground, m.Curves, windfield.Standard())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// storms are storms of the record as events of the year, numbered from 1 as a catalogue would.
func storms(t testing.TB, year int32, ids ...string) []hazard.Event {
	t.Helper()
	m := florida(t)
	var events []hazard.Event
	for _, id := range ids {
		found := false
		for _, s := range m.Scenarios {
			if s.ID != id {
				continue
			}
			e, err := hazard.FromTrack(s, m.Climate, m.Ground)
			if err != nil {
				t.Fatal(err)
			}
			e.Year, e.ID = year, year*128+int32(len(events))+1
			events, found = append(events, e), true
		}
		if !found {
			t.Fatalf("the model has no scenario %s", id)
		}
	}
	return events
}

// years are events by year.
type years map[int][]hazard.Event

// Year implements loss.Events.
func (y years) Year(year int) []hazard.Event { return y[year] }

// simulate computes years 1 to n as blocks that end at the given years, each with a kernel of its own, and merges them.
func simulate(s *loss.Sites, events loss.Events, n int, d loss.Draw, ends ...int) *loss.Table {
	b := loss.NewBuilder(s, n, d)
	year := 1
	for _, end := range append(ends, n) {
		k := loss.NewKernel(s, events, d)
		p := k.Begin()
		for ; year <= end; year++ {
			k.Year(year, p)
		}
		b.Add(p)
	}
	return b.Table()
}
