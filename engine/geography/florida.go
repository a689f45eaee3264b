package geography

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// The files Open reads. The derive program writes them.
const (
	BoundariesFile = "geography-boundaries.txt" // rings of the 67 counties and the neighbouring states
	CountiesFile   = "geography-counties.csv"   // fips,name,lat,lon,population
	ZIPsFile       = "geography-zips.csv"       // zip,lat,lon,county,area_km2,water_share,roughness_cm
	SurfaceFile    = "geography-surface.txt"    // run lengths of water and land, 15-40 N 102-62 W
)

// Florida answers questions about places in and around Florida. It is immutable
// after Open and safe for use by many goroutines.
type Florida struct {
	*Boundaries
	counties []County // in the order of FIPS
	zips     []ZIP    // in the order of Code
	zipIndex zipIndex
	mask     surfaceMask
}

// Open reads the geography files from the root of fsys. Errors name the file and
// line, the value and what was expected there.
func Open(fsys fs.FS) (*Florida, error) {
	f := &Florida{}
	read := func(name string, parse func(io.Reader) error) error {
		file, err := fsys.Open(name)
		if err != nil {
			return fmt.Errorf("opening geography: %w", err)
		}
		defer file.Close()
		if err := parse(file); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		return nil
	}
	err := errors.Join(
		read(BoundariesFile, func(r io.Reader) (err error) { f.Boundaries, err = ReadBoundaries(r); return }),
		read(CountiesFile, f.readCounties),
		read(ZIPsFile, f.readZIPs),
		read(SurfaceFile, func(r io.Reader) (err error) { f.mask, err = readSurfaceMask(r); return }),
	)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// readCounties fills f.counties and checks that each has boundaries.
func (f *Florida) readCounties(r io.Reader) error {
	err := eachRow(r, 5, func(row fields) {
		c := County{FIPS: row.text(0), Name: row.text(1), Lat: row.number(2), Lon: row.number(3), Population: int(row.number(4))}
		if f.Boundaries != nil && f.areaOf(c.FIPS) == areaNone {
			row.reject(0, "has no ring in "+BoundariesFile)
		}
		if n := len(f.counties); n > 0 && f.counties[n-1].FIPS >= c.FIPS {
			row.reject(0, "rows must be in ascending order")
		}
		f.counties = append(f.counties, c)
	})
	if err == nil && len(f.counties) == 0 {
		return errors.New("no county: the file has only a header, want 67 rows")
	}
	return err
}

// readZIPs fills f.zips and the index that finds them.
func (f *Florida) readZIPs(r io.Reader) error {
	err := eachRow(r, 7, func(row fields) {
		z := ZIP{Code: row.text(0), Lat: row.number(1), Lon: row.number(2), County: row.text(3),
			AreaKm2: row.number(4), WaterShare: row.number(5)}
		if _, ok := zipNumber(z.Code); !ok {
			row.reject(0, "is not a Florida ZIP code: want five digits, 32000 to 34999")
		}
		if n := len(f.zips); n > 0 && f.zips[n-1].Code >= z.Code {
			row.reject(0, "rows must be in ascending order")
		}
		class, ok := roughnessOfCm(int(row.number(6)))
		if !ok {
			row.reject(6, "is not a Hazus roughness length: want 3, 15, 35, 70 or 100 cm")
		}
		z.Terrain = class
		f.zips = append(f.zips, z)
	})
	if err == nil && len(f.zips) == 0 {
		return errors.New("no ZIP code: the file has only a header, want about 1,000 rows")
	}
	if err == nil {
		f.zipIndex = indexZIPs(f.zips)
	}
	return err
}

// fields is one row of a CSV file with the first fault found in it.
type fields struct {
	line  int
	cells []string
	fault *error
}

// eachRow calls use for every row after the header and returns the first fault.
func eachRow(r io.Reader, columns int, use func(fields)) error {
	c := csv.NewReader(r)
	c.FieldsPerRecord = columns
	c.Comment = '#'
	header := true
	for {
		cells, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if header {
			header = false
			continue
		}
		line, _ := c.FieldPos(0)
		var fault error
		use(fields{line, cells, &fault})
		if fault != nil {
			return fault
		}
	}
}

func (r fields) text(i int) string { return r.cells[i] }

func (r fields) number(i int) float64 {
	v, err := strconv.ParseFloat(r.cells[i], 64)
	if err != nil {
		r.reject(i, "is not a number")
	}
	return v
}

func (r fields) reject(i int, reason string) {
	if *r.fault == nil {
		*r.fault = fmt.Errorf("line %d, column %d: %q %s", r.line, i+1, r.cells[i], reason)
	}
}

// eachLine calls use for every line that is neither blank nor a # comment, with its number.
func eachLine(r io.Reader, use func(number int, line string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 1<<16), 1<<22)
	for n := 1; s.Scan(); n++ {
		line := s.Text()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := use(n, line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return s.Err()
}
