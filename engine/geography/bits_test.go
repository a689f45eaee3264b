package geography_test

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// goldenBits is the digest of TestSameBits. Do not change it to fix a build: it must be
// the same on every processor and with every GOAMD64. It changes with the files only.
const goldenBits = 0x5cfcc787dd77fa3f

func TestSameBits(t *testing.T) {
	f := florida(t)
	sum := fnv.New64a()
	add := func(v float64) { sum.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))) }
	for lat := 24.5; lat < 31; lat += 0.13 {
		for lon := -87.6; lon < -80; lon += 0.17 {
			fips, km, _ := f.County(lat, lon)
			sum.Write([]byte(fips))
			add(km)
			for _, upwind := range f.Fetch(lat, lon) {
				add(float64(upwind))
			}
			z, away, _ := f.NearestZIP(lat, lon)
			sum.Write([]byte(z.Code))
			add(away)
			add(f.CoastKm(lat, lon, 100))
			x, y := geography.Project(lat, lon)
			back, backLon := geography.Unproject(x, y)
			for _, v := range [...]float64{x, y, back, backLon} {
				add(v)
			}
			sum.Write([]byte{byte(f.Surface(lat, lon)), byte(f.Region(lat, lon, fips)), byte(geography.LandfallRegion(lat, lon))})
		}
	}
	if got := sum.Sum64(); got != goldenBits {
		t.Errorf("digest %#x, want %#x", got, uint64(goldenBits))
	}
}
