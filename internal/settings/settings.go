// Package settings says what a run can be asked to do: the defaults, the bounds and the meaning of each setting, for the server.
//
// It holds Reader, which makes a spec of the engine of what a client asked, and words of a spec. It submits nothing and reads no store.
// Package web may not import the engine; this package implements its interface Settings.
//
// Begin with Reader.Plan.
package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Defaults of a run.
const (
	Years   = 10000
	Samples = 5
	Seed    = 1
)

// Reader reads what runs of one model are asked to do. It is safe for use by many goroutines.
type Reader struct {
	known func() (known, error)
}

// known is what it needs of the model, which itself is large.
type known struct {
	model  modelpack.Digest
	groups []string // judgements of the damage curves that can be switched off
}

// New makes the reader of a model's settings. The model is opened once, when it is first needed.
func New(open func() (*modelpack.Model, error)) *Reader {
	return &Reader{sync.OnceValues(func() (known, error) {
		m, err := open()
		if err != nil {
			return known{}, err
		}
		return known{m.Digest, m.Curves.Groups()}, nil
	})}
}

// Plan fills in defaults and holds what was asked to its bounds. Faults name the member of the body; the portfolio, name and note are
// left to the caller.
func (r *Reader) Plan(asked wire.NewRun) (n workspace.NewRun, faults []wire.Fault, err error) {
	model, err := r.known()
	if err != nil {
		return n, nil, err
	}
	s := engine.Spec{Years: Years, Samples: Samples, Seed: Seed, Correlation: loss.DefaultCorrelation(), ReturnPeriods: metrics.DefaultReturnPeriods()}
	fault := func(pointer, format string, args ...any) {
		faults = append(faults, wire.Fault{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
	}
	// check holds the spec with one more of its values to the engine's own bounds.
	check := func(pointer string, change func(*engine.Spec)) {
		before := s
		change(&s)
		if err := s.Check(); err != nil {
			fault(pointer, "%v", err)
			s = before
		}
	}
	if asked.Years != nil {
		check("/years", func(s *engine.Spec) { s.Years = *asked.Years })
	}
	if asked.Samples != nil {
		check("/samples", func(s *engine.Spec) { s.Samples = *asked.Samples })
	}
	if asked.Seed != nil {
		seed, err := strconv.ParseUint(*asked.Seed, 10, 64)
		if err != nil {
			fault("/seed", "%.30q is not a decimal number from 0 to 18446744073709551615", *asked.Seed)
		}
		s.Seed = seed
	}
	if c := asked.Correlation; c != nil {
		check("/correlation", func(s *engine.Spec) { s.Correlation = loss.Correlation{Event: c.Event, Local: c.Local} })
	}
	if len(asked.ReturnPeriods) > mostPeriods {
		fault("/return_periods", "%d are more than %d", len(asked.ReturnPeriods), mostPeriods)
	} else if len(asked.ReturnPeriods) > 0 {
		check("/return_periods", func(s *engine.Spec) { s.ReturnPeriods = asked.ReturnPeriods })
	}
	for i, group := range asked.Without {
		if !slices.Contains(model.groups, group) {
			fault("/without/"+strconv.Itoa(i), "%.60q is no judgement of the damage curves; they are %s", group, strings.Join(model.groups, ", "))
		}
	}
	s.Without = asked.Without
	return workspace.NewRun{Model: model.model, ModelVersion: engine.Version, Spec: s}, faults, nil
}

// mostPeriods bounds the return periods of a report.
const mostPeriods = 100

// Explain says what a run does, setting by setting, always the same ones in the same order.
func (*Reader) Explain(n workspace.NewRun) []wire.Setting {
	s := n.Spec
	all := []wire.Setting{
		{Name: "years", Value: strconv.Itoa(s.Years), Default: s.Years == Years,
			Meaning: "simulated years of hurricanes; losses of rarer return periods are not available, and the bands around those near it are wide"},
		{Name: "samples", Value: strconv.Itoa(s.Samples), Default: s.Samples == Samples,
			Meaning: "draws of damage for each storm; 0 is the mean damage alone, to which terms are then applied"},
		{Name: "seed", Value: strconv.FormatUint(s.Seed, 10), Default: s.Seed == Seed,
			Meaning: "of the catalogue of storms and of damage: the same seed gives the same storms, and with the same portfolio the same bits"},
		{Name: "correlation", Value: fmt.Sprintf("event %g, local %g", s.Correlation.Event, s.Correlation.Local), Default: s.Correlation == loss.DefaultCorrelation(),
			Meaning: "share of the variance of damage that all sites of a storm have in common, and in addition those of one wind cell; it changes no average"},
		{Name: "return_periods", Value: numbers(s.ReturnPeriods), Default: slices.Equal(s.ReturnPeriods, metrics.DefaultReturnPeriods()),
			Meaning: "years for which the tables of curves are written; others can be asked for later"},
		{Name: "without", Value: strings.Join(s.Without, ", "), Default: len(s.Without) == 0,
			Meaning: "judgements of the damage curves that are switched off, to see what each does"},
	}
	if s.Scenario != nil {
		all = append(all, wire.Setting{Name: "scenario", Value: s.Scenario.Name, Meaning: "one storm in place of the catalogue"})
	}
	return all
}

func numbers(all []float64) string {
	texts := make([]string, len(all))
	for i, x := range all {
		texts[i] = strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strings.Join(texts, ", ")
}
