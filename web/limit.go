package web

import (
	"container/list"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/qrsrisk/qrsd/store/directory"
)

// callerLimits are the rates at which anybody may send requests: an address before anything is known, then a user or an API key. Sign-ins
// have limits of their own in the directory.
type callerLimits struct {
	addresses, users, keys *rateTable
	// unlocking counts guesses at the store's secret, by address and all together.
	unlocking, unlockingAll *rateTable
}

func newCallerLimits(l Limits, now func() time.Time) callerLimits {
	return callerLimits{
		addresses: newRateTable("address", l.Address, now),
		users:     newRateTable("user", l.User, now),
		keys:      newRateTable("key", l.Key, now),
		unlocking: newRateTable("unlock", l.Unlock, now), unlockingAll: newRateTable("unlock-all", directory.Rate{Burst: 4 * l.Unlock.Burst, Every: l.Unlock.Every / 4}, now),
	}
}

// rateTable keeps a token bucket for each of many names, at most rateTableSize: of more, the one that was not used for the longest is
// forgotten, which gives it a full bucket and never takes one from anybody else. It is safe for many goroutines.
type rateTable struct {
	name   string
	policy string // as the header RateLimit-Policy says it
	rate   directory.Rate
	now    func() time.Time

	mu      sync.Mutex
	buckets map[string]*list.Element // of order
	order   *list.List               // of *bucket, the last used first
}

type bucket struct {
	name   string
	tokens *rate.Limiter
}

// rateTableSize bounds a table to about 20 MB.
const rateTableSize = 1 << 16

func newRateTable(name string, r directory.Rate, now func() time.Time) *rateTable {
	policy := fmt.Sprintf("%q;q=%d;w=%d", name, r.Burst, seconds(time.Duration(r.Burst)*r.Every))
	return &rateTable{name: name, policy: policy, rate: r, now: now, buckets: map[string]*list.Element{}, order: list.New()}
}

// take takes one token of the name's. It says how many are left and when the bucket is full again; and where there was none, when the next is there.
func (t *rateTable) take(name string) (left int, full, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.now()
	b := t.bucket(name)
	ok := b.AllowN(at, 1)
	tokens := b.TokensAt(at)
	if !ok {
		wait = time.Duration((1 - tokens) * float64(t.rate.Every))
		wait = max(wait, time.Millisecond)
	}
	return max(0, int(tokens)), time.Duration((float64(t.rate.Burst) - tokens) * float64(t.rate.Every)), wait
}

// bucket finds or makes the name's, and moves it to the front. t.mu is held.
func (t *rateTable) bucket(name string) *rate.Limiter {
	if e, ok := t.buckets[name]; ok {
		t.order.MoveToFront(e)
		return e.Value.(*bucket).tokens
	}
	if t.order.Len() >= rateTableSize {
		last := t.order.Back()
		delete(t.buckets, last.Value.(*bucket).name)
		t.order.Remove(last)
	}
	b := &bucket{strings.Clone(name), rate.NewLimiter(rate.Every(t.rate.Every), t.rate.Burst)}
	t.buckets[b.name] = t.order.PushFront(b)
	return b.tokens
}

// limitAddress takes a request from the client's address.
func (s *Server) limitAddress(x *exchange) error { return s.limit(x, s.limits.addresses, x.neighbour) }

// limitCaller takes a request from the user or the API key that asks. Its answer replaces that of the address in the headers.
func (s *Server) limitCaller(x *exchange) error {
	switch {
	case x.principal.Role() == 0:
		return nil
	case x.token.IsZero():
		return s.limit(x, s.limits.keys, keyID(x.header("Authorization")))
	}
	return s.limit(x, s.limits.users, x.principal.Tenant().String()+x.principal.User().String())
}

// limit takes a request from one bucket, says in the headers what is left of it (draft-ietf-httpapi-ratelimit-headers), and
// refuses where there was nothing.
func (s *Server) limit(x *exchange, t *rateTable, name string) error {
	left, full, wait := t.take(name)
	x.set("RateLimit-Policy", t.policy)
	x.set("RateLimit", `"`+t.name+`";r=`+strconv.Itoa(left)+`;t=`+strconv.Itoa(seconds(full)))
	if wait > 0 {
		return &refusal{kind: kindTooMany, detail: "the limit of this " + t.name + " is reached; headers RateLimit and Retry-After say when it goes on", retryAfter: wait}
	}
	return nil
}

// limitUnlocking takes a guess at the store's secret: from its address first, so that one that goes on guessing beyond its own limit
// takes nothing from the others'.
func (s *Server) limitUnlocking(_ context.Context, c *Call) error {
	if err := s.limit(c.exchange, s.limits.unlocking, c.exchange.neighbour); err != nil {
		return err
	}
	return s.limit(c.exchange, s.limits.unlockingAll, "")
}

// keyID is the public part of an API key, qrs_<key id>_...: rotated keys keep it.
func keyID(authorization string) string {
	parts := strings.SplitN(authorization, "_", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// seconds rounds up, as clients wait at least that long.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
