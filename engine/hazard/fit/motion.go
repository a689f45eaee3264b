package main

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/qrsrisk/qrsd/engine/hazard"
)

// Kernel widths of the motion model. 300 km is the optimum Hall and Jewson found out of sample.
const (
	motionKm   = 300.0
	motionDays = 25.0
)

// motionSeasons are the days of the year at which the motion is fitted: mid-June, end of July,
// end of August, mid-September, mid-October, mid-November.
var motionSeasons = []int{166, 210, 240, 260, 288, 320}

// maxPhi keeps departures stationary where few steps fit a coefficient above one.
const maxPhi = 0.98

var motionGrid = hazard.Grid{Lat0: 16, Lon0: -98, Step: 2, Rows: 13, Cols: 17}

// fitMotion averages translation around each node and day, then regresses each step's
// departure from that mean on the one before it.
func fitMotion(steps []step) hazard.Motion {
	m := hazard.Motion{Grid: motionGrid, N: len(steps)}
	for _, day := range motionSeasons {
		m.Seasons = append(m.Seasons, meanMotion(steps, day))
	}
	du, dv := make([]float64, len(steps)), make([]float64, len(steps))
	for i, s := range steps {
		u, v := m.Mean(s.day, s.lat, s.lon)
		du[i], dv[i] = s.u-u, s.v-v
	}
	for k := range m.Seasons {
		fitDepartures(steps, &m.Seasons[k], du, dv)
	}
	return m
}

// kernel is the weight of a step for a node and day.
func kernel(s step, lat, lon float64, day int) float64 {
	d := hazard.Distance(lat, lon, s.lat, s.lon) / motionKm
	t := (s.day - float64(day)) / motionDays
	return math.Exp(-(d*d + t*t) / 2)
}

func meanMotion(steps []step, day int) hazard.Season {
	n := motionGrid.Nodes()
	season := hazard.Season{Day: day, U: make([]float64, n), V: make([]float64, n), N: make([]float64, n)}
	for i := range n {
		lat, lon := motionGrid.Node(i)
		for _, s := range steps {
			w := kernel(s, lat, lon, day)
			season.N[i] += w
			season.U[i] += w * s.u
			season.V[i] += w * s.v
		}
		season.U[i] /= season.N[i]
		season.V[i] /= season.N[i]
	}
	return season
}

func fitDepartures(steps []step, season *hazard.Season, du, dv []float64) {
	n := motionGrid.Nodes()
	season.PhiU, season.NoisU = make([]float64, n), make([]float64, n)
	season.PhiV, season.NoisV = make([]float64, n), make([]float64, n)
	for i := range n {
		lat, lon := motionGrid.Node(i)
		season.PhiU[i], season.NoisU[i] = autoregress(steps, du, lat, lon, season.Day)
		season.PhiV[i], season.NoisV[i] = autoregress(steps, dv, lat, lon, season.Day)
	}
}

// autoregress fits d[i] = φ·d[previous] + noise by weighted least squares.
func autoregress(steps []step, d []float64, lat, lon float64, day int) (phi, noise float64) {
	var sw, sxx, sxy, syy float64
	for i, s := range steps {
		if s.previous < 0 {
			continue
		}
		w := kernel(s, lat, lon, day)
		x, y := d[s.previous], d[i]
		sw += w
		sxx += w * x * x
		sxy += w * x * y
		syy += w * y * y
	}
	phi = math.Min(sxy/sxx, maxPhi)
	return phi, math.Sqrt(math.Max(0, (syy-2*phi*sxy+phi*phi*sxx)/sw))
}

// regress solves weighted least squares; columns are the regressors.
func regress(columns [][]float64, y, w []float64) []float64 {
	a := mat.NewDense(len(y), len(columns), nil)
	b := mat.NewVecDense(len(y), nil)
	for i := range y {
		root := 1.0
		if w != nil {
			root = math.Sqrt(w[i])
		}
		for j, c := range columns {
			a.Set(i, j, root*c[i])
		}
		b.SetVec(i, root*y[i])
	}
	var x mat.VecDense
	if err := x.SolveVec(a, b); err != nil {
		panic("fit: regression is singular: " + err.Error())
	}
	return x.RawVector().Data
}
