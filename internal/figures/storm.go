package figures

import (
	"context"
	"fmt"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Storm gives the losses of one event by summary, as the tables have them. store.ErrNotFound: the run has no loss of it.
func (f *Reader) Storm(ctx context.Context, r *web.KeptRun, event web.StormNumber) (out wire.StormLosses, err error) {
	out = wire.StormLosses{Basis: basis(r), Event: int(event), Items: []wire.StormPartLoss{}}
	all, err := summaries(r)
	if err != nil {
		return out, err
	}
	if err := f.place(all); err != nil {
		return out, err
	}
	parts := map[int]*storm{}
	for i, p := range perspectives {
		err := eachPart(ctx, r, p.code, event, func(summary int, s storm) {
			at, found := parts[summary]
			if !found {
				at = &storm{footprint: s.footprint}
				parts[summary] = at
			}
			if i == 0 {
				at.ground = s.gross
			} else {
				at.gross = s.gross
			}
		})
		if err != nil {
			return out, err
		}
	}
	for i := range all {
		part, found := parts[all[i].ID]
		if !found {
			continue
		}
		loss := part.view(r.Samples)
		out.Items = append(out.Items, wire.StormPartLoss{Summary: all[i], FootprintTIV: part.footprint, GroundUp: loss.GroundUp, Gross: loss.Gross})
	}
	if len(out.Items) == 0 {
		return out, fmt.Errorf("a loss of event %d: %w", event, store.ErrNotFound)
	}
	return out, nil
}

// eachPart reads the losses of one event by summary, which it gives as gross.
func eachPart(ctx context.Context, r *web.KeptRun, code string, event web.StormNumber, each func(summary int, s storm)) error {
	f, err := open(r, code+"_mplt")
	if err != nil {
		return err
	}
	for g, err := range f.Groups(0, f.Rows, "EventId", "SummaryId", "FootprintExposure", "MeanLoss", "SDLoss", "MaxLoss") {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c := g.Columns
		for i, of := range c[0].Int {
			if of == int32(event) {
				each(int(c[1].Int[i]), storm{footprint: c[2].Float[i], gross: moments{c[3].Float[i], c[4].Float[i], c[5].Float[i]}})
			}
		}
	}
	return nil
}
