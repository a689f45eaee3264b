package exposure

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrFaults says that an import was refused because of what its files hold. The
// error that wraps it is a *FaultsError.
var ErrFaults = errors.New("the files have faults")

// Fault is one thing wrong in one place of a file.
type Fault struct {
	File   string // the Source's name
	Line   int    // first line of the record, in Parquet the row; 0 = the file as a whole
	Column string // as named by OED; "" = the row or the file
	Value  string // as in the file
	Reason string // what is wrong
	Fix    string // what to do
}

// String is the fault as one line: place, value, reason and fix.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		b.WriteString(" line " + strconv.Itoa(f.Line))
	}
	if f.Column != "" {
		b.WriteString(", " + f.Column)
	}
	if f.Value != "" {
		b.WriteString(" " + strconv.Quote(clip(f.Value)))
	}
	b.WriteString(": " + f.Reason)
	if f.Fix != "" {
		b.WriteString("; " + f.Fix)
	}
	return b.String()
}

// clip keeps messages to one line's length: a value can be a whole street address.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// FaultsError is the error of a refused import: the faults found, in file and line order.
type FaultsError struct {
	Faults []Fault // at most Options.MaxFaults
	Count  int     // how many there are in all
}

// Error names the first faults and how many there are.
func (e *FaultsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d faults", e.Count)
	if e.Count == 1 {
		b.Reset()
		b.WriteString("1 fault")
	}
	for i, f := range e.Faults {
		if i == 3 {
			break
		}
		b.WriteString("\n  " + f.String())
	}
	if e.Count > 3 {
		b.WriteString("\n  …")
	}
	return b.String()
}

// Unwrap makes errors.Is(err, ErrFaults) true.
func (e *FaultsError) Unwrap() error { return ErrFaults }

// Warning is something a user should know that does not refuse the import, counted
// over the rows it occurs in.
type Warning struct {
	File, Column string
	Line         int // where first
	Value        string
	Reason       string
	Count        int
}

// String is the warning as one line.
func (w Warning) String() string {
	s := Fault{File: w.File, Line: w.Line, Column: w.Column, Value: w.Value, Reason: w.Reason}.String()
	if w.Count > 1 {
		s += fmt.Sprintf(" (%d rows)", w.Count)
	}
	return s
}

// findings collects faults and warnings while rows are read.
type findings struct {
	max      int
	faults   []Fault
	count    int
	warnings []Warning
	seen     map[warningKey]int
}

type warningKey struct{ file, column, reason string }

func (f *findings) fault(ft Fault) {
	f.count++
	if len(f.faults) < f.max {
		ft.Value = strings.Clone(clip(ft.Value))
		f.faults = append(f.faults, ft)
	}
}

// warn counts a warning under its file, column and reason, and keeps the first place.
func (f *findings) warn(w Warning) {
	key := warningKey{w.File, w.Column, w.Reason}
	if i, ok := f.seen[key]; ok {
		f.warnings[i].Count++
		return
	}
	if f.seen == nil {
		f.seen = map[warningKey]int{}
	}
	f.seen[key] = len(f.warnings)
	w.Count = 1
	w.Value = strings.Clone(clip(w.Value))
	f.warnings = append(f.warnings, w)
}
