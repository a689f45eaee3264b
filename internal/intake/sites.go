package intake

import (
	"cmp"
	"math"
	"slices"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/web/wire"
)

// maxSites is how many points a map gets.
const maxSites = 5000

// finest is the smallest cell that locations are thinned to, in degrees: a hundred metres.
const finest = 0.001

// sitesOf are where the locations of a portfolio lie: each its own site where there are few, otherwise those of one cell together. The cells
// double until there are few enough.
func sitesOf(p *exposure.Portfolio) wire.PortfolioSites {
	var sites []wire.Site
	for i := range p.Locations {
		l := &p.Locations[i]
		if i > 0 && l.SameSite(&p.Locations[i-1]) {
			continue
		}
		sites = append(sites, wire.Site{Latitude: l.Latitude, Longitude: l.Longitude, Locations: 1, TIV: tivOf(l.TIV)})
	}
	out := wire.PortfolioSites{Locations: len(sites)}
	for out.Cell = 0; len(sites) > maxSites; {
		out.Cell = max(finest, 2*out.Cell)
		sites = joined(sites, out.Cell)
	}
	for i := range sites {
		sites[i].Latitude, sites[i].Longitude = rounded(sites[i].Latitude), rounded(sites[i].Longitude)
	}
	slices.SortFunc(sites, func(a, b wire.Site) int {
		return cmp.Or(cmp.Compare(b.TIV, a.TIV), cmp.Compare(a.Latitude, b.Latitude), cmp.Compare(a.Longitude, b.Longitude))
	})
	out.Sites = sites
	return out
}

// joined puts the sites of one cell together, in the middle of their locations.
func joined(sites []wire.Site, cell float64) []wire.Site {
	at := map[[2]int32]int{}
	var out []wire.Site
	for _, s := range sites {
		key := [2]int32{int32(math.Floor(s.Latitude / cell)), int32(math.Floor(s.Longitude / cell))}
		i, known := at[key]
		if !known {
			at[key] = len(out)
			out = append(out, s)
			continue
		}
		o := &out[i]
		n, m := float64(o.Locations), float64(s.Locations)
		o.Latitude = (float64(o.Latitude*n) + float64(s.Latitude*m)) / (n + m)
		o.Longitude = (float64(o.Longitude*n) + float64(s.Longitude*m)) / (n + m)
		o.Locations += s.Locations
		o.TIV += s.TIV
	}
	return out
}

// rounded is a coordinate to a metre or so.
func rounded(degrees float64) float64 { return math.Floor(float64(degrees*1e5)+0.5) / 1e5 }
