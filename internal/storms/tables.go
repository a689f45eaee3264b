package storms

import (
	"context"
	"fmt"
	"io"

	"github.com/qrsrisk/qrsd/engine/results"
	"github.com/qrsrisk/qrsd/engine/results/excel"
	"github.com/qrsrisk/qrsd/engine/results/parquet"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Write implements web.Storms.
func (r *Recomputer) Write(ctx context.Context, w io.Writer, k *web.KeptStorms, number web.StormNumber, table, form string) error {
	t, places, err := r.table(ctx, k, number, table)
	if err != nil {
		return err
	}
	switch form {
	case "csv":
		return results.WriteCSV(w, t)
	case "parquet":
		return parquet.Write(w, t)
	case "geojson":
		return writeGeoJSON(w, places)
	}
	return writeWorkbook(w, k, number, t)
}

// workbookCells is how many cells a workbook has at most: what its library holds in memory. Of larger ones it would write the sheet into a
// temporary file, in plain text.
const workbookCells = 150_000

func writeWorkbook(w io.Writer, k *web.KeptStorms, number web.StormNumber, t results.Table) error {
	rows := 0
	for g := range t.Groups() {
		rows += g.Rows
	}
	if cells := rows * len(t.Columns); cells > workbookCells {
		return store.Invalid("format", "a workbook holds %d cells, the table has %d; take csv or parquet", workbookCells, cells)
	}
	facts := []excel.Fact{
		{Name: "Run", Value: k.ID}, {Name: "Event", Value: fmt.Sprint(number)}, {Name: "Draws of damage an event", Value: fmt.Sprint(k.Samples)},
		{Name: "Currency", Value: k.Currency}, {Name: "Model", Value: k.Run.Model.String()},
	}
	return excel.Write(w, facts, []results.Table{t})
}

// table lays a part of a storm out as columns, and as what a map shows of it.
func (r *Recomputer) table(ctx context.Context, k *web.KeptStorms, number web.StormNumber, name string) (t results.Table, places []feature, err error) {
	switch name {
	case "track":
		track, err := r.Track(ctx, k, number)
		return trackTable(track), trackFeatures(track), err
	case "landfalls":
		track, err := r.Track(ctx, k, number)
		return landfallTable(track), landfallFeatures(track.Landfalls), err
	case "footprint":
		print, err := r.Footprint(ctx, k, number)
		return footprintTable(print), cellFeatures(print), err
	case "losses":
		losses, err := r.o.Figures.Storm(ctx, k.KeptRun, number)
		return lossTable(losses), nil, err
	case "sites":
		all, err := r.sites(ctx, k, number)
		if err != nil {
			return t, nil, err
		}
		sites := make([]wire.StormSite, len(all))
		for i, s := range all {
			sites[i] = siteView(s)
		}
		return siteTable(sites), siteFeatures(sites), nil
	}
	return t, nil, fmt.Errorf("a storm has no table %q", name)
}

func columns(t results.Type, names ...string) []results.Column {
	all := make([]results.Column, len(names))
	for i, name := range names {
		all[i] = results.Column{Name: name, Type: t}
	}
	return all
}

func joined(parts ...[]results.Column) (all []results.Column) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func number(yes bool) int32 {
	if yes {
		return 1
	}
	return 0
}

func trackTable(track wire.StormTrack) results.Table {
	var rows [][]any
	for _, p := range track.Points {
		rows = append(rows, []any{int32(track.Event), p.Hour, p.Lat, p.Lon, p.Wind, p.Pressure, p.Rmax, int32(p.Category), number(p.Land)})
	}
	return results.New("track", joined(columns(results.Int32, "EventId"),
		columns(results.Float64, "Hour", "Latitude", "Longitude", "WindMPH", "PressureHPa", "RmaxMiles"), columns(results.Int32, "Category", "Land")), rows)
}

func landfallTable(track wire.StormTrack) results.Table {
	var rows [][]any
	for _, l := range track.Landfalls {
		rows = append(rows, []any{int32(track.Event), l.Hour, l.Lat, l.Lon, l.Wind, l.Pressure, l.Rmax, l.Heading, l.Speed, int32(l.Category), l.Region, l.CountyFIPS, l.County})
	}
	return results.New("landfalls", joined(columns(results.Int32, "EventId"),
		columns(results.Float64, "Hour", "Latitude", "Longitude", "WindMPH", "PressureHPa", "RmaxMiles", "Heading", "SpeedMPH"),
		columns(results.Int32, "Category"), columns(results.String, "Region", "CountyFIPS", "County")), rows)
}

func footprintTable(print wire.StormFootprint) results.Table {
	var rows [][]any
	for _, c := range print.Cells {
		rows = append(rows, []any{int32(print.Event), c.Lat, c.Lon, c.Gust})
	}
	return results.New("footprint", joined(columns(results.Int32, "EventId"), columns(results.Float64, "Latitude", "Longitude", "GustMPH")), rows)
}

func siteTable(sites []wire.StormSite) results.Table {
	var rows [][]any
	for _, s := range sites {
		rows = append(rows, []any{s.Portfolio, s.Account, s.Location, s.CountyFIPS, s.ZIP, s.Lat, s.Lon, s.TIV, s.Gust, s.GroundUp, s.Gross})
	}
	return results.New("sites", joined(columns(results.String, "PortNumber", "AccNumber", "LocNumber", "CountyFIPS", "PostalCode"),
		columns(results.Float64, "Latitude", "Longitude", "TIV", "GustMPH", "GroundUpLoss", "GrossLoss")), rows)
}

func lossTable(losses wire.StormLosses) results.Table {
	var rows [][]any
	amount := func(p *float64) float64 {
		if p == nil {
			return 0
		}
		return *p
	}
	for _, p := range losses.Items {
		gross := p.Gross
		if gross == nil {
			gross = &wire.StormLoss{}
		}
		rows = append(rows, []any{int32(losses.Event), int32(p.Summary.ID), p.Summary.Level, p.Summary.Key, p.Summary.Name, p.Summary.TIV, p.FootprintTIV,
			p.GroundUp.Mean, amount(p.GroundUp.SD), amount(p.GroundUp.Largest), gross.Mean, amount(gross.SD), amount(gross.Largest)})
	}
	return results.New("losses", joined(columns(results.Int32, "EventId", "SummaryId"), columns(results.String, "Level", "Key", "Name"),
		columns(results.Float64, "TIV", "FootprintTIV", "GroundUpMean", "GroundUpSD", "GroundUpLargest", "GrossMean", "GrossSD", "GrossLargest")), rows)
}
