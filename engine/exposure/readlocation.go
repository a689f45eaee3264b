package exposure

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
)

// readLocations reports whether it came to the end of the file.
func (im *importer) readLocations(src *Source) (complete bool, err error) {
	im.locationRows = map[rowKey]locationSeen{}
	return readTable(im, src, tableReader[locationRow]{
		kind: locationFile, bindings: locationBindings(), keys: []string{"PortNumber", "AccNumber", "LocNumber"}, badRows: im.opt.BadLocations,
		bound: func(t *table[locationRow], bad *badRows) { im.locTable, im.badLoc = t, bad },
		row: func(line int, fields []string, row *locationRow, fault rowFault) {
			before := im.find.count
			row.Line = line
			im.checkLocation(src, row, fault)
			im.placeLocation(src, fields, row, fault)
			first := im.placeLocationKey(row, fault)
			if im.find.count == before && first != notTaken {
				im.takeLocation(src, fields, row, first == firstOfLocation)
			}
		},
	})
}

// checkLocation makes the checks that need only the row.
func (im *importer) checkLocation(src *Source, r *locationRow, fault rowFault) {
	t := im.locTable
	if r.PerilsCovered == "" && !t.has("LocPerilsCovered") {
		r.PerilsCovered = r.Peril
		im.find.warn(Warning{File: src.Name, Column: "LocPeril", Line: r.Line, Value: r.Peril,
			Reason: "taken for LocPerilsCovered, which the file lacks"})
	}
	r.CoversWind = im.takePerils("LocPerilsCovered", r.PerilsCovered, fault).wind()
	r.TermsForWind = forWind(r.Peril, im.takePerils("LocPeril", r.Peril, fault))
	im.takeCurrency("LocCurrency", r.currency, fault)
	im.takeVersion(src.Name, r.Line, r.version)
	r.terms.check("Loc", r.Peril, fault)
	r.checkYears(fault)
	checkPeriod(r.InceptionDate, r.ExpiryDate, "LocInceptionDate", "LocExpiryDate", fault)
	r.toSI()
}

// placeLocation finds the row's county, and its coordinates where it has none.
func (im *importer) placeLocation(src *Source, fields []string, r *locationRow, fault rowFault) {
	t := im.locTable
	if im.opt.AnyCountry || (!r.latitude && t.given(fields, "latitude")) || (!r.longitude && t.given(fields, "longitude")) {
		return // a coordinate that cannot be read is reported already
	}
	if km := r.place(im.opt.Geocoder, fault); km > warnOffshoreKm {
		im.find.warn(Warning{File: src.Name, Column: "Latitude", Line: r.Line, Value: formatNumber(r.Latitude) + ", " + formatNumber(r.Longitude),
			Reason: "more than " + strconv.Itoa(warnOffshoreKm) + " km off the mapped land of the nearest county; taken as on its coast"})
	}
}

// warnOffshoreKm is how far off a county's polygon a location may lie without a
// warning: barrier islands and piers that a generalised coast leaves out.
const warnOffshoreKm = 5

// repeat says how a location row relates to those before it.
type repeat uint8

const (
	firstOfLocation repeat = iota
	nextCondTag            // the same location under another CondTag
	notTaken               // a duplicate, a contradiction, or a row without numbers
)

// placeLocationKey finds duplicates and rows of unknown accounts, and remembers the row.
func (im *importer) placeLocationKey(r *locationRow, fault rowFault) repeat {
	if r.PortNumber == "" || r.AccNumber == "" {
		return notTaken // reported as missing
	}
	im.useAccount(r, fault)
	if r.LocNumber == "" {
		return notTaken
	}
	sum, scratch := hashOf(im.scratch, r.PortNumber, r.AccNumber, r.LocNumber)
	r.Key = binary.BigEndian.Uint64(sum[:8])
	key := rowKey(sum[:16])
	scratch = r.Location.append(scratch[:0], &r.terms, false)
	content := sha256.Sum256(scratch)
	im.scratch = scratch
	tag := im.key(r.CondTag)
	now := locationSeen{line: lineNumber(r.Line), tag: binary.BigEndian.Uint32(tag[:4]), content: binary.BigEndian.Uint64(content[:8])}
	first, seen := im.locationRows[key]
	if !seen {
		im.locationRows[key] = now
		return firstOfLocation
	}
	return im.repeated(r, key, first, now, fault)
}

// repeated judges a second row of a location: legal under another CondTag if all else agrees.
func (im *importer) repeated(r *locationRow, key rowKey, first, now locationSeen, fault rowFault) repeat {
	line := first.line
	duplicate := first.tag == now.tag
	if !duplicate {
		withTag := im.key(string(key[:]), r.CondTag)
		line, duplicate = im.tagRows[withTag]
		if !duplicate {
			im.tagRows[withTag] = now.line
		}
	}
	switch {
	case duplicate && im.opt.AnyCountry && first.content == now.content:
		im.find.warn(Warning{File: im.locTable.name, Column: "LocNumber", Line: r.Line, Value: r.LocNumber, Reason: "the same row again; read once"})
	case duplicate:
		fault("LocNumber", r.LocNumber, "a duplicate of line "+strconv.Itoa(int(line))+": the same PortNumber, AccNumber, LocNumber and CondTag",
			"remove one of the rows, or number the locations apart")
	case first.content != now.content:
		fault("LocNumber", r.LocNumber, "differs from line "+strconv.Itoa(int(first.line))+", the same location under another CondTag",
			"repeat all values but CondTag, or number the locations apart")
	default:
		return nextCondTag
	}
	return notTaken
}

// useAccount marks the row's account as used, or reports that the account file lacks it.
func (im *importer) useAccount(r *locationRow, fault rowFault) {
	key := im.key(r.PortNumber, r.AccNumber)
	seen, ok := im.accounts[key]
	if !ok && im.accountFile {
		fault("AccNumber", r.AccNumber, "the account file has no account "+strconv.Quote(r.AccNumber)+" in portfolio "+strconv.Quote(r.PortNumber),
			"add the account, or correct the number")
		return
	}
	if !seen.used {
		seen.used = true
		im.accounts[key] = seen
	}
}

// takeLocation counts a row without faults and keeps it.
func (im *importer) takeLocation(src *Source, fields []string, r *locationRow, first bool) {
	if first {
		im.counts.Locations++
		im.counts.Geocoded[r.Geocode]++
		addTIV(&im.counts.TIV, &r.TIV)
		im.warnLocation(src, r)
	}
	if !im.storing() {
		return
	}
	if len(im.locations) == cap(im.locations) {
		im.grow(src)
	}
	im.locations = append(im.locations, internLocation(r, &im.text, &im.terms))
	im.locTable.keepText(fields)
}

func (im *importer) warnLocation(src *Source, r *locationRow) {
	if allZero(&r.TIV) {
		im.find.warn(Warning{File: src.Name, Column: "BuildingTIV", Line: r.Line, Reason: "all insured values are zero: the location has no loss"})
	}
	if !r.CoversWind && !im.opt.AnyCountry {
		im.counts.NotWind++
		im.find.warn(Warning{File: src.Name, Column: "LocPerilsCovered", Line: r.Line, Value: r.PerilsCovered,
			Reason: "wind (WTC) is not covered: this model gives the location no loss"})
	}
}

// grow makes room for the rows that the source says remain, at least an eighth more:
// doubling would hold three times the portfolio while it copies.
func (im *importer) grow(src *Source) {
	n := len(im.locations)
	more := max(1024, n/8)
	if n >= 1024 {
		estimate := src.rows.Estimate()
		more = max(more, min(estimate+estimate/64, 64*n))
	}
	im.locations = slices.Grow(im.locations, more)
}

// keepText appends a row to the columns kept as text.
func (t *table[R]) keepText(fields []string) {
	for i := range t.columns {
		if k := t.columns[i].kept; k != nil {
			k.add(trim(fields[i]))
		}
	}
}
