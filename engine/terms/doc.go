// Package terms turns the ground-up loss of an account's locations into the
// insured (gross) loss, by the deductibles, limits, shares and layers of an Open
// Exposure Data (OED) portfolio.
//
// # What it holds
//
// [Compile] reads the terms of a portfolio once into a [Program]: per account a
// ladder of calculation levels. [Program.Apply] climbs the ladder for one event:
//
//	location   business-interruption waiting period, then coverage, property
//	           damage (PD = building + other + contents), all; participation
//	per policy layer:
//	  condition  coverage, PD, all of the locations that carry its tag; conditions
//	             of lower priority numbers first
//	  policy     coverage, PD, all, or the steps of a step policy
//	  layer      attachment, limit, participation
//	account    coverage, PD, all over the layers together; participation
//
// Every rung adds up the losses below it, applies one [term], and hands the result
// back down in proportion to the losses it was made of, so that at the end each
// location knows its part. Rungs carry what was deducted, what lies over a limit
// and how much room is left under it, because a minimum or maximum deductible
// speaks of all deductibles below it.
//
// Three forms give the same numbers: a scalar one for the personal-lines account
// (one location, one layer: [Flat]), one that keeps a single loss per location
// where no term above the location looks at coverages, and the general one.
//
// Facts of the calculation follow the OED specification and the documented
// behaviour of the Oasis financial module, against whose validation suite [Check]
// compares (expected results are data, the code is our own).
//
// # What it does not hold
//
// Reinsurance, and terms that need more than one event (annual aggregate
// deductibles and limits): [Compile] refuses what it cannot calculate, naming
// column, line and value. The number of buildings of a location changes nothing
// here: its loss arrives as one figure and is taken as spread evenly over them.
//
// # Where to begin
//
// term.go has the insurance arithmetic in eight-line functions, ladder.go the way
// up and down, compile.go the reading of OED columns, flat.go the fast form.
package terms
