// Package benchlab is the benchmark laboratory: it writes down beforehand what a release of the model must show,
// runs it in K independent replicates, and says check by check whether it was shown.
//
// It holds the reference portfolio (every ZIP code of Florida, four kinds of house), the plan with its limits, the
// replicates with what is kept of each, and the checks with the statistics beneath them. It computes no loss
// itself: a replicate is engine.Run, with the seed of the plan. It prints nothing and signs nothing.
//
// The order is Plan, Run, Evaluate, Write. Begin with Plan in plan.go; the checks are in checks.go.
package benchlab
