package loss_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/registry"
)

func TestParametersHoldTheCorrelation(t *testing.T) {
	c := loss.Correlation{Event: 0.123, Local: 0.456}
	values, switched := map[string]bool{}, 0
	for _, p := range c.Parameters() {
		if p.Name == "" || p.Stage != "loss" || p.Distribution == "" || p.Source == "" || p.Unit == "" || p.Kind != registry.Judgement {
			t.Errorf("parameter %+v", p)
		}
		if (p.Group == "") != (p.Off == "") || p.Group != "" && p.Group != loss.CorrelationGroup {
			t.Errorf("%q: group %q, off %q", p.Name, p.Group, p.Off)
		}
		if p.Group != "" {
			switched++
		}
		values[p.Value] = true
	}
	if !values["0.123"] || !values["0.456"] || switched != 2 {
		t.Errorf("values %v, %d in the group", values, switched)
	}
}
