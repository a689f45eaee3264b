package geography

// City is one of the cities at which return periods are reported.
type City struct {
	Name     string
	Lat, Lon float64
}

// Cities are the 16 cities of the record of hurricanes within 50 nautical miles, from
// Pensacola along the coast to Jacksonville, then inland.
func Cities() [16]City {
	return [16]City{
		{"Pensacola", 30.42, -87.22},
		{"Panama City", 30.16, -85.66},
		{"Apalachicola", 29.73, -84.98},
		{"Cedar Key", 29.14, -83.03},
		{"Tampa", 27.95, -82.46},
		{"Fort Myers", 26.64, -81.87},
		{"Naples", 26.14, -81.79},
		{"Key West", 24.555, -81.78},
		{"Miami", 25.77, -80.19},
		{"West Palm Beach", 26.71, -80.05},
		{"Fort Pierce", 27.45, -80.33},
		{"Cape Canaveral", 28.39, -80.6},
		{"Daytona Beach", 29.21, -81.02},
		{"Jacksonville", 30.33, -81.66},
		{"Orlando", 28.54, -81.38},
		{"Tallahassee", 30.44, -84.28},
	}
}
