package terms

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/qrsrisk/qrsd/engine/exposure"
)

// A tagging says which locations carry which condition tag. A location's conditions
// follow one another by priority (OED CondPriority), the lowest number nearest to the
// location; conditions that share no location do not touch one another.
type tagging struct {
	names []string         // by priority, then name; "" is a location without tag
	rows  map[string][]int // live location rows of a tag
}

// tagName is a condition tag; OED files write 0 for none.
func tagName(tag string) string {
	if tag == "0" {
		return ""
	}
	return tag
}

// tags reads the condition tags of the account's locations.
func (c *compiler) tags(sites []site, rows []exposure.AccountRow) *tagging {
	t := &tagging{rows: map[string][]int{}}
	priority := c.priorities(rows)
	first := 0 // the row that stands for the location
	for i := range c.locations {
		if i > 0 && c.locations[i].LocNumber != c.locations[i-1].LocNumber {
			first = i
		}
		name := tagName(c.locations[i].CondTag)
		if _, known := priority[name]; !known {
			c.unknownTag(&c.locations[i], name, rows)
			priority[name] = 1
		}
		for j := first; j < i; j++ {
			c.checkPriorities(tagName(c.locations[j].CondTag), name, priority, c.locations[i].Line)
		}
		if !sites[first].idle {
			t.rows[name] = append(t.rows[name], first)
		}
	}
	for name := range priority {
		t.names = append(t.names, name)
	}
	slices.SortFunc(t.names, func(a, b string) int {
		return cmp.Or(cmp.Compare(priority[a], priority[b]), cmp.Compare(a, b))
	})
	return t
}

// checkPriorities faults two tags of one location whose conditions have no order.
func (c *compiler) checkPriorities(a, b string, priority map[string]int, line int) {
	if priority[a] == priority[b] && a != b {
		at := place{file: "location", line: line}
		c.faults = append(c.faults, at.fault(b, fmt.Sprintf("the conditions %s and %s of the location have the same CondPriority", a, b),
			"give them different priorities in the account file", "CondTag"))
	}
}

// priorities are the priorities of the conditions of the account file, by tag.
func (c *compiler) priorities(rows []exposure.AccountRow) map[string]int {
	priority := map[string]int{}
	for i := range rows {
		cond := rows[i].Condition
		if cond == nil {
			continue
		}
		name := tagName(cond.Tag)
		if _, seen := priority[name]; !seen {
			priority[name] = max(cond.Priority, 1)
		}
	}
	return priority
}

// unknownTag faults a location tag that no row of the account file explains.
func (c *compiler) unknownTag(l *exposure.Location, name string, rows []exposure.AccountRow) {
	if name == "" || len(rows) == 0 {
		return
	}
	at := place{file: "location", line: l.Line}
	c.faults = append(c.faults, at.fault(name, "no row of the account has this condition tag",
		"add the condition to the account file or remove the tag", "CondTag"))
}

// conditions are the rows of a layer with its conditions by tag, and the location
// rows that a policy restriction (CondClass 1) leaves out: those none of whose tags
// the layer names.
func (c *compiler) conditions(rows []exposure.AccountRow, tags *tagging) (map[string]*exposure.AccountRow, []int) {
	found := map[string]*exposure.AccountRow{}
	restricted := false
	for i := range rows {
		cond := rows[i].Condition
		if cond == nil {
			continue
		}
		restricted = restricted || cond.Class == 1
		name := tagName(cond.Tag)
		other := found[name]
		switch {
		case other == nil || !c.covers(other.Condition.Peril):
			found[name] = &rows[i]
		case c.covers(cond.Peril) && !sameTerms(other.Condition.Terms, cond.Terms):
			c.contradicts(other, &rows[i], "CondTag", "CondDed*", "CondLimit*")
		}
	}
	if !restricted {
		return found, nil
	}
	return found, leftOut(found, tags)
}

// leftOut are the live rows none of whose tags is among the conditions.
func leftOut(found map[string]*exposure.AccountRow, tags *tagging) []int {
	named := map[int]bool{}
	var all []int
	for _, name := range tags.names {
		for _, row := range tags.rows[name] {
			all = append(all, row)
			if found[name] != nil {
				named[row] = true
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(row int) bool { return named[row] })
}

// conditionRungs are the rungs of a layer's conditions in the order of priority.
func (c *compiler) conditionRungs(found map[string]*exposure.AccountRow, tags *tagging) []rung {
	var rungs []rung
	for _, name := range tags.names {
		row := found[name]
		if row == nil || !c.covers(row.Condition.Peril) || len(tags.rows[name]) == 0 {
			continue
		}
		rungs = append(rungs, c.rungs(place{"account", row.Line, "Cond"}, row.Condition.Terms, tags.rows[name])...)
	}
	return rungs
}
