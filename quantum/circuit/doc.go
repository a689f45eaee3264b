// Package circuit turns a discretised payoff into the quantum circuits of amplitude estimation, and writes and
// reads them as OpenQASM 3 text.
//
// # The problem
//
// A Table has 2^n cells with probabilities P and payoffs F in [0, 1]; what is wanted is the amplitude
// a = Σ P[i]·F[i]. A circuit A on n loss qubits and one objective qubit prepares
//
//	A|0> = Σ √P[i] |i> ( √(1-F[i]) |0> + √F[i] |1> )
//
// so that the objective reads 1 with probability a = sin²θ. After k applications of the Grover operator
// Q = A·S0·A†·Sχ (G. Brassard, P. Høyer, M. Mosca, A. Tapp, Quantum amplitude amplification and estimation,
// arXiv:quant-ph/0005055) it reads 1 with probability sin²((2k+1)θ). The angles of A are computed from the table:
// whoever builds the circuit has already done the arithmetic that gives the answer.
//
// # The gates
//
// State preparation and payoff are multiplexed RY rotations in Gray-code order (M. Möttönen, J. Vartiainen,
// V. Bergholm, M. Salomaa, Quantum Information and Computation 5 (2005) 467, arXiv:quant-ph/0407010; the loading of
// a distribution level by level is Grover and Rudolph, arXiv:quant-ph/0208112). The reflection S0 is a diagonal without
// ancilla, a cascade of multiplexed RZ. It cannot be had from real gates alone: on three or more qubits RY, X, Z,
// H and CNOT all have determinant 1, S0 has -1 and so has -S0. RZ gives it up to a phase that nothing can observe.
// Size has the exact counts.
//
// # Order of bits
//
// Qubits 0 … n-1 are the loss qubits and qubit 0 is the most significant bit of the cell's index; qubit n, the last, is the
// objective. An outcome is read qubit 0 first: "0111" on four qubits is cell 3 with the objective at 1. The same
// number, seven, is the outcome's index wherever a program of this module numbers outcomes.
//
// The package knows no device, no shot and no estimate: quantum/simulator runs circuits, quantum/egress hides what
// can be hidden of them, quantum/estimate turns outcomes into intervals.
//
// Begin with Amplified.
package circuit
