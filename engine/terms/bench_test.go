package terms

import (
	"fmt"
	"testing"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// personalLines is a home: a limit per coverage, a hurricane deductible of 2 % of
// value with a minimum, one layer with a share.
func personalLines() *exposure.Portfolio {
	home := exposure.Location{TIV: [4]float64{300_000, 30_000, 150_000, 60_000}, Terms: []exposure.CoverageTerms{
		{Coverage: exposure.Building, Limit: 300_000},
		{Coverage: exposure.Other, Limit: 30_000},
		{Coverage: exposure.Contents, Limit: 120_000},
		{Coverage: exposure.BI, Limit: 60_000},
		{Coverage: exposure.All, DedType: exposure.ShareOfValue, Ded: 0.02, MinDed: 2_500},
	}}
	return onePortfolio([]exposure.AccountRow{{PolNumber: "P", LayerParticipation: 0.8, LayerLimit: 400_000}}, home)
}

// commercial is a schedule of 50 locations under a blanket policy of two layers.
func commercial() *exposure.Portfolio {
	var locations []exposure.Location
	for i := range 50 {
		v := float64(1+i%7) * 1e6
		locations = append(locations, exposure.Location{TIV: [4]float64{v, v / 10, v / 2, v / 5}, Terms: []exposure.CoverageTerms{
			{Coverage: exposure.All, DedType: exposure.ShareOfValue, Ded: 0.02, MinDed: 25_000},
		}})
	}
	policy := []exposure.CoverageTerms{{Coverage: exposure.All, MinDed: 100_000, Limit: 100e6}}
	return onePortfolio([]exposure.AccountRow{
		{PolNumber: "P", LayerNumber: 1, LayerParticipation: 0.5, LayerLimit: 5e6, Policy: policy},
		{PolNumber: "P", LayerNumber: 2, LayerParticipation: 0.25, LayerLimit: 20e6, LayerAttachment: 5e6, Policy: policy},
	}, locations...)
}

// benchmarkApply reports site-samples per second on one core, at damage ratios
// spread evenly so that no branch can be learnt.
func benchmarkApply(b *testing.B, p *exposure.Portfolio, program *Program, width int) {
	const events = 256
	n := len(p.Locations)
	gu := make([][]float64, events)
	state := uint64(1)
	for e := range gu {
		gu[e] = make([]float64, n*exposure.NumTIV*width)
		for i := range gu[e] {
			state = state*6364136223846793005 + 1442695040888963407
			ratio := float64(state>>11) / (1 << 53)
			gu[e][i] = ratio * ratio * p.Locations[i/width/exposure.NumTIV].TIV[i/width%exposure.NumTIV]
		}
	}
	gross := make([]float64, n*width)
	var s Scratch
	e := 0
	for b.Loop() {
		program.Apply(0, width, gu[e%events], gross, &s)
		e++
	}
	b.ReportMetric(float64(n*width)*float64(b.N)/b.Elapsed().Seconds(), "site-samples/s")
}

func BenchmarkApplyPersonalLines(b *testing.B) {
	for _, width := range []int{1, 10} {
		b.Run(fmt.Sprintf("width=%d", width), func(b *testing.B) {
			p := personalLines()
			benchmarkApply(b, p, mustCompile(b, p), width)
		})
	}
}

func BenchmarkApplyCommercial(b *testing.B) {
	for _, width := range []int{1, 10} {
		b.Run(fmt.Sprintf("width=%d", width), func(b *testing.B) {
			p := commercial()
			benchmarkApply(b, p, mustCompile(b, p), width)
		})
	}
}

func BenchmarkApplyLadder(b *testing.B) {
	p := commercial()
	benchmarkApply(b, p, onLadder(p), 10)
}

// BenchmarkFlatGross is what a kernel pays that calls Flat.Gross itself.
func BenchmarkFlatGross(b *testing.B) {
	f, _ := mustCompile(b, personalLines()).Flat(0)
	sum, x := 0.0, 0.0
	for b.Loop() {
		if x += 997; x > 300_000 {
			x = 0
		}
		sum += f.Gross(x, x/10, x/2, x/5)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "site-samples/s")
	if sum < 0 {
		b.Fatal(sum)
	}
}

// BenchmarkCompile is time and memory by personal-lines account.
func BenchmarkCompile(b *testing.B) {
	one := personalLines()
	p := &exposure.Portfolio{}
	const accounts = 1000
	for i := range accounts {
		p.Locations = append(p.Locations, one.Locations[0])
		p.Accounts = append(p.Accounts, exposure.Account{First: i, Count: 1, Rows: one.Accounts[0].Rows})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(p, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(accounts)*float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
}
