package directory

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Rate is how often something may happen: Burst times at once, and once more after every Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// Limits are the rates of attempts to get in. A zero Rate is the default given here.
type Limits struct {
	Account Rate // per e-mail address, whether anybody has it or not; 10, one more a minute
	Address Rate // per IPv4 address or IPv6 /64; 30, one more every 2 seconds
	All     Rate // together, from addresses that the accounts do not know; 200, 20 a second
}

func (l Limits) filled() Limits {
	for _, r := range []struct{ given, normal *Rate }{
		{&l.Account, &Rate{10, time.Minute}}, {&l.Address, &Rate{30, 2 * time.Second}}, {&l.All, &Rate{200, 50 * time.Millisecond}},
	} {
		if *r.given == (Rate{}) {
			*r.given = *r.normal
		}
	}
	return l
}

// limiter counts in a table of fixed size, so that no flood of names can fill the memory. Two names may share a cell and
// then a limit; which ones do is drawn anew in every process, so that nobody can choose a cell to lock another out.
//
// A restart forgets. That is meant: counters of accounts on the disk would tell accounts that exist from those that do not,
// and the burst that a restart gives is small beside the space of passwords. Wrong codes of the second factor, whose space is
// small, are counted on the disk (credential.Wrong).
type limiter struct {
	mu    sync.Mutex
	seed  maphash.Seed
	cells [1 << 15]cell
}

// cell is a GCRA counter (ATM Forum TM 4.0; the leaky bucket as one point in time).
type cell struct {
	until   int64 // ns: when all that was taken will have been given back
	refused bool  // the last one was; so the one before was told
}

func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

func (l *limiter) cell(name string) *cell {
	return &l.cells[maphash.String(l.seed, name)%uint64(len(l.cells))]
}

// take counts one. Where that is one too many it counts nothing, and says how long to wait and whether it is the first
// refusal in a row, which is the one that is worth an entry in a log.
func (l *limiter) take(now time.Time, name string, r Rate) (wait time.Duration, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.cell(name)
	at := now.UnixNano()
	next := max(c.until, at) + int64(r.Every)
	if wait := next - at - int64(r.Burst)*int64(r.Every); wait > 0 {
		first, c.refused = !c.refused, true
		return time.Duration(wait), first
	}
	c.until, c.refused = next, false
	return 0, false
}

// forget begins anew: the right password was given.
func (l *limiter) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.cell(name) = cell{}
}

// network is what is counted as one address: a /64 of IPv6, which one host has for itself.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
