package exposure

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// sortedUnused is the accounts of the account file without a location, by line.
func (im *importer) sortedUnused() []accountSeen {
	var out []accountSeen
	for _, seen := range im.accounts {
		if !seen.used {
			out = append(out, seen)
		}
	}
	slices.SortFunc(out, func(a, b accountSeen) int { return cmp.Compare(a.line, b.line) })
	return out
}

// portfolio puts what was read into canonical order.
func (im *importer) portfolio() *Portfolio {
	im.locationRows, im.tagRows, im.accountRows, im.accounts, im.policies = nil, nil, nil, nil, nil // done with; they are large
	p := &Portfolio{Currency: im.currency, Locations: im.locations}
	order := locationOrder(p.Locations)
	permute(p.Locations, order)
	rowOrder := im.sortRows()
	p.Accounts = joinAccounts(p.Locations, im.rows, rowOrder)
	p.Columns = append(p.Columns, keptColumns(im.locTable, order)...)
	if im.accTable != nil {
		p.Columns = append(p.Columns, keptColumns(im.accTable, rowOrder)...)
	}
	return p
}

// locationOrder is the index of each location in canonical order.
func locationOrder(locations []Location) []int32 {
	order := make([]int32, len(locations))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &locations[a], &locations[b]
		return cmp.Or(strings.Compare(x.PortNumber, y.PortNumber), strings.Compare(x.AccNumber, y.AccNumber),
			strings.Compare(x.LocNumber, y.LocNumber), strings.Compare(x.CondTag, y.CondTag))
	})
	return order
}

// permute moves list[order[i]] to i, in place: a second copy of a million locations
// would double the memory of an import.
func permute(list []Location, order []int32) {
	done := make([]bool, len(list))
	for start := range list {
		if done[start] {
			continue
		}
		first := list[start]
		i := start
		for {
			done[i] = true
			from := int(order[i])
			if from == start {
				list[i] = first
				break
			}
			list[i] = list[from]
			i = from
		}
	}
}

// sortRows is the index of each account row in canonical order: by account, policy, layer,
// condition and step, and at last by the row's whole content.
func (im *importer) sortRows() []int32 {
	order := make([]int32, len(im.rows))
	for i := range order {
		order[i] = int32(i)
	}
	var a, b []byte
	slices.SortFunc(order, func(i, j int32) int {
		x, y := &im.rows[i], &im.rows[j]
		if c := cmp.Or(strings.Compare(x.port, y.port), strings.Compare(x.acc, y.acc), strings.Compare(x.row.PolNumber, y.row.PolNumber),
			cmp.Compare(x.row.LayerNumber, y.row.LayerNumber), compareConditions(x.row.Condition, y.row.Condition),
			cmp.Compare(stepNumber(x.row.Step), stepNumber(y.row.Step))); c != 0 {
			return c
		}
		a, b = x.row.append(a[:0]), y.row.append(b[:0])
		return bytes.Compare(a, b)
	})
	return order
}

func compareConditions(a, b *Condition) int {
	if a == nil || b == nil {
		return cmp.Compare(flag(a != nil), flag(b != nil))
	}
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), strings.Compare(a.Tag, b.Tag), strings.Compare(a.Number, b.Number))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// stepNumber sorts "2" before "10".
func stepNumber(s *Step) string {
	if s == nil {
		return ""
	}
	n := s.Columns["StepNumber"]
	return strings.Repeat(" ", max(0, 4-len(n))) + n
}

// joinAccounts makes the accounts of sorted locations and sorted account rows.
func joinAccounts(locations []Location, rows []accountEntry, rowOrder []int32) []Account {
	accounts := make([]Account, 0, countAccounts(locations))
	next := 0
	for first := 0; first < len(locations); {
		l := &locations[first]
		a := Account{PortNumber: l.PortNumber, AccNumber: l.AccNumber, First: first}
		for first < len(locations) && locations[first].AccNumber == a.AccNumber && locations[first].PortNumber == a.PortNumber {
			first++
		}
		a.Count = first - a.First
		for next < len(rowOrder) && rows[rowOrder[next]].port == a.PortNumber && rows[rowOrder[next]].acc == a.AccNumber {
			a.Rows = append(a.Rows, rows[rowOrder[next]].row)
			next++
		}
		accounts = append(accounts, a)
	}
	return accounts
}

func countAccounts(locations []Location) (n int) {
	for i := range locations {
		if l := &locations[i]; i == 0 || l.AccNumber != locations[i-1].AccNumber || l.PortNumber != locations[i-1].PortNumber {
			n++
		}
	}
	return n
}

// keptColumns is the report of a file's columns with the kept text in canonical order.
func keptColumns[R any](t *table[R], order []int32) []Column {
	columns := t.report()
	for i := range columns {
		if k := t.columns[i].kept; k != nil && k.codes != nil {
			columns[i].Dictionary, columns[i].Codes = k.dictionary, k.ordered(order)
			t.columns[i].kept = nil // so that its codes can be freed while the next are ordered
		}
	}
	return columns
}

// totalTIV sums insured values by coverage in canonical order, each location once.
func (p *Portfolio) totalTIV() (sum [NumTIV]float64) {
	for i := range p.Locations {
		if l := &p.Locations[i]; i == 0 || !l.SameSite(&p.Locations[i-1]) {
			addTIV(&sum, &l.TIV)
		}
	}
	return sum
}

// SameSite reports whether two rows are one location, listed under several CondTags: its
// values and its ground-up loss count once. Such rows are adjacent in a Portfolio.
func (l *Location) SameSite(m *Location) bool {
	return l.Key == m.Key && l.LocNumber == m.LocNumber && l.AccNumber == m.AccNumber && l.PortNumber == m.PortNumber
}
