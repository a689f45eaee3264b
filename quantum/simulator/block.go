package simulator

import (
	"context"
	"math/bits"
	"sync"
)

// apply runs operations on the vector, in passes, with the given number of goroutines. It ends between two blocks when ctx does;
// the vector is then worth nothing.
func apply(ctx context.Context, vector []float64, operations []operation, workers int) error {
	for _, p := range plan(operations, bits.Len(uint(len(vector)))-1) {
		newWalk(p, len(vector)).run(ctx, vector, workers)
	}
	return ctx.Err()
}

// walk is a pass laid out for a vector: block k of blocks has the amplitudes at base(k) + offsets[j] + 0 … length-1.
type walk struct {
	pass
	blocks  int
	length  int   // amplitudes that lie together
	offsets []int // of the runs of a block
	local   []operation
}

func newWalk(p pass, size int) *walk {
	run := 1 << bits.TrailingZeros64(^p.active)
	w := &walk{pass: p, blocks: size >> bits.OnesCount64(p.active), length: run, offsets: []int{0}}
	for high := p.active &^ (uint64(run) - 1); high != 0; high &= high - 1 {
		for _, o := range w.offsets {
			w.offsets = append(w.offsets, o|int(high&-high))
		}
	}
	for _, o := range p.operations {
		o.target = w.rank(o.target)
		if o.control != none && p.active>>o.control&1 != 0 {
			o.control = w.rank(o.control)
		} else if o.control != none {
			o.control = outside(o.control)
		}
		w.local = append(w.local, o)
	}
	return w
}

// outside marks a control that is the same throughout a block; it undoes itself.
func outside(position int) int { return -2 - position }

// rank is the place of an active position within a block's own index.
func (w *walk) rank(position int) int {
	return bits.OnesCount64(w.active & (1<<position - 1))
}

// base is where block k begins: the bits of k at the positions that are not active.
func (w *walk) base(k int) (base int) {
	for position, b := 0, uint64(k); b != 0; position++ {
		if w.active>>position&1 == 0 {
			base |= int(b&1) << position
			b >>= 1
		}
	}
	return base
}

// run walks over all blocks, each goroutine over its share.
func (w *walk) run(ctx context.Context, vector []float64, workers int) {
	workers = min(workers, w.blocks)
	if workers == 1 {
		w.share(ctx, vector, 0, w.blocks)
		return
	}
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() { w.share(ctx, vector, w.blocks*i/workers, w.blocks*(i+1)/workers) })
	}
	group.Wait()
}

// share does the blocks from … to-1. A block in many runs is copied together first, and back: runs a power of two apart would
// otherwise fight for the same few lines of the cache.
func (w *walk) share(ctx context.Context, vector []float64, from, to int) {
	if len(w.offsets) == 1 {
		for k := from; k < to && ctx.Err() == nil; k++ {
			base := w.base(k)
			w.block(vector[base:base+w.length], base)
		}
		return
	}
	block := make([]float64, w.length*len(w.offsets))
	for k := from; k < to && ctx.Err() == nil; k++ {
		base := w.base(k)
		for j, o := range w.offsets {
			copy(block[j*w.length:(j+1)*w.length], vector[base+o:])
		}
		w.block(block, base)
		for j, o := range w.offsets {
			copy(vector[base+o:base+o+w.length], block[j*w.length:])
		}
	}
}

// block applies the operations to one block, whose first amplitude is at base.
func (w *walk) block(x []float64, base int) {
	for i := range w.local {
		o := &w.local[i]
		if o.control < none {
			one(x, o.target, &o.m[base>>outside(o.control)&1])
		} else if o.control == none {
			one(x, o.target, &o.m[0])
		} else {
			two(x, o.target, o.control, &o.m)
		}
	}
}
