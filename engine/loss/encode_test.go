package loss_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/qrsrisk/qrsd/engine/hazard"
	"github.com/qrsrisk/qrsd/engine/loss"
)

// fewHomes are three accounts: small enough that every byte of a block can be tried.
func fewHomes(t testing.TB) *loss.Sites {
	t.Helper()
	l, a := homes()
	lines := func(text string) string {
		return string(bytes.Join(bytes.SplitAfter([]byte(text), []byte("\n"))[:3], nil))
	}
	return newSites(t, readPortfolio(t, lines(l), lines(a)))
}

// block is the partial table of Ian and Irma in one year.
func block(t testing.TB, s *loss.Sites, samples int) *loss.Partial {
	t.Helper()
	k := loss.NewKernel(s, years{1: storms(t, 1, "AL092022", "AL112017")}, loss.Draw{Samples: samples, Seed: 2, Correlation: loss.DefaultCorrelation()})
	p := k.Begin()
	k.Year(1, p)
	return p
}

// tableOf is the table of a single block.
func tableOf(s *loss.Sites, p *loss.Partial, samples int) *loss.Table {
	b := loss.NewBuilder(s, 1, loss.Draw{Samples: samples})
	b.Add(p)
	return b.Table()
}

func TestPartialRoundTrip(t *testing.T) {
	s := newSites(t, portfolio(t))
	for _, samples := range []int{0, 1, 6} {
		p := block(t, s, samples)
		encoded := p.Encode()
		decoded, err := loss.DecodePartial(encoded, s)
		if err != nil {
			t.Fatalf("%d samples: %v", samples, err)
		}
		if again := decoded.Encode(); !bytes.Equal(again, encoded) {
			t.Errorf("%d samples: encoded again, the block has other bytes", samples)
		}
		// reflect compares floats by value, and no value here is NaN: with the equality of the bytes these are the same bits
		if want, got := tableOf(s, p, samples), tableOf(s, decoded, samples); !reflect.DeepEqual(got, want) || len(got.Events) != 2 {
			t.Errorf("%d samples: the decoded block gives another table, or not two events", samples)
		}
	}
	empty := loss.NewKernel(s, years{}, loss.Draw{}).Begin()
	if _, err := loss.DecodePartial(empty.Encode(), s); err != nil {
		t.Errorf("a block without events: %v", err)
	}
}

// TestDamagedPartial tries every truncation and every byte changed: none is taken for a block.
func TestDamagedPartial(t *testing.T) {
	s := fewHomes(t)
	whole := block(t, s, 2).Encode()
	refused := func(what string, at int, b []byte) {
		if p, err := loss.DecodePartial(b, s); p != nil || !errors.Is(err, loss.ErrPartial) {
			t.Fatalf("%s at %d of %d: %v, want ErrPartial", what, at, len(whole), err)
		}
	}
	for n := range whole {
		refused("truncation", n, whole[:n])
		for _, bit := range []byte{0x01, 0x80, 0xFF} {
			damaged := slices.Clone(whole)
			damaged[n] ^= bit
			refused("a changed byte", n, damaged)
		}
	}
	refused("a byte too many", len(whole), append(slices.Clone(whole), 0))
	refused("twice", 0, append(slices.Clone(whole), whole...))
	refused("nothing", 0, nil)
}

// TestPartialOfOtherPortfolio: a block fits the portfolio it was made for alone.
func TestPartialOfOtherPortfolio(t *testing.T) {
	few, many := fewHomes(t), newSites(t, portfolio(t))
	if _, err := loss.DecodePartial(block(t, many, 2).Encode(), few); !errors.Is(err, loss.ErrPartial) {
		t.Errorf("a block of 30 accounts for 3: %v, want ErrPartial", err)
	}
	if _, err := loss.DecodePartial(block(t, few, 2).Encode(), many); !errors.Is(err, loss.ErrPartial) {
		t.Errorf("a block of 3 accounts for 30: %v, want ErrPartial", err)
	}
}

// checksummed is content with the checksum of a block behind it, so that what is wrong within is looked at.
func checksummed(content []byte) []byte {
	return binary.LittleEndian.AppendUint32(slices.Clone(content), crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)))
}

// FuzzDecodePartial: whatever the bytes, with a right checksum or a wrong one, decoding gives ErrPartial or a
// block that the table takes and that encodes to the same bytes.
func FuzzDecodePartial(f *testing.F) {
	s := fewHomes(f)
	for _, samples := range []int{0, 3} {
		whole := block(f, s, samples).Encode()
		f.Add(whole)
		f.Add(whole[:len(whole)-4])
		f.Add(whole[:len(whole)/2])
	}
	f.Add([]byte("qrsdblk\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, b := range [][]byte{content, checksummed(content)} {
			p, err := loss.DecodePartial(b, s)
			if err != nil {
				if p != nil || !errors.Is(err, loss.ErrPartial) {
					t.Fatalf("%v, %v: want nothing and ErrPartial", p, err)
				}
				continue
			}
			if again := p.Encode(); !bytes.Equal(again, b) {
				t.Fatalf("%d bytes were decoded and encode to %d others", len(b), len(again))
			}
			table := tableOf(s, p, 0)
			for i, summary := range table.RowSummary {
				if int(summary) >= len(table.Summaries) || int(table.RowEvent[i]) >= len(table.Events) {
					t.Fatalf("row %d is of summary %d and event %d, which the table does not have", i, summary, table.RowEvent[i])
				}
			}
		}
	})
}

// TestRowOfNoSummary is a block with a right checksum and a row of a summary that there is not: the last of six bytes
// of the first row, which follows the magic, width, and events, holds the summary.
func TestRowOfNoSummary(t *testing.T) {
	s := fewHomes(t)
	whole := block(t, s, 1).Encode()
	const events = 8 + 8
	row := events + 8 + 2*12 + 8
	if n := binary.LittleEndian.Uint64(whole[events:]); n != 2 {
		t.Fatalf("%d events where two are expected", n)
	}
	content := slices.Clone(whole[:len(whole)-4])
	binary.LittleEndian.PutUint16(content[row+4:], 999)
	if _, err := loss.DecodePartial(checksummed(content), s); !errors.Is(err, loss.ErrPartial) {
		t.Errorf("a row of summary 999: %v, want ErrPartial", err)
	}
}

// TestBlocksAddUp cuts the same years into one block and into several, kept as bytes between: the same events and
// rows to the bit, and the same moments but for the order of their sums.
func TestBlocksAddUp(t *testing.T) {
	s, m := newSites(t, portfolio(t)), florida(t)
	const n = 60
	catalog := hazard.NewCatalog(m.Climate, m.Ground, 4)
	for _, samples := range []int{0, 3} {
		d := loss.Draw{Samples: samples, Seed: 4, Correlation: loss.DefaultCorrelation()}
		one := simulate(s, catalog, n, d)
		many := simulate(s, catalog, n, d, 1, 1, 7, 30, 59)
		if len(one.Events) < 10 || len(one.RowEvent) == 0 {
			t.Fatalf("%d events in %d years", len(one.Events), n)
		}
		if !reflect.DeepEqual(withoutMoments(one), withoutMoments(many)) {
			t.Errorf("%d samples: events or rows differ between one block and six", samples)
		}
		for i, pair := range [][2][]loss.Moments{{one.ZIPs, many.ZIPs}, {one.Accounts, many.Accounts}} {
			for k := range pair[0] {
				a, b := pair[0][k], pair[1][k]
				for p := range loss.NumPerspectives {
					near(t, a.Summary.Key, b.Sum[p], a.Sum[p])
					near(t, a.Summary.Key, b.SumSquares[p], a.SumSquares[p])
				}
				if a.Summary != b.Summary {
					t.Errorf("moments %d: %+v and %+v", i, a.Summary, b.Summary)
				}
			}
		}
		for i := 1; i < len(one.RowEvent); i++ {
			if a, b := one.RowEvent[i-1], one.RowEvent[i]; a > b || a == b && one.RowSummary[i-1] >= one.RowSummary[i] {
				t.Fatalf("rows %d and %d are out of order", i-1, i)
			}
		}
		addUp(t, one)
	}
}

func withoutMoments(t *loss.Table) loss.Table {
	c := *t
	c.ZIPs, c.Accounts = nil, nil
	return c
}

// addUp checks that lines of business and counties each add up to the portfolio, and the moments to its annual losses.
func addUp(t *testing.T, table *loss.Table) {
	t.Helper()
	w := table.Width()
	var total [loss.NumPerspectives]float64
	for p := range loss.NumPerspectives {
		var byLevel [loss.ByAccount + 1]float64
		for i := range table.RowEvent {
			for _, v := range table.Loss[p][i*w : (i+1)*w] {
				byLevel[table.Summaries[table.RowSummary[i]].Level] += v
			}
		}
		for _, m := range table.ZIPs {
			byLevel[loss.ByZIP] += m.Sum[p]
		}
		for _, m := range table.Accounts {
			byLevel[loss.ByAccount] += m.Sum[p]
		}
		for level, sum := range byLevel {
			if math.Abs(sum-byLevel[loss.ByPortfolio]) > 1e-9*byLevel[loss.ByPortfolio] {
				t.Errorf("%v losses by %v add up to %v, the portfolio's to %v", p, loss.Level(level), sum, byLevel[loss.ByPortfolio])
			}
		}
		total[p] = byLevel[loss.ByPortfolio]
	}
	if !(total[loss.Gross] > 0 && total[loss.Gross] < total[loss.GroundUp]) {
		t.Errorf("gross %v, ground-up %v", total[loss.Gross], total[loss.GroundUp])
	}
}
