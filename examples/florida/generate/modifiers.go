package main

import (
	"github.com/qrsrisk/qrsd/internal/rng"
)

// modifiers are OED secondary modifiers; 0 = unknown.
type modifiers struct {
	roofGeometry, roofCover, roofYear, roofAnchorage, roofDeckAttachment, windowProtection int
}

// Shares of homes with a wind-mitigation inspection, on which every modifier is known,
// and with only what shows from outside.
const (
	inspectedShare = 0.32
	seenShare      = 0.25
)

// drawModifiers draws what is known of roof and openings. Roofs are worth a homeowner's
// inspection, so that shares differ little by region; the era decides nails,
// straps and shutters.
func drawModifiers(b *building, s *rng.Stream) modifiers {
	var m modifiers
	known := pick(s, inspectedShare, seenShare, 1-inspectedShare-seenShare)
	if b.use == renter || known == 2 {
		return m
	}
	if b.use == manufactured {
		if known == 0 {
			m.windowProtection = 1 + pick(s, 0.8, 0.1, 0.1)
		}
		return m
	}
	m.roofCover = drawRoofCover(b, s)
	m.roofGeometry = drawRoofGeometry(b, s)
	if known == 1 {
		return m
	}
	if b.year < 2008 && chance(s, 0.5) {
		m.roofYear = max(b.year, 2005+s.Intn(21))
	}
	m.windowProtection = drawWindowProtection(b, s)
	if b.storeys <= 3 && b.use <= association {
		m.roofAnchorage, m.roofDeckAttachment = drawRoofFastening(b, s)
	}
	return m
}

func drawRoofCover(b *building, s *rng.Stream) int {
	switch {
	case b.storeys > 3 || b.use > association:
		return [...]int{6, 7, 9, 4, 8}[pick(s, 4, 3, 1, 1, 1)]
	case b.region() == south:
		return [...]int{1, 3, 8, 11}[pick(s, 4, 4.5, 1, 0.5)]
	}
	return [...]int{1, 3, 8, 11}[pick(s, 7.5, 0.8, 1.2, 0.5)]
}

func drawRoofGeometry(b *building, s *rng.Stream) int {
	if b.storeys > 3 || b.use > association {
		return 1
	}
	hip := 0.34
	if b.year >= 1994 {
		hip = 0.52
	}
	return [...]int{3, 2, 8, 1}[pick(s, hip, (0.95-hip)*0.7, (0.95-hip)*0.3, 0.05)]
}

// drawWindowProtection follows the code: openings are protected in Miami-Dade and
// Broward from 1994 and in most of the coast from 2002; before, by the owner's will.
func drawWindowProtection(b *building, s *rng.Stream) int {
	none, engineered := 0.72, 0.12
	switch {
	case (b.county.FIPS == "12086" || b.county.FIPS == "12011") && b.year >= 1994:
		none, engineered = 0.05, 0.9
	case b.year >= 2002 && b.coastKm < coastReach:
		none, engineered = 0.3, 0.6
	case b.region() == south:
		none, engineered = 0.45, 0.35
	}
	return 1 + pick(s, none, 1-none-engineered, engineered)
}

// drawRoofFastening draws the roof-to-wall connection (2 toe nails, 7 clips, 9 single and
// 8 double wraps) and the nailing of the deck (5 6d, 6 8d, 7 8d at 6 inches).
func drawRoofFastening(b *building, s *rng.Stream) (anchorage, deck int) {
	switch {
	case b.year >= 2002:
		return [...]int{7, 9, 8}[pick(s, 0.3, 0.55, 0.15)], [...]int{6, 7}[pick(s, 0.3, 0.7)]
	case b.year >= 1994:
		return [...]int{2, 7, 9}[pick(s, 0.1, 0.5, 0.4)], [...]int{5, 6, 7}[pick(s, 0.1, 0.6, 0.3)]
	}
	return [...]int{2, 7, 9}[pick(s, 0.55, 0.3, 0.15)], [...]int{5, 6}[pick(s, 0.7, 0.3)]
}
