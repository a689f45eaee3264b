package exposure

// locationRow is a location being read, with the columns that do not reach Location as they are.
type locationRow struct {
	Location
	currency, version     string
	terms                 termSet
	floorUnit, heightUnit int
	geogScheme, geogName  [5]string
	latitude, longitude   bool // given
}

func setText[R any](field func(*R) *string) binding[R] {
	return binding[R]{text: func(r *R, s string) { *field(r) = s }}
}

func setNumber[R any](field func(*R) *float64) binding[R] {
	return binding[R]{number: func(r *R, v float64) { *field(r) = v }}
}

func setInt[R any](field func(*R) *int) binding[R] {
	return binding[R]{number: func(r *R, v float64) { *field(r) = int(v) }}
}

func setCode[R any](field func(*R) *uint8) binding[R] {
	return binding[R]{number: func(r *R, v float64) { *field(r) = uint8(v) }}
}

// locationBindings are the columns of a location file that reach a Location.
func locationBindings() map[string]binding[locationRow] {
	type row = locationRow
	b := map[string]binding[row]{
		"PortNumber":         setText(func(r *row) *string { return &r.PortNumber }),
		"AccNumber":          setText(func(r *row) *string { return &r.AccNumber }),
		"LocNumber":          setText(func(r *row) *string { return &r.LocNumber }),
		"CountryCode":        setText(func(r *row) *string { return &r.CountryCode }),
		"AreaCode":           setText(func(r *row) *string { return &r.AreaCode }),
		"PostalCode":         setText(func(r *row) *string { return &r.PostalCode }),
		"LocPerilsCovered":   setText(func(r *row) *string { return &r.PerilsCovered }),
		"LocPeril":           setText(func(r *row) *string { return &r.Peril }),
		"LocCurrency":        setText(func(r *row) *string { return &r.currency }),
		"CondTag":            setText(func(r *row) *string { return &r.CondTag }),
		"LocGroup":           setText(func(r *row) *string { return &r.LocGroup }),
		"ReinsTag":           setText(func(r *row) *string { return &r.ReinsTag }),
		"LocInceptionDate":   setText(func(r *row) *string { return &r.InceptionDate }),
		"LocExpiryDate":      setText(func(r *row) *string { return &r.ExpiryDate }),
		"OEDVersion":         setText(func(r *row) *string { return &r.version }),
		"BuildingTIV":        setNumber(func(r *row) *float64 { return &r.TIV[0] }),
		"OtherTIV":           setNumber(func(r *row) *float64 { return &r.TIV[1] }),
		"ContentsTIV":        setNumber(func(r *row) *float64 { return &r.TIV[2] }),
		"BITIV":              setNumber(func(r *row) *float64 { return &r.TIV[3] }),
		"BIPOI":              setNumber(func(r *row) *float64 { return &r.BIPOI }),
		"BIWaitingPeriod":    setNumber(func(r *row) *float64 { return &r.BIWaitingPeriod }),
		"LocParticipation":   setNumber(func(r *row) *float64 { return &r.Participation }),
		"FloorArea":          setNumber(func(r *row) *float64 { return &r.FloorArea }),
		"BuildingHeight":     setNumber(func(r *row) *float64 { return &r.BuildingHeight }),
		"FloorAreaUnit":      setInt(func(r *row) *int { return &r.floorUnit }),
		"BuildingHeightUnit": setInt(func(r *row) *int { return &r.heightUnit }),
		"OccupancyCode":      setInt(func(r *row) *int { return &r.OccupancyCode }),
		"ConstructionCode":   setInt(func(r *row) *int { return &r.ConstructionCode }),
		"YearBuilt":          setInt(func(r *row) *int { return &r.YearBuilt }),
		"NumberOfStoreys":    setInt(func(r *row) *int { return &r.NumberOfStoreys }),
		"NumberOfBuildings":  setInt(func(r *row) *int { return &r.NumberOfBuildings }),
		"PayoutBasis":        setCode(func(r *row) *uint8 { return &r.PayoutBasis }),
		"TerrainRoughness":   setCode(func(r *row) *uint8 { return &r.TerrainRoughness }),
		"IsAggregate":        {number: func(r *row, v float64) { r.IsAggregate = v != 0 }},
		"Latitude":           {number: func(r *row, v float64) { r.Latitude, r.latitude = v, true }},
		"Longitude":          {number: func(r *row, v float64) { r.Longitude, r.longitude = v, true }},
	}
	for i, n := range [...]string{"1", "2", "3", "4", "5"} {
		b["GeogScheme"+n] = setText(func(r *row) *string { return &r.geogScheme[i] })
		b["GeogName"+n] = setText(func(r *row) *string { return &r.geogName[i] })
	}
	bindModifiers(b)
	bindTerms(b, "Loc", func(r *row) *termSet { return &r.terms })
	return b
}

// bindModifiers adds the secondary modifiers.
func bindModifiers(b map[string]binding[locationRow]) {
	type row = locationRow
	b["YearUpgraded"] = setInt(func(r *row) *int { return &r.Modifiers.YearUpgraded })
	b["RoofYearBuilt"] = setInt(func(r *row) *int { return &r.Modifiers.RoofYearBuilt })
	for name, field := range map[string]func(*Modifiers) *uint8{
		"RoofCover":               func(m *Modifiers) *uint8 { return &m.RoofCover },
		"RoofGeometry":            func(m *Modifiers) *uint8 { return &m.RoofGeometry },
		"RoofFrame":               func(m *Modifiers) *uint8 { return &m.RoofFrame },
		"RoofDeck":                func(m *Modifiers) *uint8 { return &m.RoofDeck },
		"RoofPitch":               func(m *Modifiers) *uint8 { return &m.RoofPitch },
		"RoofAnchorage":           func(m *Modifiers) *uint8 { return &m.RoofAnchorage },
		"RoofDeckAttachment":      func(m *Modifiers) *uint8 { return &m.RoofDeckAttachment },
		"RoofCoverAttachment":     func(m *Modifiers) *uint8 { return &m.RoofCoverAttachment },
		"RoofEquipment":           func(m *Modifiers) *uint8 { return &m.RoofEquipment },
		"RoofMaintenance":         func(m *Modifiers) *uint8 { return &m.RoofMaintenance },
		"RoofAttachedStructures":  func(m *Modifiers) *uint8 { return &m.RoofAttachedStructures },
		"GlassType":               func(m *Modifiers) *uint8 { return &m.GlassType },
		"WindowProtection":        func(m *Modifiers) *uint8 { return &m.WindowProtection },
		"ExternalDoors":           func(m *Modifiers) *uint8 { return &m.ExternalDoors },
		"Cladding":                func(m *Modifiers) *uint8 { return &m.Cladding },
		"FoundationType":          func(m *Modifiers) *uint8 { return &m.FoundationType },
		"FoundationConnection":    func(m *Modifiers) *uint8 { return &m.FoundationConnection },
		"FEMACompliance":          func(m *Modifiers) *uint8 { return &m.FEMACompliance },
		"BuildingCondition":       func(m *Modifiers) *uint8 { return &m.BuildingCondition },
		"ConstructionQuality":     func(m *Modifiers) *uint8 { return &m.ConstructionQuality },
		"BuildingShape":           func(m *Modifiers) *uint8 { return &m.BuildingShape },
		"BuildingExteriorOpening": func(m *Modifiers) *uint8 { return &m.BuildingExteriorOpening },
		"TreeExposure":            func(m *Modifiers) *uint8 { return &m.TreeExposure },
		"SmallDebris":             func(m *Modifiers) *uint8 { return &m.SmallDebris },
		"BrickVeneer":             func(m *Modifiers) *uint8 { return &m.BrickVeneer },
		"Chimney":                 func(m *Modifiers) *uint8 { return &m.Chimney },
		"Flashing":                func(m *Modifiers) *uint8 { return &m.Flashing },
		"WallAttachedStructure":   func(m *Modifiers) *uint8 { return &m.WallAttachedStructure },
		"AppurtenantStructure":    func(m *Modifiers) *uint8 { return &m.AppurtenantStructure },
		"ContentsWindVuln":        func(m *Modifiers) *uint8 { return &m.ContentsWindVuln },
		"TallOneStory":            func(m *Modifiers) *uint8 { return &m.TallOneStory },
		"MultiStoryHall":          func(m *Modifiers) *uint8 { return &m.MultiStoryHall },
	} {
		b[name] = setCode(func(r *row) *uint8 { return field(&r.Modifiers) })
	}
}

// squareMetres and metres are OED's unit codes in SI.
func squareMetres(unit int) float64 {
	return [...]float64{11: 0.09290304, 12: 1, 13: 4046.8564224, 14: 10000}[unit]
}

func metres(unit int) float64 { return [...]float64{1: 0.3048, 2: 1, 3: 1000, 4: 1609.344}[unit] }

// toSI converts floor area and height; -999 and other non-positive heights mean unknown.
func (r *locationRow) toSI() {
	r.FloorArea *= squareMetres(r.floorUnit)
	r.BuildingHeight = max(0, r.BuildingHeight) * metres(r.heightUnit)
}

// checkYears refuses years that are not of four digits, e.g. an age written for a year.
func (r *locationRow) checkYears(fault rowFault) {
	for _, y := range [...]struct {
		column string
		year   int
	}{{"YearBuilt", r.YearBuilt}, {"YearUpgraded", r.Modifiers.YearUpgraded}, {"RoofYearBuilt", r.Modifiers.RoofYearBuilt}} {
		if y.year != 0 && (y.year < 1000 || y.year > 2100) {
			fault(y.column, formatNumber(float64(y.year)), "not a year of four digits", "write the year, or 0 if unknown")
		}
	}
}

// internLocation gives a Location strings of its own: those of the row belong to the reader.
func internLocation(r *locationRow, in *interner, terms *termInterner) Location {
	loc := r.Location
	for _, s := range [...]*string{&loc.PortNumber, &loc.AccNumber, &loc.LocNumber, &loc.CountryCode, &loc.AreaCode, &loc.PostalCode,
		&loc.CountyFIPS, &loc.PerilsCovered, &loc.Peril, &loc.CondTag, &loc.LocGroup, &loc.ReinsTag, &loc.InceptionDate, &loc.ExpiryDate} {
		*s = in.text(*s)
	}
	loc.Terms = terms.shared(&r.terms)
	return loc
}
