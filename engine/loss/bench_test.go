package loss_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/loss"
)

// sampleSites are those of examples/florida.
func sampleSites(b *testing.B) *loss.Sites {
	b.Helper()
	open := func(name string) *exposure.Source {
		f, err := os.Open("../../examples/florida/" + name)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		return exposure.CSV(name, f)
	}
	p, _, err := exposure.Read(open("location.csv"), open("account.csv"), exposure.Options{Geocoder: geography.Geocoder{Florida: florida(b).Ground}})
	if err != nil {
		b.Fatal(err)
	}
	return newSites(b, p)
}

// replay gives the same years of the catalogue again and again, so that the benchmark holds no time for making events.
type replay [][]hazard.Event

func (r replay) Year(year int) []hazard.Event { return r[(year-1)%len(r)] }

// BenchmarkThroughTerms is the kernel from track through wind, damage and terms into the table, on the sample
// portfolio: all four coverages of a site in an event are one site-event-sample. Samples 0 is the mean alone.
func BenchmarkThroughTerms(b *testing.B) {
	m, sites := florida(b), sampleSites(b)
	catalog := hazard.NewCatalog(m.Climate, m.Ground, 1)
	var events replay
	for year := 1; year <= 200; year++ {
		events = append(events, catalog.Year(year))
	}
	for _, samples := range []int{0, 1, 10, 100} {
		b.Run(fmt.Sprintf("samples=%d", samples), func(b *testing.B) {
			kernel := loss.NewKernel(sites, events, loss.Draw{Samples: samples, Seed: 1, Correlation: loss.DefaultCorrelation()})
			for b.Loop() {
				out := kernel.Begin()
				for year := range events {
					kernel.Year(year+1, out)
				}
			}
			b.ReportMetric(float64(kernel.SiteEvents())*float64(max(samples, 1))/b.Elapsed().Seconds(), "site-event-samples/s")
		})
	}
}

// BenchmarkGroundUp is the draw of damage and the four ground-up losses alone, every site of the sample at one gust.
func BenchmarkGroundUp(b *testing.B) {
	sites := sampleSites(b)
	for _, gust := range []float64{35, 55} {
		b.Run(fmt.Sprintf("gust=%.0f", gust), func(b *testing.B) {
			const width = 10
			n := 0
			for b.Loop() {
				n += loss.DrawGroundUp(sites, gust, width)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "site-event-samples/s")
		})
	}
}
