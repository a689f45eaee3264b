package terms_test

import (
	"fmt"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/terms"
)

// A home insured for 300,000 with a deductible of 2 % of its value; the insurer has
// half of the policy.
func Example() {
	home := exposure.Location{
		LocNumber: "1", Participation: 1, BIPOI: 365,
		TIV:   [exposure.NumTIV]float64{300_000, 0, 0, 0},
		Terms: []exposure.CoverageTerms{{Coverage: exposure.All, DedType: exposure.ShareOfValue, Ded: 0.02}},
	}
	policy := exposure.AccountRow{PolNumber: "H", LayerNumber: 1, LayerParticipation: 0.5, AccParticipation: 1}
	program, err := terms.Compile(&exposure.Portfolio{
		Locations: []exposure.Location{home},
		Accounts:  []exposure.Account{{Count: 1, Rows: []exposure.AccountRow{policy}}},
	}, terms.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Two samples of one event: the building loses 5,000 and 56,000.
	groundUp := []float64{5_000, 56_000, 0, 0, 0, 0, 0, 0}
	gross := make([]float64, 2)
	program.Apply(0, 2, groundUp, gross, new(terms.Scratch))
	fmt.Println(gross)
	// Output: [0 25000]
}
