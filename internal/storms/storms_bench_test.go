package storms_test

import (
	"fmt"
	"testing"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/internal/storms"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web"
)

// BenchmarkStorm computes single storms of the catalogue again: way, wind over the land, and the landfalls of a page of events, whose first
// time is each time.
func BenchmarkStorm(b *testing.B) {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := storms.New(storms.Options{Model: func([]string) (*modelpack.Model, error) { return model, nil }})
	k := &web.KeptStorms{KeptRun: &web.KeptRun{ID: "run"}, Run: workspace.Run{Model: ledger.Digest(model.Digest), Spec: engine.Spec{Years: 100_000, Seed: 1}}}
	known := func(n int) (all []web.StormNumber) {
		for id := int32(128); len(all) < n; id++ {
			if _, found := engine.Storm(model, k.Run.Spec, id); found {
				all = append(all, web.StormNumber(id))
			}
		}
		return all
	}(100)
	b.Run("track", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := r.Track(b.Context(), k, known[i%len(known)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("footprint", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := r.Footprint(b.Context(), k, known[i%len(known)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{50, 100} {
		b.Run(fmt.Sprintf("landfalls=%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				k.Run.Spec.Seed = uint64(i) + 2 // so that none is known; events of other numbers are missing, and their years made all the same
				if _, err := r.Landfalls(b.Context(), k, known[:n]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
