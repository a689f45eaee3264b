package page

import "slices"

// List is a page of a table with what can be done: to each row, and beside it.
type List struct {
	Frame
	Columns []string
	Rows    []Row
	Empty   string // what is said where there are none
	More    string // the path of what follows; "" at the end
	Passkey Passkey
	Gate    *Gate // instead of the forms, until the reader has proved itself again
	Forms   []Form
}

func (List) template() string { return "list" }

// Record is a page of one thing: its facts, and what can be done with it.
type Record struct {
	Frame
	Facts   []Fact
	Actions []Action
	Gate    *Gate
	Forms   []Form
	Links   []Link
}

func (Record) template() string { return "record" }

// Row is one of a table. Its first cell is its heading.
type Row struct {
	Cells   []Cell
	Actions []Action
}

// Cell is what stands in a table.
type Cell struct {
	Text   string
	Detail string // smaller, below
	Path   string // it leads there
	Tag    string // drawn as a state: "plain", "ok", "warn", "error"; always with a word
	Mono   bool   // ids
}

// Fact is a name and its value.
type Fact struct {
	Name string
	Cell
}

// Action is a button that sends a form of its own.
type Action struct {
	Text   string // a verb
	About  string // to what, for those who hear the button without its row
	Path   string
	Danger bool
	Fields []Field // sent along; hidden ones and selects
}

// Gate says that what would follow wants a proof of who one is, not older than some minutes.
type Gate struct {
	Text, Path string
}

func (l List) frame() Frame {
	l.Passkeys = l.Passkeys || l.Passkey.Use != ""
	for _, f := range l.Forms {
		l.Passkeys = l.Passkeys || f.Passkey.Use != ""
	}
	return l.Frame
}

// HasActions reports whether anything can be done to a row.
func (l List) HasActions() bool {
	return slices.ContainsFunc(l.Rows, func(r Row) bool { return len(r.Actions) > 0 })
}
