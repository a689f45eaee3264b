package storms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/exposure"
	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/internal/intake"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Sites implements web.Storms.
func (r *Recomputer) Sites(ctx context.Context, k *web.KeptStorms, number web.StormNumber, from, limit int) (out wire.StormSites, err error) {
	all, err := r.sites(ctx, k, number)
	if err != nil {
		return out, err
	}
	out = wire.StormSites{
		Basis: wire.Basis{Run: k.ID, Years: k.Years, Samples: k.Samples, Currency: k.Currency, Confidence: 0.9}, Event: int(number),
		Total: len(all), Items: []wire.StormSite{}, NextCursor: web.NextPlace(int64(from+limit), int64(len(all))),
	}
	for _, s := range all[min(from, len(all)):min(from+limit, len(all))] {
		out.Items = append(out.Items, siteView(s))
	}
	return out, nil
}

func siteView(s engine.SiteLoss) wire.StormSite {
	l := s.Location
	return wire.StormSite{
		Portfolio: l.PortNumber, Account: l.AccNumber, Location: l.LocNumber, Lat: l.Latitude, Lon: l.Longitude, CountyFIPS: l.CountyFIPS, ZIP: l.PostalCode,
		TIV: s.TIV, Gust: s.Gust * mphPerMetreS, GroundUp: s.GroundUp, Gross: s.Gross,
	}
}

// sites computes the sites that a storm damages, the largest loss first, and holds their sum to the run's table.
func (r *Recomputer) sites(ctx context.Context, k *web.KeptStorms, number web.StormNumber) ([]engine.SiteLoss, error) {
	if k.Portfolio.Locations > r.o.Locations {
		return nil, unavailable("the portfolio has %d locations; sites are computed of up to %d. Take the losses by county, or qrsd run --scenario with the files", k.Portfolio.Locations, r.o.Locations)
	}
	end, err := r.begin(ctx, k)
	if err != nil {
		return nil, err
	}
	defer end()
	_, e, err := r.storm(k, number)
	if err != nil {
		return nil, err
	}
	book, err := r.bookOf(ctx, k)
	if err != nil {
		return nil, err
	}
	all, err := book.Storm(k.Run.Spec, e)
	if err != nil {
		return nil, err
	}
	if err := r.agree(ctx, k, number, all); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b engine.SiteLoss) int {
		return cmp.Or(cmp.Compare(b.GroundUp, a.GroundUp), cmp.Compare(b.Gust, a.Gust))
	})
	return all, nil
}

// rounding is by how much the sum over sites may differ from a table's: it holds float32, of which the last of its 24 bits is rounded.
const rounding = 1e-6

// agree holds the losses of sites to those that the run has in its tables.
func (r *Recomputer) agree(ctx context.Context, k *web.KeptStorms, number web.StormNumber, all []engine.SiteLoss) error {
	losses, err := r.o.Figures.Storm(ctx, k.KeptRun, number)
	none := errors.Is(err, store.ErrNotFound)
	if err != nil && !none {
		return err
	}
	ground, gross := 0.0, 0.0
	for _, s := range all {
		ground += s.GroundUp
		gross += s.Gross
	}
	var want [2]float64
	if !none {
		want[0] = losses.Items[0].GroundUp.Mean
		if g := losses.Items[0].Gross; g != nil {
			want[1] = g.Mean
		}
	}
	for i, got := range [2]float64{ground, gross} {
		if math.Abs(got-want[i]) > rounding*max(want[i], 1) {
			return unavailable("event %d of run %s: its sites lose %.2f, in the tables of the run it has %.2f: this appliance does not compute what the run did", number, k.ID, got, want[i])
		}
	}
	return nil
}

// book is a portfolio as the model sees it, for a while.
type book struct {
	*engine.Book
	of   bookOf
	used bool // since it was last looked at
}

// bookOf is what a book is of: the exposure as the model with these judgements sees it.
type bookOf struct {
	exposure ledger.Digest
	model    ledger.Digest
	without  string
}

// bookOf gives the portfolio of a run: the one at hand, or read from its files.
func (r *Recomputer) bookOf(ctx context.Context, k *web.KeptStorms) (*engine.Book, error) {
	of := bookOf{k.Run.Exposure, k.Run.Model, strings.Join(k.Run.Spec.Without, "\x00")}
	if b := r.bookAtHand(of); b != nil {
		return b, nil
	}
	m, err := r.model()
	if err == nil && of.without != "" {
		m, err = r.o.Model(k.Run.Spec.Without)
	}
	if err != nil {
		return nil, err
	}
	p, err := readExposure(ctx, m, k)
	if err != nil {
		return nil, err
	}
	b, err := engine.NewBook(m, p)
	if err != nil {
		return nil, err
	}
	r.keepBook(&book{Book: b, of: of})
	return b, nil
}

func (r *Recomputer) bookAtHand(of bookOf) *engine.Book {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.book == nil || r.book.of != of {
		return nil
	}
	r.book.used = true
	return r.book.Book
}

// keepBook puts a book in the place of the one at hand.
func (r *Recomputer) keepBook(b *book) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.book = b
	r.later(b)
}

// later has a book looked at after a while.
func (r *Recomputer) later(b *book) {
	if r.o.Later != nil {
		r.o.Later(func() { r.forget(b) })
	}
}

// forget drops a book that nobody asked for since it was last looked at.
func (r *Recomputer) forget(b *book) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.book != b:
	case b.used:
		b.used = false
		r.later(b)
	default:
		r.book = nil
	}
}

// readExposure reads the portfolio as it was imported, and holds it to the digest that the run has.
func readExposure(ctx context.Context, m *modelpack.Model, k *web.KeptStorms) (*exposure.Portfolio, error) {
	location, found := k.Exposure["location"]
	if !found {
		return nil, fmt.Errorf("the portfolio of run %s has no file of locations", k.ID)
	}
	var account *exposure.Source
	if file, found := k.Exposure["account"]; found {
		account = intake.Source(ctx, file)
	}
	p, _, err := exposure.Read(intake.Source(ctx, location), account, exposure.Options{Geocoder: geography.Geocoder{Florida: m.Ground}})
	if ended := ctx.Err(); ended != nil {
		return nil, ended
	}
	if err != nil {
		return nil, fmt.Errorf("the portfolio of run %s: %w", k.ID, err)
	}
	if got := ledger.Digest(p.Digest()); got != k.Run.Exposure {
		return nil, unavailable("the portfolio of run %s reads as %s here, the run has %s: this version of qrsd reads exposure otherwise", k.ID, got, k.Run.Exposure)
	}
	return p, nil
}
