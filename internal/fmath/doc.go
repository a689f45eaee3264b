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
// # Rules for code that uses it
//
// The compiler fuses a product and a sum on arm64 and under GOAMD64=v3, even when the product
// was kept in a variable, came in as an argument of an inlined call, or is a division by a
// power of two in disguise. So:
//
//	a := float64(x*y) + z     // not x*y + z
//	t := float64(x * y)       // where t is added to something later
//	sum += float64(w * v)     // not sum += w * v
//	f(float64(x * y))         // where f is small and adds to its argument
//
// policy_test.go reads the syntax trees and the arm64 assembly of engine, quantum and
// internal and names each line that breaks them. Complex products are out for the same reason.
//
// Not here: complex numbers, float32, distributions beyond the normal and beta.
//
// Begin with Exp and Log; tables.go is written by derive.
package fmath
