// Package fmath holds elementary functions that give the same bits on every
// processor and in every build.
//
// The functions of package math do not: several have assembly on some
// architectures and the compiler may fuse a product and a sum. Here every rounding is
// written down. Only + - * /, Sqrt and bit operations occur, a product that feeds
// a sum stands in an explicit float64(...), which forbids fusing (Go
// specification, "Floating-point operators"), and math.FMA, correctly rounded
// everywhere, appears in rare branches only.
//
// The errors stated are the largest found against 200-bit references over random
// and edge inputs (accuracy_test.go), in units in the last place (ulp).
// NaN in gives NaN out; results for signed zeros and infinities are those of math.
//
// Not here: complex numbers, float32, distributions beyond the normal and beta.
//
// Begin with Exp and Log; tables.go is written by derive, policy_test.go keeps the
// rest of the module to these rules.
package fmath
