package terms

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// A CheckedLocation compares one location at one loss factor.
type CheckedLocation struct {
	PortNumber, AccNumber, LocNumber string
	Factor                           float64 // loss of each coverage as a fraction of its TIV
	Expected, Computed               float64 // gross loss
}

// Relative and absolute tolerance of a check: the expected figures are sums of
// float32 numbers, written to the cent.
const (
	CheckRelative = 1e-3
	CheckAbsolute = 0.01
)

// Agrees reports whether expected and computed loss are the same within tolerance.
func (c CheckedLocation) Agrees() bool {
	return math.Abs(c.Computed-c.Expected) <= max(CheckAbsolute, CheckRelative*math.Abs(c.Expected))
}

// A CheckReport is the outcome of one case.
type CheckReport struct {
	Locations []CheckedLocation // by account, location and loss factor
	Unknown   []string          // rows of expected.csv whose location the case does not have
	// Reinsurance says that the case has reinsurance, which is not applied: only its
	// gross losses are compared.
	Reinsurance bool
}

// Differences are the locations that do not agree.
func (r *CheckReport) Differences() []CheckedLocation {
	var d []CheckedLocation
	for _, l := range r.Locations {
		if !l.Agrees() {
			d = append(d, l)
		}
	}
	return d
}

// Agrees reports whether every location agrees and every expected one was found.
func (r *CheckReport) Agrees() bool { return len(r.Unknown) == 0 && len(r.Differences()) == 0 }

// Check runs one case folder of the Oasis LMF validation suite: location.csv,
// account.csv, expected.csv (columns PortNumber, AccNumber, LocNumber,
// loss_factor_idx, loss_il) and, where the case has several losses, loss_factors.csv.
// Each coverage of a location loses the factor times its TIV (factor 1 without the
// file). No country is enforced; the peril of the loss is wind where every location
// covers it, else any. A location absent from expected.csv is expected to lose nothing.
//
// The error is one of reading, or a [Faults] for a case with terms that cannot be
// calculated; a case that does not agree is no error.
func Check(fsys fs.FS) (*CheckReport, error) {
	p, err := readCase(fsys)
	if err != nil {
		return nil, err
	}
	program, err := Compile(p, Options{AnyPeril: !allWind(p), ZeroShareIsFull: true})
	if err != nil {
		return nil, err
	}
	factors, err := readFactors(fsys)
	if err != nil {
		return nil, err
	}
	expected, err := readExpected(fsys, len(factors))
	if err != nil {
		return nil, err
	}
	r := &CheckReport{}
	if _, err := fs.Stat(fsys, "ri_info.csv"); err == nil {
		r.Reinsurance = true
	}
	for i := range p.Accounts {
		r.compare(p, program, i, factors, expected)
	}
	for _, k := range expected.order {
		if !expected.used[k] {
			r.Unknown = append(r.Unknown, k.port+" "+k.acc+" "+k.loc)
		}
	}
	return r, nil
}

// compare calculates one account at all factors, each as one sample.
func (r *CheckReport) compare(p *exposure.Portfolio, program *Program, account int, factors []float64, e *expectation) {
	a := &p.Accounts[account]
	locations := p.Locations[a.First : a.First+a.Count]
	width := len(factors)
	var groundUp []float64
	for i := range locations {
		for _, value := range locations[i].TIV {
			for _, f := range factors {
				groundUp = append(groundUp, float64(f*value))
			}
		}
	}
	gross := make([]float64, len(locations)*width)
	program.Apply(account, width, groundUp, gross, new(Scratch))
	for i := range locations {
		l := &locations[i]
		if i > 0 && l.LocNumber == locations[i-1].LocNumber {
			continue // a further condition tag of the same location
		}
		k := locationKey{l.PortNumber, l.AccNumber, l.LocNumber}
		e.used[k] = true
		for s, f := range factors {
			c := CheckedLocation{PortNumber: k.port, AccNumber: k.acc, LocNumber: k.loc, Factor: f, Computed: gross[i*width+s]}
			if want := e.losses[k]; want != nil {
				c.Expected = want[s]
			}
			r.Locations = append(r.Locations, c)
		}
	}
}

// allWind reports whether every location covers wind.
func allWind(p *exposure.Portfolio) bool {
	for i := range p.Locations {
		if !coversWind(p.Locations[i].PerilsCovered) {
			return false
		}
	}
	return true
}

// readCase reads the portfolio of a case.
func readCase(fsys fs.FS) (*exposure.Portfolio, error) {
	location, err := fsys.Open("location.csv")
	if err != nil {
		return nil, fmt.Errorf("opening the locations of the case: %w", err)
	}
	defer location.Close()
	account, err := fsys.Open("account.csv")
	if err != nil {
		return nil, fmt.Errorf("opening the accounts of the case: %w", err)
	}
	defer account.Close()
	p, _, err := exposure.Read(exposure.CSV("location.csv", location), exposure.CSV("account.csv", account), exposure.Options{AnyCountry: true})
	if err != nil {
		return nil, fmt.Errorf("reading the case: %w", err)
	}
	return p, nil
}

// readFactors reads loss_factors.csv; without the file there is one factor, 1.
func readFactors(fsys fs.FS) ([]float64, error) {
	rows, err := readTable(fsys, "loss_factors.csv", "loss_factor")
	if errors.Is(err, fs.ErrNotExist) {
		return []float64{1}, nil
	}
	var factors []float64
	for _, row := range rows {
		f, bad := strconv.ParseFloat(row[0], 64)
		if bad != nil || !(f >= 0) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("loss_factors.csv, row %d, loss_factor: %q is not a number from 0 up", len(factors)+1, row[0])
		}
		factors = append(factors, f)
	}
	if err == nil && len(factors) == 0 {
		err = errors.New("loss_factors.csv has no rows: remove it or give a factor")
	}
	return factors, err
}

type locationKey struct{ port, acc, loc string }

// An expectation is expected.csv: losses by location and factor.
type expectation struct {
	losses map[locationKey][]float64
	used   map[locationKey]bool
	order  []locationKey
}

// readExpected reads expected.csv. Rows of one location and factor add up.
func readExpected(fsys fs.FS, factors int) (*expectation, error) {
	rows, err := readTable(fsys, "expected.csv", "PortNumber", "AccNumber", "LocNumber", "loss_factor_idx", "loss_il")
	if err != nil {
		return nil, err
	}
	e := &expectation{losses: map[locationKey][]float64{}, used: map[locationKey]bool{}}
	for n, row := range rows {
		k := locationKey{row[0], row[1], row[2]}
		factor := 0
		if row[3] != "" {
			x, bad := strconv.ParseFloat(row[3], 64) // written 2 or 2.0
			if factor = int(x); bad != nil || factor < 0 || factor >= factors || float64(factor) != x {
				return nil, fmt.Errorf("expected.csv, row %d, loss_factor_idx: %q: the case has factors 0 to %d", n+1, row[3], factors-1)
			}
		}
		loss, bad := strconv.ParseFloat(row[4], 64)
		if bad != nil || math.IsNaN(loss) {
			return nil, fmt.Errorf("expected.csv, row %d, loss_il: %q is not a number: write the expected gross loss", n+1, row[4])
		}
		if e.losses[k] == nil {
			e.losses[k] = make([]float64, factors)
			e.order = append(e.order, k)
		}
		e.losses[k][factor] += loss
	}
	return e, nil
}

// readTable reads columns of a CSV file by name.
func readTable(fsys fs.FS, name string, columns ...string) ([][]string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header of %s: %w", name, err)
	}
	at := make([]int, len(columns))
	for i, c := range columns {
		at[i] = -1
		for j, h := range header {
			if strings.TrimPrefix(strings.TrimSpace(h), "\ufeff") == c {
				at[i] = j
			}
		}
		if at[i] < 0 {
			return nil, fmt.Errorf("%s has no column %s: its columns are %s", name, c, strings.Join(header, ", "))
		}
	}
	var rows [][]string
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		row := make([]string, len(at))
		for i, j := range at {
			row[i] = strings.TrimSpace(record[j])
		}
		rows = append(rows, row)
	}
}
