package exposure

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// The OED 5.0.0 tables for US wind, written by derive (source: OasisLMF,
// ODS_OpenExposureData, CC0), and the peril codes with their bits (PerilValues.csv
// of the same source).
var (
	//go:embed columns.csv
	columnsCSV string
	//go:embed codes.csv
	codesCSV string
	//go:embed perils.csv
	perilsCSV string
)

// fileKind tells the two files of an import apart, by their names in OED's table.
type fileKind string

const (
	locationFile fileKind = "Loc"
	accountFile  fileKind = "Acc"
)

// word is the kind as Report and Column name it.
func (k fileKind) word() string {
	if k == locationFile {
		return "location"
	}
	return "account"
}

type valueKind uint8

const (
	text valueKind = iota
	integer
	number
	date
)

// columnSpec is one column of OED: what a value of it may be.
type columnSpec struct {
	name           string
	kind           valueKind
	length         int // of text, in characters; 0 = unlimited
	defaultText    string
	hasMin, hasMax bool
	min, max       float64
	codes          []int // the closed list of an integer column; nil = any
	codeList       string
	required       bool
}

// schema is OED's column table by file and lower-case name, and its peril codes.
type schema struct {
	columns map[fileKind]map[string]*columnSpec
	order   map[fileKind][]*columnSpec // in OED's order
	perils  map[string]uint64
}

// oed parses the embedded tables once; they are constant, and a fault in them is ours.
var oed = sync.OnceValue(func() *schema {
	s, err := parseSchema()
	if err != nil {
		panic("exposure: embedded OED table: " + err.Error())
	}
	return s
})

func parseSchema() (*schema, error) {
	codes, err := parseCodes()
	if err != nil {
		return nil, err
	}
	s := &schema{columns: map[fileKind]map[string]*columnSpec{}, order: map[fileKind][]*columnSpec{}, perils: map[string]uint64{}}
	records, err := csv.NewReader(strings.NewReader(columnsCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("columns.csv: %w", err)
	}
	for _, rec := range records[1:] {
		spec, err := parseColumn(rec, codes)
		if err != nil {
			return nil, fmt.Errorf("columns.csv, %s: %w", rec[1], err)
		}
		file := fileKind(rec[0])
		if s.columns[file] == nil {
			s.columns[file] = map[string]*columnSpec{}
		}
		s.columns[file][strings.ToLower(spec.name)] = spec
		s.order[file] = append(s.order[file], spec)
	}
	return s, parsePerils(s.perils)
}

func parseCodes() (map[string][]int, error) {
	records, err := csv.NewReader(strings.NewReader(codesCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("codes.csv: %w", err)
	}
	lists := map[string][]int{}
	for _, rec := range records[1:] {
		for _, word := range strings.Fields(rec[1]) {
			code, err := strconv.Atoi(word)
			if err != nil {
				return nil, fmt.Errorf("codes.csv, %s: %w", rec[0], err)
			}
			lists[rec[0]] = append(lists[rec[0]], code)
		}
	}
	return lists, nil
}

func parsePerils(into map[string]uint64) error {
	records, err := csv.NewReader(strings.NewReader(perilsCSV)).ReadAll()
	if err != nil {
		return fmt.Errorf("perils.csv: %w", err)
	}
	for _, rec := range records[1:] {
		bits, err := strconv.ParseUint(rec[1], 10, 64)
		if err != nil {
			return fmt.Errorf("perils.csv, %s: %w", rec[0], err)
		}
		into[rec[0]] = bits
	}
	return nil
}

func parseColumn(rec []string, codes map[string][]int) (*columnSpec, error) {
	kinds := map[string]valueKind{"text": text, "integer": integer, "number": number, "date": date}
	kind, ok := kinds[rec[2]]
	if !ok {
		return nil, fmt.Errorf("kind %q", rec[2])
	}
	spec := &columnSpec{name: rec[1], kind: kind, defaultText: rec[4], codeList: rec[7], codes: codes[rec[7]], required: rec[8] == "R"}
	if spec.codeList != "" && spec.codes == nil {
		return nil, fmt.Errorf("no code list %q", rec[7])
	}
	var err error
	if rec[3] != "" {
		if spec.length, err = strconv.Atoi(rec[3]); err != nil {
			return nil, err
		}
	}
	if rec[5] != "" {
		spec.hasMin = true
		if spec.min, err = strconv.ParseFloat(rec[5], 64); err != nil {
			return nil, err
		}
	}
	if rec[6] != "" {
		spec.hasMax = true
		if spec.max, err = strconv.ParseFloat(rec[6], 64); err != nil {
			return nil, err
		}
	}
	return spec, nil
}

// olderNames are column names of OED 1 and 2, and common misspellings, that mean a
// column of OED 3 to 5.
var olderNames = map[fileKind]map[string]string{
	locationFile: {
		"numberofstories": "NumberOfStoreys",
		"perilscovered":   "LocPerilsCovered",
		"currency":        "LocCurrency",
	},
	accountFile: {
		"perilscovered": "PolPerilsCovered",
		"currency":      "AccCurrency",
	},
}

// lookup finds a column by its name as written in a file: any case, surrounding
// blanks ignored, older names known. Columns that OED leaves to the user
// (FlexiLoc…, FlexiAcc…) are OED columns of type text.
func (s *schema) lookup(file fileKind, name string) (spec *columnSpec, ok bool) {
	lower := strings.ToLower(strings.TrimSpace(name))
	if newer, renamed := olderNames[file][lower]; renamed {
		lower = strings.ToLower(newer)
	}
	if spec, ok = s.columns[file][lower]; ok {
		return spec, true
	}
	if strings.HasPrefix(lower, "flexi") {
		return &columnSpec{name: name}, true
	}
	return nil, false
}
