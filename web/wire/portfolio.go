package wire

import "time"

// Portfolio is an imported exposure: GET /api/v1/portfolios and /api/v1/portfolios/{id}, the latter with an ETag.
type Portfolio struct {
	ID        string          `json:"id"`
	Version   int             `json:"version"` // which of the portfolio's versions this is, from 1; of a list, the latest
	Name      string          `json:"name"`
	Digest    string          `json:"digest"` // hexadecimal SHA-256 of the exposure: the same in any order of rows
	Locations int             `json:"locations"`
	Accounts  int             `json:"accounts"`
	TIV       float64         `json:"tiv"` // of all coverages, in currency
	Currency  string          `json:"currency"`
	Files     []PortfolioFile `json:"files"`
	Imported  time.Time       `json:"imported"`
	By        string          `json:"by"`
}

// PortfolioVersion is what was imported into a portfolio at one time: GET /api/v1/portfolios/{id}/versions, the latest first. Its files are those of
// GET /api/v1/portfolios/{id}/files/{role}?version=N.
type PortfolioVersion struct {
	Version   int             `json:"version"`
	Name      string          `json:"name"`
	Digest    string          `json:"digest"`
	Locations int             `json:"locations"`
	Accounts  int             `json:"accounts"`
	TIV       float64         `json:"tiv"`
	Currency  string          `json:"currency"`
	Files     []PortfolioFile `json:"files"`
	Imported  time.Time       `json:"imported"`
	By        string          `json:"by"`
	Change    *VersionChange  `json:"change,omitempty"` // since the version before; absent of the first
}

// VersionChange is what a version has more than the one before it; negative: less.
type VersionChange struct {
	Exposure  bool     `json:"exposure"` // it is another exposure: false where only name or order of rows are others
	Locations int      `json:"locations"`
	Accounts  int      `json:"accounts"`
	TIV       *float64 `json:"tiv,omitempty"` // absent where the currencies differ
}

// ExposureUpload are the parts of a multipart/form-data body with exposure: location with or without account, or archive with both.
type ExposureUpload struct {
	Name     string `json:"name,omitempty"`     // of the portfolio; absent: that of the location file
	Location string `json:"location,omitempty"` // OED location file, CSV or Parquet
	Account  string `json:"account,omitempty"`  // OED account file, CSV or Parquet
	Archive  string `json:"archive,omitempty"`  // zip of the two, at most 10 files without folders
}

// ImportedPortfolio is what was imported: POST /api/v1/portfolios and PUT /api/v1/portfolios/{id}. What the import found is in the file report.
type ImportedPortfolio struct {
	ID        string  `json:"id"`
	Version   int     `json:"version"` // 1 of a new portfolio
	Name      string  `json:"name"`
	Digest    string  `json:"digest"`
	Locations int     `json:"locations"`
	Accounts  int     `json:"accounts"`
	Policies  int     `json:"policies"`
	TIV       float64 `json:"tiv"`
	Currency  string  `json:"currency"`
	NotWind   int     `json:"not_wind"` // locations that are not insured against wind
	Warnings  int     `json:"warnings"` // in the file report
}

// PortfolioFile is a file of a portfolio or of a refused import: GET .../files/{role}.
type PortfolioFile struct {
	Role   string `json:"role"` // location, account, report, sites; of refused imports report, bad-location, bad-account
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	Digest string `json:"digest"` // hexadecimal SHA-256 of the bytes
}

// PortfolioSummary is a portfolio by what matters for wind: GET /api/v1/portfolios/{id}/summary.
type PortfolioSummary struct {
	ID           string          `json:"id"`
	Version      int             `json:"version"`
	Currency     string          `json:"currency"`
	Locations    int             `json:"locations"`
	Accounts     int             `json:"accounts"`
	Policies     int             `json:"policies"`
	TIV          float64         `json:"tiv"`
	NotWind      int             `json:"not_wind"`     // locations that are not insured against wind
	Warnings     int             `json:"warnings"`     // of the import; they are in the file report
	Coverages    []ExposureShare `json:"coverages"`    // building, other, contents, interruption
	Counties     []ExposureShare `json:"counties"`     // by FIPS code, largest first
	Construction []ExposureShare `json:"construction"` // by OED code
	Occupancy    []ExposureShare `json:"occupancy"`    // by OED code
	Eras         []ExposureShare `json:"eras"`         // of construction, by the building codes of Florida
	Lines        []ExposureShare `json:"lines"`        // of business
	// Uncounted says why policies, not_wind, warnings and all parts are empty; absent: they were counted.
	Uncounted string `json:"uncounted,omitempty"`
}

// ExposureShare is what falls under one key.
type ExposureShare struct {
	Key       string  `json:"key"`
	Name      string  `json:"name,omitempty"` // OED's, where the key is a code of it
	Locations int     `json:"locations"`
	TIV       float64 `json:"tiv"`
}

// PortfolioSites are where a portfolio lies, thinned for a map: GET /api/v1/portfolios/{id}/sites.
type PortfolioSites struct {
	Locations int     `json:"locations"` // of the portfolio; each is in one of the sites
	Cell      float64 `json:"cell"`      // degrees: locations in one cell of that size are one site; 0: each has its own
	Sites     []Site  `json:"sites"`     // at most 5,000
}

// Site is one point of a map.
type Site struct {
	Latitude  float64 `json:"latitude"` // mean of its locations
	Longitude float64 `json:"longitude"`
	Locations int     `json:"locations"`
	TIV       float64 `json:"tiv"`
}

// ExposureCheck is what a check of exposure found: POST /api/v1/portfolios/validate.
type ExposureCheck struct {
	Valid   bool             `json:"valid"`
	Report  ExposureReport   `json:"report"`
	Refused *RefusedExposure `json:"refused,omitempty"` // where the rows with faults are; absent of valid exposure
}

// ExposureReport says what files hold, whether or not they can be imported.
type ExposureReport struct {
	Files      []ExposureFile    `json:"files"`
	Currency   string            `json:"currency"`
	Locations  int               `json:"locations"` // without faults
	Accounts   int               `json:"accounts"`
	Policies   int               `json:"policies"`
	TIV        float64           `json:"tiv"`
	NotWind    int               `json:"not_wind"`
	Geocoded   Geocoded          `json:"geocoded"`
	Warnings   []ExposureWarning `json:"warnings"` // at most 1,000
	Faults     []ExposureFault   `json:"faults"`   // the first 1,000, locations first, by line
	FaultCount int               `json:"fault_count"`
}

// ExposureFile is one file that was read.
type ExposureFile struct {
	Kind string `json:"kind"` // location or account
	Name string `json:"name"`
	Rows int    `json:"rows"` // without the header
	Bad  int    `json:"bad"`  // with at least one fault
}

// Geocoded counts locations by how their coordinates were found.
type Geocoded struct {
	Given  int `json:"given"`
	ZIP    int `json:"zip"`
	County int `json:"county"`
}

// ExposureFault is one thing wrong in one place of a file.
type ExposureFault struct {
	File   string `json:"file"`
	Line   int    `json:"line"`             // 0 is the file as a whole; in Parquet the row
	Column string `json:"column,omitempty"` // absent: the row or the file
	Value  string `json:"value,omitempty"`  // at most 200 characters of it
	Reason string `json:"reason"`
	Fix    string `json:"fix"`
}

// ExposureWarning is something that does not refuse the import, counted over the rows that it occurs in.
type ExposureWarning struct {
	File   string `json:"file"`
	Column string `json:"column,omitempty"`
	Line   int    `json:"line"` // the first
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// RefusedExposure is exposure that was not imported because of its faults: a member of problem "exposure-faults".
type RefusedExposure struct {
	ID         string          `json:"id"`     // of the refused import, under /api/v1/refused-imports
	Faults     []ExposureFault `json:"faults"` // the first 1,000
	FaultCount int             `json:"fault_count"`
	Files      []string        `json:"files"` // where the report and the rows with faults are, each row with its reason
}

// RefusedImport is what is kept of a refused import, for whoever mends it: GET /api/v1/refused-imports. A tenant has the last 50.
type RefusedImport struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Faults int             `json:"faults"`
	Files  []PortfolioFile `json:"files"`
	At     time.Time       `json:"at"`
	By     string          `json:"by"`
}
