package directory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
)

// TestStrangersShutNobodyOut: a quarter of an hour of resets for made-up addresses, as many as the limits let through, leaves
// addresses that nobody asked for, counters of other rates and those of everybody as they were.
func TestStrangersShutNobodyOut(t *testing.T) {
	const fresh = 10000
	account, address := directory.Rate{Burst: 10, Every: time.Minute}, directory.Rate{Burst: 30, Every: 2 * time.Second}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	l := directory.NewLimiter()
	for i := range 15 * 60 * 20 { // 20 a second, three for each name: as full as resets can make the table
		now = now.Add(50 * time.Millisecond)
		l.Take(now, fmt.Sprintf("reset of stranger%d@example.com", i/3), directory.ResetRate())
		l.Take(now, fmt.Sprintf("address 2001:db8:%x::/64", i), address)
	}
	for _, one := range []struct {
		name string
		rate directory.Rate
		most int
	}{
		{"reset of somebody%d@example.com", directory.ResetRate(), fresh / 200},
		{"account somebody%d@example.com", account, 0},
		{"address 192.0.2.%d", address, 0},
	} {
		refused := 0
		for i := range fresh {
			if !l.Take(now, fmt.Sprintf(one.name, i), one.rate) {
				refused++
			}
		}
		t.Logf("%s: %d of %d refused", one.name, refused, fresh)
		if refused > one.most {
			t.Errorf("%s: %d of %d fresh ones are refused, at most %d may be", one.name, refused, fresh, one.most)
		}
	}
	for _, name := range directory.Everybody() {
		if !l.Take(now, name, directory.Rate{Burst: 1, Every: time.Hour}) {
			t.Errorf("%s is shut, and nobody used it", name)
		}
	}
}

// TestLimiterCountsAll: sharing cells never gives a name more than its rate.
func TestLimiterCountsAll(t *testing.T) {
	rate := directory.Rate{Burst: 10, Every: time.Minute}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	l := directory.NewLimiter()
	let := 0
	for i := range 5000 {
		l.Take(now, fmt.Sprintf("account stranger%d@example.com", i), rate)
		if i%50 == 0 && l.Take(now, "account ada@example.com", rate) {
			let++
		}
	}
	if let != rate.Burst {
		t.Errorf("%d let through at once, want %d", let, rate.Burst)
	}
	if now = now.Add(rate.Every); !l.Take(now, "account ada@example.com", rate) || l.Take(now, "account ada@example.com", rate) {
		t.Error("not one more after the time of one")
	}
}
