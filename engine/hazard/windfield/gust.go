package windfield

import (
	"math"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/internal/fmath"
)

// Model is the wind field's parameters. Only ablations and sensitivity studies change them.
type Model struct {
	// Inner and Outer reduce the gradient wind to the hourly mean at 10 m over sea, within 2 and beyond 5
	// radii of maximum wind: Vickery et al. 2009 (J. Appl. Meteor. Climatol. 48: 381), 0.71 around the eyewall, more outside.
	Inner, Outer float64
	// LandRatio is the mean wind over open land (0.03 m) to that over sea, fully adjusted: Vickery et al. 2009, .80-.83.
	LandRatio float64
	// LandGust is the gust factor 3 s to 1 h over open land: Vickery and Skerlj 2005 (J. Struct. Eng. 131: 1801), 1.52-1.55;
	// the upper value, as Florida's stations show factors above it in hurricane winds.
	LandGust float64
	// SeaGust is the gust factor at the coast with wind off the sea: such that gusts there are to those over open
	// land as ASCE 7-16's exposure D is to C at 10 m, √1.18; between the 1.30 at sea and 1.45 off the sea of
	// Harper, Kepert and Ginger 2010 (WMO/TD 1555, table 1.1).
	SeaGust float64
	// TransitionKm is the fetch over which gusts adjust to land (e-folding): 95 % at 7.5 km. Judgement after
	// Vickery et al. 2009, who find gusts adjusted within about 10 km.
	TransitionKm float64
	// Asymmetry scales the translation in Georgiou's wind, BScale and RmaxScale the storm's own
	// parameters: 1 in the model.
	Asymmetry, BScale, RmaxScale float64
}

// Standard is the model.
func Standard() Model {
	return Model{
		Inner: 0.71, Outer: 0.75, LandRatio: 0.83, LandGust: 1.55, SeaGust: 1.40, TransitionKm: 2.5,
		Asymmetry: 1, BScale: 1, RmaxScale: 1,
	}
}

// Factors turn the mean wind over sea at a place into its gust, by the direction the
// wind comes from (as in geography.Fetch).
type Factors [geography.FetchDirections]float32

// GustFactors are the factors of a place with the given fetches over land, km.
func (m Model) GustFactors(fetch [geography.FetchDirections]float32) Factors {
	var f Factors
	for k, d := range fetch {
		f[k] = float32(m.gustFactor(float64(d)))
	}
	return f
}

func (m Model) gustFactor(fetchKm float64) float64 {
	land := float64(m.LandRatio * m.LandGust)
	return land + float64((m.SeaGust-land)*fmath.Exp(-fetchKm/m.TransitionKm))
}

// largestFactor is the most that a mean wind over sea can be multiplied by.
func (m Model) largestFactor() float64 { return math.Max(m.SeaGust, m.LandRatio*m.LandGust) }

// Sector is the index of the direction (degrees from north) among the fetch directions.
func Sector(from float64) uint8 {
	const width = 360.0 / geography.FetchDirections
	return uint8(math.Floor(from/width+0.5)) % geography.FetchDirections
}
