package modelpack

import (
	"slices"
	"testing"

	"github.com/qrsrisk/qrsd/engine/registry"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

func TestParametersJoinTheStages(t *testing.T) {
	m, err := Florida(vulnerability.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := m.Parameters()
	if len(all) != len(m.Climate.Parameters())+len(m.Curves.Parameters()) {
		t.Errorf("%d parameters", len(all))
	}
	hazardLast := slices.IndexFunc(all, func(p registry.Parameter) bool { return p.Stage != "hazard" })
	for i, p := range all {
		want := "vulnerability"
		if i < hazardLast {
			want = "hazard"
		}
		if p.Stage != want {
			t.Errorf("parameter %d, %q, is of stage %q, want %q", i, p.Name, p.Stage, want)
		}
		if p.Name == "" || p.Distribution == "" || p.Source == "" || !slices.Contains([]registry.Kind{registry.Fitted, registry.Literature, registry.Judgement}, p.Kind) {
			t.Errorf("parameter %+v is incomplete", p)
		}
		if (p.Group == "") != (p.Off == "") {
			t.Errorf("%q: group %q, off %q", p.Name, p.Group, p.Off)
		}
	}
	// Every group that the curves can do without is one that the registry explains, and the other way round.
	var groups []string
	for _, p := range all {
		if p.Group != "" && !slices.Contains(groups, p.Group) {
			groups = append(groups, p.Group)
		}
	}
	slices.Sort(groups)
	if !slices.Equal(groups, m.Curves.Groups()) {
		t.Errorf("the registry has the groups %v, the curves %v", groups, m.Curves.Groups())
	}
}
