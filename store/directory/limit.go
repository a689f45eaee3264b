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

// Subjects that are counted for everybody together.
const (
	allSignIns       = "all sign-ins"
	allResets        = "all resets"
	allSetUps        = "all set-ups"
	passkeysOfNobody = "passkeys of nobody"
)

const (
	cellsOfRate = 1 << 17 // of 16 bytes
	cellsOfName = 4
)

// limiter counts in tables of fixed size, so that no flood of names can fill the memory. Each rate has a table of its own: cells that
// are given back in seconds and in three quarters of an hour never mix. Within a table each name has four cells, of which the
// emptiest counts: a name is refused for what others did only where strangers filled all four. Which cells it has is drawn anew in
// every process, so that nobody can choose them to lock another out. What is counted for everybody together has a counter of its
// own, which shares nothing.
//
// A restart forgets. That is meant: counters of accounts on the disk would tell accounts that exist from those that do not,
// and the burst that a restart gives is small beside the space of passwords. Wrong codes of the second factor, whose space is
// small, are counted on the disk (credential.Wrong).
type limiter struct {
	mu     sync.Mutex
	seeds  [cellsOfName]maphash.Seed
	tables map[Rate]*[cellsOfRate]cell
	shared map[string]*cell
}

// cell is a GCRA counter (ATM Forum TM 4.0; the leaky bucket as one point in time).
type cell struct {
	until   int64 // ns: when all that was taken will have been given back
	refused bool  // the last one was; so the one before was told
}

func newLimiter() *limiter {
	l := &limiter{tables: map[Rate]*[cellsOfRate]cell{}, shared: map[string]*cell{}}
	for i := range l.seeds {
		l.seeds[i] = maphash.MakeSeed()
	}
	for _, name := range []string{allSignIns, allResets, allSetUps, passkeysOfNobody} {
		l.shared[name] = &cell{}
	}
	return l
}

// cells are those of a name: one of a subject that is counted for everybody, four of all others.
func (l *limiter) cells(name string, r Rate) []*cell {
	if one := l.shared[name]; one != nil {
		return []*cell{one}
	}
	t := l.tables[r]
	if t == nil {
		t = new([cellsOfRate]cell)
		l.tables[r] = t
	}
	all := make([]*cell, cellsOfName)
	for i, seed := range l.seeds {
		all[i] = &t[maphash.String(seed, name)%cellsOfRate]
	}
	return all
}

// take counts one. Where that is one too many it counts nothing, and says how long to wait and whether it is the first
// refusal in a row, which is the one that is worth an entry in a log.
//
// The emptiest cell is raised, and others up to it alone (the conservative update of Estan and Varghese, SIGCOMM 2002, section
// 3.3.2): so a name never has less counted than it took, and as little as can be of what others did.
func (l *limiter) take(now time.Time, name string, r Rate) (wait time.Duration, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, cells := now.UnixNano(), l.cells(name, r)
	emptiest := cells[0].until
	for _, c := range cells[1:] {
		emptiest = min(emptiest, c.until)
	}
	next := max(emptiest, at) + int64(r.Every)
	if wait := next - at - int64(r.Burst)*int64(r.Every); wait > 0 {
		for _, c := range cells {
			first = first || !c.refused
			c.refused = true
		}
		return time.Duration(wait), first
	}
	for _, c := range cells {
		if c.until < next {
			c.until, c.refused = next, false
		}
	}
	return 0, false
}

// forget begins anew: the right password was given.
func (l *limiter) forget(name string, r Rate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.cells(name, r) {
		*c = cell{}
	}
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
