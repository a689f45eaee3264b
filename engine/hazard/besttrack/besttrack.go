// Package besttrack reads tropical cyclone tracks: HURDAT2 (the NHC's archive
// format) and ATCF b-decks and advisories' forecast tracks in the same layout.
//
// It holds storms as they were recorded: times, positions, winds and pressures, with
// what is missing marked missing. It fills nothing in; that is hazard.FromTrack's work.
//
// Begin with Parse.
package besttrack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Missing marks a pressure or radius that the record does not have.
const Missing = -999

// Storm is one tropical cyclone. Fixes are in order of time.
type Storm struct {
	ID    string // ATCF id: basin, number, year: "AL092022"
	Name  string
	Fixes []Fix
}

// Fix is one row of a track.
type Fix struct {
	Hour     int64   // whole hours since 1800-01-01 00:00 UTC; with Minute the time of the fix
	Minute   int     // 0-59
	Lat, Lon float64 // degrees, north and east positive
	Wind     float64 // maximum sustained wind, 1-min, 10 m, knots; Missing if unknown
	Pressure float64 // central pressure, hPa; Missing if unknown
	Rmax     float64 // radius of maximum wind, nautical miles; Missing if unknown
	Status   string  // HU, TS, TD, EX, SS, SD, LO, WV, DB …
	Landfall bool    // the archive's record identifier L
}

// Time is the fix's time in hours since 1800-01-01 00:00 UTC.
func (f Fix) Time() float64 { return float64(f.Hour) + float64(f.Minute)/60 }

// Tropical reports whether the fix is that of a tropical or subtropical cyclone.
func (f Fix) Tropical() bool {
	switch f.Status {
	case "HU", "TS", "TD", "SS", "SD", "TY", "ST":
		return true
	}
	return false
}

// Synoptic reports whether the fix is at 00, 06, 12 or 18 UTC.
func (f Fix) Synoptic() bool { return f.Minute == 0 && f.Hour%6 == 0 }

// ErrNoTrack is returned for text that holds no storm.
var ErrNoTrack = errors.New("no storm track found")

// LineError is a fault of one line of a track file.
type LineError struct {
	Line          int
	Column, Value string
	Reason, Fix   string
}

// Error names place, value, reason and mend.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d, %s %q: %s; %s", e.Line, e.Column, e.Value, e.Reason, e.Fix)
}

// maxLine bounds a line: the longest HURDAT2 row has 125 characters, an ATCF row about 300.
const maxLine = 4096

// Parse reads all storms of HURDAT2 or ATCF text; which of the two it is shows in
// the first line. Errors: *LineError for a bad row, ErrNoTrack for text without a
// storm, or the reader's own error.
func Parse(r io.Reader) ([]Storm, error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, maxLine), maxLine)
	var p parser
	for scanner.Scan() {
		p.line++
		text := strings.TrimSpace(strings.TrimPrefix(scanner.Text(), "\ufeff"))
		if text == "" {
			continue
		}
		if err := p.row(splitFields(text)); err != nil {
			return nil, err
		}
	}
	if err := scanner.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, &LineError{p.line + 1, "row", "", "longer than 4,096 characters",
				"give HURDAT2 or ATCF text"}
		}
		return nil, err
	}
	return p.finish()
}

// Find returns the storm with the given ATCF id, ignoring case.
func Find(storms []Storm, id string) (Storm, bool) {
	for _, s := range storms {
		if strings.EqualFold(s.ID, id) {
			return s, true
		}
	}
	return Storm{}, false
}

func splitFields(text string) []string {
	fields := strings.Split(text, ",")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

// parser holds the storms read so far. want is how many rows the last HURDAT2
// header promised and have not come yet.
type parser struct {
	line   int
	storms []Storm
	want   int
	index  map[string]int // ATCF: storm id to position
}

func (p *parser) row(fields []string) error {
	switch {
	case p.want > 0:
		return p.hurdat2Fix(fields)
	case isHurdat2Header(fields):
		return p.hurdat2Header(fields)
	case len(fields) >= 9 && len(fields[0]) == 2:
		return p.atcf(fields)
	}
	return &LineError{p.line, "row", clip(first(fields)), "neither a HURDAT2 header nor an ATCF row",
		"a HURDAT2 storm begins with a line such as AL092022, IAN, 40,"}
}

func first(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

// clip keeps what a message needs of a value.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

func isHurdat2Header(fields []string) bool {
	return len(fields) >= 3 && len(fields[0]) == 8 && isLetters(fields[0][:2]) && isDigits(fields[0][2:])
}

func isLetters(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func (p *parser) hurdat2Header(fields []string) error {
	n, err := strconv.Atoi(fields[2])
	if err != nil || n < 1 || n > 10000 {
		return &LineError{p.line, "number of rows", fields[2], "not a count of 1 to 10000",
			"the third field of a header is how many fixes follow"}
	}
	p.storms = append(p.storms, Storm{ID: fields[0], Name: fields[1], Fixes: make([]Fix, 0, min(n, 256))})
	p.want = n
	return nil
}

func (p *parser) hurdat2Fix(fields []string) error {
	if len(fields) < 8 {
		return &LineError{p.line, "row", first(fields), fmt.Sprintf("has %d fields, a fix has at least 8", len(fields)),
			"check that the header's count of rows is right"}
	}
	var f Fix
	err := p.time(&f, fields[0], fields[1])
	if err == nil {
		f.Lat, err = p.angle("latitude", fields[4], 'N', 'S', 1)
	}
	if err == nil {
		f.Lon, err = p.angle("longitude", fields[5], 'E', 'W', 1)
	}
	if err == nil {
		f.Wind, err = p.number("wind", fields[6], 0, 250)
	}
	if err == nil {
		f.Pressure, err = p.number("pressure", fields[7], 850, 1050)
	}
	if err != nil {
		return err
	}
	f.Rmax = Missing
	if len(fields) >= 21 {
		if f.Rmax, err = p.number("radius of maximum wind", fields[20], 0, 500); err != nil {
			return err
		}
	}
	f.Status, f.Landfall = fields[3], fields[2] == "L"
	p.want--
	return p.add(&p.storms[len(p.storms)-1], f, fields[0]+" "+fields[1])
}

// add appends a fix, keeping time in order.
func (p *parser) add(s *Storm, f Fix, at string) error {
	if n := len(s.Fixes); n > 0 && f.Time() <= s.Fixes[n-1].Time() {
		return &LineError{p.line, "time", at, "not after the fix before it", "sort the rows of a storm by time"}
	}
	s.Fixes = append(s.Fixes, f)
	return nil
}

func (p *parser) time(f *Fix, date, clock string) error {
	if len(date) != 8 || !isDigits(date) {
		return &LineError{p.line, "date", date, "not eight digits", "write YYYYMMDD"}
	}
	if len(clock) != 4 || !isDigits(clock) {
		return &LineError{p.line, "time", clock, "not four digits", "write HHMM in UTC"}
	}
	year, month, day := digits(date[:4]), digits(date[4:6]), digits(date[6:])
	hour, minute := digits(clock[:2]), digits(clock[2:])
	if year < 1800 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 {
		return &LineError{p.line, "time", date + " " + clock, "no such date", "write YYYYMMDD, HHMM in UTC, from 1800 on"}
	}
	f.Hour, f.Minute = Hours(year, month, day)+int64(hour), minute
	return nil
}

func digits(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// angle reads "28.0N" or, with scale 10, ATCF's "280N".
func (p *parser) angle(column, text string, plus, minus byte, scale float64) (float64, error) {
	bad := func(reason string) (float64, error) {
		return 0, &LineError{p.line, column, text, reason, fmt.Sprintf("write degrees followed by %c or %c", plus, minus)}
	}
	if len(text) < 2 {
		return bad("is empty")
	}
	sign, last := 1.0, text[len(text)-1]
	switch last {
	case plus:
	case minus:
		sign = -1
	default:
		return bad("has no hemisphere letter")
	}
	v, err := strconv.ParseFloat(text[:len(text)-1], 64)
	if err != nil || !(v >= 0 && v <= 360*scale) {
		return bad("is not a number of degrees")
	}
	v = sign * v / scale
	if v < -180 {
		v += 360
	}
	if plus == 'N' && !(v >= -90 && v <= 90) {
		return bad("is beyond a pole")
	}
	return v, nil
}

// number reads a value or a mark for "missing" (empty, -99, -999).
func (p *parser) number(column, text string, low, high float64) (float64, error) {
	if text == "" || text == "-99" || text == "-999" {
		return Missing, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= low && v <= high) {
		return 0, &LineError{p.line, column, text, fmt.Sprintf("not a number from %g to %g", low, high),
			"write -999 for a value that is not known"}
	}
	return v, nil
}

// atcf reads one row of an ATCF deck: BASIN, CY, YYYYMMDDHH, TECHNUM, TECH, TAU,
// LatN/S, LonE/W, VMAX, MSLP, TY, RAD, …, with RMW as field 20 and the name as field 28
// (NRL/NHC, "Automated Tropical Cyclone Forecasting System database format").
// Several rows of one time (one per wind radius) count once.
func (p *parser) atcf(fields []string) error {
	stamp := fields[2]
	if len(stamp) != 10 || !isDigits(stamp) {
		return &LineError{p.line, "time", stamp, "not ten digits", "write YYYYMMDDHH"}
	}
	id := strings.ToUpper(fields[0]) + fields[1] + stamp[:4]
	if p.index == nil {
		p.index = map[string]int{}
	}
	at, known := p.index[id]
	if !known {
		at = len(p.storms)
		p.index[id] = at
		p.storms = append(p.storms, Storm{ID: id, Name: "UNNAMED"})
	}
	f, err := p.atcfFix(fields, stamp)
	if err != nil {
		return err
	}
	s := &p.storms[at]
	if len(fields) > 27 && fields[27] != "" {
		s.Name = fields[27]
	}
	if n := len(s.Fixes); n > 0 && f.Time() == s.Fixes[n-1].Time() {
		return nil
	}
	return p.add(s, f, stamp)
}

func (p *parser) atcfFix(fields []string, stamp string) (Fix, error) {
	var f Fix
	if err := p.time(&f, stamp[:8], stamp[8:]+"00"); err != nil {
		return f, err
	}
	tau, err := p.number("forecast hour", fields[5], -24, 240)
	if err != nil {
		return f, err
	}
	if tau != Missing {
		f.Hour += int64(tau)
	}
	if f.Lat, err = p.angle("latitude", fields[6], 'N', 'S', 10); err != nil {
		return f, err
	}
	if f.Lon, err = p.angle("longitude", fields[7], 'E', 'W', 10); err != nil {
		return f, err
	}
	if f.Wind, err = p.number("wind", fields[8], 0, 250); err != nil {
		return f, err
	}
	f.Pressure, f.Rmax, f.Status = Missing, Missing, "TS"
	if len(fields) > 9 && fields[9] != "0" {
		if f.Pressure, err = p.number("pressure", fields[9], 850, 1050); err != nil {
			return f, err
		}
	}
	if len(fields) > 10 && fields[10] != "" {
		f.Status = fields[10]
	}
	if len(fields) > 19 && fields[19] != "0" {
		f.Rmax, err = p.number("radius of maximum wind", fields[19], 0, 500)
	}
	return f, err
}

func (p *parser) finish() ([]Storm, error) {
	if p.want > 0 {
		return nil, &LineError{p.line, "row", "", fmt.Sprintf("the text ends %d fixes early", p.want),
			"check the file's end and the count in the storm's header"}
	}
	if len(p.storms) == 0 {
		return nil, ErrNoTrack
	}
	return p.storms, nil
}
