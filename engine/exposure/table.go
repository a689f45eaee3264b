package exposure

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// binding says into which field of a row R a column's values go.
type binding[R any] struct {
	number func(*R, float64) // of integer and number columns
	text   func(*R, string)  // of text and date columns; the string is valid until the next row
	// zeroIsBlank takes a 0 as no value, where OED's range excludes it: rows without
	// a step are often padded with zeros.
	zeroIsBlank bool
}

// tableColumn is one column of the file being read.
type tableColumn[R any] struct {
	name     string      // as in the file
	spec     *columnSpec // nil = not an OED column
	binding  *binding[R] // nil = kept as text
	kept     *keptText
	nonEmpty int
}

// table is one file being read: its columns bound to the fields of R.
type table[R any] struct {
	kind     fileKind
	name     string // the Source's
	header   []string
	columns  []tableColumn[R]
	index    map[string]int // lower-case OED name -> column
	template R              // a row with every column at its default
	warn     func(column, value, reason string)
}

// rowFault is where a check of a row leaves what it finds.
type rowFault func(column, value, reason, fix string)

// bindTable matches the header to OED's columns.
func bindTable[R any](kind fileKind, name string, header []string, bindings map[string]binding[R], fault rowFault) *table[R] {
	t := &table[R]{kind: kind, name: name, header: header, index: map[string]int{}}
	for i, h := range header {
		col := tableColumn[R]{name: h, kept: &keptText{}}
		spec, known := oed().lookup(kind, h)
		lower := strings.ToLower(h)
		if known {
			col.spec = spec
			lower = strings.ToLower(spec.name)
			if b, ok := bindings[spec.name]; ok {
				col.binding, col.kept = &b, nil
			}
		}
		if first, twice := t.index[lower]; twice && h != "" {
			fault(h, "", "columns "+strconv.Itoa(first+1)+" and "+strconv.Itoa(i+1)+" have the same name", "remove or rename one of them")
		} else if h != "" {
			t.index[lower] = i
		}
		t.columns = append(t.columns, col)
	}
	t.setDefaults(bindings)
	return t
}

// setDefaults fills the template from OED's defaults, whether or not the file has the column.
func (t *table[R]) setDefaults(bindings map[string]binding[R]) {
	for _, spec := range oed().order[t.kind] {
		b, ok := bindings[spec.name]
		if !ok || spec.defaultText == "" {
			continue
		}
		if b.text != nil {
			b.text(&t.template, spec.defaultText)
			continue
		}
		v, err := strconv.ParseFloat(spec.defaultText, 64)
		if err != nil {
			panic("exposure: default of " + spec.name + ": " + err.Error())
		}
		b.number(&t.template, v)
	}
}

// has reports whether the file has an OED column.
func (t *table[R]) has(column string) bool {
	_, ok := t.index[strings.ToLower(column)]
	return ok
}

// given reports whether a row has text in a column, named in lower case.
func (t *table[R]) given(fields []string, column string) bool {
	i, ok := t.index[column]
	return ok && trim(fields[i]) != ""
}

// parse reads a row's fields into row, which it first sets to the defaults.
func (t *table[R]) parse(fields []string, row *R, fault rowFault) {
	*row = t.template
	for i := range t.columns {
		col := &t.columns[i]
		s := trim(fields[i])
		if s == "" {
			if col.spec != nil && col.spec.required {
				fault(col.spec.name, "", "a required value is missing", "fill it in")
			}
			continue
		}
		col.nonEmpty++
		switch {
		case col.spec == nil:
		case col.binding == nil:
			col.checkKept(s, t.warn)
		default:
			col.read(s, row, fault)
		}
	}
}

// trim is strings.TrimSpace with the common case, nothing to trim, decided at once.
func trim(s string) string {
	if s == "" || (s[0] > ' ' && s[0] < 0x80 && s[len(s)-1] > ' ' && s[len(s)-1] < 0x80) {
		return s
	}
	return strings.TrimSpace(s)
}

// read checks one value against its column and puts it into its field.
func (c *tableColumn[R]) read(s string, row *R, fault rowFault) {
	spec := c.spec
	if s == "0" && c.binding.zeroIsBlank {
		return
	}
	switch spec.kind {
	case text, date:
		if spec.kind == date {
			day, ok := parseDate(s)
			if !ok {
				fault(spec.name, s, "not a date", "write it as YYYY-MM-DD")
				return
			}
			s = day
		}
		if spec.length > 0 && len(s) > spec.length && utf8.RuneCountInString(s) > spec.length {
			fault(spec.name, s, "longer than the "+strconv.Itoa(spec.length)+" characters of OED", "shorten it")
			return
		}
		c.binding.text(row, s)
	default:
		v, reason, fix := spec.parseNumber(s)
		if reason != "" {
			fault(spec.name, s, reason, fix)
			return
		}
		c.binding.number(row, v)
	}
}

// checkKept warns of a value that is not of its column's type: the column is not used, so that
// the import need not be refused.
func (c *tableColumn[R]) checkKept(s string, warn func(column, value, reason string)) {
	reason := ""
	switch c.spec.kind {
	case date:
		if _, ok := parseDate(s); !ok {
			reason = "not a date"
		}
	case integer, number:
		_, reason, _ = c.spec.parseNumber(s)
	}
	if reason != "" {
		warn(c.name, s, reason+"; the column is not used")
	}
}

// parseNumber reads an integer or a number within the column's range and codes.
func (c *columnSpec) parseNumber(s string) (v float64, reason, fix string) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "xX_") {
		if strings.ContainsAny(s, ",$%£€ ") {
			return 0, "not a plain number", "write it without thousands separators, currency or percent signs, with a point for decimals"
		}
		return 0, "not a number", "write a number, or leave it blank for OED's default"
	}
	switch {
	case math.IsNaN(v):
		return 0, "not a number", "write a number, or leave it blank for OED's default"
	case math.IsInf(v, 0):
		return 0, "an infinite number", "write a finite number"
	case c.kind == integer && v != math.Trunc(v):
		return 0, "not a whole number", "write a whole number"
	case c.codes != nil && !slices.Contains(c.codes, int(v)):
		return 0, "not a code of OED's " + c.codeList + " list", "use " + c.codeHint()
	case c.hasMin && v < c.min || c.hasMax && v > c.max:
		return 0, c.outside(v), "write " + c.wanted()
	}
	return v + 0, "", "" // + 0 makes -0 a 0
}

// outside says which way a value leaves the column's range.
func (c *columnSpec) outside(v float64) string {
	if v < 0 && c.hasMin && c.min == 0 {
		return "negative"
	}
	return "outside OED's range " + c.rangeText()
}

func (c *columnSpec) rangeText() string {
	low, high := "(", ")"
	if c.hasMin {
		low = "[" + formatNumber(c.min)
	}
	if c.hasMax {
		high = formatNumber(c.max) + "]"
	}
	return low + "," + high
}

// wanted says the range in words where it is open above.
func (c *columnSpec) wanted() string {
	if c.hasMin && !c.hasMax {
		return "a number of " + formatNumber(c.min) + " or more"
	}
	return "a number in " + c.rangeText()
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// codeHint lists a short code list, or the bounds of a long one.
func (c *columnSpec) codeHint() string {
	sorted := slices.Sorted(slices.Values(c.codes))
	if len(sorted) > 12 {
		return "a code between " + strconv.Itoa(sorted[0]) + " and " + strconv.Itoa(sorted[len(sorted)-1]) + " of that list"
	}
	words := make([]string, len(sorted))
	for i, code := range sorted {
		words[i] = strconv.Itoa(code)
	}
	return "one of " + strings.Join(words, ", ")
}

// parseDate reads YYYY-MM-DD, with a time of day after it ignored, and gives the day.
func parseDate(s string) (day string, ok bool) {
	if len(s) > 10 && (s[10] == 'T' || s[10] == ' ') {
		s = s[:10]
	}
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return "", false
	}
	y, err1 := strconv.ParseUint(s[:4], 10, 16)
	m, err2 := strconv.ParseUint(s[5:7], 10, 8)
	d, err3 := strconv.ParseUint(s[8:], 10, 8)
	if err1 != nil || err2 != nil || err3 != nil || m < 1 || m > 12 || d < 1 {
		return "", false
	}
	return s, d <= daysIn(y, m)
}

func daysIn(y, m uint64) uint64 {
	switch {
	case m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}

// report lists what became of the columns, without the kept text.
func (t *table[R]) report() []Column {
	var out []Column
	for i := range t.columns {
		col := &t.columns[i]
		use := ColumnUsed
		switch {
		case col.spec == nil:
			use = ColumnUnknown
		case col.binding == nil:
			use = ColumnKept
		}
		out = append(out, Column{File: t.kind.word(), Name: col.name, Use: use, NonEmpty: col.nonEmpty})
	}
	return out
}
