package windfield

import (
	"strconv"

	"github.com/qrsrisk/qrsd/engine/registry"
)

// Parameters lists the wind field's parameters with the values of this Model. They are constants: the wind field
// draws nothing at random. None has a group by which it is switched off; evaluation.Ablate says what
// another value of each does to design gusts.
func (m Model) Parameters() []registry.Parameter {
	constant := func(kind registry.Kind, name, symbol string, value float64, unit, source string) registry.Parameter {
		return registry.Parameter{Name: name, Symbol: symbol, Stage: "windfield", Distribution: "constant",
			Value: strconv.FormatFloat(value, 'g', 6, 64), Unit: unit, Source: source, Kind: kind}
	}
	const vickery = "Vickery et al. 2009, J. Appl. Meteor. Climatol. 48: 381"
	list := []registry.Parameter{
		constant(registry.Literature, "hourly mean at 10 m over sea to gradient wind, within 2 Rmax", "", m.Inner, "1", vickery),
		constant(registry.Literature, "hourly mean at 10 m over sea to gradient wind, beyond 5 Rmax", "", m.Outer, "1", vickery),
		constant(registry.Literature, "mean wind over open land to that over sea", "", m.LandRatio, "1", vickery+", 0.80-0.83"),
		constant(registry.Literature, "gust factor 3 s to 1 h over open land", "G", m.LandGust, "1", "Vickery and Skerlj 2005, J. Struct. Eng. 131: 1801, 1.52-1.55"),
		constant(registry.Judgement, "gust factor 3 s to 1 h at the coast with wind off the sea", "G", m.SeaGust, "1",
			"gusts at the coast to those over open land as ASCE 7-16 exposure D to C at 10 m; between 1.30 at sea and 1.45 off the sea of Harper, Kepert and Ginger 2010 (WMO/TD 1555)"),
		constant(registry.Judgement, "fetch over which gusts adjust to land, e-folding", "L", m.TransitionKm, "km", "after "+vickery+": gusts adjusted within about 10 km"),
		constant(registry.Literature, "share of translation in the asymmetry", "", m.Asymmetry, "1", "Georgiou 1985, PhD thesis, University of Western Ontario"),
		constant(registry.Literature, "inflow angle of the surface wind", "", Inflow, "degree", "Zhang and Uhlhorn 2012, Mon. Wea. Rev. 140: 3587"),
		constant(registry.Literature, "gust below which nothing is damaged", "v0", Threshold, "m/s", "Florida Public Hurricane Loss Model v8.2, damage threshold 50 mph 3-s gust"),
	}
	for _, study := range []struct {
		name  string
		value float64
	}{{"factor on Holland's B", m.BScale}, {"factor on Rmax", m.RmaxScale}} {
		if study.value != 1 { // 1 is no parameter: the storm's own structure stands
			list = append(list, constant(registry.Judgement, study.name, "", study.value, "1", "sensitivity study"))
		}
	}
	return list
}
