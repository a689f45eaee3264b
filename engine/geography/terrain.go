package geography

// Roughness is a terrain roughness class of the Hazus hurricane model, an index into
// its five roughness lengths. The Hazus damage curves are made for one class each and
// are driven by the gust in open terrain; the class chooses the curve (FEMA Hazus
// Hurricane Model Technical Manual, terrain).
type Roughness uint8

// The roughness classes.
const (
	OpenTerrain   Roughness = iota // 0.03 m
	LightSuburban                  // 0.15 m
	Suburban                       // 0.35 m
	LightTrees                     // 0.70 m
	Trees                          // 1.00 m
)

// NumRoughness is the number of roughness classes.
const NumRoughness = 5

var roughnessCm = [NumRoughness]int{3, 15, 35, 70, 100}

// Cm is the roughness length in centimetres: 3, 15, 35, 70 or 100.
func (r Roughness) Cm() int { return roughnessCm[r] }

// roughnessOfCm is the class of a roughness length in centimetres.
func roughnessOfCm(cm int) (Roughness, bool) {
	for r, length := range roughnessCm {
		if length == cm {
			return Roughness(r), true
		}
	}
	return 0, false
}

// Thresholds of RoughnessByDensity. They are judgement: the land-cover data from which
// roughness is properly taken (NLCD) is not at hand. From 200 persons per square
// kilometre up they are those of the project's hazard notes; below, residents of
// thinly settled ZIP codes live in groves, yards and open woodland (0.15 m, near the
// 0.2-0.3 m that the Florida Public Hurricane Loss Model gives residential ZIP codes).
// Only nearly empty land south of OpenLat (Everglades, prairie, pasture) counts as open: to
// the north such land is mostly pine forest. The class Trees is never chosen:
// nothing here tells a house in the forest from one in its clearing.
const (
	UrbanDensity    = 4000 // persons per km2 from which buildings are as rough as LightTrees
	SuburbanDensity = 1000 // from which terrain is Suburban
	OpenDensity     = 20   // below which terrain south of OpenLat is OpenTerrain
	OpenLat         = 28.3 // degrees north
	ShoreWaterShare = 0.5  // water share of a ZIP code from which the class is one smoother
)

// RoughnessByDensity is the class for the residential land of a ZIP code at a latitude
// with a density of persons per square kilometre of land and a share of water. A code
// that is mostly water (keys, barrier islands, lake shores) lies open to it and takes
// the next smoother class.
func RoughnessByDensity(perKm2, waterShare, lat float64) Roughness {
	class := LightSuburban
	switch {
	case perKm2 >= UrbanDensity:
		class = LightTrees
	case perKm2 >= SuburbanDensity:
		class = Suburban
	case perKm2 < OpenDensity && lat < OpenLat:
		class = OpenTerrain
	}
	if waterShare >= ShoreWaterShare && class > OpenTerrain {
		class--
	}
	return class
}

// Terrain is the roughness class of a location: that of its ZIP code if it is known
// (code may be empty or a ZIP+4), else of the ZIP code whose point is nearest, else
// LightSuburban for a point with a NaN.
func (f *Florida) Terrain(code string, lat, lon float64) Roughness {
	if n, ok := zipNumber(code); ok && f.zipIndex.byNumber[n] != 0 {
		return f.zips[f.zipIndex.byNumber[n]-1].Terrain
	}
	if i, _ := f.nearestZIP(lat, lon); i >= 0 {
		return f.zips[i].Terrain
	}
	return LightSuburban
}
