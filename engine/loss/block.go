package loss

import (
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/hazard/windfield"
	"github.com/qrsrisk/qrsd/engine/terms"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// Draw says how damage is drawn.
type Draw struct {
	Samples     int // draws per event; 0 = the mean alone
	Seed        uint64
	Correlation Correlation
}

// Events is where events come from: *hazard.Catalog for the stochastic catalogue.
type Events interface {
	// Year returns the events of a simulated year, always the same for the same year.
	Year(year int) []hazard.Event
}

// Kernel computes the losses of years. It owns its buffers: one kernel per goroutine.
//
// The walk is by year; within it by run of accounts; within that by event and sample, so that a
// site's annual loss is complete when the site is left. Sums over sites are taken in the order of
// Sites, which depends on the portfolio alone.
//
// Profile (100,000 locations, 10 samples): drawing damage takes about two fifths of the time of a year, finding a
// site's curve at its gust a fifth, terms a seventh, wind a sixteenth. The curves of a large portfolio (18,000 of 9 KB) do
// not fit a core's cache, so both of the first two wait for memory: smaller tables and early loads helped most, fewer
// operations hardly. With few locations (5,000) wind and catalogue are half.
type Kernel struct {
	sites  *Sites
	events Events
	draw   Draw
	width  int

	loadEvent, loadLocal, loadOwn float64

	pool   []storm   // storms with their buffers
	storms []storm   // of the year in hand: the first of pool
	annual []float64 // [perspective][sample] of the account or run in hand
	group  []float64 // [storm][gu, gross, impacted][sample] of the run in hand
	common []float64 // [storm][sample] event and local part of z, for the run in hand
	zips   []float64 // [zip][perspective][sample] annual loss, for the year in hand
	zipHit []bool
	zipUse []uint32 // ZIP codes hit this year, in order

	hits  []damage // [storm][account of the run in hand]; f is nil where there is no damaging wind
	touch float32  // keeps findHits' loads

	groundUp, gross []float64 // of one account that is not flat
	active          []bool
	scratch         terms.Scratch
	count           int64
}

// storm is one event of the year in hand.
type storm struct {
	event *hazard.Event
	field *windfield.Footprinter
	print *windfield.Footprint
	key   rng.Key
	z     []float64 // event part of z by sample
	// sums by county and line of business: [county*lobs+lob][gu, gross, impacted][sample], and the
	// footprint's TIV.
	sums      []float64
	footprint []float64
	touched   []bool
}

// Random streams of an event.
const (
	streamDamage = 1 << 40 // apart from the years of the catalogue
	streamEvent  = 1
	streamCell   = 2
	streamSite   = 3
)

// The three sums of a summary.
const (
	sumGroundUp = iota
	sumGross
	sumImpacted
	numSums
)

// NewKernel is a kernel for the portfolio's sites. The correlation must have been checked.
func NewKernel(s *Sites, events Events, d Draw) *Kernel {
	k := &Kernel{sites: s, events: events, draw: d, width: max(d.Samples, 1)}
	k.loadEvent, k.loadLocal, k.loadOwn = d.Correlation.loadings()
	k.annual = make([]float64, int(NumPerspectives)*k.width)
	k.zips = make([]float64, len(s.ZIPs)*int(NumPerspectives)*k.width)
	k.zipHit = make([]bool, len(s.ZIPs))
	k.groundUp = make([]float64, s.largest*exposure.NumTIV*k.width)
	k.gross = make([]float64, s.largest*k.width)
	k.active = make([]bool, s.largest)
	return k
}

// SiteEvents is how many pairs of site and event with damaging wind the kernel has computed; times the
// width it is the number of site-event-samples.
func (k *Kernel) SiteEvents() int64 { return k.count }

// Begin is an empty partial table for Year to add to.
func (k *Kernel) Begin() *Partial { return newPartial(k.sites, k.width) }

// Year computes one simulated year and adds its losses to the partial table. Years of a block are added in order.
func (k *Kernel) Year(year int, out *Partial) {
	k.begin(k.events.Year(year))
	if len(k.storms) == 0 {
		return
	}
	for i := range k.sites.runs {
		if r := &k.sites.runs[i]; r.flat {
			k.flatRun(r, out)
		} else {
			k.account(&k.sites.accounts[r.first], int(r.first), out)
		}
	}
	k.endZIPs(out)
	for i := range k.storms {
		k.storms[i].flush(k.sites, k.width, out)
	}
}

// begin computes the footprints of the year's events and drops those that reach no cell.
func (k *Kernel) begin(events []hazard.Event) {
	k.storms = k.storms[:0]
	for i := range events {
		s := k.next()
		s.event, s.print = &events[i], s.field.Of(&events[i])
		if !reaches(s.print) {
			continue
		}
		s.key = rng.New(k.draw.Seed).Derive(streamDamage).Derive(uint64(events[i].ID))
		key := s.key.Derive(streamEvent)
		for j := range s.z {
			s.z[j] = k.loadEvent * key.Normal(uint64(j))
		}
		k.storms = k.pool[:len(k.storms)+1]
	}
	if need := len(k.storms) * k.width; len(k.common) < need {
		k.group = make([]float64, numSums*need)
		k.common = make([]float64, need)
	}
	if need := len(k.storms) * maxRun; len(k.hits) < need {
		k.hits = make([]damage, need)
	}
}

// next is the storm after those in hand, with buffers of its own.
func (k *Kernel) next() *storm {
	if len(k.storms) == len(k.pool) {
		k.pool = append(k.pool, k.newStorm())
	}
	return &k.pool[len(k.storms)]
}

func (k *Kernel) newStorm() storm {
	cells := len(k.sites.Counties) * len(k.sites.LOBs)
	return storm{
		field: k.sites.Model.NewFootprinter(k.sites.Places), z: make([]float64, k.width),
		sums: make([]float64, cells*numSums*k.width), footprint: make([]float64, cells), touched: make([]bool, cells),
	}
}

func reaches(p *windfield.Footprint) bool {
	for _, m := range p.Mean {
		if m > 0 {
			return true
		}
	}
	return false
}

// flatRun computes a run of accounts with one location each, all in one cell and adding to the same sums.
func (k *Kernel) flatRun(r *run, out *Partial) {
	s := k.sites
	first := s.accounts[r.first].first // flat accounts have one site each, so a run's sites lie together
	sites := s.sites[first : first+r.count]
	lead := &sites[0]
	if !k.reached(lead.cell) || !k.findHits(sites) {
		return
	}
	k.drawLocal(lead.cell)
	clear(k.group[:len(k.storms)*numSums*k.width])
	annualGroup := k.zipAnnual(lead.zip)
	for a := range sites {
		hit := false
		for e := range k.storms {
			if h := &k.hits[e*maxRun+a]; h.f != nil {
				k.flatSite(e, &s.accounts[int(r.first)+a].flat, &sites[a], h)
				hit = true
			}
		}
		if hit {
			out.addAccount(int(r.first)+a, k.annual, k.width)
			addTo(annualGroup, k.annual)
			clear(k.annual)
		}
	}
	at := int(lead.county)*len(s.LOBs) + int(lead.lob)
	for e := range k.storms {
		k.storms[e].add(at, k.group[e*numSums*k.width:(e+1)*numSums*k.width])
	}
}

// likely is the place on the z grid (z = 1.5) below which damage must begin for a table to be worth fetching early.
const likely = (1.5 - vulnerability.ZMin) / vulnerability.ZStep

// findHits finds the damage functions of a run's sites at their gusts, storm by storm, and reports whether
// there are any. The loads of one site do not wait for those of another, so the misses of the cache overlap; they
// are most of the time of a large portfolio.
func (k *Kernel) findHits(sites []site) bool {
	s, cell, found := k.sites, sites[0].cell, false
	for e := range k.storms {
		st := &k.storms[e]
		mean, from := st.print.Mean[cell], st.print.From[cell]
		for a := range sites {
			h := &k.hits[e*maxRun+a]
			h.f = nil
			at := &sites[a]
			if mean == 0 || at.total == 0 {
				continue
			}
			gust := gustAt(mean, from, &at.factors)
			if gust < windfield.Threshold {
				continue
			}
			*h = s.damage.at(at.function, gust)
			if h.none < likely {
				k.touch += h.low[vulnerability.ZCount/2] + h.high[vulnerability.ZCount/2]
			}
			st.footprint[int(at.county)*len(s.LOBs)+int(at.lob)] += at.total
			k.count++
			found = true
		}
	}
	return found
}

// reached reports whether any storm of the year brings damaging wind to the cell.
func (k *Kernel) reached(cell uint32) bool {
	for e := range k.storms {
		if k.storms[e].print.Mean[cell] > 0 {
			return true
		}
	}
	return false
}

// drawLocal sets the part of z that the sites of a cell have in common, for each storm.
func (k *Kernel) drawLocal(cell uint32) {
	for e := range k.storms {
		st := &k.storms[e]
		if st.print.Mean[cell] == 0 {
			continue
		}
		key := st.key.Derive(streamCell).Derive(k.sites.cellID[cell])
		common := k.common[e*k.width : (e+1)*k.width]
		for j := range common {
			common[j] = st.z[j] + float64(k.loadLocal*key.NormalFast(uint64(j)))
		}
	}
}

// flatSite adds one site's losses in storm e to the account's annual losses and the group's sums.
func (k *Kernel) flatSite(e int, flat *terms.Flat, at *site, d *damage) {
	w := k.width
	group := k.group[e*numSums*w : (e+1)*numSums*w]
	if k.draw.Samples == 0 {
		k.flatMean(d, flat, at, group)
		return
	}
	gu, gr, im := group[:w], group[w:2*w], group[2*w:3*w]
	annualGU, annualGR := k.annual[:w], k.annual[w:2*w]
	common := k.common[e*w : (e+1)*w]
	key := k.storms[e].key.Derive(streamSite).Derive(at.key)
	ratios := d.f.Ratios
	for j := range w {
		b := d.building(common[j] + float64(k.loadOwn*key.NormalFast(uint64(j))))
		if b <= 0 {
			continue
		}
		b1, b2, b3, b4 := losses(ratios, &at.value, b)
		ground := (b1 + b2) + (b3 + b4)
		gross := flat.Gross(b1, b2, b3, b4)
		gu[j] += ground
		gr[j] += gross
		im[j] += at.total
		annualGU[j] += ground
		annualGR[j] += gross
	}
}

// flatMean is flatSite for the mean alone: terms are applied to the mean loss, which is not
// the mean of the terms.
func (k *Kernel) flatMean(d *damage, flat *terms.Flat, at *site, group []float64) {
	b1, b2, b3, b4 := d.means(&at.value)
	ground := (b1 + b2) + (b3 + b4)
	if ground <= 0 {
		return
	}
	gross := flat.Gross(b1, b2, b3, b4)
	group[sumGroundUp] += ground
	group[sumGross] += gross
	group[sumImpacted] += at.total
	k.annual[GroundUp] += ground
	k.annual[Gross] += gross
}

// account computes an account with several locations or unusual terms, storm by storm.
func (k *Kernel) account(acc *account, number int, out *Partial) {
	damaged := false
	for e := range k.storms {
		if k.damageAccount(e, acc) {
			n := int(acc.count) * k.width
			k.sites.terms.Apply(int(acc.number), k.width, k.groundUp[:n*exposure.NumTIV], k.gross[:n], &k.scratch)
			k.addLocations(e, acc)
			damaged = true
		}
	}
	if damaged {
		out.addAccount(number, k.annual, k.width)
		clear(k.annual)
	}
}

// damageAccount fills groundUp and reports whether the storm damages any location.
func (k *Kernel) damageAccount(e int, acc *account) bool {
	size := exposure.NumTIV * k.width
	some := false
	for n := range int(acc.count) {
		at := &k.sites.sites[int(acc.first)+n]
		k.active[n] = k.damageLocation(&k.storms[e], at, k.groundUp[n*size:(n+1)*size])
		some = some || k.active[n]
	}
	if !some {
		return false
	}
	for n := range int(acc.count) {
		if !k.active[n] {
			clear(k.groundUp[n*size : (n+1)*size])
		}
	}
	return true
}

// damageLocation fills one location's ground-up losses, [coverage][sample], and reports whether the wind
// can damage it; if not, out is left as it is.
func (k *Kernel) damageLocation(st *storm, at *site, out []float64) bool {
	mean := st.print.Mean[at.cell]
	if mean == 0 || at.total == 0 {
		return false
	}
	gust := gustAt(mean, st.print.From[at.cell], &at.factors)
	if gust < windfield.Threshold {
		return false
	}
	k.count++
	d := k.sites.damage.at(at.function, gust)
	if k.draw.Samples == 0 {
		out[0], out[1], out[2], out[3] = d.means(&at.value)
		return true
	}
	w := k.width
	local := st.key.Derive(streamCell).Derive(k.sites.cellID[at.cell])
	own := st.key.Derive(streamSite).Derive(at.key)
	for j := range w {
		z := st.z[j] + float64(k.loadLocal*local.NormalFast(uint64(j)))
		b := max(d.building(z+float64(k.loadOwn*own.NormalFast(uint64(j)))), 0)
		out[j], out[w+j], out[2*w+j], out[3*w+j] = losses(d.f.Ratios, &at.value, b)
	}
	return true
}

// addLocations adds an account's losses in storm e to all sums.
func (k *Kernel) addLocations(e int, acc *account) {
	s, st, w := k.sites, &k.storms[e], k.width
	for n := range int(acc.count) {
		if !k.active[n] {
			continue
		}
		place := &s.sites[int(acc.first)+n]
		at := int(place.county)*len(s.LOBs) + int(place.lob)
		st.touched[at] = true
		st.footprint[at] += place.total
		sums := st.sums[at*numSums*w : (at+1)*numSums*w]
		annual := k.zipAnnual(place.zip)
		g := k.groundUp[n*exposure.NumTIV*w : (n+1)*exposure.NumTIV*w]
		for j := range w {
			ground := (g[j] + g[w+j]) + (g[2*w+j] + g[3*w+j])
			if ground <= 0 {
				continue
			}
			gross := k.gross[n*w+j]
			sums[j] += ground
			sums[w+j] += gross
			sums[2*w+j] += place.total
			k.annual[j] += ground
			k.annual[w+j] += gross
			annual[j] += ground
			annual[w+j] += gross
		}
	}
}

// zipAnnual is the annual loss of a ZIP code in the year in hand, [perspective][sample].
func (k *Kernel) zipAnnual(zip uint32) []float64 {
	if !k.zipHit[zip] {
		k.zipHit[zip] = true
		k.zipUse = append(k.zipUse, zip)
	}
	n := int(NumPerspectives) * k.width
	return k.zips[int(zip)*n : (int(zip)+1)*n]
}

// endZIPs takes the year's losses by ZIP code into the moments.
func (k *Kernel) endZIPs(out *Partial) {
	n := int(NumPerspectives) * k.width
	for _, zip := range k.zipUse {
		annual := k.zips[int(zip)*n : (int(zip)+1)*n]
		out.zips.add(int(zip), annual, k.width)
		clear(annual)
		k.zipHit[zip] = false
	}
	k.zipUse = k.zipUse[:0]
}

// add adds a group's sums.
func (st *storm) add(at int, group []float64) {
	if st.footprint[at] > 0 {
		st.touched[at] = true
		addTo(st.sums[at*len(group):(at+1)*len(group)], group)
	}
}

func addTo(sum, part []float64) {
	for i, v := range part {
		sum[i] += v
	}
}
