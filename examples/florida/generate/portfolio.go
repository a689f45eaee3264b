package main

import (
	"io"

	"github.com/qrsrisk/qrsd/engine/geography"
	"github.com/qrsrisk/qrsd/internal/rng"
)

// A share of multi-location accounts among all accounts, and their sizes.
const (
	scheduleShare    = 0.004
	scheduleSmallest = 3
	scheduleLargest  = 15
)

// generate writes n locations and their accounts. Account k draws from a stream of its
// own, so that an account does not depend on the draws of the one before.
func generate(florida *geography.Florida, n int, seed uint64, locations, accounts io.Writer) error {
	where := newPlaces(florida, n)
	loc, acc := newTable(locations, locationColumns), newTable(accounts, accountColumns)
	for done, number := 0, 1; done < n; number++ {
		a := newAccount(where, rng.New(seed).Derive(uint64(number)).Stream(), number, done, n)
		done += len(a.buildings)
		for i := range a.buildings {
			writeLocation(loc, &a, i)
		}
		writeAccount(acc, &a)
		if loc.err != nil {
			return loc.err
		}
		if acc.err != nil {
			return acc.err
		}
	}
	return nil
}

// account is one account: a household or firm with its buildings and one policy.
type account struct {
	number    int
	buildings []building
	policy    policy
}

// newAccount draws account number, whose first location is location first of n.
func newAccount(where *places, s *rng.Stream, number, first, n int) account {
	a := account{number: number}
	size, schedule := 1, false
	if chance(s, scheduleShare) && n-first >= scheduleSmallest {
		schedule = true
		size = min(scheduleSmallest+s.Intn(scheduleLargest-scheduleSmallest+1), n-first)
	}
	for i := range size {
		site := where.draw(first+i, s)
		a.buildings = append(a.buildings, newBuilding(site, schedule, s))
	}
	a.policy = newPolicy(a.buildings, schedule, s)
	return a
}

// chance is true with probability p.
func chance(s *rng.Stream, p float64) bool { return s.Float64() < p }

// pick chooses an index with probability in proportion to its weight.
func pick(s *rng.Stream, weights ...float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	u := s.Float64() * total
	for i, w := range weights {
		if u -= w; u < 0 {
			return i
		}
	}
	return len(weights) - 1
}
