package terms

// A group is one rung for some of an account's losses: their sum comes under the
// term and the result is handed back down. Its units are positions among the
// account's units (a location, or one coverage of a location).
type group struct {
	units []int32
	whole bool // all units of the account
	term  term
}

// settle puts a group's term over its units, in place.
func (g *group) settle(units []balance) {
	var before balance
	for _, u := range g.units {
		before = before.plus(units[u])
	}
	back := allocate(before, before.under(&g.term))
	for _, u := range g.units {
		units[u] = back.of(units[u])
	}
}

// A layer is one layer of one policy with the special conditions of that policy.
type layer struct {
	excluded                 []int32 // units outside a policy restriction (CondClass 1)
	groups                   []group // conditions by priority, then policy
	steps                    []stepGroup
	attachment, limit, share float64
}

// settle takes a copy of the units through the layer.
func (l *layer) settle(units []balance) {
	for _, u := range l.excluded {
		units[u] = balance{}
	}
	for i := range l.groups {
		l.groups[i].settle(units)
	}
	for i := range l.steps {
		l.steps[i].settle(units)
	}
	total := 0.0
	for i := range units {
		total += units[i].insured
	}
	scale(units, ratio(layered(total, l.attachment, l.limit, l.share), total))
	for i := range units {
		units[i].room = 0
	}
}

// scale multiplies the insured losses of units, as a share or a layer does. What was
// deducted below stays as it is: account terms count the deductibles of each layer in
// full (Oasis financial module, the cases of its group insurance_account). But no room
// is left: an account's maximum deductible does not reopen a layer.
func scale(units []balance, by float64) {
	for i := range units {
		units[i].insured = float64(units[i].insured * by)
	}
}

// settleAccount puts the terms of the account over all its layers together: units
// holds one block of n units after another.
func settleAccount(groups []group, units []balance, n int) {
	for i := range groups {
		g := &groups[i]
		var before balance
		for at := 0; at < len(units); at += n {
			for _, u := range g.units {
				before = before.plus(units[at+int(u)])
			}
		}
		back := allocate(before, before.under(&g.term))
		for at := 0; at < len(units); at += n {
			for _, u := range g.units {
				units[at+int(u)] = back.of(units[at+int(u)])
			}
		}
	}
}

// An allocation hands the outcome of a term back to the losses it was made of:
// what is paid, newly deducted or newly over a limit in proportion to the insured
// loss before; what shrank, in proportion to what there was; a deductible given
// back, in proportion to the room under the limits below, or where that room is
// used up to the deductibles below (Oasis financial module, allocation rule 2).
type allocation struct {
	refundOfRoom, refundOfDeducted float64
	paid, deducted                 float64 // of the insured loss
	deductedOfOver, deductedLeft   float64
	overUp, overLeft               float64
	overOfDeducted                 float64
	roomUp, roomLeft               float64
}

// allocate compares the sum of some balances before and after a term.
func allocate(before, after balance) allocation {
	a := allocation{overLeft: 1, roomLeft: 1, deductedLeft: 1}
	refund, moved := before.deducted-after.deducted, 0.0
	switch {
	case refund <= 0:
		a.deducted = ratio(-refund, before.insured)
		if before.insured <= dust { // a minimum met by what lies over the limits alone
			a.deductedOfOver = ratio(-refund, before.over)
		}
		refund = 0
	case before.room <= dust: // it only moves over the limits
		a.deductedLeft = ratio(after.deducted, before.deducted)
		a.overOfDeducted = ratio(refund, before.deducted)
		refund, moved = 0, refund
	case after.room > 0:
		a.refundOfRoom = ratio(refund, before.room)
	default:
		a.refundOfDeducted = ratio(refund, before.deducted)
	}
	a.paid = ratio(after.insured, before.insured+refund)
	a.overUp, a.overLeft = grown(before.over, after.over-moved, before.insured+refund)
	a.roomUp, a.roomLeft = grown(before.room, after.room, before.insured)
	return a
}

// grown is the increase of a figure as a fraction of base, and what is left of it
// as a fraction of itself.
func grown(before, after, base float64) (up, left float64) {
	if after >= before {
		return ratio(after-before, base), 1
	}
	return 0, ratio(after, before)
}

// of is the part of one balance in the outcome.
func (a *allocation) of(b balance) balance {
	refund := float64(a.refundOfRoom*b.room) + float64(a.refundOfDeducted*b.deducted)
	base := b.insured + refund
	return balance{
		insured:  float64(a.paid * base),
		deducted: float64(a.deductedLeft*b.deducted) - refund + float64(a.deducted*b.insured) + float64(a.deductedOfOver*b.over),
		over:     float64(a.overLeft*b.over) + float64(a.overUp*base) + float64(a.overOfDeducted*b.deducted),
		room:     float64(a.roomLeft*b.room) + float64(a.roomUp*b.insured),
	}
}

// dust is money that is only rounding: no loss, no parts.
const dust = 1e-12

// ratio is a/b, and 0 where b is dust.
func ratio(a, b float64) float64 {
	if b <= dust {
		return 0
	}
	return a / b
}
