package page

// Form is one that is sent to the appliance.
type Form struct {
	Title   string // a heading over it; "" where the page's is enough
	Hint    string // a sentence under the heading
	ID      string // of the element; "" is none
	Action  string // a path
	Groups  []Group
	Button  string // a verb
	Danger  bool   // it takes something away
	Back    string // a path: where "Cancel" leads; "" is without
	Passkey Passkey
}

// Group is a part of a form.
type Group struct {
	Legend string // "" for a form of one part
	Fields []Field
}

// Field is one of a form. Its value is shown, so a secret has none.
type Field struct {
	Name         string
	ID           string // of the element; an error summary leads there
	Label        string
	Hint         string
	Type         string // of an input; or "select", "radio", "checkbox", "checkboxes"
	Value        string // of a checkbox: "yes" where it is ticked
	Autocomplete string // what a password manager fills in (WCAG 2.2, 1.3.5)
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

// Of makes a form of one group.
func (f Form) Of(fields ...Field) Form {
	f.Groups = []Group{{Fields: fields}}
	return f
}

// Blame puts each fault at its field, so that it stands in the summary and beside what is wrong.
func (f *Form) Blame(faults []Fault) {
	for _, group := range f.Groups {
		for n := range group.Fields {
			for _, fault := range faults {
				if field := &group.Fields[n]; fault.Field != "" && fault.Field == field.ID && field.Fault == "" {
					field.Fault = fault.Text
				}
			}
		}
	}
}

// Has reports whether a field of the form has the id.
func (f *Form) Has(id string) bool {
	for _, group := range f.Groups {
		for _, field := range group.Fields {
			if field.ID == id && !field.Hidden {
				return true
			}
		}
	}
	return false
}

// Email is the field for an address to sign in with.
func Email(value string) Field {
	return Field{Name: "email", ID: "email", Label: "E-mail address", Type: "email", Value: value, Autocomplete: "username webauthn", InputMode: "email", Plain: true}
}

// Password is the field for the password that somebody has.
func Password() Field {
	return Field{Name: "password", ID: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Plain: true}
}

// NewPassword is the field for the password that somebody chooses.
func NewPassword(label string) Field {
	return Field{Name: "password", ID: "password", Label: label, Type: "password", Autocomplete: "new-password", Plain: true,
		Hint: "At least 12 characters. A few words that do not belong together are good; your name, your address and passwords that leaked elsewhere are refused."}
}

// Code is the field for a code of the second factor.
func Code() Field {
	return Field{Name: "code", ID: "code", Label: "Code", Type: "text", Autocomplete: "one-time-code", InputMode: "numeric", Class: "code", Plain: true}
}

// Hidden is a field that people do not see.
func Hidden(name, value string) Field { return Field{Name: name, Value: value, Hidden: true} }
