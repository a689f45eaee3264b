package storms

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/qrsrisk/qrsd/web/wire"
)

// feature is one of GeoJSON (RFC 7946). Coordinates are longitude, latitude.
type feature struct {
	Type       string         `json:"type"` // Feature
	Geometry   geometry       `json:"geometry"`
	Properties map[string]any `json:"properties"`
}

type geometry struct {
	Type        string `json:"type"`
	Coordinates any    `json:"coordinates"`
}

// position is longitude, latitude in degrees (WGS 84).
type position [2]float64

func newFeature(kind string, coordinates any, properties map[string]any) feature {
	return feature{"Feature", geometry{kind, coordinates}, properties}
}

// trackFeatures are the way as one line, and its points with what the storm was there.
func trackFeatures(track wire.StormTrack) []feature {
	way := make([]position, len(track.Points))
	points := make([]feature, len(track.Points))
	for i, p := range track.Points {
		way[i] = position{p.Lon, p.Lat}
		points[i] = newFeature("Point", way[i], map[string]any{
			"kind": "point", "hour": p.Hour, "wind_mph": p.Wind, "pressure_hpa": p.Pressure, "rmax_miles": p.Rmax, "category": p.Category, "land": p.Land,
		})
	}
	all := points
	if len(way) > 1 { // RFC 7946 §3.1.4: a line has two positions at least
		line := newFeature("LineString", way, map[string]any{"kind": "track", "event": track.Event, "year": track.Year, "category": track.Category})
		all = append([]feature{line}, points...)
	}
	return append(all, landfallFeatures(track.Landfalls)...)
}

func landfallFeatures(falls []wire.Landfall) []feature {
	all := make([]feature, len(falls))
	for i, l := range falls {
		all[i] = newFeature("Point", position{l.Lon, l.Lat}, map[string]any{
			"kind": "landfall", "hour": l.Hour, "category": l.Category, "wind_mph": l.Wind, "pressure_hpa": l.Pressure, "rmax_miles": l.Rmax,
			"heading": l.Heading, "speed_mph": l.Speed, "region": l.Region, "county": l.County, "county_fips": l.CountyFIPS,
		})
	}
	return all
}

// cellFeatures are squares, counter-clockwise as RFC 7946 §3.1.6 wants it.
func cellFeatures(print wire.StormFootprint) []feature {
	all := make([]feature, len(print.Cells))
	half := float64(print.CellDegrees / 2) // never fused with what follows
	for i, c := range print.Cells {
		west, east, south, north := c.Lon-half, c.Lon+half, c.Lat-half, c.Lat+half
		ring := []position{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}
		all[i] = newFeature("Polygon", [][]position{ring}, map[string]any{"gust_mph": c.Gust})
	}
	return all
}

func siteFeatures(sites []wire.StormSite) []feature {
	all := make([]feature, len(sites))
	for i, s := range sites {
		all[i] = newFeature("Point", position{s.Lon, s.Lat}, map[string]any{
			"portfolio": s.Portfolio, "account": s.Account, "location": s.Location, "tiv": s.TIV, "gust_mph": s.Gust, "ground_up": s.GroundUp, "gross": s.Gross,
		})
	}
	return all
}

// writeGeoJSON writes a collection of features, one a line.
func writeGeoJSON(w io.Writer, all []feature) error {
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(`{"type":"FeatureCollection","features":[` + "\n") // what cannot be written says Flush
	for i, f := range all {
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if i > 0 {
			_, _ = out.WriteString(",\n")
		}
		_, _ = out.Write(text)
	}
	_, _ = out.WriteString("\n]}\n")
	return out.Flush()
}
