package exposure_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// A file with two slips: both are reported at once, and nothing is imported.
func ExampleRead() {
	const location = `PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,LocCurrency,Latitude,Longitude,BuildingTIV
P1,A1,1,US,WW1,USD,25.78,-80.14,400000
P1,A1,2,US,WW1,USD,25.79,80.15,250000
P1,A1,3,US,WW1,USD,25.77,-80.16,"1,250,000"
`
	p, _, err := exposure.Read(exposure.CSV("location.csv", strings.NewReader(location)), nil,
		exposure.Options{Geocoder: squareCounties{}})
	fmt.Println(p == nil, errors.Is(err, exposure.ErrFaults))
	fmt.Println(err)
	// Output:
	// true true
	// 2 faults
	//   location.csv line 3, Longitude "25.79, 80.15": the longitude has lost its minus sign: Florida is west of Greenwich; write -80.15
	//   location.csv line 4, BuildingTIV "1,250,000": not a plain number; write it without thousands separators, currency or percent signs, with a point for decimals
}
