package terms

import (
	"fmt"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"pgregory.net/rapid"
)

// onePortfolio is a portfolio of one account.
func onePortfolio(rows []exposure.AccountRow, locations ...exposure.Location) *exposure.Portfolio {
	for i := range locations {
		l := &locations[i]
		l.Line = i + 2
		if l.LocNumber == "" {
			l.LocNumber = fmt.Sprintf("%03d", i)
		}
		l.BIPOI, l.Participation = orDefault(l.BIPOI, 365), orDefault(l.Participation, 1)
	}
	for i := range rows {
		r := &rows[i]
		r.Line, r.LayerNumber = i+2, max(r.LayerNumber, 1)
		r.LayerParticipation, r.AccParticipation = orDefault(r.LayerParticipation, 1), orDefault(r.AccParticipation, 1)
	}
	return &exposure.Portfolio{Locations: locations, Accounts: []exposure.Account{{Count: len(locations), Rows: rows}}}
}

func orDefault(x, standard float64) float64 {
	if x == 0 {
		return standard
	}
	return x
}

// mustCompile compiles or ends the test.
func mustCompile(t testing.TB, p *exposure.Portfolio) *Program {
	t.Helper()
	program, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// onLadder is the program with the general form for every account.
func onLadder(p *exposure.Portfolio) *Program {
	program := &Program{}
	for i := range p.Accounts {
		a := &p.Accounts[i]
		c := compiler{account: a, locations: p.Locations[a.First : a.First+a.Count], onLadder: true}
		program.accounts = append(program.accounts, c.compile())
	}
	return program
}

// drawTerms are OED terms of some coverage groups.
func drawTerms(t *rapid.T, name string, groups ...exposure.Coverage) []exposure.CoverageTerms {
	var terms []exposure.CoverageTerms
	amount := rapid.Float64Range(0, 60_000)
	for _, c := range groups {
		if rapid.IntRange(0, 2).Draw(t, name+" has terms") == 0 {
			continue
		}
		ct := exposure.CoverageTerms{Coverage: c}
		ct.DedType = exposure.AmountType(rapid.IntRange(0, 2).Draw(t, name+" type"))
		if ct.Ded = amount.Draw(t, name+" deductible"); ct.DedType != exposure.Amount {
			ct.Ded = rapid.Float64Range(0, 0.3).Draw(t, name+" share")
		}
		if rapid.IntRange(0, 3).Draw(t, name+" franchise") == 0 {
			ct.DedCode = dedFranchise
		} else if rapid.Bool().Draw(t, name+" bounded") {
			ct.MinDed = amount.Draw(t, name+" minimum")
			if rapid.Bool().Draw(t, name+" capped") {
				ct.MaxDed = ct.MinDed + amount.Draw(t, name+" maximum")
			}
		}
		if rapid.Bool().Draw(t, name+" limited") {
			ct.Limit = 4 * amount.Draw(t, name+" limit")
		}
		terms = append(terms, ct)
	}
	return terms
}

// drawLocation is a location with terms.
func drawLocation(t *rapid.T) exposure.Location {
	l := exposure.Location{Participation: rapid.SampledFrom([]float64{1, 1, 0.4}).Draw(t, "participation")}
	for k := range l.TIV {
		l.TIV[k] = rapid.Float64Range(0, 400_000).Draw(t, "value")
	}
	l.Terms = drawTerms(t, "location", exposure.Building, exposure.Other, exposure.Contents, exposure.BI, exposure.PD, exposure.All)
	l.BIWaitingPeriod = rapid.SampledFrom([]float64{0, 0, 3}).Draw(t, "waiting")
	l.BIPOI = rapid.SampledFrom([]float64{365, 180}).Draw(t, "indemnity")
	l.CondTag = rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "tag")
	return l
}

// drawPortfolio is an account of some locations, policies, layers and conditions.
// blanketOnly leaves out what keeps an account on the ladder.
func drawPortfolio(t *rapid.T, blanketOnly bool) *exposure.Portfolio {
	groups := []exposure.Coverage{exposure.Building, exposure.BI, exposure.PD, exposure.All}
	if blanketOnly {
		groups = groups[3:]
	}
	var locations []exposure.Location
	for range rapid.IntRange(1, 4).Draw(t, "locations") {
		l := drawLocation(t)
		if blanketOnly {
			l.CondTag = ""
		}
		locations = append(locations, l)
	}
	var rows []exposure.AccountRow
	policy := drawTerms(t, "policy", groups...)
	account := drawTerms(t, "account", groups...)
	a, b := drawTerms(t, "condition A", groups...), drawTerms(t, "condition B", groups...)
	share := rapid.SampledFrom([]float64{1, 0.5}).Draw(t, "account share")
	for n := range rapid.IntRange(0, 2).Draw(t, "layers") {
		r := exposure.AccountRow{PolNumber: "P", LayerNumber: n + 1, Policy: policy, Account: account, AccParticipation: share,
			LayerParticipation: rapid.Float64Range(0.1, 0.5).Draw(t, "layer share"),
			LayerAttachment:    rapid.SampledFrom([]float64{0, 50_000}).Draw(t, "attachment"),
			LayerLimit:         rapid.SampledFrom([]float64{0, 250_000}).Draw(t, "layer limit"),
		}
		if blanketOnly {
			rows = append(rows, r)
			continue
		}
		class := uint8(rapid.IntRange(0, 1).Draw(t, "class"))
		ra, rb := r, r
		ra.Condition = &exposure.Condition{Tag: "A", Priority: 1, Terms: a, Class: class}
		rb.Condition = &exposure.Condition{Tag: "B", Priority: 1, Terms: b}
		rows = append(rows, ra, rb)
	}
	if len(rows) == 0 {
		for i := range locations {
			locations[i].CondTag = ""
		}
	}
	return onePortfolio(rows, locations...)
}

// drawLosses are ground-up losses of all locations, within the insured values.
func drawLosses(t *rapid.T, p *exposure.Portfolio, width int) []float64 {
	gu := make([]float64, 0, len(p.Locations)*exposure.NumTIV*width)
	for i := range p.Locations {
		for k := range exposure.NumTIV {
			for range width {
				gu = append(gu, p.Locations[i].TIV[k]*rapid.SampledFrom([]float64{0, 0.01, 0.1, 0.5, 1}).Draw(t, "damage"))
			}
		}
	}
	return gu
}
