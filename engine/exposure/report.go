package exposure

import "io"

// Options are the choices of an import.
type Options struct {
	// Geocoder places locations; required unless AnyCountry is set.
	Geocoder Geocoder
	// AnyCountry reads files only to check financial terms: no restriction to Florida, to
	// its country or to wind, no geocoding, and coordinates may be zero; a row repeated
	// word for word is read once, with a warning, instead of refused. A portfolio
	// read so must not be given to the hazard.
	AnyCountry bool
	// MaxFaults is how many faults are listed; 0 = 100. All are counted.
	MaxFaults int
	// MaxRows is how many rows a file may have; 0 = any number. One more is a fault, and reading ends: a small file of Parquet can
	// promise rows without end.
	MaxRows int
	// BadLocations and BadAccounts receive, while reading, the rows with faults as CSV: the
	// columns of the file as they are, then OED_line and OED_reason. Nil = not wanted.
	// Nothing is written for a file without such rows. All bad rows are written,
	// also those beyond MaxFaults.
	BadLocations, BadAccounts io.Writer
}

const defaultMaxFaults = 100

// FileReport says what was found in one file.
type FileReport struct {
	Kind string // "location" or "account"
	Name string
	Rows int // without the header
	Bad  int // rows with at least one fault
}

// Report says what an import holds, whether or not it was accepted. Locations, TIV,
// Geocoded and NotWind count rows without faults; Accounts and Policies all that are named.
type Report struct {
	Files      []FileReport
	Currency   string
	Locations  int             // distinct; several CondTags of one location count once
	Accounts   int             // with at least one location
	Policies   int             // distinct PolNumbers, by account
	TIV        [NumTIV]float64 // by coverage, in Currency
	Geocoded   [3]int          // locations by GeocodeQuality
	NotWind    int             // locations whose perils do not include WTC
	Columns    []Column        // without the kept text
	Warnings   []Warning
	Faults     []Fault // at most Options.MaxFaults, locations first, by line
	FaultCount int     // how many there are in all
}
