package page

import "time"

// Table is one of a reading page. Cells of numeric columns stand on the right.
type Table struct {
	Caption string
	Note    string // a sentence under it
	Columns []Column
	Rows    [][]string // the first cell is the row's heading
}

// Column is a heading of a table.
type Column struct {
	Text   string
	Number bool
}

// Figure is a number of the headline.
type Figure struct {
	Name, Value, Detail string
}

// Report is a finished run as it is read, signed for and printed.
type Report struct {
	Frame
	State   string // "Draft" or "Approved", across the page
	Says    string // what the state rests on
	Broken  string // why the seal does not verify; "": it does, or there is none
	Made    string // when the report was made
	PDF     string // path of the same on paper
	Run     string // path of the run in the terminal
	Facts   []Fact
	Figures []Figure
	Chart   *Chart
	Curves  []Table
	Parts   []Table
	Quantum *Quantum // nil: there is none
	Missing string   // why there is none
	Setting []Fact
	Seal    []Fact
	Checks  *Table // steps of the seal's verification; nil: there is no seal
	Lineage []Fact
	Verify  []string // commands
	Limits  []string
	Ended   time.Time // of the run: the date of the paper
}

func (Report) template() string { return "report" }

func (r Report) frame() Frame {
	r.Reading = true
	return r.Frame
}

// Quantum is the estimate beside a run.
type Quantum struct {
	Notice string
	Facts  []Fact
	Tables []Table
}

// Trust is the trust center.
type Trust struct {
	Frame
	Counts      []Figure
	Domains     []Domain
	Places      []Place
	PlacesNote  string
	NotClaimed  []Fact
	Keys        *Table
	Further     []Link
	RecordFault string
}

func (Trust) template() string { return "trust" }

func (t Trust) frame() Frame {
	t.Reading = true
	return t.Frame
}

// Domain is a part of the controls.
type Domain struct {
	Name     string
	Controls []Control
}

// Control is one control as it is read.
type Control struct {
	ID, Title, Says string
	Status          Cell   // word and tag
	Since, Owner    string // date, role
	Seen            string // what this appliance shows of it
	Evidence        []Proof
}

// Proof is a piece of evidence: a path of this appliance, or a place in the release.
type Proof struct{ Kind, Text, Path string }

// Place is a kind of place that data can go to.
type Place struct {
	Name, Sends, For string
	On               Cell
	Facts            []Fact
}

// Card is a model card.
type Card struct {
	Frame
	Standing Cell
	Says     string // of the standing
	Facts    []Fact
	Uses     []string
	Limits   []string
	Measured *Table // performance; nil: none was measured with this model
	Release  []Fact // of the meta-seal
	Checks   *Table
	Estimate []string // paragraphs
	Sources  Table
	Stages   []Table // parameters by stage
}

func (Card) template() string { return "card" }

func (c Card) frame() Frame {
	c.Reading = true
	return c.Frame
}
