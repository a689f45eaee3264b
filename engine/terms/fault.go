package terms

import (
	"fmt"
	"strconv"
	"strings"
)

// A Fault is one term of a portfolio that cannot be calculated: a value OED
// allows and this package does not know yet, or rows that contradict each other.
type Fault struct {
	File    string   // "location" or "account"
	Line    int      // of that file
	Columns []string // OED column names
	Value   string   // as read
	Reason  string
	Fix     string
}

// Error is one line: place, columns, value, reason and fix.
func (f Fault) Error() string {
	return fmt.Sprintf("%s file, line %d, %s: %s: %s; %s",
		f.File, f.Line, strings.Join(f.Columns, ", "), f.Value, f.Reason, f.Fix)
}

// Faults is every fault [Compile] found, in the order of accounts, locations and
// account rows.
type Faults []Fault

// maxShown faults are spelled out by Error; the rest is counted.
const maxShown = 20

// Error lists the first faults and counts the rest.
func (f Faults) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d financial terms cannot be calculated", len(f))
	for _, x := range f[:min(len(f), maxShown)] {
		b.WriteString("\n  " + x.Error())
	}
	if rest := len(f) - maxShown; rest > 0 {
		fmt.Fprintf(&b, "\n  and %d more", rest)
	}
	return b.String()
}

// Unwrap gives the single faults, for errors.As.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, x := range f {
		errs[i] = x
	}
	return errs
}

// A place is where a set of terms was read: a file, a line, and the prefix of its
// columns ("Loc", "Cond", "Pol", "Acc").
type place struct {
	file   string
	line   int
	prefix string
}

// fault is a fault at the place.
func (p place) fault(value, reason, fix string, columns ...string) Fault {
	return Fault{File: p.file, Line: p.line, Columns: columns, Value: value, Reason: reason, Fix: fix}
}

// number writes a value as an OED file would.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
