package geography_test

import (
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
)

func TestGeocoderServesExposure(t *testing.T) {
	var g exposure.Geocoder = geography.Geocoder{Florida: florida(t)}
	lat, lon, ok := g.ZIP("33139-1234")
	if fips, _, _ := g.County(lat, lon); !ok || fips != "12086" {
		t.Errorf("Miami Beach is at %v, %v in %s (%v)", lat, lon, fips, ok)
	}
	lat, lon, fips, ok := g.CountyPoint("Monroe County")
	if in, _, _ := g.County(lat, lon); !ok || fips != "12087" || in != fips {
		t.Errorf("Monroe is %s at %v, %v in %s (%v)", fips, lat, lon, in, ok)
	}
	if _, _, ok := g.ZIP("10001"); ok {
		t.Error("a ZIP code of New York is geocoded")
	}
	if _, _, _, ok := g.CountyPoint("Orleans"); ok {
		t.Error("a county of Louisiana is geocoded")
	}
}
