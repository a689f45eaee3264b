package page

// Form is one that is sent to the appliance.
type Form struct {
	Action string // a path
	Fields []Field
	Button string // a verb
	Danger bool   // it takes something away
	Back   string // a path: where "Cancel" leads; "" is without
}

// Field is one of a form. Its value is shown, so a secret has none.
type Field struct {
	Name         string
	ID           string // of the element; an error summary leads there
	Label        string
	Hint         string
	Type         string // of an input; "select", "radio", "checkbox", "checkboxes"
	Value        string
	Autocomplete string // WCAG 1.3.5 and password managers
	InputMode    string
	Class        string
	Choices      []Choice
	Fault        string
	Hidden       bool
	Optional     bool
	Plain        bool // an address or a code: no capitals, no spelling
}

// Choice is one of a field's.
type Choice struct {
	Value, Text, Hint string
	Chosen            bool // of several
}

// Blame puts each fault at its field, so that it stands in the summary and beside what is wrong.
func (f *Form) Blame(faults []Fault) {
	for n := range f.Fields {
		for _, fault := range faults {
			if fault.Field == f.Fields[n].ID && f.Fields[n].Fault == "" {
				f.Fields[n].Fault = fault.Text
			}
		}
	}
}
