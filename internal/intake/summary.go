package intake

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/store/workspace"
)

// maxShares is how many keys a part of a summary has; the smallest go together under otherKey.
const maxShares = 200

const otherKey = "other"

// Summary counts a portfolio by what matters for wind. A location that is listed under several CondTags counts once.
func Summary(p *exposure.Portfolio, r *exposure.Report) *workspace.Summary {
	var counties, construction, occupancy, eras, lines tally
	coverages := [exposure.NumTIV]workspace.Share{{Key: "building"}, {Key: "other"}, {Key: "contents"}, {Key: "interruption"}}
	for _, a := range p.Accounts {
		lob := a.LOB()
		for i := a.First; i < a.First+a.Count; i++ {
			l := &p.Locations[i]
			if i > a.First && l.SameSite(&p.Locations[i-1]) {
				continue
			}
			tiv := tivOf(l.TIV)
			counties.add(l.CountyFIPS, tiv)
			construction.add(strconv.Itoa(l.ConstructionCode), tiv)
			occupancy.add(strconv.Itoa(l.OccupancyCode), tiv)
			eras.add(vulnerability.EraOf(l.YearBuilt).String(), tiv)
			lines.add(clip(lob), tiv)
			for c, v := range l.TIV {
				if v > 0 {
					coverages[c].Locations++
					coverages[c].TIV += v
				}
			}
		}
	}
	return &workspace.Summary{
		Coverages: coverages[:], Counties: counties.shares(), Construction: construction.shares(), Occupancy: occupancy.shares(),
		Eras: eras.shares(), Lines: lines.shares(), Policies: r.Policies, NotWind: r.NotWind, Warnings: len(r.Warnings),
	}
}

// tally counts by key.
type tally map[string]*workspace.Share

func (t *tally) add(key string, tiv float64) {
	if *t == nil {
		*t = tally{}
	}
	s := (*t)[key]
	if s == nil {
		s = &workspace.Share{Key: key}
		(*t)[key] = s
	}
	s.Locations++
	s.TIV += tiv
}

// shares are what was counted, the largest value first; those beyond maxShares are one.
func (t tally) shares() []workspace.Share {
	all := make([]workspace.Share, 0, len(t))
	for _, s := range t {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b workspace.Share) int { return cmp.Or(cmp.Compare(b.TIV, a.TIV), cmp.Compare(a.Key, b.Key)) })
	if len(all) <= maxShares {
		return all
	}
	rest := workspace.Share{Key: otherKey}
	for _, s := range all[maxShares-1:] {
		rest.Locations += s.Locations
		rest.TIV += s.TIV
	}
	return append(all[:maxShares-1:maxShares-1], rest)
}
