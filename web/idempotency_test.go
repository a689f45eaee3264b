package web_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/web/wire"
)

// TestIdempotencyKey sends the same POST again: by the same and by another user, with the same and with another body, at once and later.
func TestIdempotencyKey(t *testing.T) {
	a := start(t, unlimited)
	tenant := a.tenant("Example Mutual")
	p := a.join(tenant, "ann@example.com", store.Admin)
	q := a.join(tenant, "bea@example.com", store.Admin)
	invite := func(by *person, address, key string) answer {
		return by.call("POST", "/api/v1/invitations", wire.NewUser{Email: address, Name: "N. N.", Role: "viewer"}, header("Idempotency-Key", key))
	}
	users := func() int {
		var all wire.Page[wire.Invitation]
		p.want(200, p.call("GET", "/api/v1/invitations", nil)).into(t, &all)
		return len(all.Items)
	}
	first := p.want(201, invite(p, "cid@example.com", "k1"))
	again := p.want(409, invite(p, "cid@example.com", "k1")) // its answer held a token
	if problemName(again.problem(t)) != "idempotency-key-reused" || strings.Contains(string(again.Body), "token") || users() != 1 {
		t.Fatalf("the same again: %s; %d invitations", again, users())
	}
	if again.Header.Get("Location") != first.Header.Get("Location") {
		t.Errorf("the repeat leads to %q, the first to %q", again.Header.Get("Location"), first.Header.Get("Location"))
	}
	if found := a.ofRequest(again.Header.Get("X-Request-Id"), tenant); len(found) != 1 || found[0].Outcome != store.Failed {
		t.Errorf("the repeat left %+v", found)
	}
	p.want(409, invite(p, "dan@example.com", "k1"))
	p.want(201, invite(q, "dan@example.com", "k1")) // keys are the user's own
	p.want(201, invite(p, "eve@example.com", "k2"))
	p.want(400, invite(p, "fay@example.com", strings.Repeat("k", 256)))
	p.want(400, invite(p, "no address", "k3"))
	p.want(201, invite(p, "fay@example.com", "k3")) // what failed can be mended under the same key
	a.clock.pass(25 * time.Hour)
	p.signIn()
	p.want(201, invite(p, "gus@example.com", "k1"))
	if n := users(); n != 5 {
		t.Errorf("%d invitations, want 5", n)
	}
}

// TestIdempotencyKeyAtOnce sends the same POST from many sides at once: it is done once.
func TestIdempotencyKeyAtOnce(t *testing.T) {
	a := start(t, unlimited)
	p := a.join(a.tenant("Example Mutual"), "ann@example.com", store.Admin)
	var wait sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 16 {
		wait.Go(func() {
			q := *p
			r := q.call("POST", "/api/v1/invitations", wire.NewUser{Email: "bob@example.com", Name: "N. N.", Role: "viewer"}, header("Idempotency-Key", "one"))
			mu.Lock()
			defer mu.Unlock()
			got[r.Status]++
		})
	}
	wait.Wait()
	if got[http.StatusCreated] != 1 || got[http.StatusConflict] != 15 {
		t.Fatalf("statuses %v", got)
	}
}

// TestRepeatedAnswer wants an answer without secrets to be given again, byte for byte, and what it did not to be done again.
func TestRepeatedAnswer(t *testing.T) {
	a := start(t, unlimited)
	o := a.join(store.Appliance, "root@example.com", store.Operator)
	add := func() answer {
		return o.call("POST", "/api/v1/tenants", wire.NewTenant{Name: "Example Casualty"}, header("Idempotency-Key", "k"))
	}
	first, second := o.want(201, add()), o.want(201, add())
	if string(first.Body) != string(second.Body) || first.Header.Get("Location") != second.Header.Get("Location") || second.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("first %s, then %s", first, second)
	}
	other := o.want(409, o.call("POST", "/api/v1/tenants", wire.NewTenant{Name: "Example Life"}, header("Idempotency-Key", "k")))
	if problemName(other.problem(t)) != "idempotency-key-reused" || !strings.Contains(string(other.Body), "another request") {
		t.Errorf("another request under the same key: %s", other)
	}
	var all wire.Page[wire.Tenant]
	o.want(200, o.call("GET", "/api/v1/tenants", nil)).into(t, &all)
	if len(all.Items) != 1 {
		t.Errorf("%d tenants", len(all.Items))
	}
	found := a.ofRequest(second.Header.Get("X-Request-Id"))
	if len(found) != 1 || found[0].Action != "tenant.add" || found[0].Outcome != store.Failed || found[0].Reason != "repeated request" {
		t.Errorf("the repeat left %+v", found)
	}
}
