// Package storms computes single simulated storms of finished runs again, for the server: way, wind over the land, and loss by insured
// site. A storm is a function of model, spec and number (engine.Storm), so that nothing of it is kept with a run but its losses; what comes
// out has the bits that the run used.
//
// It opens no store: whoever calls it brings run and files. Package web may not import the engine; this package implements its
// interface Storms. Numbers get the units of the field here: miles, miles per hour.
//
// A run of another model or of another version of the engine is refused in words, and so are sites whose losses do not add up to those in
// the run's tables. What is computed at a time is bounded in number and in insured locations; how long it may take says its context.
//
// Begin with Recomputer.
package storms

import (
	"context"
	"fmt"
	"sync"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/internal/turns"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/web"
)

// Options of a Recomputer. Model and Figures are needed.
type Options struct {
	// Model opens the model, with judgement groups of its curves switched off.
	Model func(without []string) (*modelpack.Model, error)
	// Figures reads the losses of storms from the tables of runs.
	Figures web.Figures
	// AtOnce is how many computations go on at the same time, of a tenant one; the others wait. 0 is two.
	AtOnce int
	// Locations is the largest portfolio whose sites are computed. 0 is 100,000.
	Locations int
	// Later calls a function after some minutes. Exposure that nobody asked for in between is forgotten then. nil: it is forgotten when
	// another takes its place.
	Later func(func())
}

// Recomputer implements web.Storms. It is safe for many goroutines.
type Recomputer struct {
	o         Options
	model     func() (*modelpack.Model, error) // with all judgements
	grid      func() (*windfield.Grid, error)
	computing *turns.Turns[store.ID] // by tenant

	mu        sync.Mutex
	landfalls map[stormOf]*web.StormLandfalls
	book      *book // the one that was asked for last; nil: none
}

// stormOf names a storm of the catalogue.
type stormOf struct {
	model  ledger.Digest
	seed   uint64
	number web.StormNumber
}

// New makes a Recomputer. The model is opened when it is first needed.
func New(o Options) *Recomputer {
	if o.AtOnce <= 0 {
		o.AtOnce = 2
	}
	if o.Locations <= 0 {
		o.Locations = 100_000
	}
	r := &Recomputer{o: o, computing: turns.New[store.ID](o.AtOnce), landfalls: map[stormOf]*web.StormLandfalls{}}
	r.model = sync.OnceValues(func() (*modelpack.Model, error) { return o.Model(nil) })
	r.grid = sync.OnceValues(func() (*windfield.Grid, error) {
		m, err := r.model()
		if err != nil {
			return nil, err
		}
		return windfield.Standard().NewGrid(m.Ground), nil
	})
	return r
}

// begin waits for a place to compute in, of which a tenant has one. What it returns gives the place free.
func (r *Recomputer) begin(ctx context.Context, k *web.KeptStorms) (end func(), err error) {
	return r.computing.Take(ctx, k.Tenant)
}

// same opens the model and holds the run to it: only with the same model and engine are its storms these.
func (r *Recomputer) same(k *web.KeptStorms) (*modelpack.Model, error) {
	m, err := r.model()
	if err != nil {
		return nil, err
	}
	if have := ledger.Digest(m.Digest); k.Run.Model != have {
		return nil, unavailable("run %s was computed with the model %s, this appliance has %s: its storms are computed again by qrs-replay of that version", k.ID, k.Run.Model, have)
	}
	if k.Engine != "" && k.Engine != engine.Version {
		return nil, unavailable("run %s was computed by version %s of the engine, this appliance has %s: its storms are computed again by qrs-replay of that version", k.ID, k.Engine, engine.Version)
	}
	return m, nil
}

func unavailable(format string, args ...any) error {
	return &web.Unavailable{Reason: fmt.Sprintf(format, args...)}
}

// storm makes a storm again.
func (r *Recomputer) storm(k *web.KeptStorms, number web.StormNumber) (*modelpack.Model, *hazard.Event, error) {
	m, err := r.same(k)
	if err != nil {
		return nil, nil, err
	}
	e, found := engine.Storm(m, k.Run.Spec, int32(number))
	if !found {
		return nil, nil, fmt.Errorf("event %d of run %s: %w", number, k.ID, store.ErrNotFound)
	}
	return m, &e, nil
}

// mostLandfalls is of how many storms the landfalls are kept, about 200 bytes each.
const mostLandfalls = 50_000

// Landfalls implements web.Storms.
func (r *Recomputer) Landfalls(ctx context.Context, k *web.KeptStorms, numbers []web.StormNumber) ([]*web.StormLandfalls, error) {
	m, err := r.same(k)
	if err != nil {
		return nil, err
	}
	end, err := r.begin(ctx, k)
	if err != nil {
		return nil, err
	}
	defer end()
	all := make([]*web.StormLandfalls, len(numbers))
	for i, number := range numbers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all[i] = r.landfallsOf(m, k.Run.Spec, stormOf{k.Run.Model, k.Run.Spec.Seed, number})
	}
	return all, nil
}

// landfallsOf are those of one storm, nil of none; of the catalogue as they were found before.
func (r *Recomputer) landfallsOf(m *modelpack.Model, s engine.Spec, of stormOf) (l *web.StormLandfalls) {
	catalogue := s.Scenario == nil && s.Years >= hazard.YearOf(int32(of.number))
	if catalogue {
		if l, known := r.known(of); known {
			return l
		}
	}
	if e, found := engine.Storm(m, s, int32(of.number)); found {
		l = landfallsOf(m.Ground, &e)
	}
	if catalogue {
		r.keep(of, l)
	}
	return l
}

func (r *Recomputer) known(of stormOf) (l *web.StormLandfalls, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, known = r.landfalls[of]
	return l, known
}

func (r *Recomputer) keep(of stormOf, l *web.StormLandfalls) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.landfalls) >= mostLandfalls {
		clear(r.landfalls)
	}
	r.landfalls[of] = l
}
