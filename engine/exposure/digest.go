package exposure

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math"
	"slices"
)

// digestVersion begins the encoding; it changes when the encoding does.
const digestVersion = "qrsd exposure portfolio 1"

// Digest is SHA-256 over a canonical encoding of everything in the portfolio that can
// affect a result: not line numbers, the order of rows, or columns that are only kept.
//
// The encoding: strings as their length in bytes (big-endian uint32) and UTF-8; numbers as eight
// big-endian bytes (floats as IEEE 754 bits, integers in two's complement); flags
// and codes as one byte; lists after their length. First the version string, the currency and the
// number of accounts; then each account in canonical order: its two numbers, its locations, its
// rows; fields in the order of their declaration in portfolio.go, an absent condition or
// step as one zero byte, a step's columns sorted by name.
func (p *Portfolio) Digest() [32]byte {
	h := sha256.New()
	b := encoder(nil).text(digestVersion, p.Currency).number(len(p.Accounts))
	for i := range p.Accounts {
		a := &p.Accounts[i]
		b = b.text(a.PortNumber, a.AccNumber).number(a.Count)
		for j := a.First; j < a.First+a.Count; j++ {
			l := &p.Locations[j]
			b = encoder(l.append(b, nil, true)).terms(l.Terms)
			if len(b) > 1<<16 {
				h.Write(b)
				b = b[:0]
			}
		}
		b = b.number(len(a.Rows))
		for j := range a.Rows {
			b = a.Rows[j].append(b)
		}
	}
	h.Write(b)
	return [32]byte(h.Sum(nil))
}

// encoder appends the canonical encoding.
type encoder []byte

func (b encoder) text(list ...string) encoder {
	for _, s := range list {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

func (b encoder) number(list ...int) encoder {
	for _, v := range list {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func (b encoder) float(list ...float64) encoder {
	for _, v := range list {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

func (b encoder) flag(list ...bool) encoder {
	for _, v := range list {
		b = append(b, byte(flag(v)))
	}
	return b
}

func (b encoder) terms(list []CoverageTerms) encoder {
	b = b.number(len(list))
	for i := range list {
		b = list[i].append(b)
	}
	return b
}

// append adds the encoding of a location without its Terms; tag says whether CondTag is in it.
// Before Terms is made, set stands for it.
func (l *Location) append(b []byte, set *termSet, tag bool) []byte {
	e := encoder(b).text(l.PortNumber, l.AccNumber, l.LocNumber).number(int(l.Key)).
		text(l.CountryCode, l.AreaCode, l.PostalCode, l.CountyFIPS).float(l.Latitude, l.Longitude)
	e = append(e, byte(l.Geocode))
	e = e.number(l.OccupancyCode, l.ConstructionCode, l.YearBuilt, l.NumberOfStoreys, l.NumberOfBuildings).
		flag(l.IsAggregate).float(l.FloorArea, l.BuildingHeight)
	e = l.Modifiers.append(e)
	e = e.float(l.TIV[:]...).float(l.BIPOI, l.BIWaitingPeriod, l.Participation).
		text(l.PerilsCovered, l.Peril).flag(l.CoversWind, l.TermsForWind).text(l.LocGroup, l.ReinsTag)
	if tag {
		e = e.text(l.CondTag)
	}
	e = append(e, l.PayoutBasis, l.TerrainRoughness)
	e = e.text(l.InceptionDate, l.ExpiryDate)
	if set != nil {
		for i := range set {
			e = set[i].append(e)
		}
	}
	return e
}

func (m *Modifiers) append(e encoder) encoder {
	e = e.number(m.YearUpgraded, m.RoofYearBuilt)
	return append(e, m.RoofCover, m.RoofGeometry, m.RoofFrame, m.RoofDeck, m.RoofPitch,
		m.RoofAnchorage, m.RoofDeckAttachment, m.RoofCoverAttachment,
		m.RoofEquipment, m.RoofMaintenance, m.RoofAttachedStructures,
		m.GlassType, m.WindowProtection, m.ExternalDoors, m.Cladding,
		m.FoundationType, m.FoundationConnection, m.FEMACompliance,
		m.BuildingCondition, m.ConstructionQuality, m.BuildingShape,
		m.BuildingExteriorOpening, m.TreeExposure, m.SmallDebris,
		m.BrickVeneer, m.Chimney, m.Flashing, m.WallAttachedStructure,
		m.AppurtenantStructure, m.ContentsWindVuln, m.TallOneStory, m.MultiStoryHall)
}

// append adds the encoding of an account row, without its line.
func (r *AccountRow) append(b []byte) []byte {
	e := encoder(b).text(r.PolNumber, r.LOB, r.PolPerilsCovered, r.PolPeril, r.AccPeril).
		flag(r.CoversWind, r.PolicyForWind, r.AccountForWind).number(r.LayerNumber).
		float(r.LayerParticipation, r.LayerLimit, r.LayerAttachment, r.AccParticipation).
		terms(r.Policy).terms(r.Account).flag(r.Condition != nil)
	if c := r.Condition; c != nil {
		e = e.text(c.Tag, c.Number, c.Name, c.Peril).number(c.Priority).flag(c.ForWind)
		e = append(e, c.Class)
		e = e.terms(c.Terms)
	}
	e = e.flag(r.Step != nil)
	if r.Step != nil {
		e = e.step(r.Step)
	}
	return e
}

func (b encoder) step(s *Step) encoder {
	names := slices.Sorted(maps.Keys(s.Columns))
	b = b.number(len(names))
	for _, name := range names {
		b = b.text(name, s.Columns[name])
	}
	return b
}
