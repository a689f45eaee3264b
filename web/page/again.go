package page

import "strings"

// Asking is a page that asks for something and can say what was wrong with the answer.
type Asking interface {
	Page
	// Again is the page with what was wrong: in its summary, and at the fields. A fault whose field the page does not have stands
	// in the summary only.
	Again(faults []Fault) Page
}

// Again is Asking.Again.
func (a Ask) Again(faults []Fault) Page {
	a.Faults = placed(faults, append([]Form{a.Form}, a.Others...)...)
	return a
}

// Again is Asking.Again.
func (e Enrol) Again(faults []Fault) Page {
	e.Faults = placed(faults, e.Form)
	return e
}

// placed marks the fields that are to blame and returns what stands in the summary.
func placed(faults []Fault, forms ...Form) []Fault {
	summary := make([]Fault, 0, len(faults))
	for _, fault := range faults {
		found := false
		for n := range forms {
			found = found || forms[n].Has(fault.Field)
		}
		if !found {
			fault.Field = ""
		}
		fault.Text = Sentence(fault.Text)
		summary = append(summary, fault)
	}
	for n := range forms {
		forms[n].Blame(summary)
	}
	return summary
}

// Sentence writes an error as a sentence begins.
func Sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
