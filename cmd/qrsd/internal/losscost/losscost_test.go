package losscost

import (
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

var openModel = sync.OnceValues(func() (*modelpack.Model, error) { return modelpack.Florida(vulnerability.Options{}) })

func florida(t *testing.T) *modelpack.Model {
	t.Helper()
	m, err := openModel()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.10g, want %.10g", what, got, want)
	}
}

func TestClassesByConstructionCode(t *testing.T) {
	for code, want := range map[int]Class{
		5000: Other, 5049: Other, 5050: Wood, 5052: Wood, 5099: Wood, 5100: Masonry, 5105: Masonry, 5149: Masonry, 5150: Other, 5203: Other,
		5251: Other, 5349: Other, 5350: Manufactured, 5354: Manufactured, 5400: Other, 0: Other,
	} {
		if got := ClassOf(code); got != want {
			t.Errorf("construction %d is %s, want %s", code, got, want)
		}
	}
	for code, want := range map[int]bool{1000: false, 1049: false, 1050: true, 1055: true, 1099: true, 1100: false, 1201: false} {
		if Residential(code) != want {
			t.Errorf("occupancy %d residential: %v", code, !want)
		}
	}
}

func TestPartsOfFlorida(t *testing.T) {
	ground := florida(t).Ground
	for _, c := range []struct {
		name     string
		lat, lon float64
		part     Part
		coastal  bool
	}{
		{"Miami Beach", 25.79, -80.13, South, true}, {"Key West", 24.555, -81.78, South, true}, {"Clewiston", 26.75, -80.93, South, false},
		{"Naples", 26.14, -81.79, South, true}, {"Orlando", 28.54, -81.38, Central, false}, {"Clearwater", 27.97, -82.80, Central, true},
		{"Gainesville", 29.65, -82.32, North, false}, {"Daytona Beach", 29.21, -81.02, North, true}, {"Pensacola Beach", 30.333, -87.14, North, true},
		{"an island that the atlas leaves out", 28.0, -83.3, Central, true},
		{"Marianna", 30.77, -85.23, North, false},
	} {
		if part, coastal := PartOf(ground, c.lat, c.lon); part != c.part || coastal != c.coastal {
			t.Errorf("%s: %s, coastal %v", c.name, part, coastal)
		}
	}
}

func TestGroupsAreNumberedOnce(t *testing.T) {
	seen := map[int]bool{}
	for class := range Class(NumClasses) {
		for part := range Part(NumParts) {
			for k := range 4 {
				g := Group{class, part, k&1 == 1, k&2 == 2}
				i := g.index()
				if i < 0 || i >= numGroups || seen[i] || groupAt(i) != g {
					t.Errorf("group %+v has number %d, which is %+v", g, i, groupAt(i))
				}
				seen[i] = true
			}
		}
	}
}

const header = "PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,Latitude,Longitude,OccupancyCode,ConstructionCode,YearBuilt,BuildingTIV,ContentsTIV,LocCurrency,LocPerilsCovered,LocPeril,CondTag,LocDedType1Building,LocDed1Building\n"

// mixed is an account of wood and masonry on two coasts, a manufactured home, a shop, one without wind, and a house.
const mixed = header + `P,A,1,US,FL,26.14,-81.79,1051,5050,1985,300000,100000,USD,WTC,WTC,,0,6000
P,A,2,US,FL,25.80,-80.20,1051,5105,1999,500000,150000,USD,WTC,WTC,,0,5000
P,A,3,US,FL,29.65,-82.32,1051,5050,1985,200000,50000,USD,WTC,WTC,,0,1000
P,B,1,US,FL,27.90,-82.70,1051,5350,1990,60000,20000,USD,WTC,WTC,,0,500
P,C,1,US,FL,25.78,-80.21,1103,5150,1990,900000,100000,USD,WTC,WTC,,0,0
P,C,2,US,FL,25.78,-80.21,1103,5150,1990,900000,100000,USD,QEQ,QEQ,,0,0
P,D,1,US,FL,26.70,-80.05,1051,5100,1975,400000,0,USD,WTC,WTC,,0,0
`

func read(t *testing.T, text string) *exposure.Portfolio {
	t.Helper()
	p, _, err := exposure.Read(exposure.CSV("location.csv", strings.NewReader(text)), nil, exposure.Options{Geocoder: geography.Geocoder{Florida: florida(t).Ground}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The book's total is that of the portfolio as it is, though every site has become an account and no term is left;
// each site's own is that of the site alone.
func TestBookAddsUpToThePortfolio(t *testing.T) {
	m, p := florida(t), read(t, mixed)
	before := p.Digest()
	book := NewBook(p, m.Ground)
	if book.Sites() != 6 || book.NotWind != 1 {
		t.Fatalf("%d sites, %d without wind", book.Sites(), book.NotWind)
	}
	if p.Digest() != before {
		t.Error("the portfolio was changed")
	}
	spec := engine.Spec{Years: 300, Samples: 3, Seed: 4, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{100}}
	costs, err := book.Run(t.Context(), m, spec, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := engine.Run(t.Context(), m, p, spec, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := &whole.Report.Summaries[0].Perspectives[loss.GroundUp]
	near(t, "average annual loss", costs.All().AAL, want.Annual.AAL, 1e-9*want.Annual.AAL)
	near(t, "standard deviation", costs.SD, want.Annual.SD, 1e-9*want.Annual.SD)
	if want.Annual.AAL <= 0 || costs.Largest <= costs.All().AAL {
		t.Errorf("average annual loss %g, 100-year loss %g", want.Annual.AAL, costs.Largest)
	}
	near(t, "value", costs.All().TIV, 400000+650000+250000+80000+1000000+400000, 0)
	yearly := 0.0
	for _, v := range costs.annual {
		yearly += v / 300
	}
	near(t, "mean of the years", yearly, want.Annual.AAL, 1e-9*want.Annual.AAL)
	for _, c := range []struct {
		class   Class
		part    Part
		coastal bool
		account string // rows of mixed that are this group
	}{{Wood, South, true, "P,A,1,"}, {Wood, North, false, "P,A,3,"}, {Manufactured, Central, true, "P,B,1,"}} {
		cell := costs.Of(func(g Group) bool { return g.Class == c.class && g.Part == c.part && g.Coastal == c.coastal })
		var rows strings.Builder
		for line := range strings.Lines(mixed) {
			if strings.HasPrefix(line, c.account) {
				rows.WriteString(line)
			}
		}
		alone, err := engine.Run(t.Context(), m, read(t, header+rows.String()), spec, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := alone.Report.Summaries[0].Perspectives[loss.GroundUp].Annual.AAL
		near(t, fmt.Sprintf("%s in the %s", c.class, c.part), cell.AAL, want, 1e-9*want)
		if cell.Sites != 1 {
			t.Errorf("%d sites of %s in the %s", cell.Sites, c.class, c.part)
		}
	}
}

func TestASiteListedTwiceCountsOnce(t *testing.T) {
	p := read(t, mixed)
	again := p.Locations[len(p.Locations)-1]
	again.CondTag = "T2"
	p.Locations = append(p.Locations, again)
	p.Accounts[len(p.Accounts)-1].Count++
	book := NewBook(p, florida(t).Ground)
	if book.Sites() != 6 {
		t.Errorf("%d sites", book.Sites())
	}
	for i, l := range book.portfolio.Locations {
		if a := book.portfolio.Accounts[i]; a.First != i || a.Count != 1 || l.Terms != nil || l.CondTag != "" || l.AccNumber != a.AccNumber {
			t.Errorf("site %d: account %+v, %+v", i, a, l)
		}
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	m := florida(t)
	if _, err := NewBook(read(t, mixed), m.Ground).Run(t.Context(), m, engine.Spec{Years: 0}, engine.Options{}); err == nil || !strings.Contains(err.Error(), "years 0") {
		t.Errorf("error %v", err)
	}
}

// costsOf fills groups with value and rate per 1,000.
func costsOf(rates map[Group][2]float64) *Costs {
	c := new(Costs)
	for g, v := range rates {
		c.cells[g.index()] = Cell{Sites: 1, TIV: v[0], AAL: v[0] * v[1] / 1000}
	}
	return c
}

// Wood is twice as weak as masonry everywhere; as most of it stands in the north, its rate for the state is lower.
func TestClassesAreComparedAtTheSamePlaces(t *testing.T) {
	c := costsOf(map[Group][2]float64{
		{Wood, South, true, true}: {1e6, 10}, {Masonry, South, true, true}: {9e6, 5},
		{Wood, North, false, true}: {9e6, 1}, {Masonry, North, false, true}: {1e6, 0.5},
		{Wood, Central, false, true}: {5e6, 700}, // no masonry beside it
	})
	class := func(want Class) func(Group) bool { return func(g Group) bool { return g.Class == want } }
	near(t, "wood over masonry", c.AtSamePlaces(class(Wood), class(Masonry)), 2, 1e-12)
	near(t, "masonry over wood", c.AtSamePlaces(class(Masonry), class(Wood)), 0.5, 1e-12)
	if !math.IsNaN(c.AtSamePlaces(class(Wood), class(Manufactured))) {
		t.Error("a ratio to nothing")
	}
	near(t, "rate of masonry", c.Of(class(Masonry)).PerThousand(), (9*5+0.5)/10, 1e-12)
	near(t, "rate of nothing", Cell{}.PerThousand(), 0, 0)
}

func TestChecksHaveTheirRanges(t *testing.T) {
	c := costsOf(map[Group][2]float64{
		{Wood, South, true, true}: {1e6, 12}, {Masonry, South, true, true}: {1e6, 8}, {Manufactured, South, true, true}: {1e6, 40},
		{Masonry, North, false, true}: {98e6, 1}, {Other, North, false, false}: {50e6, 2},
	})
	all := c.All().AAL
	c.SD, c.Largest = 3*all, 10*all
	want := map[string]float64{
		"residential, average annual loss of the state": (12 + 8 + 40 + 98) / 101.0 / 10, "wood over masonry, residential, at the same places": 1.5,
		"manufactured over site-built, residential, at the same places": 4, "site-built residential, coast of South Florida": 10,
		"site-built residential, inland North": 1, "100-year occurrence loss over average annual loss": 10, "coefficient of variation of the annual loss": 3,
	}
	checks := c.Checks()
	if len(checks) != len(want) {
		t.Errorf("%d checks, want %d", len(checks), len(want))
	}
	for _, k := range checks {
		near(t, k.Name, k.Value, want[k.Name], 1e-9)
		if !k.Within {
			t.Errorf("%s: %g is not within %g-%g", k.Name, k.Value, k.Low, k.High)
		}
	}
	c.SD, c.Largest = 4*all, 8*all
	outside := 0
	for _, k := range c.Checks() {
		if !k.Within {
			outside++
		}
	}
	if outside != 2 {
		t.Errorf("%d checks outside, want the two that were moved", outside)
	}
	if left := costsOf(map[Group][2]float64{{Wood, South, true, true}: {1e6, 12}}).Checks(); len(left) != 2 {
		t.Errorf("a book of one house leaves %d checks, want the state's and the southern coast's: %+v", len(left), left)
	}
}

func TestChangeAndItsError(t *testing.T) {
	near(t, "change", Change(90, 100), -0.1, 1e-12)
	if !math.IsNaN(Change(1, 0)) {
		t.Error("a change of nothing")
	}
	with := &Costs{annual: []float64{0, 10, 0, 30, 5}}
	same := &Costs{annual: []float64{0, 20, 0, 60, 10}} // twice in every year: no chance in it
	near(t, "error of a factor", ChangeError(same, with), 0, 1e-12)
	// Ratio 1: residuals 0, 2, 0, -4, 2; squares 24, over 4 and 5 years; over the mean of 9.
	other := &Costs{annual: []float64{0, 12, 0, 26, 7}}
	near(t, "error of a difference", ChangeError(other, with), math.Sqrt(24.0/4/5)/9, 1e-12)
	for name, bad := range map[string]*Costs{"other years": {annual: []float64{1}}} {
		if !math.IsNaN(ChangeError(bad, with)) {
			t.Errorf("%s: an error", name)
		}
	}
	if !math.IsNaN(ChangeError(&Costs{annual: make([]float64, 5)}, &Costs{annual: make([]float64, 5)})) {
		t.Error("an error of nothing")
	}
}

// The sample portfolio has sites in nearly every group of dwellings.
func TestSamplePortfolioFillsTheGroups(t *testing.T) {
	f, err := os.Open("../../../../examples/florida/location.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := florida(t)
	p, _, err := exposure.Read(exposure.CSV("location.csv", f), nil, exposure.Options{Geocoder: geography.Geocoder{Florida: m.Ground}})
	if err != nil {
		t.Fatal(err)
	}
	filled := map[Group]int{}
	for _, g := range NewBook(p, m.Ground).groups {
		filled[g]++
	}
	for class := range Class(NumClasses) {
		for part := range Part(NumParts) {
			for _, coastal := range []bool{true, false} {
				if n := filled[Group{class, part, coastal, true}]; n < 3 {
					t.Errorf("%d dwellings of %s in the %s, coastal %v", n, class, part, coastal)
				}
			}
		}
	}
}
