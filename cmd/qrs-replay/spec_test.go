package main

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/internal/canonical"
)

// TestSpecSurvivesItsSeal: a spec read from its canonical form is the one that was written, to the last bit, also that of a single storm
// with its whole track.
func TestSpecSurvivesItsSeal(t *testing.T) {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		t.Fatal(err)
	}
	specs := []engine.Spec{{Years: 10000, Samples: 5, Seed: 1<<53 - 1, Correlation: loss.DefaultCorrelation(), ReturnPeriods: []float64{5, 1.0 / 3}, Without: []string{"contents"}}}
	for _, storm := range model.Scenarios {
		event, err := hazard.FromTrack(storm, model.Climate, model.Ground)
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, engine.Spec{Years: 1, ReturnPeriods: []float64{2}, Scenario: &event})
	}
	for i, want := range specs {
		text, err := canonical.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			a, _ := json.Marshal(want)
			b, _ := json.Marshal(got)
			t.Errorf("spec %d: read %.300s, written %.300s", i, b, a)
		}
	}
}

// TestReadSpec: a seed may stand as digits; what this program does not know, and what is no seed, is refused.
func TestReadSpec(t *testing.T) {
	if spec, err := readSpec([]byte(`{"seed":"18446744073709551615","years":3}`)); err != nil || spec.Seed != 1<<64-1 || spec.Years != 3 {
		t.Errorf("%+v, %v", spec, err)
	}
	for _, text := range []string{`{"seed":7,"wind":1}`, `{"seed":-1}`, `{"seed":"seven"}`, `{"seed":1.5}`, `{"years":3}`, `[]`} {
		if spec, err := readSpec([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", text, spec)
		}
	}
}
