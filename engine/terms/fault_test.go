package terms

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

func TestFaultsNameEveryTermThatCannotBeCalculated(t *testing.T) {
	all := func(ct exposure.CoverageTerms) []exposure.CoverageTerms {
		ct.Coverage = exposure.All
		return []exposure.CoverageTerms{ct}
	}
	location := func(ct exposure.CoverageTerms) *exposure.Portfolio {
		return onePortfolio(nil, exposure.Location{TIV: [4]float64{1e5}, Terms: all(ct)})
	}
	policy := func(rows ...exposure.AccountRow) *exposure.Portfolio {
		return onePortfolio(rows, exposure.Location{TIV: [4]float64{1e5}})
	}
	tagged := onePortfolio([]exposure.AccountRow{{PolNumber: "P"}}, exposure.Location{CondTag: "coast"})
	twice := policy(
		exposure.AccountRow{PolNumber: "P", Condition: &exposure.Condition{Tag: "A", Priority: 1}},
		exposure.AccountRow{PolNumber: "P", Condition: &exposure.Condition{Tag: "B", Priority: 1}})
	twice.Locations = []exposure.Location{{LocNumber: "1", CondTag: "A"}, {LocNumber: "1", CondTag: "B"}}
	twice.Accounts[0].Count = 2
	values := onePortfolio(nil, exposure.Location{LocNumber: "1", TIV: [4]float64{1}}, exposure.Location{LocNumber: "1", TIV: [4]float64{2}})
	terms := onePortfolio(nil, exposure.Location{LocNumber: "1"},
		exposure.Location{LocNumber: "1", Terms: all(exposure.CoverageTerms{Ded: 5})})
	cases := []struct {
		name   string
		p      *exposure.Portfolio
		column string
		line   int
	}{
		{"annual aggregate deductible", location(exposure.CoverageTerms{DedCode: 1, Ded: 1000}), "LocDedCode6All", 2},
		{"deductible type", location(exposure.CoverageTerms{DedType: 3, Ded: 1000}), "LocDedType6All", 2},
		{"percentage as a whole number", location(exposure.CoverageTerms{DedType: exposure.ShareOfValue, Ded: 2}), "LocDed6All", 2},
		{"negative deductible", location(exposure.CoverageTerms{Ded: -1}), "LocDed6All", 2},
		{"minimum not a number", location(exposure.CoverageTerms{MinDed: math.NaN()}), "LocMinDed6All", 2},
		{"minimum above maximum", location(exposure.CoverageTerms{MinDed: 2, MaxDed: 1}), "LocMinDed6All", 2},
		{"franchise with minimum", location(exposure.CoverageTerms{DedCode: 2, Ded: 5, MinDed: 2}), "LocDedCode6All", 2},
		{"annual aggregate limit", location(exposure.CoverageTerms{LimitCode: 1, Limit: 1000}), "LocLimitCode6All", 2},
		{"limit type", location(exposure.CoverageTerms{LimitType: 4, Limit: 1000}), "LocLimitType6All", 2},
		{"policy", policy(exposure.AccountRow{Policy: all(exposure.CoverageTerms{DedCode: 4, Ded: 1})}), "PolDedCode6All", 2},
		{"account", policy(exposure.AccountRow{Account: all(exposure.CoverageTerms{DedCode: 5, Ded: 1})}), "AccDedCode6All", 2},
		{"step trigger", policy(exposure.AccountRow{Step: &exposure.Step{Columns: map[string]string{"StepTriggerType": "4"}}}), "StepTriggerType", 2},
		{"step payout end", policy(exposure.AccountRow{Step: &exposure.Step{Columns: map[string]string{"StepTriggerType": "1", "PayOutBuildingEnd": "0.5"}}}), "PayOutBuildingEnd", 2},
		{"steps overlap", policy(
			exposure.AccountRow{Step: &exposure.Step{Columns: map[string]string{"StepTriggerType": "1", "TriggerBuildingEnd": "500"}}},
			exposure.AccountRow{Step: &exposure.Step{Columns: map[string]string{"StepTriggerType": "1", "TriggerBuildingStart": "400"}}}), "Trigger*Start", 2},
		{"rows of a layer disagree", policy(exposure.AccountRow{LayerLimit: 5}, exposure.AccountRow{LayerLimit: 6}), "LayerLimit", 3},
		{"policy terms disagree", policy(exposure.AccountRow{Policy: all(exposure.CoverageTerms{Ded: 5})}, exposure.AccountRow{}), "PolDed*", 3},
		{"account shares disagree", policy(exposure.AccountRow{AccParticipation: 0.5}, exposure.AccountRow{}), "AccParticipation", 3},
		{"tag without condition", tagged, "CondTag", 2},
		{"conditions of the same priority", twice, "CondTag", 0},
		{"one location, two values", values, "LocNumber", 3},
		{"one location, two terms", terms, "LocNumber", 3},
	}
	for _, c := range cases {
		_, err := Compile(c.p, Options{})
		var faults Faults
		if !errors.As(err, &faults) || len(faults) != 1 {
			t.Errorf("%s: got %v, want one fault", c.name, err)
			continue
		}
		f := faults[0]
		if !slices.Contains(f.Columns, c.column) || f.Line != c.line || f.Reason == "" || f.Fix == "" {
			t.Errorf("%s: fault %+v does not name %s at line %d with reason and fix", c.name, f, c.column, c.line)
		}
	}
}

func TestAllFaultsAreReported(t *testing.T) {
	bad := []exposure.CoverageTerms{{Coverage: exposure.All, DedCode: 1, Ded: 5, LimitCode: 1, Limit: 5}}
	var locations []exposure.Location
	for range 15 {
		locations = append(locations, exposure.Location{Terms: bad})
	}
	_, err := Compile(onePortfolio(nil, locations...), Options{})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 30 {
		t.Fatalf("got %v, want 30 faults", err)
	}
	var one Fault
	if !errors.As(err, &one) || one.Line != 2 {
		t.Errorf("the single faults cannot be reached: %+v", one)
	}
	if !strings.Contains(err.Error(), "and 10 more") {
		t.Errorf("the rest is not counted: %v", err)
	}
}

func TestCheckFaultsAreClear(t *testing.T) {
	read := func(name string) []byte {
		return []byte(map[string]string{
			"location.csv": "PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,LocCurrency,BuildingTIV\nP,A,1,US,WTC,USD,100\n",
			"account.csv":  "PortNumber,AccNumber,PolNumber,PolPerilsCovered,AccCurrency\nP,A,1,WTC,USD\n",
			"expected.csv": "PortNumber,AccNumber,LocNumber,loss_factor_idx,loss_il\nP,A,1,,100\n",
		}[name])
	}
	folder := func(name, content string) fstest.MapFS {
		fsys := fstest.MapFS{}
		for _, n := range []string{"location.csv", "account.csv", "expected.csv"} {
			fsys[n] = &fstest.MapFile{Data: read(n)}
		}
		if content == "" {
			delete(fsys, name)
		} else {
			fsys[name] = &fstest.MapFile{Data: []byte(content)}
		}
		return fsys
	}
	for _, c := range []struct{ name, content, want string }{
		{"location.csv", "", "location.csv"},
		{"account.csv", "", "account.csv"},
		{"expected.csv", "", "expected.csv"},
		{"expected.csv", "PortNumber,AccNumber,LocNumber,loss_il\n", "loss_factor_idx"},
		{"expected.csv", "PortNumber,AccNumber,LocNumber,loss_factor_idx,loss_il\nP,A,1,1,100\n", "factors 0 to 0"},
		{"expected.csv", "PortNumber,AccNumber,LocNumber,loss_factor_idx,loss_il\nP,A,1,0,much\n", `"much"`},
		{"loss_factors.csv", "loss_factor\n-1\n", `"-1"`},
		{"loss_factors.csv", "loss_factor\n", "no rows"},
	} {
		if _, err := Check(folder(c.name, c.content)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: got %v, want a word of %s", c.name, c.content, err, c.want)
		}
	}
	report, err := Check(folder("expected.csv", "PortNumber,AccNumber,LocNumber,loss_factor_idx,loss_il\nP,A,2,0,100\n"))
	if err != nil {
		t.Fatal(err)
	}
	if report.Agrees() || len(report.Unknown) != 1 || len(report.Differences()) != 1 {
		t.Errorf("a location neither expected nor known passes: %+v", report)
	}
}
