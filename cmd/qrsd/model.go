package main

// modelCommand is `qrsd model`.
type modelCommand struct {
	Hazard     hazardCommand     `cmd:"" help:"Simulate the catalogue and compare it with the record of hurricanes."`
	Parameters parametersCommand `cmd:"" help:"List every stochastic variable and parameter with its distribution, source and sample size."`
	Losscost   losscostCommand   `cmd:"" help:"Ground-up loss costs of a portfolio by construction and part of Florida, beside shape checks."`
	Judgement  judgementCommand  `cmd:"" help:"Ground-up loss costs of a portfolio with the model and with each judgement switched off."`
	Scenarios  scenariosCommand  `cmd:"" help:"List the storms of the model's own."`
}
