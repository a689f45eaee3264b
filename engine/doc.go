// Package engine runs a hurricane loss model: a portfolio and a catalogue in, losses and figures out.
//
// It holds Spec (what is asked), Result (what came out) and Run (the way between). It touches no file, no
// network, no clock and no log; whoever calls it brings the model, reads the exposure and
// keeps the result. Each stage has a package of its own:
//
//	exposure       OED rows -> Portfolio
//	modelpack      the model's data and its digest
//	hazard         climatology, catalogue, tracks; windfield: track -> footprint
//	vulnerability  building and gust -> distribution of damage
//	loss           footprint -> ground-up loss by site, event and sample -> Table
//	terms          deductibles, limits, layers
//	metrics        Table -> AAL, EP curves, TVaR
//	results        Table and figures -> ORD tables
//
// Begin with Run.
package engine
