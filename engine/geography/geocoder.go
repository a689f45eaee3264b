package geography

// Geocoder answers the questions of an exposure import, in the plain values that its
// Geocoder interface asks for, so that neither package needs to know the other.
type Geocoder struct{ Florida *Florida }

// County is Boundaries.County.
func (g Geocoder) County(lat, lon float64) (fips string, km float64, ok bool) {
	return g.Florida.County(lat, lon)
}

// ZIP is the representative point of a ZIP code, "33139" or "33139-1234".
func (g Geocoder) ZIP(code string) (lat, lon float64, ok bool) {
	z, ok := g.Florida.ZIP(code)
	return z.Lat, z.Lon, ok
}

// CountyPoint is the representative point of a county and its FIPS code, see Florida.CountyPoint.
func (g Geocoder) CountyPoint(nameOrFIPS string) (lat, lon float64, fips string, ok bool) {
	c, ok := g.Florida.CountyPoint(nameOrFIPS)
	return c.Lat, c.Lon, c.FIPS, ok
}
