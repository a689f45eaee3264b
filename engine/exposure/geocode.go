package exposure

import "strings"

// Geocoder places locations in Florida.
type Geocoder interface {
	// County is the five-digit FIPS code of the Florida county that contains the point, and
	// 0, or of the nearest with the distance to it for points just off the mapped
	// land (barrier islands). ok is false for points that belong to no Florida county.
	County(lat, lon float64) (fips string, distanceKm float64, ok bool)
	// ZIP is the representative point of a Florida ZIP code, "33139". ok is false for any other text.
	ZIP(code string) (lat, lon float64, ok bool)
	// CountyPoint is the representative point of a Florida county given by name, with or
	// without "County", or by FIPS code.
	CountyPoint(nameOrFIPS string) (lat, lon float64, fips string, ok bool)
}

// A rectangle that holds all of Florida, in degrees.
const (
	floridaSouth, floridaNorth = 24.3, 31.1
	floridaWest, floridaEast   = -87.7, -79.8
)

func inFloridaBox(lat, lon float64) bool {
	return lat >= floridaSouth && lat <= floridaNorth && lon >= floridaWest && lon <= floridaEast
}

const floridaOnly = "this model covers Florida only"

// place finds a location's coordinates and county, or says why it has none. It returns
// the distance to the county's land in km, 0 on it.
func (r *locationRow) place(g Geocoder, fault rowFault) (offshoreKm float64) {
	if !strings.EqualFold(r.CountryCode, "US") && r.CountryCode != "" {
		fault("CountryCode", r.CountryCode, "outside the United States; "+floridaOnly, "remove the location, or correct the code to US")
		return 0
	}
	if area := r.AreaCode; area != "" && !strings.EqualFold(area, "FL") && area != "12" {
		fault("AreaCode", area, "outside Florida; "+floridaOnly, "remove the location, or correct the code to FL")
		return 0
	}
	if zip := zipCode(r.PostalCode); zip != "" {
		r.PostalCode = zip
	}
	switch {
	case r.latitude != r.longitude:
		missing, given := "Longitude", "Latitude"
		if r.longitude {
			missing, given = given, missing
		}
		fault(missing, "", "missing while "+given+" is given", "give both, or neither for geocoding by ZIP code")
	case !r.latitude, r.Latitude == 0 && r.Longitude == 0:
		r.geocode(g, fault)
	case !inFloridaBox(r.Latitude, r.Longitude):
		r.outside(fault)
	default:
		fips, km, ok := g.County(r.Latitude, r.Longitude)
		if !ok {
			r.outside(fault)
			return 0
		}
		r.CountyFIPS = fips
		return km
	}
	return 0
}

// outside is the fault of coordinates that are not in Florida, with the likely slip.
func (r *locationRow) outside(fault rowFault) {
	lat, lon := r.Latitude, r.Longitude
	at := formatNumber(lat) + ", " + formatNumber(lon)
	fix := "correct the coordinates, or clear both for geocoding by ZIP code"
	reason := "the coordinates are outside Florida; " + floridaOnly
	switch {
	case inFloridaBox(lat, -lon):
		reason, fix = "the longitude has lost its minus sign: Florida is west of Greenwich", "write "+formatNumber(-lon)
	case inFloridaBox(-lat, lon):
		reason, fix = "the latitude has a minus sign: Florida is north of the equator", "write "+formatNumber(-lat)+" for the latitude"
	case inFloridaBox(lon, lat):
		reason, fix = "latitude and longitude are swapped", "exchange the two columns"
	case inFloridaBox(lon, -lat):
		reason, fix = "latitude and longitude are swapped and the longitude has lost its minus sign",
			"write "+formatNumber(lon)+" for the latitude and "+formatNumber(-lat)+" for the longitude"
	}
	column := "Latitude"
	if inFloridaBox(lat, -lon) {
		column = "Longitude"
	}
	fault(column, at, reason, fix)
}

// geocode finds coordinates by ZIP code, else by county, and records which.
func (r *locationRow) geocode(g Geocoder, fault rowFault) {
	if lat, lon, ok := g.ZIP(r.PostalCode); ok {
		r.Latitude, r.Longitude, r.Geocode = lat, lon, GeocodeZIP
		r.CountyFIPS, _, _ = g.County(lat, lon)
		return
	}
	county := r.county()
	if lat, lon, fips, ok := g.CountyPoint(county); ok && county != "" {
		r.Latitude, r.Longitude, r.Geocode, r.CountyFIPS = lat, lon, GeocodeCounty, fips
		return
	}
	r.Latitude, r.Longitude = 0, 0
	const fix = "give Latitude and Longitude, a Florida PostalCode, or a county as GeogScheme1 CNTY with GeogName1"
	switch {
	case r.PostalCode != "" && county != "":
		fault("PostalCode", r.PostalCode, "no coordinates, and neither the ZIP code nor the county "+county+" is known in Florida", fix)
	case r.PostalCode != "":
		fault("PostalCode", r.PostalCode, "no coordinates, the ZIP code is not known in Florida, and no county is given", fix)
	case county != "":
		fault("GeogName", county, "no coordinates, no ZIP code, and the county is not known in Florida", fix)
	default:
		fault("Latitude", "", "no coordinates, no ZIP code and no county", fix)
	}
}

// county is the name or FIPS code that OED's geography columns give under the scheme CNTY.
func (r *locationRow) county() string {
	for i, scheme := range r.geogScheme {
		if strings.EqualFold(scheme, "CNTY") && r.geogName[i] != "" {
			return r.geogName[i]
		}
	}
	return ""
}

// zipCode is a postal code as five digits, with a leading zero that a spreadsheet dropped
// left alone: no ZIP code of Florida has one. A "+4" suffix goes, with or without its dash.
func zipCode(s string) string {
	s = strings.TrimSuffix(s, ".0") // a number column of a spreadsheet
	if len(s) == 9 && !strings.Contains(s, "-") {
		s = s[:5]
	}
	s, _, _ = strings.Cut(s, "-")
	if len(s) != 5 {
		return ""
	}
	for i := range s {
		if s[i] < '0' || s[i] > '9' {
			return ""
		}
	}
	return s
}
