package web_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/web/wire"
)

// manyLocations is a location file with rows all over the places of the example.
func manyLocations(b *testing.B, rows int) string {
	b.Helper()
	lines := strings.Split(strings.TrimSpace(sample(b, "location.csv")), "\n")
	from := rand.New(rand.NewPCG(1, 2))
	var out strings.Builder
	out.WriteString(lines[0] + "\n")
	for i := range rows {
		fields := strings.SplitN(lines[1+from.IntN(len(lines)-1)], ",", 4)
		fmt.Fprintf(&out, "Bench,A%07d,%d,%s\n", i/3, i, fields[3])
	}
	return out.String()
}

// BenchmarkUpload uploads 1,000,000 locations over TLS and has them validated, then imported, in the store on this disk. Client and server share the cores.
func BenchmarkUpload(b *testing.B) {
	const rows = 1_000_000
	_, _, p := office(b)
	p.client.Timeout = 10 * time.Minute
	body := form(b, part{"location", "location.csv", manyLocations(b, rows)})
	for _, c := range []struct {
		name, path string
		status     int
	}{{"validate", "/api/v1/portfolios/validate", 200}, {"import", "/api/v1/portfolios", 201}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(body.content)))
			for b.Loop() {
				r := p.call("POST", c.path, body)
				if r.Status != c.status {
					b.Fatalf("%.1000s", r)
				}
				var check wire.ExposureCheck
				if c.status == 200 {
					if r.into(b, &check); !check.Valid || check.Report.Locations != rows {
						b.Fatalf("%d locations, %d faults", check.Report.Locations, check.Report.FaultCount)
					}
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "locations/s")
		})
	}
}
