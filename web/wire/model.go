package wire

import "time"

// Models are the model packs that the tenant's runs were made with: GET /api/v1/models.
type Models struct {
	Present    string  `json:"present,omitempty"` // digest of the model that new runs get
	Items      []Model `json:"items"`
	NextCursor string  `json:"next_cursor,omitempty"`
}

// Model is a model pack that is registered in the tenant's ledger.
type Model struct {
	ID         string    `json:"id"`      // its digest: SHA-256, hexadecimal
	Version    string    `json:"version"` // of the engine that it came with
	Registered time.Time `json:"registered"`
	By         string    `json:"by,omitempty"` // a user's id; absent: the appliance itself
}

// ModelCard is what a model is made of, from its own registry, and what may be said of its figures: GET /api/v1/models/{id}/card.
type ModelCard struct {
	ID         string           `json:"id"` // its digest: SHA-256, hexadecimal
	Engine     string           `json:"engine"`
	Region     string           `json:"region"`
	Peril      string           `json:"peril"`
	Signoff    string           `json:"signoff"`           // what may be said of the figures, by the rule of the benchmark
	Release    *ReleaseSeal     `json:"release,omitempty"` // absent: the appliance was given no meta-seal
	Parameters []ModelParameter `json:"parameters"`
	Sources    []ModelSource    `json:"sources"`
	Limits     []string         `json:"limits"`
	// Performance is what the benchmark's run of record measured with this model; none: it was made with another.
	Performance []Performance `json:"performance"`
	Estimate    string        `json:"estimate"` // what the quantum estimate is and is not, Markdown
}

// ModelParameter is one stochastic variable or parameter of a model.
type ModelParameter struct {
	Stage        string `json:"stage"` // hazard, windfield, vulnerability or loss
	Name         string `json:"name"`
	Symbol       string `json:"symbol,omitempty"`
	Distribution string `json:"distribution"`
	Value        string `json:"value"`
	Unit         string `json:"unit,omitempty"`
	Kind         string `json:"kind"` // fitted, literature or judgement
	N            string `json:"n,omitempty"`
	Source       string `json:"source"`
	Group        string `json:"group,omitempty"` // by which a run switches it off
	Off          string `json:"off,omitempty"`   // what switching it off means
}

// ModelSource is a publication, a data set or a reasoning that parameters rest on.
type ModelSource struct {
	Source     string   `json:"source"`
	Kinds      []string `json:"kinds"`
	Stages     []string `json:"stages"`
	Parameters int      `json:"parameters"` // how many rest on it
}

// ReleaseSeal is the meta-seal over the thirty runs of a release's benchmark, as it verified on this appliance.
type ReleaseSeal struct {
	Valid   bool        `json:"valid"`            // every step holds, and the runs are of this model
	Pending bool        `json:"pending"`          // no independent laboratory has signed for the figures
	Reason  string      `json:"reason,omitempty"` // why it is not valid, or why it is pending
	Tag     string      `json:"tag,omitempty"`    // of the release, from its runs
	Runs    int         `json:"runs"`             // that verify
	Rollup  string      `json:"rollup,omitempty"` // root over their seals, hexadecimal
	By      []string    `json:"by"`               // laboratories whose signatures hold
	Checks  []SealCheck `json:"checks"`
}

// Performance is one thing that was measured of a model.
type Performance struct {
	What     string `json:"what"`
	Measured string `json:"measured"` // with its standard error
	Of       string `json:"of"`       // of what, and from which file of the release
}
