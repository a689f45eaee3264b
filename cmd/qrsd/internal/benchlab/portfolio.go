package benchlab

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
)

// Variant is how the values of the reference portfolio are laid over Florida.
type Variant string

// The two variants. Both have the same houses.
const (
	// Equal gives every house the same value.
	Equal Variant = "equal-value"
	// Population scales the values of each county so that its share of the total is its share of the state's population.
	Population Variant = "population-weighted"
)

// Variants are both, in the order of reports.
func Variants() []Variant { return []Variant{Equal, Population} }

// Archetype is one kind of house of the reference portfolio.
type Archetype struct {
	Name         string `json:"name"`
	Construction int    `json:"construction_code"` // OED
	YearBuilt    int    `json:"year_built"`
}

// Archetypes are the four kinds of house: the three constructions for which loss costs are filed, and masonry of the
// building code of 2002 beside masonry of before it. The choice is ours.
func Archetypes() []Archetype {
	return []Archetype{
		{"wood frame, 1985", 5050, 1985},
		{"masonry, 1985", 5100, 1985},
		{"masonry, 2005", 5100, 2005},
		{"manufactured home, 1990", 5350, 1990},
	}
}

// singleFamily is the OED occupancy code of every house.
const singleFamily = 1051

// Values of a house, USD: dwelling, other structures, contents, time element, in the proportions of the notional
// policies of FCHLPM Form A-6 (100 : 10 : 50 : 20); no deductible, no limit.
var houseValues = [exposure.NumTIV]float64{100_000, 10_000, 50_000, 20_000}

// portNumber is the PortNumber of every location of the reference portfolio.
const portNumber = "BENCHLAB"

// WriteOED writes the OED location file of a variant: a row for each ZIP code and archetype, an account of its own each,
// so that a run can be computed again from a file. Errors are the writer's.
func WriteOED(w io.Writer, ground *geography.Florida, v Variant) error {
	return writeRows(w, oedRows(ground, v))
}

var oedHeader = []string{"PortNumber", "AccNumber", "LocNumber", "CountryCode", "AreaCode", "GeogScheme1", "GeogName1", "PostalCode",
	"Latitude", "Longitude", "OccupancyCode", "ConstructionCode", "YearBuilt", "NumberOfStoreys",
	"BuildingTIV", "OtherTIV", "ContentsTIV", "BITIV", "LocCurrency", "LocPerilsCovered", "LocPeril", "OEDVersion"}

func writeRows(w io.Writer, rows [][]string) error {
	c := csv.NewWriter(w)
	if err := c.Write(oedHeader); err != nil {
		return err
	}
	return c.WriteAll(rows)
}

// oedRows are the rows of the location file, by ZIP code, then archetype.
func oedRows(ground *geography.Florida, v Variant) [][]string {
	weights := countyWeights(ground, v)
	var rows [][]string
	for _, z := range ground.ZIPs() {
		weight := weights[countyOf(ground, z)]
		for i, a := range Archetypes() {
			row := []string{portNumber, z.Code + "-" + strconv.Itoa(i+1), "1", "US", "FL", "", "", z.Code,
				number(z.Lat), number(z.Lon), strconv.Itoa(singleFamily), strconv.Itoa(a.Construction), strconv.Itoa(a.YearBuilt), "1"}
			for _, value := range houseValues {
				row = append(row, number(value*weight))
			}
			rows = append(rows, append(row, "USD", "WTC", "WTC", "5.0.0"))
		}
	}
	return rows
}

// number is the shortest text that reads back as the same float64.
func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// countyOf is the county that the import finds for a ZIP code's point.
func countyOf(ground *geography.Florida, z geography.ZIP) string {
	if fips, _, ok := ground.County(z.Lat, z.Lon); ok {
		return fips
	}
	return z.County
}

// countyWeights are the factors on the values of each county, by FIPS. Their mean over houses is 1, so that both
// variants have the same total. Populations are the Census estimates of the model pack.
func countyWeights(ground *geography.Florida, v Variant) map[string]float64 {
	houses, all, people := map[string]float64{}, 0.0, 0.0
	for _, z := range ground.ZIPs() {
		houses[countyOf(ground, z)]++
		all++
	}
	for _, c := range ground.Counties() {
		if houses[c.FIPS] > 0 {
			people += float64(c.Population)
		}
	}
	weights := map[string]float64{}
	for _, c := range ground.Counties() {
		weights[c.FIPS] = 1
		if v == Population && houses[c.FIPS] > 0 {
			weights[c.FIPS] = float64(c.Population) / people * all / houses[c.FIPS]
		}
	}
	return weights
}

// ReferencePortfolio is the portfolio of a variant, read from the rows that WriteOED writes: what is run here and what is
// computed again from the file have one digest. Errors are ours alone, as the rows are: a model pack whose ZIP codes OED
// or the geocoder refuses.
func ReferencePortfolio(ground *geography.Florida, v Variant) (*exposure.Portfolio, error) {
	return readRows(ground, oedRows(ground, v))
}

// shuffledPortfolio is ReferencePortfolio with the rows of the file in another order.
func shuffledPortfolio(ground *geography.Florida, v Variant, order []int) (*exposure.Portfolio, error) {
	rows := oedRows(ground, v)
	if len(order) != len(rows) {
		panic("benchlab: an order of another length than the portfolio's")
	}
	shuffled := slices.Clone(rows)
	for i, from := range order {
		shuffled[i] = rows[from]
	}
	return readRows(ground, shuffled)
}

func readRows(ground *geography.Florida, rows [][]string) (*exposure.Portfolio, error) {
	var file bytes.Buffer
	if err := writeRows(&file, rows); err != nil {
		return nil, fmt.Errorf("writing the reference portfolio: %w", err)
	}
	p, _, err := exposure.Read(exposure.CSV("reference portfolio", bytes.NewReader(file.Bytes())), nil,
		exposure.Options{Geocoder: geography.Geocoder{Florida: ground}})
	if err != nil {
		return nil, fmt.Errorf("reading the reference portfolio: %w", err)
	}
	return p, nil
}
