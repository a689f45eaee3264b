package web_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestRequestLimits wants an address, a user and a key to be told what is left, then to wait, and to go on after it; and
// who is known to leave an entry of each refusal too.
func TestRequestLimits(t *testing.T) {
	a := start(t, func(o *web.Options, _ *directory.Options) {
		o.TrustedProxies = prefixes("127.0.0.0/8")
		o.Limits.Address = directory.Rate{Burst: 20, Every: time.Hour}
		o.Limits.User = directory.Rate{Burst: 3, Every: time.Minute}
		o.Limits.Key = directory.Rate{Burst: 2, Every: time.Minute}
	})
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Modeler)
	q := *p
	q.key, q.cookie = p.apiKey("tenant.read"), ""
	from := func(address string) func(*http.Request) { return header("X-Forwarded-For", address) }
	for _, c := range []struct {
		name   string
		person *person
		path   string
		good   int
	}{{"user", p, "/api/v1/me", 3}, {"key", &q, "/api/v1/policy", 2}} {
		for i := range c.good {
			r := c.person.want(200, c.person.call("GET", c.path, nil, from("192.0.2.1")))
			if got, want := r.Header.Get("RateLimit"), `"`+c.name+`";r=`+strconv.Itoa(c.good-1-i)+`;t=`; !strings.HasPrefix(got, want) {
				t.Errorf("RateLimit %q, want %q...", got, want)
			}
			if got, want := r.Header.Get("RateLimit-Policy"), `"`+c.name+`";q=`+strconv.Itoa(c.good)+`;w=`+strconv.Itoa(60*c.good); got != want {
				t.Errorf("RateLimit-Policy %q, want %q", got, want)
			}
		}
		r := c.person.want(429, c.person.call("GET", c.path, nil, from("192.0.2.1")))
		wait, err := strconv.Atoi(r.Header.Get("Retry-After"))
		if err != nil || wait < 50 || wait > 60 || problemName(r.problem(t)) != "too-many-requests" {
			t.Errorf("%s: Retry-After %q: %s", c.name, r.Header.Get("Retry-After"), r)
		}
		if found := a.ofRequest(r.Header.Get("X-Request-Id"), tenant); len(found) != 1 || found[0].Outcome != store.Failed || found[0].Reason != "too many requests" {
			t.Errorf("%s: the refusal left %+v", c.name, found)
		}
		a.clock.pass(time.Duration(wait) * time.Second)
		c.person.want(200, c.person.call("GET", c.path, nil, from("192.0.2.1")))
	}
	one, other := from("2001:db8:1::1"), from("2001:db8:2::1")
	s := a.stranger()
	for range 20 {
		s.want(200, s.call("GET", "/healthz", nil, one))
	}
	s.want(429, s.call("GET", "/healthz", nil, one))
	s.want(429, s.call("GET", "/healthz", nil, from("2001:db8:1::2"))) // of the same network
	s.want(429, s.call("GET", "/no/such/place", nil, one))
	s.want(200, s.call("GET", "/healthz", nil, other))
}

// TestUnlocking opens a locked store over the port: what answers meanwhile, who may try, and how often.
func TestUnlocking(t *testing.T) {
	var tried int
	var a *appliance
	a = start(t, unlimited, func(o *web.Options, _ *directory.Options) {
		o.Unlock = func(ctx context.Context, with web.Unlocking, from store.Source) error {
			tried++
			if with.Passphrase.Reveal() == "open sesame" {
				return a.unlock(ctx)
			}
			return store.ErrWrongKey
		}
	})
	p := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Modeler)
	try := func(words string) answer {
		return p.call("POST", "/api/v1/system/unlock", wire.Unlock{Passphrase: words})
	}
	p.want(409, try("open sesame"))
	a.must(a.db.Lock(t.Context(), a.operator))

	for _, r := range web.Routes() {
		if r.Page || r.Access == web.LockedToo {
			continue
		}
		got := p.call(r.Method, strings.NewReplacer("{id}", p.id.String(), "{sequence}", "0", "{event}", "1").Replace(r.Path), nil)
		if problemName(p.want(503, got).problem(t)) != "locked" {
			t.Errorf("%s %s while locked: %s", r.Method, r.Path, got)
		}
	}
	p.want(200, p.call("GET", "/healthz", nil))
	if got := p.want(503, p.call("GET", "/readyz?verbose", nil)); !strings.Contains(string(got.Body), `"store":"locked"`) {
		t.Errorf("readiness: %s", got)
	}
	p.want(400, p.call("POST", "/api/v1/system/unlock", wire.Unlock{}))
	p.want(400, p.call("POST", "/api/v1/system/unlock", wire.Unlock{Passphrase: "a", RecoveryCode: "b"}))
	for range 5 {
		p.want(401, try("guess"))
	}
	limited := p.want(429, try("open sesame"))
	if tried != 5 || limited.Header.Get("Retry-After") == "" {
		t.Fatalf("%d attempts reached the store, then: %s", tried, limited)
	}
	a.clock.pass(time.Minute)
	p.want(204, try("open sesame"))
	p.want(200, p.call("GET", "/api/v1/session", nil)) // it outlasted the locking
	p.want(200, p.call("GET", "/readyz", nil))
}

// TestUnlockingByOthers lets one address guess far beyond its limit: the operator unlocks from another.
func TestUnlockingByOthers(t *testing.T) {
	var a *appliance
	a = start(t, unlimited, func(o *web.Options, _ *directory.Options) {
		o.TrustedProxies = prefixes("127.0.0.0/8")
		o.Unlock = func(ctx context.Context, with web.Unlocking, from store.Source) error {
			if with.Passphrase.Reveal() == "open sesame" {
				return a.unlock(ctx)
			}
			return store.ErrWrongKey
		}
	})
	a.must(a.db.Lock(t.Context(), a.operator))
	s := a.stranger()
	try := func(words, address string) answer {
		return s.call("POST", "/api/v1/system/unlock", wire.Unlock{Passphrase: words}, header("X-Forwarded-For", address))
	}
	statuses := map[int]int{}
	for range 200 {
		statuses[try("guess", "192.0.2.66").Status]++
	}
	if statuses[401] != 5 || statuses[429] != 195 {
		t.Errorf("statuses of one address %v", statuses)
	}
	s.want(204, try("open sesame", "192.0.2.1"))
}
