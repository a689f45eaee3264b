package loss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/internal/parallel"
	"github.com/qrsrisk/qrsd/engine/terms"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// Sites are a portfolio's insured places, in the order in which the kernel
// walks them: accounts by the wind cell of their first location, one account's locations together.
type Sites struct {
	Places *windfield.Places // centres of the wind cells
	Model  windfield.Model

	cellID []uint64 // identity of the cell, for random numbers
	sites  []site
	damage curves // of the kinds of building

	accounts []account // in the kernel's order
	runs     []run     // neighbouring flat accounts that add to the same sums together, every other account alone
	terms    *terms.Program
	largest  int // locations of the largest account

	Counties, LOBs, ZIPs, AccountSummaries []Summary
	Portfolio                              Summary
	Notes                                  []Note
}

// site is one location as the kernel sees it: all it reads of it lies together, as the kernel walks the sites in order.
type site struct {
	value       [exposure.NumTIV]float64
	total       float64 // sum of value; 0 for a row that repeats a location or does not cover wind
	key         uint64  // identity, for random numbers
	factors     windfield.Factors
	cell        uint32 // index of its wind cell
	zip         uint32
	function    uint32
	county, lob uint16
}

// curves are damage functions with what the kernel looks at first lying together: that decides whether the
// rest, which does not fit the cache of a core, is looked at.
type curves struct {
	first     []uint8 // vulnerability.Function.First of all functions, one after the other
	damage    [][]float32
	functions []*vulnerability.Function
}

// add appends a function and returns its index.
func (c *curves) add(f *vulnerability.Function) uint32 {
	c.first = append(c.first, f.First...)
	c.damage = append(c.damage, f.Damage)
	c.functions = append(c.functions, f)
	return uint32(len(c.functions) - 1)
}

// account is one account as the kernel sees it.
type account struct {
	first, count uint32 // sites
	number       uint32 // index in the portfolio, for terms
	isFlat       bool
	flat         terms.Flat // a copy, so that it lies in the kernel's order
}

// run is a range of accounts handled together: all flat, of one cell, line of business, county and ZIP
// code; or one account that is not flat.
type run struct {
	first, count uint32 // accounts
	flat         bool
}

// maxLOBs bounds the lines of business: each is kept by county, event and sample.
const maxLOBs = 500

// maxRun bounds a run, and with it the kernel's list of what a run's sites need.
const maxRun = 64

// Note counts locations with something the model could not use.
type Note struct {
	Text      string `json:"text"`
	Locations int    `json:"locations"`
}

// NewSites finds for every location its wind cell, gust factors and damage function, and compiles the terms.
//
// Errors: an occupancy or construction that no curve describes (with the location's number and line), or
// terms that cannot be calculated.
func NewSites(p *exposure.Portfolio, ground *geography.Florida, curves *vulnerability.Library, field windfield.Model) (*Sites, error) {
	program, err := terms.Compile(p, terms.Options{})
	if err != nil {
		return nil, err
	}
	s := &Sites{Model: field, terms: program}
	b := &siteBuilder{Sites: s, p: p, ground: ground, curves: curves}
	order := b.accountOrder()
	b.addAccounts(order)
	if n := len(b.LOBs); n > maxLOBs {
		return nil, fmt.Errorf("account file, LOB: %d lines of business, every one of which keeps a curve; the most is %d: group them", n, maxLOBs)
	}
	if err := b.makeFunctions(); err != nil {
		return nil, err
	}
	b.placeCells()
	b.makeRuns()
	b.finishNotes()
	return s, nil
}

// Len is the number of sites.
func (s *Sites) Len() int { return len(s.sites) }

// siteBuilder holds the tables that are needed only while the columns are built.
type siteBuilder struct {
	*Sites
	p      *exposure.Portfolio
	ground *geography.Florida
	curves *vulnerability.Library

	cells     map[uint64]uint32 // cell identity to index
	fetches   map[uint64]windfield.Factors
	function  map[vulnerability.Attributes]uint32
	counties  map[string]uint16
	zips      map[string]uint32
	lobs      map[string]uint16
	noteCount map[string]int
	kinds     []kind // by function
}

// kind is one kind of building, its first location and how many there are.
type kind struct {
	attributes vulnerability.Attributes
	first      *exposure.Location
	sites      int
}

// accountOrder sorts the accounts by the cell of their first location, then county, ZIP code, line of business
// and their order in the portfolio.
func (b *siteBuilder) accountOrder() []int {
	type place struct {
		number int
		cell   uint64
		first  *exposure.Location
		lob    string
	}
	places := make([]place, 0, len(b.p.Accounts))
	for i, a := range b.p.Accounts {
		if a.Count > 0 {
			l := &b.p.Locations[a.First]
			places = append(places, place{i, windfield.Cell(l.Latitude, l.Longitude), l, a.LOB()})
		}
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.cell, y.cell), cmp.Compare(x.first.CountyFIPS, y.first.CountyFIPS),
			cmp.Compare(x.first.PostalCode, y.first.PostalCode), cmp.Compare(x.lob, y.lob), cmp.Compare(x.number, y.number))
	})
	order := make([]int, len(places))
	for i, pl := range places {
		order[i] = pl.number
	}
	return order
}

func (b *siteBuilder) addAccounts(order []int) {
	b.cells, b.fetches = map[uint64]uint32{}, map[uint64]windfield.Factors{}
	b.function, b.noteCount = map[vulnerability.Attributes]uint32{}, map[string]int{}
	b.grow(len(b.p.Locations), len(order))
	b.indexSummaries(order)
	for _, number := range order {
		a := &b.p.Accounts[number]
		next := account{first: uint32(len(b.sites)), count: uint32(a.Count), number: uint32(number)}
		if flat, ok := b.terms.Flat(number); ok && a.Count == 1 {
			next.flat, next.isFlat = *flat, true
		}
		b.largest = max(b.largest, a.Count)
		summary := Summary{Level: ByAccount, Key: a.PortNumber + "/" + a.AccNumber, Name: a.AccNumber}
		lob := b.lobs[a.LOB()]
		for i := a.First; i < a.First+a.Count; i++ {
			repeated := i > a.First && b.p.Locations[i].SameSite(&b.p.Locations[i-1])
			b.addSite(&b.p.Locations[i], lob, repeated)
			summary.TIV += b.sites[len(b.sites)-1].total
		}
		b.accounts = append(b.accounts, next)
		b.AccountSummaries = append(b.AccountSummaries, summary)
	}
}

func (b *siteBuilder) grow(sites, accounts int) {
	b.sites = make([]site, 0, sites)
	b.accounts, b.AccountSummaries = make([]account, 0, accounts), make([]Summary, 0, accounts)
}

// indexSummaries lists counties, ZIP codes and lines of business in the order of their keys.
func (b *siteBuilder) indexSummaries(order []int) {
	counties, zips, lobs := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, number := range order {
		a := &b.p.Accounts[number]
		lobs[a.LOB()] = true
		for _, l := range b.p.Locations[a.First : a.First+a.Count] {
			counties[l.CountyFIPS], zips[l.PostalCode] = true, true
		}
	}
	b.counties, b.Counties = index[uint16](counties, ByCounty)
	b.zips, b.ZIPs = index[uint32](zips, ByZIP)
	b.lobs, b.LOBs = index[uint16](lobs, ByLOB)
	for i := range b.Counties {
		if c, ok := b.ground.CountyPoint(b.Counties[i].Key); ok {
			b.Counties[i].Name = c.Name
		}
	}
}

func index[N uint16 | uint32](keys map[string]bool, level Level) (map[string]N, []Summary) {
	sorted := make([]string, 0, len(keys))
	for k := range keys {
		sorted = append(sorted, k)
	}
	slices.Sort(sorted)
	at, summaries := make(map[string]N, len(sorted)), make([]Summary, len(sorted))
	for i, k := range sorted {
		at[k] = N(i)
		summaries[i] = Summary{Level: level, Key: k, Name: k}
	}
	return at, summaries
}

// addSite appends a location. A row that repeats a location (it carries another condition
// tag) and a location that does not cover wind have no value, and so no loss.
func (b *siteBuilder) addSite(l *exposure.Location, lob uint16, repeated bool) {
	id := windfield.Cell(l.Latitude, l.Longitude)
	cell, ok := b.cells[id]
	if !ok {
		cell = uint32(len(b.cellID))
		b.cells[id] = cell
		b.cellID = append(b.cellID, id)
	}
	at := site{
		key: l.Key, cell: cell, factors: b.factorsAt(l.Latitude, l.Longitude), function: b.kindOf(l),
		county: b.counties[l.CountyFIPS], zip: b.zips[l.PostalCode], lob: lob,
	}
	if !repeated && l.CoversWind {
		at.value = l.TIV
		at.total = (l.TIV[0] + l.TIV[1]) + (l.TIV[2] + l.TIV[3])
	}
	b.sites = append(b.sites, at)
	b.Counties[at.county].TIV += at.total
	b.ZIPs[at.zip].TIV += at.total
	b.LOBs[lob].TIV += at.total
	b.Portfolio.TIV += at.total
}

// factorsAt are the gust factors of a position, looked up once per 0.002 degrees (200 m).
func (b *siteBuilder) factorsAt(lat, lon float64) windfield.Factors {
	const fine = 0.002
	id := uint64(math.Floor((lat+90)/fine))<<32 | uint64(math.Floor((lon+180)/fine))
	f, ok := b.fetches[id]
	if !ok {
		centre := func(v, origin float64) float64 { return float64((math.Floor((v+origin)/fine)+0.5)*fine) - origin }
		f = b.Model.GustFactors(b.ground.Fetch(centre(lat, 90), centre(lon, 180)))
		b.fetches[id] = f
	}
	return f
}

// kindOf finds the index of the location's kind of building.
func (b *siteBuilder) kindOf(l *exposure.Location) uint32 {
	region := [...]vulnerability.Region{vulnerability.Interior, vulnerability.WBDR, vulnerability.HVHZ}[b.ground.Region(l.Latitude, l.Longitude, l.CountyFIPS)]
	a := vulnerability.AttributesOf(l, region, vulnerability.Terrain(b.roughness(l)))
	for _, field := range vulnerability.Unused(&l.Modifiers) {
		b.noteCount[field+" is given and no curve can use it"]++
	}
	at, ok := b.function[a]
	if !ok {
		at = uint32(len(b.kinds))
		b.function[a] = at
		b.kinds = append(b.kinds, kind{attributes: a, first: l})
	}
	b.kinds[at].sites++
	return at
}

// unknown says for which locations there is no damage function.
func (k *kind) unknown(why error) error {
	l := k.first
	return fmt.Errorf("location file line %d, location %s of account %s, and %d more like it: %w", l.Line, l.LocNumber, l.AccNumber, k.sites-1, why)
}

// made is a damage function or, where it is nil, why there is none.
type made struct {
	function *vulnerability.Function
	err      error
}

// makeFunctions builds the damage function of every kind on all cores. Errors: all kinds without a curve.
func (b *siteBuilder) makeFunctions() error {
	var errs []error
	known := map[*vulnerability.Function]uint32{}
	of := make([]uint32, len(b.kinds)) // kind to function: kinds that no curve tells apart share one
	err := parallel.Ordered(context.Background(), len(b.kinds), runtime.GOMAXPROCS(0),
		func(i, _ int) (made, error) {
			f, err := b.curves.Function(b.kinds[i].attributes)
			return made{f, err}, nil
		},
		func(i int, m made) error {
			if m.function == nil {
				errs = append(errs, b.kinds[i].unknown(m.err))
				return nil
			}
			at, ok := known[m.function]
			if !ok {
				at = b.damage.add(m.function)
				known[m.function] = at
			}
			of[i] = at
			for _, n := range m.function.Notes {
				b.noteCount[n] += b.kinds[i].sites
			}
			return nil
		})
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	for i := range b.sites {
		b.sites[i].function = of[b.sites[i].function]
	}
	return nil
}

// roughness is the terrain class of a location: as given in OED's TerrainRoughness, else by its ZIP code.
func (b *siteBuilder) roughness(l *exposure.Location) geography.Roughness {
	switch l.TerrainRoughness {
	case 1, 2: // city centres; urban, suburban and wooded areas: 0.35 m for both, as Hazus has no city centre
		return geography.Suburban
	case 3, 4: // open, with scattered obstructions or without
		return geography.OpenTerrain
	}
	return b.ground.Terrain(l.PostalCode, l.Latitude, l.Longitude)
}

func (b *siteBuilder) finishNotes() {
	for text, n := range b.noteCount {
		b.Notes = append(b.Notes, Note{text, n})
	}
	slices.SortFunc(b.Notes, func(x, y Note) int {
		return cmp.Or(cmp.Compare(y.Locations, x.Locations), cmp.Compare(x.Text, y.Text))
	})
}

func (b *siteBuilder) placeCells() {
	lat, lon := make([]float64, len(b.cellID)), make([]float64, len(b.cellID))
	for i, id := range b.cellID {
		lat[i], lon[i] = windfield.CellCentre(id)
	}
	b.Places = windfield.NewPlaces(lat, lon)
}

// makeRuns joins neighbouring flat accounts that add to the same sums.
func (b *siteBuilder) makeRuns() {
	for i := range b.accounts {
		a := &b.accounts[i]
		if n := len(b.runs); a.isFlat && n > 0 && b.runs[n-1].flat && b.runs[n-1].count < maxRun &&
			b.alike(b.accounts[b.runs[n-1].first].first, a.first) {
			b.runs[n-1].count++
			continue
		}
		b.runs = append(b.runs, run{uint32(i), 1, a.isFlat})
	}
}

func (b *siteBuilder) alike(i, k uint32) bool {
	x, y := &b.sites[i], &b.sites[k]
	return x.cell == y.cell && x.county == y.county && x.zip == y.zip && x.lob == y.lob
}
