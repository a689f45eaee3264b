package main

import (
	"math"
	"sort"

	"github.com/qrsrisk/qrsd/engine/hazard"
)

// firstIntensityYear is where satellites make the deficits of weak storms at sea trustworthy.
const firstIntensityYear = 1970

// intensityKm is the kernel width of the local term: wider than for motion, as steps over water
// near the coast are few.
const intensityKm = 300.0

var intensityGrid = hazard.Grid{Lat0: 18, Lon0: -98, Step: 2, Rows: 11, Cols: 16}

// maxDP caps the deficit: 882 hPa in the western Atlantic (Wilma), 892 at a Florida landfall (1935).
const maxDP = 128

func fitIntensity(steps []step) hazard.Intensity {
	kept := overWater(steps)
	in := hazard.Intensity{Grid: intensityGrid, MaxDP: maxDP, N: len(kept)}
	var y []float64
	columns := make([][]float64, 4)
	for _, s := range kept {
		y = append(y, s.x1-s.x0)
		for j, v := range []float64{1, s.x0, hazard.Beyond(s.x0), trend(steps, s)} {
			columns[j] = append(columns[j], v)
		}
	}
	b := regress(columns, y, nil)
	in.B0, in.B1, in.B2, in.C = b[0], b[1], b[2], b[3]
	residual := make([]float64, len(y))
	for i := range y {
		residual[i] = y[i] - b[0] - b[1]*columns[1][i] - b[2]*columns[2][i] - b[3]*columns[3][i]
	}
	in.Local = localTerm(kept, residual)
	standardise(&in, kept, residual)
	return in
}

// overWater keeps the steps of the domain and its surroundings.
func overWater(steps []step) []step {
	var kept []step
	for _, s := range steps {
		if s.water && s.year >= firstIntensityYear && s.previous >= 0 && steps[s.previous].water &&
			s.lat > 16 && s.lat < 38 && s.lon > -98 && s.lon < -66 {
			kept = append(kept, s)
		}
	}
	return kept
}

func trend(steps []step, s step) float64 { return steps[s.previous].x1 - steps[s.previous].x0 }

// localTerm is the kernel mean of the residual around each node, shrunk where steps are few.
func localTerm(kept []step, residual []float64) []float64 {
	const shrink = 10 // steps
	local := make([]float64, intensityGrid.Nodes())
	for i := range local {
		lat, lon := intensityGrid.Node(i)
		sum, weight := 0.0, float64(shrink)
		for k, s := range kept {
			d := hazard.Distance(lat, lon, s.lat, s.lon) / intensityKm
			w := math.Exp(-d * d / 2)
			sum += w * residual[k]
			weight += w
		}
		local[i] = sum / weight
	}
	return local
}

// standardise takes the local term off the residuals, finds their spread by strength and keeps
// the quantiles of what remains.
func standardise(in *hazard.Intensity, kept []step, residual []float64) {
	in.NoiseAt = []float64{math.Log(5), math.Log(10), math.Log(20), math.Log(35), math.Log(55), math.Log(80), math.Log(105)}
	for _, at := range in.NoiseAt {
		sum, weight := 0.0, 0.0
		for k, s := range kept {
			r := residual[k] - in.LocalAt(s.lat, s.lon)
			d := (s.x0 - at) / 0.3
			w := math.Exp(-d * d / 2)
			sum += w * r * r
			weight += w
		}
		in.Noise = append(in.Noise, math.Sqrt(sum/weight))
	}
	z := make([]float64, len(kept))
	for k, s := range kept {
		z[k] = (residual[k] - in.LocalAt(s.lat, s.lon)) / in.NoiseSD(s.x0)
	}
	sort.Float64s(z)
	const nodes = 401
	for i := range nodes {
		at := float64(i) / (nodes - 1) * float64(len(z)-1)
		j := min(int(at), len(z)-2)
		f := at - float64(j)
		in.Residual = append(in.Residual, (1-f)*z[j]+f*z[j+1])
	}
}
