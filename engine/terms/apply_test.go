package terms

import (
	"math"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"pgregory.net/rapid"
)

func TestFormsAgree(t *testing.T) {
	seen := map[form]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := drawPortfolio(t, rapid.IntRange(0, 3).Draw(t, "kind") > 0)
		fast, err := Compile(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		seen[fast.accounts[0].form]++
		const width = 3
		gu := drawLosses(t, p, width)
		got, want := make([]float64, len(p.Locations)*width), make([]float64, len(p.Locations)*width)
		var s Scratch
		fast.Apply(0, width, gu, got, &s)
		onLadder(p).Apply(0, width, gu, want, &s)
		for i := range got {
			if math.Abs(got[i]-want[i]) > 1e-9+1e-12*want[i] {
				t.Fatalf("form %d gives %v for location and sample %d, the ladder %v", fast.accounts[0].form, got[i], i, want[i])
			}
		}
	})
	if seen[formFlat] == 0 || seen[formBlanket] == 0 || seen[formLadder] == 0 {
		t.Errorf("the test did not see every form: %v", seen)
	}
}

func TestGrossLiesBetweenZeroAndGroundUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPortfolio(t, rapid.Bool().Draw(t, "blanket"))
		program, err := Compile(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		gu, gross := drawLosses(t, p, 1), make([]float64, len(p.Locations))
		program.Apply(0, 1, gu, gross, new(Scratch))
		ground, sum := 0.0, 0.0
		for i := range gross {
			if !(gross[i] >= -1e-9) {
				t.Fatalf("location %d has gross loss %v", i, gross[i])
			}
			sum += gross[i]
		}
		for _, x := range gu {
			ground += x
		}
		if sum > ground*(1+1e-12)+1e-9 {
			t.Fatalf("gross %v exceeds ground-up %v", sum, ground)
		}
	})
}

func TestMoreDamageIsNoLessGross(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPortfolio(t, true)
		dropFranchises(p)
		dropAccountMaxima(p)
		program, err := Compile(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		small := drawLosses(t, p, 1)
		large := make([]float64, len(small))
		for i, x := range small {
			large[i] = x * rapid.Float64Range(1, 2).Draw(t, "factor")
		}
		if a, b := accountGross(program, small), accountGross(program, large); b < a-1e-6 {
			t.Fatalf("gross falls from %v to %v", a, b)
		}
	})
}

// accountGross is the account's gross loss of one sample.
func accountGross(program *Program, gu []float64) float64 {
	gross := make([]float64, program.Locations(0))
	program.Apply(0, 1, gu, gross, new(Scratch))
	sum := 0.0
	for _, x := range gross {
		sum += x
	}
	return sum
}

// dropFranchises makes every deductible regular: a franchise passed lowers the
// deductibles a minimum counts, so OED promises no monotony with both.
func dropFranchises(p *exposure.Portfolio) {
	regular := func(terms []exposure.CoverageTerms) {
		for i := range terms {
			terms[i].DedCode = dedRegular
		}
	}
	for i := range p.Locations {
		regular(p.Locations[i].Terms)
	}
	for i := range p.Accounts[0].Rows {
		regular(p.Accounts[0].Rows[i].Policy)
		regular(p.Accounts[0].Rows[i].Account)
	}
}

// dropAccountMaxima leaves account deductibles without a maximum: above layers with
// shares the deductibles below count in full against it but losses in part only, so
// a larger loss may get less back.
func dropAccountMaxima(p *exposure.Portfolio) {
	rows := p.Accounts[0].Rows
	for i := range rows {
		for k := range rows[i].Account {
			rows[i].Account[k].MaxDed = 0
		}
	}
}

func TestSplittingSamplesChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPortfolio(t, rapid.Bool().Draw(t, "blanket"))
		program, err := Compile(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		const width = 4
		n := len(p.Locations)
		gu, together := drawLosses(t, p, width), make([]float64, n*width)
		var s Scratch
		program.Apply(0, width, gu, together, &s)
		one, alone := make([]float64, n*exposure.NumTIV), make([]float64, n)
		for k := range width {
			for i := range one {
				one[i] = gu[i*width+k]
			}
			program.Apply(0, 1, one, alone, &s)
			for i := range alone {
				if alone[i] != together[i*width+k] {
					t.Fatalf("location %d, sample %d: %v alone, %v together", i, k, alone[i], together[i*width+k])
				}
			}
		}
	})
}

func TestApplyDoesNotAllocate(t *testing.T) {
	for name, p := range map[string]*exposure.Portfolio{"personal": personalLines(), "commercial": commercial()} {
		program := mustCompile(t, p)
		const width = 10
		gu, gross := make([]float64, len(p.Locations)*exposure.NumTIV*width), make([]float64, len(p.Locations)*width)
		var s Scratch
		program.Apply(0, width, gu, gross, &s)
		if n := testing.AllocsPerRun(10, func() { program.Apply(0, width, gu, gross, &s) }); n != 0 {
			t.Errorf("%s: Apply allocates %v times", name, n)
		}
	}
}

func TestOnlyWindIsInsured(t *testing.T) {
	loss := func(location, policy, terms string, o Options) float64 {
		l := exposure.Location{TIV: [4]float64{100}, PerilsCovered: location, Peril: terms,
			Terms: []exposure.CoverageTerms{{Coverage: exposure.All, Ded: 10}}}
		program, err := Compile(onePortfolio([]exposure.AccountRow{{PolPerilsCovered: policy}}, l), o)
		if err != nil {
			t.Fatal(err)
		}
		return accountGross(program, []float64{100, 0, 0, 0})
	}
	for _, c := range []struct {
		location, policy, terms string
		any                     bool
		want                    float64
	}{
		{"WTC", "AA1", "WW1", false, 90},
		{"WSS; WW2", "WTC", "WW2", false, 90},
		{"", "", "", false, 90},
		{"WSS", "AA1", "AA1", false, 0},
		{"AA1", "WSS;OO1", "AA1", false, 0},
		{"AA1", "AA1", "WSS", false, 100},
		{"WSS", "OO1", "OO1", true, 90},
	} {
		if got := loss(c.location, c.policy, c.terms, Options{AnyPeril: c.any}); got != c.want {
			t.Errorf("location %q, policy %q, terms %q, any peril %v: %v is paid, want %v", c.location, c.policy, c.terms, c.any, got, c.want)
		}
	}
}

func TestZeroShare(t *testing.T) {
	p := onePortfolio([]exposure.AccountRow{{}}, exposure.Location{})
	p.Accounts[0].Rows[0].LayerParticipation = 0
	for _, full := range []bool{false, true} {
		program, err := Compile(p, Options{ZeroShareIsFull: full})
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		if full {
			want = 100
		}
		if got := accountGross(program, []float64{100, 0, 0, 0}); got != want {
			t.Errorf("zero share is full %v: %v is paid, want %v", full, got, want)
		}
	}
}
