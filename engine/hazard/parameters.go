package hazard

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/qrsrisk/qrsd/engine/registry"
)

const stage = "hazard"

// Sources that several parameters share.
const (
	vickeryWadhera = "Vickery and Wadhera 2008, J. Appl. Meteor. Climatol. 47: 2497"
	vickeryFilling = "Vickery 2005, J. Appl. Meteor. 44: 1807, Florida peninsula"
	hallJewson     = "Hall and Jewson 2007, Tellus A 59: 486"
	vickeryTracks  = "Vickery, Skerlj and Twisdale 2000, J. Struct. Eng. 126: 1222"
)

// Parameters lists every stochastic variable and parameter of the hazard, in the order in which a storm's life
// uses them: frequency, entry, motion, intensity, structure, filling, landfall weights. The fitted ones carry the
// size of their sample. None has a group: the hazard is fitted as a whole, and a judgement of it
// cannot be switched off without fitting again.
func (c *Climatology) Parameters() []registry.Parameter {
	return slices.Concat(c.frequency(), c.entry(), c.Motion.parameters(c.Source), c.Intensity.parameters(c.Source),
		c.PressureWind.parameters(c.Source), structure(), filling(), c.Landfall.parameters(c))
}

func (c *Climatology) years() int { return c.LastYear - c.FirstYear + 1 }

func (c *Climatology) fitted(name, symbol, distribution, value, unit, n string) registry.Parameter {
	return registry.Parameter{Name: name, Symbol: symbol, Stage: stage, Distribution: distribution, Value: value, Unit: unit,
		Source: c.Source, Kind: registry.Fitted, N: n}
}

func literature(name, symbol, distribution, value, unit, source string) registry.Parameter {
	return registry.Parameter{Name: name, Symbol: symbol, Stage: stage, Distribution: distribution, Value: value, Unit: unit,
		Source: source, Kind: registry.Literature}
}

func judgement(name, symbol, distribution, value, unit, reason string) registry.Parameter {
	return registry.Parameter{Name: name, Symbol: symbol, Stage: stage, Distribution: distribution, Value: value, Unit: unit,
		Source: reason, Kind: registry.Judgement}
}

func (c *Climatology) frequency() []registry.Parameter {
	n := fmt.Sprintf("%d storms in %d years", len(c.Entries), c.years())
	return []registry.Parameter{
		c.fitted("storms entering the domain or forming in it", "λ", "Poisson", number(float64(len(c.Entries))/float64(c.years())), "1/year", n),
		c.fitted("candidate storms drawn, each kept with its weight over the largest weight", "λ·w_max", "Poisson, at most "+strconv.Itoa(eventsPerYear)+" a year",
			number(c.CandidateRate()), "1/year", n),
		judgement("first year of the record that rates are taken from", "", "constant", strconv.Itoa(c.FirstYear), "year",
			"hurricanes were rarely missed on a settled Florida coast after it"),
		judgement("domain", "", "constant", fmt.Sprintf("%g N %g W, radius %g, left at %g", DomainLat, -DomainLon, DomainRadius, exitRadius), "km",
			"a ring around central Florida wide enough that entries stand clear of its coasts"),
	}
}

func (c *Climatology) entry() []registry.Parameter {
	jitter := func(name, distribution string, value float64, unit string) registry.Parameter {
		return judgement("kernel of an entry's "+name, "", distribution, number(value), unit,
			"an entry of the record stands for its neighbours; of the size of the spacing between entries")
	}
	return []registry.Parameter{
		c.fitted("state of entry: day, position, translation, pressure deficit and its trend", "", "empirical (bootstrap)",
			"by recorded storm", "", strconv.Itoa(len(c.Entries))),
		jitter("position, east and north", "normal, mean 0, sd", jitterKm, "km"),
		jitter("heading", "normal, mean 0, sd", jitterHeading, "degree"),
		jitter("logarithm of translation speed", "normal, mean 0, sd", jitterLnSpeed, "1"),
		jitter("pressure deficit", "normal, mean 0, sd", jitterDP, "hPa"),
		jitter("day of the year", "normal, mean 0, sd", jitterDays, "day"),
	}
}

func (m *Motion) parameters(source string) []registry.Parameter {
	where := fmt.Sprintf(", at %d places and %d seasons", m.Grid.Nodes(), len(m.Seasons))
	n := strconv.Itoa(m.N) + " steps of 6 h"
	column := func(name, symbol, distribution, unit string, of func(*Season) []float64) registry.Parameter {
		var all []float64
		for i := range m.Seasons {
			all = append(all, of(&m.Seasons[i])...)
		}
		return registry.Parameter{Name: name, Symbol: symbol, Stage: stage, Distribution: distribution + where, Value: span(all), Unit: unit,
			Source: source + "; autoregression after " + hallJewson, Kind: registry.Fitted, N: n}
	}
	return []registry.Parameter{
		column("mean eastward translation", "ū", "constant", "m/s", func(s *Season) []float64 { return s.U }),
		column("mean northward translation", "v̄", "constant", "m/s", func(s *Season) []float64 { return s.V }),
		column("6-h autoregression of the eastward departure", "φ_u", "constant", "1", func(s *Season) []float64 { return s.PhiU }),
		column("6-h autoregression of the northward departure", "φ_v", "constant", "1", func(s *Season) []float64 { return s.PhiV }),
		column("6-h innovation of eastward translation", "ε_u", "normal, mean 0, sd", "m/s", func(s *Season) []float64 { return s.NoisU }),
		column("6-h innovation of northward translation", "ε_v", "normal, mean 0, sd", "m/s", func(s *Season) []float64 { return s.NoisV }),
		literature("kernel width of the motion, distance", "", "constant", "300", "km", hallJewson+", optimum out of sample"),
		judgement("kernel width of the motion, time of year", "", "constant", "25", "day", "seasons of motion change over about a month"),
	}
}

func (in *Intensity) parameters(source string) []registry.Parameter {
	n := strconv.Itoa(in.N) + " steps of 6 h"
	fitted := func(name, symbol, distribution, value, unit string) registry.Parameter {
		return registry.Parameter{Name: name, Symbol: symbol, Stage: stage, Distribution: distribution, Value: value, Unit: unit,
			Source: source + "; form after " + vickeryTracks, Kind: registry.Fitted, N: n}
	}
	at := ""
	for i, x := range in.NoiseAt {
		at += fmt.Sprintf("%s at ln dp %s, ", number(in.Noise[i]), number(x))
	}
	return []registry.Parameter{
		fitted("change of ln dp over 6 h over water: intercept", "b0", "constant", number(in.B0), "1"),
		fitted("the same: slope with ln dp", "b1", "constant", number(in.B1), "1"),
		fitted("the same: slope with ln dp beyond 75 hPa", "b2", "constant", number(in.B2), "1"),
		fitted("the same: slope with the change before", "c", "constant", number(in.C), "1"),
		fitted("the same: local term", "", fmt.Sprintf("constant, at %d places", in.Grid.Nodes()), span(in.Local), "1"),
		fitted("the same: spread of the residual", "σ", "constant, linear in ln dp", at[:max(len(at)-2, 0)], "1"),
		fitted("the same: standardised residual", "ε", fmt.Sprintf("empirical, %d quantiles", len(in.Residual)), span(in.Residual), "1"),
		judgement("kernel width of the local term of intensity", "", "constant", "300", "km", "steps over water near the coast are few; shrunk by 10 steps"),
		judgement("largest pressure deficit", "dp_max", "constant", number(in.MaxDP), "hPa", "882 hPa in the western Atlantic (Wilma 2005), 892 at a Florida landfall (1935)"),
		judgement("smallest pressure deficit of a storm", "", "constant", number(minDP), "hPa", "a weaker low is no storm any more"),
	}
}

func (pw PressureWind) parameters(source string) []registry.Parameter {
	fitted := func(name, symbol, distribution, value, unit string) registry.Parameter {
		return registry.Parameter{Name: name, Symbol: symbol, Stage: stage, Distribution: distribution, Value: value, Unit: unit,
			Source: source + "; fixes of 34 kt or more since 1988, 22-32 N 77-90 W", Kind: registry.Fitted, N: strconv.Itoa(pw.N) + " fixes"}
	}
	return []registry.Parameter{
		fitted("pressure-wind relation V = A·dp^P: factor", "A", "constant", number(pw.A), "kt"),
		fitted("pressure-wind relation V = A·dp^P: exponent", "P", "constant", number(pw.P), "1"),
		fitted("pressure-wind residual of a storm", "η", "lognormal, median 1, sd of ln", number(pw.SD), "1"),
	}
}

func structure() []registry.Parameter {
	limits := fmt.Sprintf("clipped to %d-%d km", rmaxMin, rmaxMax)
	return []registry.Parameter{
		literature("radius of maximum wind, Atlantic", "Rmax", "lognormal with one score per storm, "+limits,
			"ln Rmax = 3.015 - 6.291e-5 dp² + 0.0337 lat; sd 0.448 to 87 hPa, 1.137 - 0.00792 dp to 120 hPa, then 0.186", "km", vickeryWadhera+", all storms"),
		literature("radius of maximum wind, Gulf", "Rmax", "lognormal with one score per storm, "+limits,
			"ln Rmax = 3.859 - 7.700e-5 dp²; sd 0.396 to 100 hPa, 1.424 - 0.01029 dp to 120 hPa, then 0.19", "km", vickeryWadhera+", Gulf of Mexico"),
		judgement("blend of the Gulf's and the Atlantic's radius", "g", "constant, linear in longitude", "0 at 80.8 W, 1 at 82.8 W", "1",
			"the two fits meet over the peninsula"),
		literature("Holland's B", "B", fmt.Sprintf("normal with one score per storm, sd %g, clipped to %g-%g", bNoise, bMin, bMax),
			"B = 1.7642 - 1.2098 √A, A = Rmax·f / √(2·Rd·Ts·ln(1 + dp/(pc·e)))", "1", vickeryWadhera),
		judgement("sea temperature in B", "Ts", "constant", strconv.Itoa(seaTemperature), "K", "warm season off Florida; B depends on its fourth root alone"),
		judgement("correlation of the score of B with the pressure-wind residual", "ρ", "constant", number(BWindCorrelation), "1",
			"wind goes with √B; half of the residual's variance is left to observation and exposure"),
		literature("environmental pressure", "p_env", "constant", strconv.Itoa(EnvPressure), "hPa", "Atlantic mean of the outermost closed isobar, 1010-1013 hPa"),
		literature("air density", "ρ_air", "constant", number(AirDensity), "kg/m³", "air near the surface of a hurricane"),
	}
}

func filling() []registry.Parameter {
	return []registry.Parameter{
		literature("filling over land dp(t) = dp0·exp(-a·t): a = a0 + a1·dp0·c/Rmax + ε", "a0, a1", "constant",
			fmt.Sprintf("%g, %g", fillA0, fillA1), "1/h", vickeryFilling),
		literature("filling over land: residual of a storm", "ε", "normal, mean 0, sd", number(fillNoise), "1/h", vickeryFilling),
		judgement("limits of the filling rate", "a", "constant", fmt.Sprintf("%g-%g", fillMin, fillMax), "1/h",
			"range of the filling rates observed in Florida, widened"),
	}
}

func (f *LandfallFit) parameters(c *Climatology) []registry.Parameter {
	var out []registry.Parameter
	for _, h := range f.Hits {
		kind := "hurricanes"
		if h.Major {
			kind = "major hurricanes"
		}
		out = append(out,
			c.fitted(fmt.Sprintf("log weight of %s striking %s", kind, h.Region), "λ_h", "constant",
				fmt.Sprintf("%s; rate %s before, target %s, %s after", number(h.Lambda), number(h.Model), number(h.Target), number(h.Rate)),
				"1; 1/year", fmt.Sprintf("%d storms in %d years, %d trial years", h.Record, c.years(), f.Trials)))
	}
	out = append(out, judgement("years of record that the unweighted model counts for in a strike's target rate", "", "constant",
		f.priors(), "year", "smooths coasts with few strikes and hardly moves the others"))
	return append(out, c.fitted("largest weight", "w_max", "constant", number(f.MaxWeight), "1", strconv.Itoa(f.Trials)+" trial years"))
}

// priors are the prior years of the hits, each value once, in order.
func (f *LandfallFit) priors() string {
	text, last := "", ""
	for _, h := range f.Hits {
		if p := number(h.Prior); p != last {
			text, last = text+", "+p, p
		}
	}
	if text == "" {
		return "none"
	}
	return text[len(", "):]
}

// span is "least to largest" of values, "none" without any.
func span(values []float64) string {
	if len(values) == 0 {
		return "none"
	}
	return number(slices.Min(values)) + " to " + number(slices.Max(values))
}

// number has the six significant digits with which the climatology is kept.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
