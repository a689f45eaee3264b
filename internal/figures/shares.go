package figures

import (
	"context"
	"fmt"
	"sync"

	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/metrics"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// shareOf is what shares are of.
type shareOf struct {
	run         string
	summary     int
	perspective string
	period      float64
}

// shared are the shares of the events that have one.
type shared struct {
	tvar float64
	of   map[int]float64 // by event
}

// kept keeps the last few of what is dear to compute; results of runs never change. It is safe for many goroutines.
type kept[K comparable, V any] struct {
	mu    sync.Mutex
	order []K
	all   map[K]V
}

// mostKept is how many of a kind are kept. Shares are of the events in the tail only.
const mostKept = 32

func (k *kept[K, V]) get(key K) (v V, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, found = k.all[key]
	return v, found
}

func (k *kept[K, V]) put(key K, v V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[K]V{}
	}
	if _, found := k.all[key]; !found {
		k.order = append(k.order, key)
	}
	k.all[key] = v
	if len(k.order) > mostKept {
		delete(k.all, k.order[0])
		k.order = k.order[1:]
	}
}

// addShares gives the events of a list their shares of the TVaR of all events of a year (AEP).
func (f *Reader) addShares(ctx context.Context, r *web.KeptRun, id int, perspective string, period float64, out *wire.RunEvents) error {
	if period > float64(r.Years) {
		return store.Invalid("tvar", "%v years are more than the %d that were simulated", period, r.Years)
	}
	of := shareOf{r.ID, id, perspective, period}
	s, found := f.shares.get(of)
	if !found {
		var err error
		if s, err = f.share(ctx, r, of); err != nil {
			return err
		}
		f.shares.put(of, s)
	}
	out.TVaR = &wire.TailLoss{Perspective: perspective, Type: "aep", ReturnPeriod: period, Loss: s.tvar}
	for i := range out.Items {
		share := s.of[out.Items[i].Event]
		out.Items[i].ShareOfTVaR = &share
	}
	return nil
}

// share computes shares by the engine's rule from the losses by draw.
func (f *Reader) share(ctx context.Context, r *web.KeptRun, of shareOf) (*shared, error) {
	end, err := f.computing.Take(ctx, r.Tenant)
	if err != nil {
		return nil, err
	}
	defer end()
	t, err := lossTable(ctx, r, of.summary)
	if err != nil {
		return nil, err
	}
	p := loss.GroundUp
	if of.perspective == perspectives[1].name {
		p = loss.Gross
	}
	all, err := metrics.Shares(t, 0, p, of.period)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.ID, err)
	}
	s := &shared{tvar: all.TVaR, of: map[int]float64{}}
	for i, share := range all.Share {
		if share > 0 {
			s.of[int(t.Events[i].ID)] = share
		}
	}
	return s, nil
}
