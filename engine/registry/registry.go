// Package registry holds the shape in which every stage of the engine declares its
// stochastic variables and parameters, so that one list becomes the model card and
// Form S-3 of the Florida Commission (distributions and parameters of every
// stochastic variable).
//
// It holds no parameters itself: each stage returns its own as []Parameter. It
// does no arithmetic; all fields are text meant to be read. Begin with Parameter.
package registry

// Kind says what a parameter rests on.
type Kind string

// The kinds of a parameter.
const (
	Fitted     Kind = "fitted"     // estimated from data by a tool of this project
	Literature Kind = "literature" // taken from a publication or a published data set
	Judgement  Kind = "judgement"  // an engineering choice; can be switched off by its group
)

// Parameter is one stochastic variable or parameter of the model.
type Parameter struct {
	Name         string // in the field's words, "within-state coefficient of variation"
	Symbol       string // as in the equation that uses it, "c"; empty if none
	Stage        string // package that uses it: "hazard", "vulnerability", "loss"
	Distribution string // "beta", "lognormal", "discrete", "constant"
	Value        string // numbers, in the order the distribution names them
	Unit         string // "mph", "1" for a ratio
	Source       string // paper and equation, data set, or the reasoning of a judgement
	Kind         Kind
	N            string // sample size behind a fit, empty where there is none
	Group        string // name by which it is switched off; empty if it cannot be
	Off          string // what switching it off means; empty if it cannot be
}
