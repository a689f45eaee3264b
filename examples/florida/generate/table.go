package main

import (
	"io"
	"strconv"
	"strings"
)

// The columns of the two files, by their OED names.
var (
	locationColumns = strings.Fields(`PortNumber AccNumber LocNumber CountryCode AreaCode GeogScheme1 GeogName1 PostalCode
		Latitude Longitude OccupancyCode ConstructionCode YearBuilt NumberOfStoreys FloorArea
		RoofGeometry RoofCover RoofYearBuilt RoofAnchorage RoofDeckAttachment WindowProtection
		BuildingTIV OtherTIV ContentsTIV BITIV LocCurrency LocPerilsCovered LocPeril
		LocDedType1Building LocDed1Building LocMinDed1Building LocDedType5PD LocDed5PD LocMinDed5PD
		LocDedType6All LocDed6All LocMinDed6All LocLimit1Building LocLimit3Contents OEDVersion`)
	accountColumns = strings.Fields(`PortNumber AccNumber AccCurrency PolNumber LOB PolPerilsCovered PolInceptionDate PolExpiryDate
		LayerNumber LayerParticipation LayerLimit LayerAttachment PolPeril PolDedType6All PolDed6All PolMinDed6All PolLimit6All OEDVersion`)
)

const (
	portfolioName = "SYNTHETIC-FL"
	oedVersion    = "5.0.0"
)

// table writes rows of CSV. No value here needs quotes.
type table struct {
	w    io.Writer
	line []byte
	err  error // the first error of w
}

func newTable(w io.Writer, columns []string) *table {
	t := &table{w: w}
	for _, c := range columns {
		t.text(c)
	}
	t.end()
	return t
}

func (t *table) text(s string) { t.line = append(append(t.line, s...), ',') }

// number writes a value; 0 is left empty, which is OED's default for all columns here.
func (t *table) number(v float64) {
	if v != 0 {
		t.line = strconv.AppendFloat(t.line, v, 'f', -1, 64)
	}
	t.line = append(t.line, ',')
}

func (t *table) integer(v int) { t.number(float64(v)) }

func (t *table) deductible(d deductible) {
	t.integer(d.kind)
	t.number(d.value)
	t.number(d.min)
}

// end writes the line.
func (t *table) end() {
	t.line[len(t.line)-1] = '\n'
	if _, err := t.w.Write(t.line); t.err == nil {
		t.err = err
	}
	t.line = t.line[:0]
}

// numbered is a prefix and a number of at least width digits.
func numbered(prefix string, n, width int) string {
	digits := strconv.Itoa(n)
	return prefix + strings.Repeat("0", max(0, width-len(digits))) + digits
}

// writeLocation writes location i of an account.
func writeLocation(t *table, a *account, i int) {
	b := &a.buildings[i]
	t.text(portfolioName)
	t.text(numbered("A", a.number, 7))
	t.integer(i + 1)
	t.text("US")
	t.text("FL")
	t.text("CNTY")
	t.text(b.county.Name)
	writePlace(t, b)
	t.integer(b.occupancy)
	t.integer(b.construction)
	if b.yearKnown {
		t.integer(b.year)
	} else {
		t.integer(0)
	}
	t.integer(b.storeys)
	t.number(b.floorArea)
	for _, m := range [...]int{b.modifiers.roofGeometry, b.modifiers.roofCover, b.modifiers.roofYear,
		b.modifiers.roofAnchorage, b.modifiers.roofDeckAttachment, b.modifiers.windowProtection} {
		t.integer(m)
	}
	for _, v := range b.tiv {
		t.number(v)
	}
	t.text("USD")
	t.text("WTC;WEC")
	writeLocTerms(t, b.deductible)
	t.text(oedVersion)
	t.end()
}

// writePlace writes ZIP code and coordinates as far as the file is to know them.
func writePlace(t *table, b *building) {
	if b.located == byCounty {
		t.text("")
	} else {
		t.text(b.zip.Code)
	}
	if b.located != byPoint {
		t.text("")
		t.text("")
		return
	}
	t.text(strconv.FormatFloat(b.lat, 'f', 5, 64))
	t.text(strconv.FormatFloat(b.lon, 'f', 5, 64))
}

func writeLocTerms(t *table, d locTerms) {
	if d == (locTerms{}) {
		t.text("")
	} else {
		t.text("WTC")
	}
	t.deductible(d.building)
	t.deductible(d.pd)
	t.deductible(d.all)
	t.number(d.buildingLimit)
	t.number(d.contentsLimit)
}

// writeAccount writes a row for each layer of an account's policy.
func writeAccount(t *table, a *account) {
	p := &a.policy
	month := numbered("", p.month, 2)
	for i, l := range p.layers {
		t.text(portfolioName)
		t.text(numbered("A", a.number, 7))
		t.text("USD")
		t.text(numbered("P", a.number, 7))
		t.text(p.lob)
		t.text("WTC;WEC")
		t.text("2026-" + month + "-01")
		t.text("2027-" + month + "-01")
		t.integer(i + 1)
		t.number(l.participation)
		t.number(l.limit)
		t.number(l.attachment)
		if p.all == (deductible{}) && p.limit == 0 {
			t.text("")
		} else {
			t.text("WTC")
		}
		t.deductible(p.all)
		t.number(p.limit)
		t.text(oedVersion)
		t.end()
	}
}
