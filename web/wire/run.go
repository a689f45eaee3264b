package wire

import "time"

// NewRun is what a run is asked to do: POST /api/v1/runs and /api/v1/runs/estimate. What is left out has its default, which the answer
// explains.
type NewRun struct {
	Portfolio        string       `json:"portfolio"`
	PortfolioVersion *int         `json:"portfolio_version,omitempty"` // absent: the latest
	Name             string       `json:"name,omitempty"`
	Note             string       `json:"note,omitempty"`
	Years            *int         `json:"years,omitempty"`
	Samples          *int         `json:"samples,omitempty"` // 0: the mean alone
	Seed             *string      `json:"seed,omitempty"`    // decimal: it has more digits than every JSON reader keeps of a number
	Correlation      *Correlation `json:"correlation,omitempty"`
	ReturnPeriods    []float64    `json:"return_periods,omitempty"`
	Without          []string     `json:"without,omitempty"` // judgement groups of the damage curves that are switched off
}

// Correlation is how damage at different sites of one event moves together.
type Correlation struct {
	Event float64 `json:"event"` // between any two sites
	Local float64 `json:"local"` // in addition, between sites of one wind cell
}

// Setting is one thing that a run is asked to do, in words.
type Setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default bool   `json:"default"` // it is the default, whether or not it was asked for
	Meaning string `json:"meaning"`
}

// SubmittedRun is a run that waits: the answer of POST /api/v1/runs.
type SubmittedRun struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Settings []Setting `json:"settings"`
}

// RunForecast is what a run would take, roughly: POST /api/v1/runs/estimate.
type RunForecast struct {
	Seconds     float64   `json:"seconds"`      // on all cores of the appliance, with no other run beside it
	MemoryBytes int64     `json:"memory_bytes"` // at the highest
	DiskBytes   int64     `json:"disk_bytes"`   // of what is kept meanwhile and of the result
	Settings    []Setting `json:"settings"`
}

// Run is a run: GET /api/v1/runs/{id}, with an ETag.
type Run struct {
	ID               string       `json:"id"`
	State            string       `json:"state"` // queued, running, done, failed, cancelled
	Name             string       `json:"name,omitempty"`
	Note             string       `json:"note,omitempty"`
	Portfolio        string       `json:"portfolio"`
	PortfolioVersion int          `json:"portfolio_version"` // it stays the one that the run is of
	PortfolioDigest  string       `json:"portfolio_digest"`  // of the exposure, hexadecimal
	Model            string       `json:"model"`             // digest of the model pack, hexadecimal
	Spec             RunSpec      `json:"spec"`
	Submitted        time.Time    `json:"submitted"`
	By               string       `json:"by"`
	Started          *time.Time   `json:"started,omitempty"` // the last time that it was taken up
	Ended            *time.Time   `json:"ended,omitempty"`
	Starts           int          `json:"starts"`             // how often it was taken up
	Reason           string       `json:"reason,omitempty"`   // why it failed or was cancelled
	Seal             string       `json:"seal,omitempty"`     // of a run that is done: pending or sealed
	Progress         *RunProgress `json:"progress,omitempty"` // of a run that is being carried out
}

// RunSpec is what a run was asked to do. With model and portfolio it determines the result to the last bit.
type RunSpec struct {
	Years         int         `json:"years"`
	Samples       int         `json:"samples"`
	Seed          string      `json:"seed"`
	Correlation   Correlation `json:"correlation"`
	ReturnPeriods []float64   `json:"return_periods"`
	Without       []string    `json:"without"`
	Scenario      string      `json:"scenario,omitempty"` // name of the one storm that was run in place of the catalogue
}

// RunProgress is how far a run is.
type RunProgress struct {
	Stage         string  `json:"stage"`
	Done          int     `json:"done"` // years
	Of            int     `json:"of"`   // years
	YearsASecond  float64 `json:"years_a_second,omitempty"`
	SecondsLeft   float64 `json:"seconds_left,omitempty"`
	WaitingReason string  `json:"waiting_reason,omitempty"`
}

// RunChange is what people call a run: PATCH /api/v1/runs/{id}. What is absent stays.
type RunChange struct {
	Name *string `json:"name,omitempty"` // at most 200 characters
	Note *string `json:"note,omitempty"` // at most 2,000 characters
}

// Cancellation is POST /api/v1/runs/{id}/cancel.
type Cancellation struct {
	Reason string `json:"reason"`
}

// RunSettings is GET /api/v1/runs/{id}/settings: what a run was asked to do, in words.
type RunSettings struct {
	Run              string    `json:"run"`
	Portfolio        string    `json:"portfolio"`
	PortfolioVersion int       `json:"portfolio_version"`
	PortfolioDigest  string    `json:"portfolio_digest"`
	Model            string    `json:"model"`
	Spec             RunSpec   `json:"spec"`
	Settings         []Setting `json:"settings"`
}
