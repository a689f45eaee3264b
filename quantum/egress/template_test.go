package egress

import (
	"slices"
	"strings"
	"testing"

	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// TestTemplateRefuses: a layout that depends on the table is refused.
func TestTemplateRefuses(t *testing.T) {
	table := circuit.Table{P: []float64{0, 0.5, 0, 0.5}, F: []float64{0, 0, 1, 1}}
	program, err := circuit.Amplified(table, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := template(program, 2, 1); err != nil {
		t.Fatal(err)
	}
	zero := slices.IndexFunc(program.Gates, func(g circuit.Gate) bool { return g.Kind == circuit.RY && g.Angle == 0 })
	for name, gates := range map[string][]circuit.Gate{
		"left out":  slices.Delete(slices.Clone(program.Gates), zero, zero+1),
		"one more":  append(slices.Clone(program.Gates), circuit.Gate{Kind: circuit.X}),
		"exchanged": slices.Concat(program.Gates[1:2], program.Gates[:1], program.Gates[2:]),
	} {
		if err := template(&circuit.Program{Qubits: 3, Gates: gates}, 2, 1); err == nil || !strings.Contains(err.Error(), "not those of the template") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDraws pins the stream against SHAKE256 of label and seed, and looks at bias of below.
func TestDraws(t *testing.T) {
	d := newDraws([32]byte{})
	var counts [3]int
	for range 30000 {
		counts[d.below(3)]++
	}
	for _, c := range counts {
		if c < 9700 || c > 10300 { // ± 3.7 standard deviations
			t.Errorf("thirds of 30000: %v", counts)
		}
	}
	// Three eighths of 2^64: drawn without rejection, the first two thirds would come three times in four.
	const large = 3 << 61
	low := 0
	for range 3000 {
		if d.below(large) < 2<<61 {
			low++
		}
	}
	if low < 1900 || low > 2100 { // 2000 ± 3.9 standard deviations
		t.Errorf("%d of 3000 in the first two thirds", low)
	}
	if x := newDraws([32]byte{}).below(1); x != 0 {
		t.Errorf("below(1) is %d", x)
	}
	for range 1000 {
		if m := d.mix(); m.slope < minSlope || m.slope > maxSlope || m.shift < 0 || m.shift+m.slope > 1+1e-15 {
			t.Fatalf("mix %+v", m)
		}
	}
}
