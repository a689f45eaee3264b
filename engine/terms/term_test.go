package terms

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPayable(t *testing.T) {
	inf := math.Inf(1)
	cases := []struct {
		name string
		term term
		loss float64
		want float64
	}{
		{"below the deductible", term{ded: 1000, maxDed: inf, limit: inf, limitOfLoss: 1}, 900, 0},
		{"at the deductible", term{ded: 1000, maxDed: inf, limit: inf, limitOfLoss: 1}, 1000, 0},
		{"above the deductible", term{ded: 1000, maxDed: inf, limit: inf, limitOfLoss: 1}, 1500, 500},
		{"limit after deductible", term{ded: 1000, maxDed: inf, limit: 300, limitOfLoss: 1}, 1500, 300},
		{"2 % of the loss", term{dedOfLoss: 0.02, maxDed: inf, limit: inf, limitOfLoss: 1}, 5000, 4900},
		{"limit of 80 % of the loss before deductible", term{ded: 100, maxDed: inf, limit: inf, limitOfLoss: 0.8}, 1000, 800},
		{"deductible larger than the cut", term{ded: 300, maxDed: inf, limit: inf, limitOfLoss: 0.8}, 1000, 700},
		{"franchise not reached", term{ded: 1000, franchise: true, maxDed: inf, limit: inf, limitOfLoss: 1}, 1000, 0},
		{"franchise passed", term{ded: 1000, franchise: true, maxDed: inf, limit: inf, limitOfLoss: 1}, 1001, 1001},
		{"franchise passed, limit", term{ded: 1000, franchise: true, maxDed: inf, limit: 1000.5, limitOfLoss: 1}, 2000, 1000.5},
	}
	for _, c := range cases {
		if got := c.term.payable(c.loss); got != c.want {
			t.Errorf("%s: %v of %v is paid, want %v", c.name, got, c.loss, c.want)
		}
		if got := (balance{insured: c.loss}).under(&c.term).insured; got != c.want {
			t.Errorf("%s: balance pays %v of %v, want %v", c.name, got, c.loss, c.want)
		}
	}
}

func TestMinimumAndMaximumDeductible(t *testing.T) {
	inf := math.Inf(1)
	cases := []struct {
		name         string
		before, want balance
		term         term
	}{
		{"minimum from the loss", balance{insured: 1000}, balance{700, 300, 0, 300},
			term{ded: 100, minDed: 300, maxDed: inf, limit: inf, limitOfLoss: 1}},
		{"minimum already met below", balance{insured: 900, deducted: 400}, balance{800, 500, 0, 100},
			term{ded: 100, minDed: 300, maxDed: inf, limit: inf, limitOfLoss: 1}},
		{"minimum first from over the limit", balance{insured: 1000, deducted: 50, over: 100}, balance{850, 300, 0, 150},
			term{minDed: 300, maxDed: inf, limit: inf, limitOfLoss: 1}},
		{"minimum wholly from over the limit", balance{insured: 1000, over: 500}, balance{1000, 300, 200, 0},
			term{minDed: 300, maxDed: inf, limit: inf, limitOfLoss: 1}},
		{"minimum larger than the loss", balance{insured: 200}, balance{0, 200, 0, 200},
			term{minDed: 300, maxDed: inf, limit: inf, limitOfLoss: 1}},
		{"maximum gives back", balance{insured: 1000, deducted: 500, room: 500}, balance{1200, 300, 0, 300},
			term{maxDed: 300, limit: inf, limitOfLoss: 1}},
		{"maximum gives back what room there is", balance{insured: 1000, deducted: 500, room: 150}, balance{1150, 300, 50, 0},
			term{maxDed: 300, limit: inf, limitOfLoss: 1}},
		{"maximum caps the term's own", balance{insured: 1000, deducted: 100, room: 100}, balance{800, 300, 0, 300},
			term{ded: 500, maxDed: 300, limit: inf, limitOfLoss: 1}},
		{"limit leaves no room", balance{insured: 1000}, balance{600, 100, 300, 0},
			term{ded: 100, maxDed: inf, limit: 600, limitOfLoss: 1}},
		{"limit bounds the room", balance{insured: 1000}, balance{900, 100, 0, 50},
			term{ded: 100, maxDed: inf, limit: 950, limitOfLoss: 1}},
	}
	for _, c := range cases {
		if got := c.before.under(&c.term); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestLayerAndInterruption(t *testing.T) {
	for _, c := range []struct{ loss, attachment, limit, share, want float64 }{
		{900, 1000, 500, 1, 0},
		{1200, 1000, 500, 0.5, 100},
		{2000, 1000, 500, 0.5, 250},
		{2000, 0, math.Inf(1), 0.1, 200},
	} {
		if got := layered(c.loss, c.attachment, c.limit, c.share); got != c.want {
			t.Errorf("layer %v xs %v at %v of %v: got %v, want %v", c.limit, c.attachment, c.share, c.loss, got, c.want)
		}
	}
	// 36,500 a year is 100 a day: 7 days of waiting, 182.5 days of indemnity.
	for loss, want := range map[float64]float64{500: 0, 9125: 8425, 27375: 18250} {
		if got := interruption(loss, 700, 18250); got != want {
			t.Errorf("interruption loss %v: got %v, want %v", loss, got, want)
		}
	}
}

// drawTerm is any term.
func drawTerm(t *rapid.T, name string) term {
	amount := rapid.Float64Range(0, 1000)
	x := noTerm()
	switch rapid.IntRange(0, 3).Draw(t, name+" deductible") {
	case 0:
		x.ded = amount.Draw(t, name+" amount")
	case 1:
		x.dedOfLoss = rapid.Float64Range(0, 1).Draw(t, name+" fraction")
	case 2:
		x.ded, x.franchise = amount.Draw(t, name+" franchise"), true
	}
	if !x.franchise && rapid.Bool().Draw(t, name+" min") {
		x.minDed = amount.Draw(t, name+" minimum")
	}
	if !x.franchise && rapid.Bool().Draw(t, name+" max") {
		x.maxDed = x.minDed + amount.Draw(t, name+" maximum")
	}
	switch rapid.IntRange(0, 2).Draw(t, name+" limit") {
	case 0:
		x.limit = amount.Draw(t, name+" limit amount")
	case 1:
		x.limitOfLoss = rapid.Float64Range(0, 1).Draw(t, name+" limit fraction")
	}
	return x
}

// close reports whether two amounts of at most a million agree to rounding.
func near(a, b, scale float64) bool { return math.Abs(a-b) <= 1e-12*(scale+1) }

func TestDeductibleInsuredAndOverLimitAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loss := rapid.Float64Range(0, 5000).Draw(t, "loss")
		b := balance{insured: loss}
		for _, name := range []string{"first", "second", "third"} {
			x := drawTerm(t, name)
			b = b.under(&x)
			if !near(b.insured+b.deducted+b.over, loss, loss) {
				t.Fatalf("%s term %+v: %v + %v + %v is not the loss %v", name, x, b.insured, b.deducted, b.over, loss)
			}
			for _, part := range []float64{b.insured, b.deducted, b.over, b.room} {
				if !(part >= -1e-9) {
					t.Fatalf("%s term %+v: negative part in %+v", name, x, b)
				}
			}
		}
	})
}

func TestPayableGrowsWithTheLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawTerm(t, "term")
		small := rapid.Float64Range(0, 5000).Draw(t, "loss")
		large := small + rapid.Float64Range(0, 5000).Draw(t, "more")
		a, b := (balance{insured: small}).under(&x).insured, (balance{insured: large}).under(&x).insured
		if b < a-1e-9 {
			t.Fatalf("%+v pays %v of %v but %v of %v", x, a, small, b, large)
		}
	})
}

func TestAllocationAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "parts")
		parts := make([]balance, n)
		var sum balance
		for i := range parts {
			own := drawTerm(t, "own")
			parts[i] = balance{insured: rapid.Float64Range(0, 5000).Draw(t, "loss")}.under(&own)
			sum = sum.plus(parts[i])
		}
		x := drawTerm(t, "above")
		after := sum.under(&x)
		a := allocate(sum, after)
		var back balance
		for i := range parts {
			back = back.plus(a.of(parts[i]))
		}
		for _, d := range []float64{back.insured - after.insured, back.deducted - after.deducted, back.over - after.over} {
			if math.Abs(d) > 1e-9*(1+sum.insured+sum.deducted+sum.over) {
				t.Fatalf("%+v on %+v: parts add up to %+v, want %+v", x, sum, back, after)
			}
		}
	})
}
