package page

import "time"

// Frame is what every page has around its content.
type Frame struct {
	Title    string
	Lead     string // a sentence under the title
	Step     string // above it, as in "Step 2 of 3"
	Notice   string // of what was just done
	Faults   []Fault
	Account  string // who is signed in; "" shows no way to sign out
	Sections []Section
	Wide     bool // more room than a sign-in needs; only without sections
	Passkeys bool // loads the script for them
	Reading  bool // loads the style of pages that are read and printed
}

func (f Frame) frame() Frame { return f }

// Home is where the name of the product leads.
func (f Frame) Home() string {
	if f.Account != "" {
		return "/" // the terminal, which leads back to one's account
	}
	return SignInPath
}

// Fault is what is wrong with what was sent.
type Fault struct {
	Field string // the element's id; "" where no field is to blame
	Text  string
}

// Section is a part of the navigation.
type Section struct {
	Name  string // "" for the first
	Links []Link
}

// Link leads to a page of the appliance.
type Link struct {
	Path, Text string
	Here       bool
}

// Time is a time as people read it, in UTC and to the minute. It may be broken after the date only.
func Time(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2\u00a0Jan\u00a02006, 15:04\u00a0UTC")
}

// Moment is Time of a time that may be missing.
func Moment(t *time.Time) string {
	if t == nil {
		return Time(time.Time{})
	}
	return Time(*t)
}
