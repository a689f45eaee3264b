package exposure_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// generated is a file of n rows made while it is read.
type generated struct {
	rest   []byte
	row, n int
	write  func(b *bytes.Buffer, row int)
	buf    bytes.Buffer
}

func (g *generated) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		if g.row > g.n {
			return 0, io.EOF
		}
		g.buf.Reset()
		for ; g.buf.Len() < 1<<16 && g.row <= g.n; g.row++ {
			g.write(&g.buf, g.row)
		}
		g.rest = g.buf.Bytes()
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// sized is a generated file whose size is known, as a file's on disk is.
type sized struct {
	io.Reader
	size int64
}

// Seek answers the only question asked of it: where the end is.
func (s sized) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return s.size, nil
	}
	return 0, nil
}

const generatedHeader = "PortNumber,AccNumber,LocNumber,CountryCode,AreaCode,PostalCode,City,StreetAddress,Latitude,Longitude,OccupancyCode,ConstructionCode,YearBuilt,NumberOfStoreys," +
	"RoofGeometry,RoofCover,RoofAnchorage,RoofDeckAttachment,WindowProtection,FloorArea,BuildingTIV,OtherTIV,ContentsTIV,BITIV,LocPerilsCovered,LocPeril,LocCurrency," +
	"LocDed6All,LocDedType6All,LocLimit1Building,LocInceptionDate,LocExpiryDate,Broker\n"

// manyRows is a location file of n rows with the columns of a residential portfolio, each row
// with its own address, coordinates and values; five locations to an account.
func manyRows(n int) io.Reader {
	rng := rand.New(rand.NewSource(1))
	return &generated{n: n, write: func(b *bytes.Buffer, i int) {
		if i == 0 {
			b.WriteString(generatedHeader)
			return
		}
		tiv := 100000 + rng.Intn(900000)
		fmt.Fprintf(b, "P1,ACC%07d,LOC%08d,US,FL,33139,Miami,%d Ocean Drive,%.6f,%.6f,1051,%d,%d,%d,%d,1,%d,6,%d,%d,%d,%d,%d,%d,WW1,WW1,USD,0.02,2,%d,2026-01-01,2026-12-31,B%d\n",
			i/5, i*7919%n, i, 25.1+0.8*rng.Float64(), -80.9+0.8*rng.Float64(), 5050+50*rng.Intn(3), 1950+rng.Intn(75), 1+rng.Intn(3),
			1+rng.Intn(3), rng.Intn(4), rng.Intn(4), 900+rng.Intn(3000), tiv, tiv/10, tiv/2, tiv/5, tiv, rng.Intn(50))
	}}
}

// peakHeap is the largest heap seen while f runs, above that before it.
func peakHeap(f func()) (mib float64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, m.HeapAlloc
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	})
	f()
	close(stop)
	wg.Wait()
	return float64(peak-before) / (1 << 20)
}

func benchmarkImport(b *testing.B, rows int, run func(location *exposure.Source) error) {
	size, err := io.Copy(io.Discard, manyRows(rows))
	if err != nil {
		b.Fatal(err)
	}
	var peak float64
	for b.Loop() {
		peak = max(peak, peakHeap(func() {
			if err := run(exposure.CSV("location.csv", sized{manyRows(rows), size})); err != nil {
				b.Fatal(err)
			}
		}))
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(peak, "peak-MiB")
}

func BenchmarkRead1M(b *testing.B) {
	benchmarkImport(b, 1_000_000, func(location *exposure.Source) error {
		p, _, err := exposure.Read(location, nil, florida)
		if err == nil && len(p.Locations) != 1_000_000 {
			b.Fatal(len(p.Locations))
		}
		return err
	})
}

func BenchmarkValidate1M(b *testing.B) {
	benchmarkImport(b, 1_000_000, func(location *exposure.Source) error {
		_, err := exposure.Validate(location, nil, florida)
		return err
	})
}

func BenchmarkDigest100k(b *testing.B) {
	p, _, err := exposure.Read(exposure.CSV("location.csv", manyRows(100_000)), nil, florida)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		p.Digest()
	}
}

// TestValidateIsBounded validates a file whose free text alone is many times the memory it may use.
func TestValidateIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB")
	}
	const rows, limit = 100_000, 48
	long := strings.Repeat("lorem ipsum ", 80)
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	source := &generated{n: rows, write: func(b *bytes.Buffer, i int) {
		if i == 0 {
			b.WriteString("PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,LocCurrency,Latitude,Longitude,BuildingTIV,Remark\n")
			return
		}
		fmt.Fprintf(b, "P1,A%d,%d,US,WTC,USD,25.5,-80.5,1000,%d %s\n", i/10, i, i, long)
	}}
	peak := peakHeap(func() {
		report, err := exposure.Validate(exposure.CSV("l", source), nil, florida)
		if err != nil || report.Locations != rows {
			t.Errorf("%v, %+v", err, report)
		}
	})
	if peak > limit {
		t.Errorf("peak %.0f MiB over the heap before, want under %d", peak, limit)
	}
	t.Logf("peak %.1f MiB for %d MiB", peak, rows*len(long)>>20)
}
