// Package modelcard holds what may be said of the model that this program has: its parameters from the engine's own registry, what they rest
// on, its limits, and whether an independent laboratory has signed for its figures. It writes nothing by hand that the program knows.
//
// A release's meta-seal is verified with keys that are trusted, and says of the card's model alone.
//
// Begin with New.
package modelcard

import (
	"fmt"
	"slices"
	"sync"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/registry"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/quantum"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Cards are the cards of the models that this program has. It never changes, and is safe for many goroutines.
type Cards struct{ card func() *wire.ModelCard }

// New gives the card of the embedded model. The model is opened, and the release's meta-seal verified, when something of the card
// is first asked for.
func New(r Release) *Cards { return &Cards{sync.OnceValue(func() *wire.ModelCard { return made(r) })} }

func made(r Release) *wire.ModelCard {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		panic("modelcard: the embedded model: " + err.Error())
	}
	parameters := Parameters(model, loss.DefaultCorrelation())
	signoff, release := r.standing(ledger.Digest(model.Digest))
	return &wire.ModelCard{
		Release: release,
		ID:      ledger.Digest(model.Digest).String(), Engine: engine.Version, Region: "Florida", Peril: "hurricane wind",
		Signoff: signoff, Parameters: listed(parameters), Sources: sources(parameters), Limits: limits(), Performance: performance(ledger.Digest(model.Digest).String()), Estimate: quantum.ModelCard(),
	}
}

// Digest is that of the model that new runs get, in hexadecimal.
func (c *Cards) Digest() string { return c.card().ID }

// Card is the card of a model by its digest in hexadecimal; nil: this program does not have it.
func (c *Cards) Card(digest string) *wire.ModelCard {
	card := *c.card()
	if digest != card.ID {
		return nil
	}
	return &card
}

// Parameters is the registry of a run, in the order of the calculation. The model pack lists the data's, the wind field and the loss their
// own, as those are choices of a run.
func Parameters(model *modelpack.Model, correlation loss.Correlation) []registry.Parameter {
	all := slices.Concat(model.Parameters(), windfield.Standard().Parameters(), correlation.Parameters())
	order := []string{"hazard", "windfield", "vulnerability", "loss"}
	slices.SortStableFunc(all, func(a, b registry.Parameter) int { return slices.Index(order, a.Stage) - slices.Index(order, b.Stage) })
	return all
}

func listed(all []registry.Parameter) (out []wire.ModelParameter) {
	for _, p := range all {
		out = append(out, wire.ModelParameter{
			Stage: p.Stage, Name: p.Name, Symbol: p.Symbol, Distribution: p.Distribution, Value: p.Value, Unit: p.Unit, Kind: string(p.Kind), N: p.N,
			Source: p.Source, Group: p.Group, Off: p.Off,
		})
	}
	return out
}

// sources gathers what the parameters rest on, in the order of the first that does.
func sources(all []registry.Parameter) (out []wire.ModelSource) {
	at := map[string]int{}
	for _, p := range all {
		i, known := at[p.Source]
		if !known {
			i = len(out)
			at[p.Source], out = i, append(out, wire.ModelSource{Source: p.Source})
		}
		s := &out[i]
		s.Parameters++
		if !slices.Contains(s.Kinds, string(p.Kind)) {
			s.Kinds = append(s.Kinds, string(p.Kind))
		}
		if !slices.Contains(s.Stages, p.Stage) {
			s.Stages = append(s.Stages, p.Stage)
		}
	}
	return out
}

// limits are what the model does not do, as the engine holds to it.
func limits() []string {
	return []string{
		"Florida only: locations in other states are refused, never counted as zero.",
		"Wind only: storm surge, flood and tornadoes are not modelled, and are reported where a policy covers them.",
		fmt.Sprintf("At most %d samples of damage to an event.", engine.MaxSamples),
		"Bands of the figures are for sampling over the simulated years; the error of the model itself is not in them.",
		"The quantum estimate is a check on a method and no part of the reported risk.",
	}
}
