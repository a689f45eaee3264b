// Package intake reads exposure that a client of the appliance uploaded: it implements web.Intake with package exposure.
//
// It holds the bounds of that (rows, faults, memory at a time), the report in the shapes of the API, the summary of a portfolio,
// and its sites thinned for a map. It keeps nothing and knows no tenant: what is kept, package web puts into the store. Package web may
// not import the engine; this package implements its interface Intake.
//
// Begin with New, then Reader.Read.
package intake

import (
	"context"
	"errors"
	"io"
	"math"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/exposure/parquet"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/web"
)

// Options of a reader. Ground is needed.
type Options struct {
	// Ground gives the places of Florida; it is asked for once, at the first reading.
	Ground func() (*geography.Florida, error)
	// MaxRows is how many rows a file may have; 0 is 3,000,000.
	MaxRows int
	// AtOnce is how many bytes of files are read at the same time, a larger file alone; 0 is 512 MiB.
	AtOnce int64
}

const (
	usualRows   = 3_000_000
	usualAtOnce = 512 << 20
	maxFaults   = 1000
	maxWarnings = 1000
)

// Reader implements web.Intake. It is safe for many goroutines.
type Reader struct {
	ground  func() (*geography.Florida, error)
	maxRows int
	atOnce  int64
	bytes   *semaphore.Weighted
}

var _ web.Intake = (*Reader)(nil)

// New makes a reader.
func New(o Options) *Reader {
	r := &Reader{ground: sync.OnceValues(o.Ground), maxRows: o.MaxRows, atOnce: o.AtOnce}
	if r.maxRows <= 0 {
		r.maxRows = usualRows
	}
	if r.atOnce <= 0 {
		r.atOnce = usualAtOnce
	}
	r.bytes = semaphore.NewWeighted(r.atOnce)
	return r
}

// Read implements web.Intake. It waits until there is memory for the files.
func (r *Reader) Read(ctx context.Context, e web.Exposure) (*web.Reading, error) {
	weight := e.Location.Size
	if e.Account != nil {
		weight += e.Account.Size
	}
	weight = min(weight, r.atOnce)
	if err := r.bytes.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	defer r.bytes.Release(weight)
	ground, err := r.ground()
	if err != nil {
		return nil, err
	}
	o := exposure.Options{
		Geocoder: geography.Geocoder{Florida: ground}, MaxFaults: maxFaults, MaxRows: r.maxRows,
		BadLocations: e.BadLocations, BadAccounts: e.BadAccounts,
	}
	location := Source(ctx, e.Location)
	var account *exposure.Source
	if e.Account != nil {
		account = Source(ctx, *e.Account)
	}
	return read(location, account, o, e.CheckOnly)
}

func read(location, account *exposure.Source, o exposure.Options, checkOnly bool) (*web.Reading, error) {
	if checkOnly {
		report, err := exposure.Validate(location, account, o)
		if report == nil {
			return nil, err
		}
		return &web.Reading{Report: reportView(report)}, nil // faults are in the report
	}
	p, report, err := exposure.Read(location, account, o)
	if errors.Is(err, exposure.ErrFaults) {
		return &web.Reading{Report: reportView(report)}, nil
	}
	if err != nil {
		return nil, err
	}
	return &web.Reading{Report: reportView(report), Digest: p.Digest(), Summary: Summary(p, report), Sites: sitesOf(p)}, nil
}

// Source reads Parquet or CSV, by the ending of the name, until ctx ends.
func Source(ctx context.Context, f web.ExposureFile) *exposure.Source {
	whole := io.NewSectionReader(&watched{ctx, f.Content}, 0, f.Size)
	if strings.EqualFold(path.Ext(f.Name), ".parquet") {
		return parquet.Open(f.Name, whole, f.Size)
	}
	return exposure.CSV(f.Name, whole)
}

// watched ends reading when nobody waits for it any more.
type watched struct {
	ctx  context.Context
	from io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.from.ReadAt(p, off)
}

// sum of what is insured at a location, the four coverages together.
func tivOf(tiv [exposure.NumTIV]float64) (sum float64) {
	for _, v := range tiv {
		sum += v
	}
	return finite(sum)
}

// finite keeps what JSON cannot write out of it: sums of what a file claims may overflow.
func finite(v float64) float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return math.MaxFloat64
	}
	return v
}
