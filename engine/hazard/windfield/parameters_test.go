package windfield_test

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/registry"
)

// Every field of Model is in the registry: a field's value, set to a number that occurs nowhere else, is found there.
func TestParametersHoldEveryFieldOfTheModel(t *testing.T) {
	for i := range reflect.TypeFor[windfield.Model]().NumField() {
		m := windfield.Standard()
		reflect.ValueOf(&m).Elem().Field(i).SetFloat(0.12345)
		found := 0
		for _, p := range m.Parameters() {
			if p.Value == "0.12345" {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s is in %d parameters", reflect.TypeFor[windfield.Model]().Field(i).Name, found)
		}
	}
}

func TestParametersAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, p := range windfield.Standard().Parameters() {
		if names[p.Name] || p.Name == "" || p.Stage != "windfield" || p.Distribution != "constant" || p.Source == "" || p.Unit == "" || p.Group != "" {
			t.Errorf("parameter %+v", p)
		}
		if _, err := strconv.ParseFloat(p.Value, 64); err != nil {
			t.Errorf("%q has the value %q", p.Name, p.Value)
		}
		if p.Kind != registry.Literature && p.Kind != registry.Judgement {
			t.Errorf("%q is %s; nothing here is fitted", p.Name, p.Kind)
		}
		names[p.Name] = true
	}
}
