package loss

import (
	"strconv"

	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/registry"
)

// CorrelationGroup names, among the judgements, the correlation of damage between sites.
const CorrelationGroup = "loss-correlation"

// Parameters lists what the loss stage draws and assumes, with this correlation in force. The two
// correlations form the group CorrelationGroup; off means that Correlation is zero. The damage at a
// site is a quantile of the vulnerability's distribution, whose parameters are listed there.
func (c Correlation) Parameters() []registry.Parameter {
	judged := func(name, symbol, distribution, value, unit, reason string) registry.Parameter {
		return registry.Parameter{Name: name, Symbol: symbol, Stage: "loss", Distribution: distribution, Value: value, Unit: unit,
			Source: reason, Kind: registry.Judgement}
	}
	switched := func(p registry.Parameter) registry.Parameter {
		p.Group, p.Off = CorrelationGroup, "damage at each site drawn on its own"
		return p
	}
	return []registry.Parameter{
		switched(judged("correlation of damage in an event, between any two sites", "Event", "normal factor (Gaussian copula)", number(c.Event), "1",
			"an event-wide factor of sd 0.2 against a spread of damage near 0.9 explains about 5 % of the variance")),
		switched(judged("the same, in addition, between sites of one wind cell", "Local", "normal factor (Gaussian copula)", number(c.Local), "1",
			"local gusts and building practice are given as much again as the event")),
		judged("side of a wind cell", "", "constant", number(windfield.CellDegrees), "degree",
			"one mean wind for all sites of a cell of about 4 km: small beside the radius of maximum wind; fetch and gust factor are each site's own"),
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
