package simulator

import (
	"math/bits"

	"github.com/qrsrisk/qrsd/internal/fmath"
	"github.com/qrsrisk/qrsd/quantum/circuit"
)

// A bit of the vector's index is called a position: qubit q of Q is position Q-1-q, the bit of real and imaginary part is position Q.

// matrix acts on the amplitudes (x, y) where a position is 0 and 1: a·x + b·y, c·x + d·y.
type matrix struct{ a, b, c, d float64 }

var (
	identity = matrix{1, 0, 0, 1}
	flip     = matrix{0, 1, 1, 0}
)

// after is the product m·n: n acts first.
func (m matrix) after(n matrix) matrix {
	return matrix{
		float64(m.a*n.a) + float64(m.b*n.c), float64(m.a*n.b) + float64(m.b*n.d),
		float64(m.c*n.a) + float64(m.d*n.c), float64(m.c*n.b) + float64(m.d*n.d),
	}
}

// rotation is RY by twice the angle whose sine and cosine are given.
func rotation(sin, cos float64) matrix { return matrix{cos, -sin, sin, cos} }

// operation is what all gates become: on the target position m[0] or m[1], by the control position's bit; m[0] without control.
type operation struct {
	target, control int // positions; control is none where there is none
	m               [2]matrix
}

const none = -1

// fuse turns a program into operations, several gates in each where it can:
//
//   - a gate of one qubit joins the operation before it whose target that qubit was, or the one after it whose target it will be;
//   - operations with the same control and target, one right after the other, are one.
//
// An RY layer and the CNOTs after it so become one operation for each CNOT.
func fuse(p *circuit.Program, positions int) []operation {
	f := newFuser(positions)
	for _, g := range p.Gates {
		target := p.Qubits - 1 - g.Target
		switch g.Kind {
		case circuit.CNOT:
			f.pair(operation{target, p.Qubits - 1 - g.Control, [2]matrix{identity, flip}})
		case circuit.RZ:
			// exp(∓iθ/2) turns (Re, Im) by ∓θ/2.
			sin, cos := fmath.Sincos(g.Angle / 2)
			f.pair(operation{p.Qubits, target, [2]matrix{rotation(-sin, cos), rotation(sin, cos)}})
		default:
			f.single(target, single(g))
		}
	}
	for position := range positions {
		f.flush(position)
	}
	return f.operations
}

// single is the matrix of a gate of one qubit that is real.
func single(g circuit.Gate) matrix {
	const h = 0x1.6a09e667f3bcdp-1 // 1/√2
	switch g.Kind {
	case circuit.RY:
		sin, cos := fmath.Sincos(g.Angle / 2)
		return rotation(sin, cos)
	case circuit.X:
		return flip
	case circuit.Z:
		return matrix{1, 0, 0, -1}
	case circuit.H:
		return matrix{h, h, h, -h}
	}
	panic("simulator: no single real gate: " + g.Kind.String())
}

// fuser collects operations. last is the newest operation at each position, waiting the matrix that no operation has taken yet: the
// identity wherever the newest operation has the position as its target, for it takes what comes.
type fuser struct {
	operations []operation
	last       []int
	waiting    []matrix
}

func newFuser(positions int) *fuser {
	f := &fuser{last: make([]int, positions), waiting: make([]matrix, positions)}
	for i := range f.last {
		f.last[i], f.waiting[i] = none, identity
	}
	return f
}

func (f *fuser) single(position int, m matrix) {
	if k := f.last[position]; k != none && f.operations[k].target == position {
		o := &f.operations[k]
		o.m[0], o.m[1] = m.after(o.m[0]), m.after(o.m[1])
		return
	}
	f.waiting[position] = m.after(f.waiting[position])
}

func (f *fuser) pair(o operation) {
	f.flush(o.control)
	if k := f.last[o.target]; k != none && k == f.last[o.control] && f.operations[k].target == o.target {
		before := &f.operations[k]
		before.m[0], before.m[1] = o.m[0].after(before.m[0]), o.m[1].after(before.m[1])
		return
	}
	if w := f.waiting[o.target]; w != identity {
		o.m[0], o.m[1] = o.m[0].after(w), o.m[1].after(w)
		f.waiting[o.target] = identity
	}
	f.add(o)
}

// flush makes an operation of its own from what waits at a position.
func (f *fuser) flush(position int) {
	if m := f.waiting[position]; m != identity {
		f.waiting[position] = identity
		f.add(operation{position, none, [2]matrix{m, m}})
	}
}

func (f *fuser) add(o operation) {
	k := len(f.operations)
	f.operations = append(f.operations, o)
	f.last[o.target] = k
	if o.control != none {
		f.last[o.control] = k
	}
}

// The vector is walked in blocks that stay in a core's cache: 2^blockBits amplitudes (128 KiB), of which runs of at least
// 2^runBits lie together in the vector (4 KiB, a page and enough for the prefetcher).
const (
	blockBits = 14
	runBits   = 9
)

// pass is one walk over the vector: operations whose targets are all among the active positions. Controls may lie anywhere: they are
// the same throughout a block.
type pass struct {
	active     uint64 // positions, blockBits of them or all there are
	operations []operation
}

// window bounds how many operations ahead a pass looks for more that it could take.
const window = 4096

// plan sorts operations into passes. A pass takes every operation in the window whose target is active, or can still become so,
// and that commutes with all those left before it: it may not touch a position that one of these changes, nor change one that
// they read. The order within a pass is the program's.
func plan(operations []operation, positions int) (passes []pass) {
	left, rest := []operation(nil), operations
	for len(left)+len(rest) > 0 {
		fresh := rest[:max(0, min(len(rest), window-len(left)))]
		rest = rest[len(fresh):]
		var p pass
		p, left = nextPass(append(left, fresh...), positions)
		passes = append(passes, p)
	}
	return passes
}

// nextPass takes what it can of the operations, always the first, and returns those left in their order.
func nextPass(operations []operation, positions int) (p pass, left []operation) {
	p.active = 1<<min(runBits, positions) - 1
	var changed, read uint64 // by operations left
	for _, o := range operations {
		target, control := uint64(1)<<o.target, uint64(0)
		if o.control != none {
			control = 1 << o.control
		}
		free := (target|control)&changed == 0 && target&read == 0
		if free && (p.active&target != 0 || bits.OnesCount64(p.active) < blockBits) {
			p.active |= target
			p.operations = append(p.operations, o)
			continue
		}
		changed |= target
		read |= control
		left = append(left, o)
	}
	for position := 0; position < positions && bits.OnesCount64(p.active) < blockBits; position++ {
		p.active |= 1 << position
	}
	return p, left
}
