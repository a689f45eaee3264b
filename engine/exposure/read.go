package exposure

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Read imports a location file and its account file (nil where there is none) as a
// Portfolio. Nothing is imported half: if any row has a fault the portfolio is
// nil and the error is a *FaultsError, which wraps ErrFaults and lists what the Report lists. Any
// other error is one of reading itself (a directory, a broken disk) or of opt, with
// a nil Report. Each Source is read to its end once.
func Read(location, account *Source, opt Options) (*Portfolio, *Report, error) {
	return run(location, account, opt, true)
}

// Validate makes the checks of Read without building a Portfolio. Its memory
// is bounded by about 130 bytes per location and per account, whatever the rows hold. The TIV of its
// Report is summed in file order and may differ from Read's in the last digits.
func Validate(location, account *Source, opt Options) (*Report, error) {
	_, report, err := run(location, account, opt, false)
	return report, err
}

// run reads the account file first, so that each location can be checked against it at once.
func run(location, account *Source, opt Options, keep bool) (*Portfolio, *Report, error) {
	if location == nil {
		return nil, nil, errors.New("exposure: no location file: Read and Validate need one")
	}
	if opt.Geocoder == nil && !opt.AnyCountry {
		return nil, nil, errors.New("exposure: Options.Geocoder is nil: give one, or set AnyCountry to check terms only")
	}
	im := newImporter(opt, keep)
	if account != nil {
		if err := im.readAccounts(account); err != nil {
			return nil, nil, err
		}
	}
	complete, err := im.readLocations(location)
	if err != nil {
		return nil, nil, err
	}
	if complete && im.accountFile {
		if err := im.unusedAccounts(account.Name); err != nil {
			return nil, nil, err
		}
	}
	if err := im.close(); err != nil {
		return nil, nil, err
	}
	report := im.report()
	if report.FaultCount > 0 {
		return nil, report, &FaultsError{Faults: slices.Clone(report.Faults), Count: report.FaultCount}
	}
	if !keep {
		return nil, report, nil
	}
	p := im.portfolio()
	report.TIV = p.totalTIV()
	return p, report, nil
}

// importer is the state of one import.
type importer struct {
	opt      Options
	keep     bool // build a portfolio
	find     findings
	perils   perilReader
	text     interner
	terms    termInterner
	scratch  []byte
	currency string

	accountFile  bool // an account file was read to its end: locations must be in it
	accounts     map[rowKey]accountSeen
	accountRows  map[rowKey]accountRowSeen // by policy, layer, condition, step and their perils
	policies     map[rowKey]struct{}
	locationRows map[rowKey]locationSeen
	tagRows      map[rowKey]int32 // line by location and CondTag, of locations with several

	locations []Location
	rows      []accountEntry
	locTable  *table[locationRow]
	accTable  *table[accountRow]
	badLoc    *badRows
	badAcc    *badRows
	files     []FileReport
	counts    Report // only its counts
}

type accountSeen struct {
	line int32  // first, of the account file; 0 = only known from locations
	used bool   // has a location
	acc  string // for the message of an unused one
	port string
}

type accountRowSeen struct {
	line    int32
	content uint64 // start of the hash of the row
}

type locationSeen struct {
	line    int32
	tag     uint32 // start of the hash of its CondTag
	content uint64 // start of the hash of everything but its CondTag
}

// accountEntry is a row of the account file with its account.
type accountEntry struct {
	port, acc string
	row       AccountRow
}

func newImporter(opt Options, keep bool) *importer {
	if opt.MaxFaults <= 0 {
		opt.MaxFaults = defaultMaxFaults
	}
	return &importer{opt: opt, keep: keep, find: findings{max: opt.MaxFaults},
		accounts: map[rowKey]accountSeen{}, accountRows: map[rowKey]accountRowSeen{}, policies: map[rowKey]struct{}{},
		locationRows: map[rowKey]locationSeen{}, tagRows: map[rowKey]int32{}}
}

// key hashes strings to a rowKey.
func (im *importer) key(parts ...string) rowKey {
	sum, scratch := hashOf(im.scratch, parts...)
	im.scratch = scratch
	return rowKey(sum[:16])
}

// storing reports whether rows are still worth keeping: not after a fault.
func (im *importer) storing() bool { return im.keep && im.find.count == 0 }

func (im *importer) close() error {
	for _, b := range []*badRows{im.badLoc, im.badAcc} {
		if b != nil {
			if err := b.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// tableReader is what readTable needs to know of a file.
type tableReader[R any] struct {
	kind     fileKind
	bindings map[string]binding[R]
	keys     []string // columns without which no row can be judged
	badRows  io.Writer
	bound    func(t *table[R], bad *badRows)
	row      func(line int, fields []string, row *R, fault rowFault)
}

// reading is where in a file an import is, and what was found in the row at hand.
type reading struct {
	im      *importer
	name    string
	file    *FileReport
	line    int
	reasons []string
}

func (r *reading) fault(column, value, reason, fix string) {
	r.im.find.fault(Fault{File: r.name, Line: r.line, Column: column, Value: value, Reason: reason, Fix: fix})
	if column != "" {
		reason = column + ": " + reason
	}
	r.reasons = append(r.reasons, reason)
}

// malformed takes an error of Rows: content that is no table is a fault, after which
// reading may go on or must stop; anything else is fatal.
func (r *reading) malformed(err error) (stop bool, fatal error) {
	var bad *Malformed
	if !errors.As(err, &bad) {
		return true, fmt.Errorf("reading %s: %w", r.name, err)
	}
	r.line = bad.Line
	r.fault("", bad.Value, bad.Reason, bad.Fix)
	return bad.Stop, nil
}

// readTable reads a file: header, then row by row, turning what is malformed into
// faults. It reports whether it came to the end: if not, what the file lacks is unknown. It
// returns an error only if reading itself breaks.
func readTable[R any](im *importer, src *Source, tr tableReader[R]) (complete bool, err error) {
	im.files = append(im.files, FileReport{Kind: tr.kind.word(), Name: src.Name})
	r := &reading{im: im, name: src.Name, file: &im.files[len(im.files)-1], line: 1}
	header, err := src.rows.Header()
	if err != nil {
		_, fatal := r.malformed(err)
		return false, fatal
	}
	t := bindTable(tr.kind, src.Name, header, tr.bindings, r.fault)
	t.warn = func(column, value, reason string) {
		im.find.warn(Warning{File: src.Name, Column: column, Line: r.line, Value: value, Reason: reason})
	}
	bad := newBadRows(tr.badRows, header)
	tr.bound(t, bad)
	if !requireColumns(t, tr.keys, r.fault) {
		return false, nil
	}
	complete, err = readRows(r, src, t, tr, bad)
	if complete && r.file.Rows == 0 {
		r.line = 0
		r.fault("", "", "the file has a header but no rows", "export it again with its rows")
	}
	return complete, err
}

// readRows checks the rows and hands them on.
func readRows[R any](r *reading, src *Source, t *table[R], tr tableReader[R], bad *badRows) (complete bool, err error) {
	var row R
	fault := rowFault(r.fault) // once, not per row
	for {
		r.reasons = r.reasons[:0]
		line, fields, err := src.rows.Next()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if most := r.im.opt.MaxRows; most > 0 && r.file.Rows == most {
			r.line = line
			r.fault("", "", "the file has more than "+strconv.Itoa(most)+" rows", "import it in parts")
			return false, nil
		}
		r.file.Rows++
		stop := false
		if err == nil {
			r.line = line
			t.parse(fields, &row, fault)
			tr.row(line, fields, &row, fault)
		} else if stop, err = r.malformed(err); err != nil {
			return false, err
		} else {
			fields = nil
		}
		if len(r.reasons) > 0 {
			r.file.Bad++
			if err := bad.row(r.line, fields, r.reasons); err != nil {
				return false, err
			}
		}
		if stop {
			return false, nil
		}
	}
}

// requireColumns names the required columns that are missing, and reports whether the
// rows can be judged without them.
func requireColumns[R any](t *table[R], keys []string, fault rowFault) bool {
	ok := true
	for _, spec := range oed().order[t.kind] {
		if spec.required && !t.has(spec.name) && !t.has(stand[spec.name]) {
			fault(spec.name, "", "a required column is missing", "add it")
			ok = ok && !slices.Contains(keys, spec.name)
		}
	}
	return ok
}

// stand names the column that older files have in the place of a required one.
var stand = map[string]string{"LocPerilsCovered": "LocPeril", "PolPerilsCovered": "PolPeril"}

// report puts together what was found.
func (im *importer) report() *Report {
	r := im.counts
	r.Files, r.Currency = im.files, im.currency
	for _, seen := range im.accounts {
		if seen.used {
			r.Accounts++
		}
	}
	r.Policies = len(im.policies)
	if im.locTable != nil {
		r.Columns = append(r.Columns, im.locTable.report()...)
		warnUnknown(&im.find, im.locTable)
	}
	if im.accTable != nil {
		r.Columns = append(r.Columns, im.accTable.report()...)
		warnUnknown(&im.find, im.accTable)
	}
	slices.Reverse(r.Files) // read accounts first, reported locations first
	order := map[string]int{}
	for i, f := range r.Files {
		if _, ok := order[f.Name]; !ok {
			order[f.Name] = i
		}
	}
	slices.SortStableFunc(im.find.faults, func(a, b Fault) int {
		if d := order[a.File] - order[b.File]; d != 0 {
			return d
		}
		return a.Line - b.Line
	})
	r.Warnings, r.Faults, r.FaultCount = im.find.warnings, im.find.faults, im.find.count
	return &r
}

func warnUnknown[R any](f *findings, t *table[R]) {
	for i := range t.columns {
		if col := &t.columns[i]; col.spec == nil && col.nonEmpty > 0 {
			f.warn(Warning{File: t.name, Column: col.name, Line: 1, Reason: "not an OED column; kept as text, not used"})
			f.warnings[len(f.warnings)-1].Count = col.nonEmpty
		}
	}
}

// takeCurrency checks that all rows of all files use one currency.
func (im *importer) takeCurrency(column, value string, fault rowFault) {
	if value == "" {
		return // required; reported already
	}
	if len(value) != 3 || strings.ContainsFunc(value, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' }) {
		fault(column, value, "not a currency code of three letters", "write an ISO 4217 code, e.g. USD")
		return
	}
	if im.currency == "" {
		im.currency = strings.ToUpper(strings.Clone(value)) // ToUpper may return its argument
	}
	if !strings.EqualFold(value, im.currency) {
		fault(column, value, "a second currency: the first row read has "+im.currency, "convert all files to one currency")
	}
}

// takeVersion warns of an OED version that these rules are not written for.
func (im *importer) takeVersion(file string, line int, version string) {
	v := strings.TrimLeft(strings.ToLower(version), "v ")
	if v == "" || v[0] < '0' || v[0] > '9' {
		return // "latest version"
	}
	major, _, _ := strings.Cut(v, ".")
	if major != "3" && major != "4" && major != "5" {
		im.find.warn(Warning{File: file, Column: "OEDVersion", Line: line, Value: version,
			Reason: "not OED 3, 4 or 5; read by the rules of OED 5"})
	}
}

// takePerils reads a list of perils; a blank list is reported by its column.
func (im *importer) takePerils(column, list string, fault rowFault) perilSet {
	set, unknown := im.perils.parse(list)
	if unknown != "" {
		fault(column, list, "not an OED peril: "+unknown, "use OED's codes separated by semicolons, e.g. WTC;WSS or WW1")
	}
	return set
}

// forWind reports whether terms for these perils apply to wind; blank means all covered.
func forWind(list string, set perilSet) bool { return list == "" || set.wind() }

func checkPeriod(from, to, fromColumn, toColumn string, fault rowFault) {
	if from != "" && to != "" && to < from {
		fault(toColumn, to, "before "+fromColumn+" "+from, "correct one of the two dates")
	}
}

// addTIV adds a location's values, for the report.
func addTIV(sum *[NumTIV]float64, tiv *[NumTIV]float64) {
	for c := range sum {
		sum[c] += tiv[c]
	}
}

func allZero(tiv *[NumTIV]float64) bool { return *tiv == [NumTIV]float64{} }

// lineNumber fits a line into the four bytes that the sets of keys spend on it.
func lineNumber(line int) int32 { return int32(min(line, math.MaxInt32)) }
