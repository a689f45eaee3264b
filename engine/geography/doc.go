// Package geography knows where things are in Florida: counties, ZIP codes, land
// and water, distance over land to the sea, terrain roughness, building-code
// regions and the coast regions of the landfall record.
//
// It reads four compact files (geography-*, made by the derive program in this
// folder) from an fs.FS and answers questions about a point by pure methods. It
// holds no hazard, no exposure and no vulnerability: what a roughness class or a
// code region does to damage is decided elsewhere.
//
// What the files do not hold, the answers do not either: the county polygons are
// the Census Bureau's 1:10,000,000 generalisation, so that inlets and islands of
// less than about half a kilometre are absent, and lakes, Okeechobee included,
// count as land. A building on a barrier island that the atlas leaves out stands
// in open water here; County finds its county by distance.
//
// Coordinates are WGS84 degrees, latitude first; distances are kilometres on a
// sphere of EarthRadiusKm.
//
// Begin with Open in florida.go, then Boundaries in boundary.go.
package geography
