package simulator

import (
	"context"
	"errors"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/qrsrisk/qrsd/internal/rng"
)

// drawOperations are random operations; the sine of each numbers it.
func drawOperations(r *rapid.T, positions, most int) []operation {
	return randomOperations(rng.New(rapid.Uint64().Draw(r, "seed")), positions, rapid.IntRange(1, most).Draw(r, "operations"))
}

func randomOperations(key rng.Key, positions, n int) []operation {
	s, list := key.Stream(), make([]operation, n)
	for i := range list {
		o := &list[i]
		o.target, o.control = s.Intn(positions), none
		if s.Intn(3) > 0 {
			o.control = (o.target + 1 + s.Intn(positions-1)) % positions
		}
		o.m = [2]matrix{rotation(float64(i), 0), rotation(float64(i), 1)}
	}
	return list
}

// TestPlan: passes hold every operation once, their targets are active, and operations that do not commute keep their order.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		positions := rapid.IntRange(2, 25).Draw(r, "positions")
		list := drawOperations(r, positions, 300)
		var order []operation
		for _, p := range plan(slices.Clone(list), positions) {
			if n := bits.OnesCount64(p.active); n != min(positions, blockBits) || len(p.operations) == 0 {
				r.Fatalf("a pass of %d operations on %d active positions", len(p.operations), n)
			}
			for _, o := range p.operations {
				if p.active>>o.target&1 == 0 {
					r.Fatalf("target %d is not active", o.target)
				}
			}
			order = append(order, p.operations...)
		}
		if len(order) != len(list) {
			r.Fatalf("%d operations in passes, %d were given", len(order), len(list))
		}
		for i, o := range order {
			for _, later := range order[i+1:] {
				before := later.m[0].c < o.m[0].c
				if before && (later.target == o.target || later.target == o.control || later.control == o.target) {
					r.Fatalf("operation %v on %d by %d was overtaken by %v on %d by %d", later.m[0].c, later.target, later.control, o.m[0].c, o.target, o.control)
				}
			}
		}
	})
}

// More operations than the window holds, all in the way of one another, still come out in order and in full.
func TestPlanBeyondTheWindow(t *testing.T) {
	const positions = 20
	var list []operation
	for i := range 2*window + 5 {
		list = append(list, operation{target: positions - 1 - i%positions, control: (positions + 3 - i%positions) % positions, m: [2]matrix{identity, flip}})
		if last := &list[i]; last.control == last.target {
			last.control = none
		}
	}
	n := 0
	for _, p := range plan(slices.Clone(list), positions) {
		n += len(p.operations)
	}
	if n != len(list) {
		t.Errorf("%d operations of %d were planned", n, len(list))
	}
}

// dying is a context that ends when it has been asked so often.
type dying struct {
	context.Context //nolint:containedctx // it is a context
	left            int
}

func (d *dying) Err() error {
	if d.left--; d.left < 0 {
		return context.Canceled
	}
	return nil
}

// A run ends within a block or two of its context, not with its pass.
func TestApplyEndsWithItsContext(t *testing.T) {
	const positions = blockBits + 5
	list := randomOperations(rng.New(1), positions, 40)
	vector := make([]float64, 1<<positions)
	vector[0] = 1
	d := &dying{Context: context.Background(), left: 3}
	if err := apply(d, vector, list, 1); !errors.Is(err, context.Canceled) || d.left < -10-len(plan(list, positions)) {
		t.Errorf("error %v, after being asked %d times more", err, -d.left)
	}
}

// TestBlocksAgainstWholeVector: a vector walked in blocks has the same bits as operation after operation on the whole, in the
// order of the plan (operations that commute may differ in their rounding).
func TestBlocksAgainstWholeVector(t *testing.T) {
	const positions = blockBits + 3
	rapid.Check(t, func(r *rapid.T) {
		s := rng.New(rapid.Uint64().Draw(r, "amplitudes")).Stream()
		blocked := make([]float64, 1<<positions)
		for i := range blocked {
			blocked[i] = s.Float64() - 0.5
		}
		list := drawOperations(r, positions, 12)
		for i := range list {
			list[i].m = [2]matrix{rotation(0.6, 0.8), rotation(-0.28, 0.96)}
		}
		whole := slices.Clone(blocked)
		for _, p := range plan(slices.Clone(list), positions) {
			for _, o := range p.operations {
				if o.control == none {
					one(whole, o.target, &o.m[0])
				} else {
					two(whole, o.target, o.control, &o.m)
				}
			}
		}
		if err := apply(context.Background(), blocked, list, rapid.IntRange(1, 9).Draw(r, "workers")); err != nil {
			r.Fatal(err)
		}
		if !slices.Equal(whole, blocked) {
			r.Fatal("blocks give other bits than the whole vector")
		}
	})
}
