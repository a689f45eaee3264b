package storms

import (
	"context"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Units of the field (NIST SP 811): the international mile is 1.609344 km, the knot 1.852 km/h.
const (
	kmPerMile    = 1.609344
	mphPerKnot   = 1.852 / kmPerMile
	mphPerMetreS = 3.6 / kmPerMile
)

// Track implements web.Storms.
func (r *Recomputer) Track(ctx context.Context, k *web.KeptStorms, number web.StormNumber) (out wire.StormTrack, err error) {
	end, err := r.begin(ctx, k)
	if err != nil {
		return out, err
	}
	defer end()
	m, e, err := r.storm(k, number)
	if err != nil {
		return out, err
	}
	return trackOf(m.Ground, k.ID, e), nil
}

func trackOf(ground *geography.Florida, run string, e *hazard.Event) wire.StormTrack {
	month, day := hazard.MonthDay(float64(e.Day))
	falls := landfallsOf(ground, e)
	out := wire.StormTrack{
		Run: run, Event: int(e.ID), Name: e.Name, Year: int(e.Year), Month: month, Day: day, Category: falls.Category,
		Points: make([]wire.TrackPoint, len(e.Points)), Landfalls: append([]wire.Landfall{}, falls.Landfalls...),
	}
	for i, p := range e.Points {
		out.Points[i] = wire.TrackPoint{
			Hour: p.Hour, Lat: p.Lat, Lon: p.Lon, Wind: p.Wind * mphPerKnot, Pressure: p.Pressure(), Rmax: p.Rmax / kmPerMile, Category: hazard.Category(p.Wind), Land: p.Land,
		}
	}
	return out
}

func landfallsOf(ground *geography.Florida, e *hazard.Event) *web.StormLandfalls {
	out := &web.StormLandfalls{}
	for _, l := range e.Landfalls {
		category := hazard.Category(l.Wind)
		out.Category = max(out.Category, category)
		fall := wire.Landfall{
			Hour: l.Hour, Lat: l.Lat, Lon: l.Lon, Region: l.Region, Category: category, Wind: l.Wind * mphPerKnot, Pressure: l.Pressure, Rmax: l.Rmax / kmPerMile,
			Heading: l.Heading, Speed: l.Speed * mphPerMetreS,
		}
		if fips, _, near := ground.County(l.Lat, l.Lon); near {
			if c, known := ground.CountyPoint(fips); known {
				fall.County, fall.CountyFIPS = c.Name, fips
			}
		}
		out.Landfalls = append(out.Landfalls, fall)
	}
	return out
}

// Footprint implements web.Storms.
func (r *Recomputer) Footprint(ctx context.Context, k *web.KeptStorms, number web.StormNumber) (out wire.StormFootprint, err error) {
	end, err := r.begin(ctx, k)
	if err != nil {
		return out, err
	}
	defer end()
	_, e, err := r.storm(k, number)
	if err != nil {
		return out, err
	}
	grid, err := r.grid()
	if err != nil {
		return out, err
	}
	out = wire.StormFootprint{Run: k.ID, Event: int(number), CellDegrees: windfield.CellDegrees, Threshold: windfield.Threshold * mphPerMetreS, Cells: []wire.GustCell{}}
	for _, c := range grid.Gusts(e) {
		lat, lon := windfield.CellCentre(c.Cell)
		out.Cells = append(out.Cells, wire.GustCell{Lat: lat, Lon: lon, Gust: c.Gust * mphPerMetreS})
	}
	return out, nil
}
