package terms

import "math"

// A term is the deductible and limit of one rung in money and fractions of loss:
// percentages of insured value are already multiplied out.
type term struct {
	ded, dedOfLoss     float64 // deductible: an amount, or a fraction of the loss
	minDed, maxDed     float64 // 0 and +Inf where there is none
	limit, limitOfLoss float64 // +Inf and 1 where there is none
	franchise          bool    // the deductible is a threshold only (OED DedCode 2)
}

// noTerm leaves every loss as it is.
func noTerm() term {
	return term{maxDed: math.Inf(1), limit: math.Inf(1), limitOfLoss: 1}
}

// bounded reports whether a minimum or maximum deductible looks at the
// deductibles below it.
func (t *term) bounded() bool { return t.minDed > 0 || t.maxDed < math.Inf(1) }

// capped reports whether a maximum deductible may give back what was deducted below.
func (t *term) capped() bool { return t.maxDed < math.Inf(1) }

// empty reports whether the term changes nothing.
func (t *term) empty() bool { return *t == noTerm() }

// stated is the deductible in money that the term asks of a loss, whether or not
// the loss is that large: an amount, or a fraction of the loss (OED DedType 0 and 2,
// or 1). A franchise asks for all of a loss up to it and nothing of one above it.
func (t *term) stated(loss float64) float64 {
	d := t.ded + float64(t.dedOfLoss*loss)
	if t.franchise && loss > d {
		return 0
	}
	return d
}

// most is what the insurer pays at most of a loss; before is the loss before the
// deductible, of which the limit may be a fraction (OED LimitType 1).
func (t *term) most(before float64) float64 {
	if t.limitOfLoss < 1 {
		return min(t.limit, float64(t.limitOfLoss*before))
	}
	return t.limit
}

// payable is the insured part of a loss where nothing was deducted below:
// what exceeds the deductible, up to the limit.
// It asks for a term that is not bounded.
func (t *term) payable(loss float64) float64 {
	return min(max(loss-t.stated(loss), 0), t.most(loss))
}

// A balance follows one loss up the ladder: insured + deducted + over is the
// ground-up loss at every rung below the layers.
type balance struct {
	insured  float64 // what would be paid by the rungs so far
	deducted float64 // borne by the insured as deductibles so far
	over     float64 // above the limits so far
	room     float64 // what the limits so far would still pay if a deductible were given back
}

// plus adds two balances, as when locations come under one policy.
func (b balance) plus(c balance) balance {
	return balance{b.insured + c.insured, b.deducted + c.deducted, b.over + c.over, b.room + c.room}
}

// times is the insurer's share of a balance (OED LocParticipation): of the loss, of
// what the insured bears and of what lies over the limits alike.
func (b balance) times(share float64) balance {
	return balance{float64(b.insured * share), float64(b.deducted * share), float64(b.over * share), float64(b.room * share)}
}

// under is the balance after a term: its deductible, held between minimum and
// maximum together with the deductibles below, then its limit.
func (b balance) under(t *term) balance {
	d := t.stated(b.insured)
	var after balance
	switch {
	case b.deducted+d > t.maxDed:
		after = b.lowered(t.maxDed)
	case b.deducted+d < t.minDed:
		after = b.raised(d, t.minDed-b.deducted)
	default:
		d = min(d, b.insured)
		after = balance{b.insured - d, b.deducted + d, b.over, b.room + d}
	}
	return after.cut(t.most(b.insured))
}

// raised brings the deductibles up to a minimum: need more in all, of which d is
// the term's own. What the minimum asks beyond d is met first from what lies over
// the limits below (that part of the loss was not payable anyway), then from the loss.
func (b balance) raised(d, need float64) balance {
	fromOver := min(need-d, b.over)
	fromLoss := min(need-fromOver, b.insured)
	fromOver = min(need-fromLoss, b.over)
	return balance{b.insured - fromLoss, b.deducted + fromLoss + fromOver, b.over - fromOver, b.room + fromLoss}
}

// lowered brings the deductibles to a maximum. What was deducted beyond it comes
// back as insured loss as far as the limits below leave room, else lies over them;
// what is still missing to the maximum is deducted from the loss.
func (b balance) lowered(most float64) balance {
	excess := b.deducted - most
	if excess < 0 {
		d := min(-excess, b.insured)
		return balance{b.insured - d, b.deducted + d, b.over, b.room + d}
	}
	back := min(excess, b.room)
	return balance{b.insured + back, most, b.over + (excess - back), b.room - back}
}

// cut applies a limit: what exceeds it lies over it and leaves no room.
func (b balance) cut(limit float64) balance {
	if b.insured > limit {
		return balance{limit, b.deducted, b.over + (b.insured - limit), 0}
	}
	b.room = min(b.room, limit-b.insured)
	return b
}

// layered is a layer's part of a loss: what exceeds the attachment, up to the
// limit, times the share (OED LayerAttachment, LayerLimit, LayerParticipation).
func layered(loss, attachment, limit, share float64) float64 {
	return float64(min(max(loss-attachment, 0), limit) * share)
}

// interruption is the business-interruption loss after the waiting period, at most
// the value of the period of indemnity, both in money.
func interruption(loss, waiting, indemnity float64) float64 {
	return min(max(loss-waiting, 0), indemnity)
}
