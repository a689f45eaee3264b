package loss

// Perspective is whose loss a figure is.
type Perspective uint8

// The perspectives of a direct portfolio.
const (
	GroundUp Perspective = iota // before any term
	Gross                       // after the direct terms, the insurer's share
	NumPerspectives
)

// String is the perspective's code in files: gu, gr.
func (p Perspective) String() string { return [...]string{"gu", "gr"}[p] }

// Level is what a summary adds up.
type Level uint8

// The summary levels. Portfolio, LOB and county keep the loss of every event and
// sample; ZIP and account keep moments of the annual loss only.
const (
	ByPortfolio Level = iota
	ByLOB
	ByCounty
	ByZIP
	ByAccount
)

// String is the level's name in files.
func (l Level) String() string {
	return [...]string{"portfolio", "lob", "county", "zip", "account"}[l]
}

// Summary is one sum that the table keeps: its ORD SummaryId is its index in Table.Summaries plus 1.
type Summary struct {
	Level Level
	Key   string  // "" for the portfolio, else the line of business, county FIPS, ZIP or PortNumber/AccNumber
	Name  string  // what people read: the county's name, for one
	TIV   float64 // total insured value of the four coverages
}

// Event is one simulated storm that caused a loss or whose wind reached a site.
type Event struct {
	ID     int32 // unique in the catalogue
	Year   int32 // simulated year, 1 … Table.Years
	Month  uint8 // of the first landfall or, for a bypassing storm, of its greatest strength
	Day    uint8
	Hour   uint8
	Minute uint8
}

// Table holds the losses of a run: the event loss table and, as every event has
// its year, the year loss table. Samples is the number of draws per event; a
// mean-only run has Samples 0 and Width 1, its one column being the mean.
//
// Rows are sorted by event, then summary; a (event, summary) pair without wind at
// any of its sites has no row. Row i owns Loss[p][i*Width : (i+1)*Width].
type Table struct {
	Years     int
	Samples   int
	Summaries []Summary
	Events    []Event // by year, then day

	RowEvent   []uint32 // index into Events
	RowSummary []uint16 // index into Summaries
	// Footprint is the TIV of the row's sites whose gust reached the damage threshold.
	Footprint []float64
	// Impacted is the TIV of the row's sites with a ground-up loss above zero, per sample.
	Impacted []float64
	// Loss is by perspective; in units of the portfolio's currency.
	Loss [NumPerspectives][]float64

	// ZIPs and Accounts: moments of the annual loss, over all years and samples.
	ZIPs     []Moments
	Accounts []Moments
}

// Width is the number of loss columns of a row: the samples, or 1 when mean-only.
func (t *Table) Width() int { return max(t.Samples, 1) }

// Moments are the first two moments of an annual loss.
type Moments struct {
	Summary Summary
	// Sum and SumSquares run over the Years × Width annual losses.
	Sum, SumSquares [NumPerspectives]float64
}
