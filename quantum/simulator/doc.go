// Package simulator runs circuits exactly, without noise, in float64.
//
// It has two ways. Run applies a program gate by gate to the vector of all amplitudes, up to circuit.MaxQubits qubits.
// Probability knows what the circuits of circuit.Amplified do and applies the Grover operator as two reflections, O(2^n) a power
// instead of O(4^n). Both give the probability of the objective to 1e-12 of each other. Backend makes shots of either.
//
// # Real numbers only
//
// RY, X, H, Z and CNOT are real, so a program of these has real amplitudes. RZ is not. A state
// with RZ is held as the real vector (Re, Im), twice as long: one more bit at the top of the index, on which RZ acts as a rotation whose sense
// follows the qubit (T. Rudolph, L. Grover, A 2 rebit gate universal for quantum computing, arXiv:quant-ph/0210187).
// So there is one set of kernels, on real numbers, and a program without RZ needs half the memory and half the time.
//
// # Order of bits
//
// As in package circuit: qubit 0 is the most significant bit of an outcome's index.
//
// # Same bits everywhere
//
// Amplitudes depend on the program alone, not on processor, cores or memory; shots on the seed besides.
// Sums run in pairs. The files plan.go and block.go say how gates are fused and how the vector is walked.
//
// # Speed
//
// BenchmarkBrick (RY on all qubits and CNOTs between neighbours, ten layers) says how its figures are counted. On a
// Xeon of the Sapphire Rapids kind with other work beside it: 20 qubits 4,300 gates/s on one core and 4,800 on two, 24 qubits
// 270 and 430, three to five times what one walk through memory for each gate would allow. The arithmetic is the
// limit, not the memory; CNOTs cost nothing besides the RY they are fused with. A power of the Grover operator by reflections takes 0.7 µs
// for n = 8.
//
// It has no noise (quantum/braket/brakettest plays devices) and no estimator (quantum/estimate).
//
// Begin with Run, or with Backend.
package simulator
