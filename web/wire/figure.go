package wire

// Basis is what the figures of a finished run rest on.
type Basis struct {
	Run        string  `json:"run"`
	Years      int     `json:"years"`
	Samples    int     `json:"samples"`    // 0: the mean alone
	Currency   string  `json:"currency"`   // of all amounts
	Confidence float64 `json:"confidence"` // of the bands, which are for sampling over years only
}

// RunMetrics is a part of the annual figures of a run: GET /api/v1/runs/{id}/metrics.
type RunMetrics struct {
	Basis      Basis            `json:"basis"`
	Items      []SummaryMetrics `json:"items"`
	NextCursor string           `json:"next_cursor,omitempty"`
}

// SummaryMetrics are the annual figures of the portfolio or a part of it.
type SummaryMetrics struct {
	Summary  Summary      `json:"summary"`
	GroundUp AnnualLosses `json:"ground_up"`
	Gross    AnnualLosses `json:"gross"`
}

// Summary is the portfolio or a part of it.
type Summary struct {
	ID    int     `json:"id"`    // SummaryId of the tables
	Level string  `json:"level"` // portfolio, lob, county, zip, account
	Key   string  `json:"key"`   // "" of the portfolio; line of business, county's FIPS code, ZIP, account
	Name  string  `json:"name"`
	TIV   float64 `json:"tiv"` // total insured value
	// Lat and Lon are a point inside, for a map, in degrees: of counties and ZIPs that the model knows.
	Lat *float64 `json:"lat,omitempty"`
	Lon *float64 `json:"lon,omitempty"`
}

// AnnualLosses are the moments of the annual loss. Of ZIPs and accounts there are no band, no error of the standard deviation, and no
// largest year.
type AnnualLosses struct {
	AAL              float64  `json:"aal"`                // average annual loss
	AALStandardError float64  `json:"aal_standard_error"` // over years; of ZIPs and accounts the largest that it can be
	AALLow           *float64 `json:"aal_low,omitempty"`
	AALHigh          *float64 `json:"aal_high,omitempty"`
	SD               float64  `json:"sd"`
	SDStandardError  *float64 `json:"sd_standard_error,omitempty"`
	LargestYear      *float64 `json:"largest_year,omitempty"`
}

// RunCurves are the exceedance curves of the portfolio or a part of it: GET /api/v1/runs/{id}/curves.
type RunCurves struct {
	Basis   Basis   `json:"basis"`
	Summary Summary `json:"summary"`
	Curves  []Curve `json:"curves"`
}

// Curve is one exceedance curve.
type Curve struct {
	Perspective string       `json:"perspective"` // ground_up or gross
	Type        string       `json:"type"`        // oep: the largest event of a year; aep: all events of a year
	Points      []CurvePoint `json:"points"`
}

// CurvePoint is a curve at one return period. Loss and TVaR are absent beyond the simulated years, upper limits where the
// catalogue is too short for them.
type CurvePoint struct {
	ReturnPeriod float64  `json:"return_period"` // years
	Loss         *float64 `json:"loss,omitempty"`
	Low          *float64 `json:"low,omitempty"`
	High         *float64 `json:"high,omitempty"`
	TVaR         *float64 `json:"tvar,omitempty"`
	TVaRLow      *float64 `json:"tvar_low,omitempty"`
	TVaRHigh     *float64 `json:"tvar_high,omitempty"`
}

// RunEvents is a part of the events of a run, largest loss first: GET /api/v1/runs/{id}/events.
type RunEvents struct {
	Basis      Basis       `json:"basis"`
	Summary    Summary     `json:"summary"`
	Total      int         `json:"total"`             // events with a loss
	TVaR       *TailLoss   `json:"tvar,omitempty"`    // of which events say their share; absent: it was not asked for
	Unknown    string      `json:"unknown,omitempty"` // why events have neither category nor landfalls; absent: they have
	Items      []EventLoss `json:"items"`
	NextCursor string      `json:"next_cursor,omitempty"`
}

// EventLoss is the loss of one simulated storm.
type EventLoss struct {
	Event        int        `json:"event"` // EventId of the tables
	Year         int        `json:"year"`  // simulated, from 1
	Month        int        `json:"month"`
	Day          int        `json:"day"`
	FootprintTIV float64    `json:"footprint_tiv"` // insured value of sites with damaging wind
	GroundUp     StormLoss  `json:"ground_up"`
	Gross        *StormLoss `json:"gross,omitempty"`         // absent: there is none
	Category     *int       `json:"category,omitempty"`      // the highest at a landfall; 0: it made none as a hurricane
	Landfalls    []Landfall `json:"landfalls,omitempty"`     // in order of time
	ShareOfTVaR  *float64   `json:"share_of_tvar,omitempty"` // of RunEvents.TVaR; the shares of all events add up to 1
}

// TailLoss is the mean of the annual losses at and beyond a return period.
type TailLoss struct {
	Perspective  string  `json:"perspective"`   // ground_up or gross
	Type         string  `json:"type"`          // aep: all events of a year
	ReturnPeriod float64 `json:"return_period"` // years
	Loss         float64 `json:"loss"`
}

// StormLoss is the loss of one storm over the draws of damage.
type StormLoss struct {
	Mean    float64  `json:"mean"`
	SD      *float64 `json:"sd,omitempty"`      // absent where only the mean was computed
	Largest *float64 `json:"largest,omitempty"` // of the draws
}

// RunTables are the files of a result: GET /api/v1/runs/{id}/tables.
type RunTables struct {
	Run    string        `json:"run"`
	Tables []ResultTable `json:"tables"`
	Files  []ResultFile  `json:"files"` // that are no tables
}

// ResultTable is one table of a result.
type ResultTable struct {
	Name   string       `json:"name"`
	Digest string       `json:"digest"` // of its columns (SHA-256, hexadecimal), as the seal has it
	Files  []ResultFile `json:"files"`
}

// ResultFile is a file of a result.
type ResultFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // of its bytes, hexadecimal
}

// TablePage is a part of a table: GET /api/v1/runs/{id}/tables/{name}.
type TablePage struct {
	Run        string        `json:"run"`
	Table      string        `json:"table"`
	Total      int64         `json:"total"` // rows
	Columns    []TableColumn `json:"columns"`
	Rows       [][]any       `json:"rows"` // each a number or text for each column
	NextCursor string        `json:"next_cursor,omitempty"`
}

// TableColumn is a column of a table.
type TableColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // int32, float32, float64, string
}

// Comparison is a baseline with up to three other runs: GET /api/v1/runs/compare.
type Comparison struct {
	Baseline ComparedRun    `json:"baseline"`
	With     []ComparedWith `json:"with"`
}

// ComparedRun is a run of a comparison.
type ComparedRun struct {
	Basis            Basis   `json:"basis"`
	Name             string  `json:"name,omitempty"`
	Portfolio        string  `json:"portfolio"`
	PortfolioName    string  `json:"portfolio_name"`
	PortfolioVersion int     `json:"portfolio_version"`
	Model            string  `json:"model"`
	TIV              float64 `json:"tiv"`
	Locations        int     `json:"locations"`
}

// ComparedWith is what differs between a run and the baseline: first what was put in, then what came out.
type ComparedWith struct {
	Run      ComparedRun        `json:"run"`
	Exposure []Change           `json:"exposure"`
	Model    []Change           `json:"model"`
	Settings []Change           `json:"settings"`
	Figures  []FigureDifference `json:"figures"`
}

// Change is something that was put into a run and is other than in the baseline.
type Change struct {
	Name     string `json:"name"`
	Baseline string `json:"baseline"`
	With     string `json:"with"`
}

// FigureDifference is one figure in both runs. What only one of them has is absent in the other, and has no difference.
type FigureDifference struct {
	Level        string   `json:"level"`
	Key          string   `json:"key"`
	Name         string   `json:"name"`
	Perspective  string   `json:"perspective"`             // ground_up or gross
	Figure       string   `json:"figure"`                  // tiv, aal, sd, oep, aep, oep_tvar, aep_tvar
	ReturnPeriod *float64 `json:"return_period,omitempty"` // of curves
	Baseline     *float64 `json:"baseline,omitempty"`
	With         *float64 `json:"with,omitempty"`
	Absolute     *float64 `json:"absolute,omitempty"` // with less baseline
	Relative     *float64 `json:"relative,omitempty"` // of the baseline; absent where that is zero
	// BaselineLow to WithHigh are the band of each run by itself; absent where it has none: of tiv and sd, and beyond the simulated years.
	BaselineLow  *float64 `json:"baseline_low,omitempty"`
	BaselineHigh *float64 `json:"baseline_high,omitempty"`
	WithLow      *float64 `json:"with_low,omitempty"`
	WithHigh     *float64 `json:"with_high,omitempty"`
	// AbsoluteLow and AbsoluteHigh are the least and largest difference that both bands leave. Runs that simulate the same storms are surer than that.
	AbsoluteLow  *float64 `json:"absolute_low,omitempty"`
	AbsoluteHigh *float64 `json:"absolute_high,omitempty"`
}
