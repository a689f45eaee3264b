package figures

import (
	"cmp"
	"context"
	"slices"

	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Events gives the events with a loss of a summary, largest mean loss of the perspective first, from a place on. Events without a
// gross loss come last where gross losses are asked for. With a return period tvar they have their shares of the TVaR there.
// store.ErrNotFound: there is no such summary.
func (f *Reader) Events(ctx context.Context, r *web.KeptRun, id int, perspective string, tvar float64, from, limit int) (out wire.RunEvents, err error) {
	s, err := f.summary(r, id)
	if err != nil {
		return out, err
	}
	if err := curved(s); err != nil {
		return out, err
	}
	all, err := storms(ctx, r, id)
	if err != nil {
		return out, err
	}
	order := ranking(all, perspective)
	out = wire.RunEvents{Basis: basis(r), Summary: s, Total: len(all), Items: []wire.EventLoss{}, NextCursor: web.NextPlace(int64(from+limit), int64(len(all)))}
	for _, at := range order[min(from, len(all)):min(from+limit, len(all))] {
		out.Items = append(out.Items, all[at.storm].view(r.Samples))
	}
	if tvar == 0 {
		return out, nil
	}
	return out, f.addShares(ctx, r, id, perspective, tvar, &out)
}

// rank is by what a storm is ordered.
type rank struct {
	first, second float64
	storm         int // in order of time
}

// ranking orders storms by the mean loss of a perspective, the largest first.
func ranking(all []storm, perspective string) []rank {
	order := make([]rank, len(all))
	for i := range all {
		order[i] = rank{all[i].ground.mean, 0, i}
		if perspective == perspectives[1].name {
			order[i].first, order[i].second = all[i].gross.mean, all[i].ground.mean
		}
	}
	slices.SortFunc(order, func(a, b rank) int {
		switch {
		case a.first != b.first:
			return cmp.Compare(b.first, a.first)
		case a.second != b.second:
			return cmp.Compare(b.second, a.second)
		}
		return a.storm - b.storm
	})
	return order
}

// storm is an event with its losses.
type storm struct {
	event, year, month, day int32
	footprint               float64
	ground, gross           moments
}

type moments struct{ mean, sd, largest float64 }

func (s *storm) view(samples int) wire.EventLoss {
	e := wire.EventLoss{
		Event: int(s.event), Year: int(s.year), Month: int(s.month), Day: int(s.day), FootprintTIV: s.footprint, GroundUp: s.ground.view(samples),
	}
	if s.gross != (moments{}) {
		gross := s.gross.view(samples)
		e.Gross = &gross
	}
	return e
}

func (m moments) view(samples int) wire.StormLoss {
	if samples == 0 {
		return wire.StormLoss{Mean: m.mean}
	}
	return wire.StormLoss{Mean: m.mean, SD: &m.sd, Largest: &m.largest}
}

// storms are the events with a loss of a summary. Gross losses are of events that have a loss ground-up, and in the same order.
func storms(ctx context.Context, r *web.KeptRun, id int) (all []storm, err error) {
	err = eachMoment(ctx, r, id, perspectives[0].code, func(s storm) {
		s.ground = s.gross
		s.gross = moments{}
		all = append(all, s)
	})
	if err != nil {
		return nil, err
	}
	at := 0
	err = eachMoment(ctx, r, id, perspectives[1].code, func(s storm) {
		for at < len(all) && all[at].event != s.event {
			at++
		}
		if at < len(all) {
			all[at].gross = s.gross
		}
	})
	return all, err
}

// eachMoment reads the losses of events of one perspective, which it gives as gross.
func eachMoment(ctx context.Context, r *web.KeptRun, id int, code string, each func(storm)) error {
	f, err := open(r, code+"_mplt")
	if err != nil {
		return err
	}
	for g, err := range f.Groups(0, f.Rows, "SummaryId", "EventId", "Year", "Month", "Day", "FootprintExposure", "MeanLoss", "SDLoss", "MaxLoss") {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c := g.Columns
		for i, of := range c[0].Int {
			if int(of) == id {
				each(storm{c[1].Int[i], c[2].Int[i], c[3].Int[i], c[4].Int[i], c[5].Float[i], moments{}, moments{c[6].Float[i], c[7].Float[i], c[8].Float[i]}})
			}
		}
	}
	return nil
}
