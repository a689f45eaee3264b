package geography_test

import (
	"os"
	"testing"

	"github.com/qrsrisk/qrsd/engine/geography"
)

// scattered are points over Florida and its waters, in no order.
func scattered() [][2]float64 {
	points := make([][2]float64, 1<<12)
	for i := range points {
		points[i] = [2]float64{24.5 + float64(i*7919%4096)/4096*6.5, -87.6 + float64(i*104729%4096)/4096*7.6}
	}
	return points
}

func benchmark(b *testing.B, f func(lat, lon float64)) {
	points := scattered()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := points[i%len(points)]
		f(p[0], p[1])
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, err := geography.Open(os.DirFS("../modelpack/florida")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSurface(b *testing.B) {
	f := florida(b)
	benchmark(b, func(lat, lon float64) { f.Surface(lat, lon) })
}

func BenchmarkSurfaceOcean(b *testing.B) {
	f := florida(b)
	benchmark(b, func(lat, lon float64) { f.Surface(lat-5, lon+3) })
}

func BenchmarkInside(b *testing.B) {
	f := florida(b)
	benchmark(b, func(lat, lon float64) { f.Inside(lat, lon) })
}

func BenchmarkCounty(b *testing.B) {
	f := florida(b)
	benchmark(b, func(lat, lon float64) { f.County(lat, lon) })
}

func BenchmarkFetch(b *testing.B) {
	f := florida(b)
	benchmark(b, func(lat, lon float64) { f.Fetch(lat, lon) })
}

func BenchmarkTerrainByPoint(b *testing.B) {
	f := florida(b)
	benchmark(b, func(lat, lon float64) { f.Terrain("", lat, lon) })
}

func BenchmarkRegion(b *testing.B) {
	f := florida(b)
	benchmark(b, func(lat, lon float64) { f.Region(lat, lon, "") })
}

func BenchmarkProject(b *testing.B) {
	benchmark(b, func(lat, lon float64) { geography.Project(lat, lon) })
}

// The slowest fetch: no water in reach from any direction.
func BenchmarkFetchInland(b *testing.B) {
	f := florida(b)
	b.ReportAllocs()
	for b.Loop() {
		f.Fetch(30.9, -83.9)
	}
}
